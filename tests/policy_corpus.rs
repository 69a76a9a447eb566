//! The example policy against a corpus of commands, each with the decision it must get.
//!
//! **Reads** `config.example.yml` and `tests/corpus/policy.tsv`.
//! **Gives** every line whose decision differs.
//! **Never** runs a command.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aiops::assurance::Assurance;
use aiops::config::Config;
use aiops::home::Home;
use aiops::policy::Decision;
use aiops::policy::Policy;
use aiops::shell::Limits;
use aiops::shell::Script;
use aiops::target::Scope;
use aiops::target::Tier;
use aiops::target::Unknown;

/// The policy of a configuration, read as the program reads it: every pattern and every example of
/// it is examined on the way.
#[track_caller]
fn policy(text: &str) -> Policy {
    config(text).policy
}

fn config(text: &str) -> Config {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.yml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    Config::load_and_examine(&Home::new(home.path())).unwrap()
}

fn example() -> Policy {
    policy(EXAMPLE)
}

/// A lab in which what no rule knows is rejected: whatever it allows, a rule allows.
fn rejecting() -> Scope {
    Scope {
        unknown: Unknown::Reject,
        ..lab()
    }
}

fn lab() -> Scope {
    Scope::of_tier(Tier::Lab)
}

const EXAMPLE: &str = include_str!("../config.example.yml");

/// `\n`, `\t`, `\r` and `\u{...}` stand for what cannot be written in a line of the corpus.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (digits, behind) = after.split_once('}').unwrap();
        out.push_str(before);
        out.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
        rest = behind;
    }
    out.push_str(rest);
    out.replace("<NL>", "\n")
        .replace("<TAB>", "\t")
        .replace("<CR>", "\r")
}

#[test]
fn the_example_policy_has_no_fault() {
    let production = Scope::of_tier(Tier::Production);
    let faults: Vec<String> = example()
        .examine(&[&lab(), &production])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_command_of_the_corpus_gets_its_decision() {
    let policy = example();
    let mut wrong = Vec::new();
    let mut count = 0;
    let lines = include_str!("corpus/policy.tsv").lines().enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("# ")) {
        let mut columns = line.split('\t');
        let expected = columns.next().unwrap();
        let text = unescaped(columns.next().unwrap());
        let reason = columns.next().unwrap_or_default();
        assert!(!reason.is_empty(), "line {} gives no reason", number + 1);
        let script = Script::parse(&text, &Limits::default());
        let verdict = policy.verdict(&script, &lab());
        let word = match verdict.decision() {
            Decision::Allow => "allow",
            Decision::RequireApproval => "ask",
            Decision::Forbid => "forbid",
        };
        if word != expected {
            let rule = verdict.rule().unwrap_or_default();
            wrong.push(format!(
                "{}: {expected}, not {word} ({rule}): {text}",
                number + 1
            ));
        }
        let strict = policy.verdict(&script, &rejecting());
        if expected != "allow" && strict.decision() == Decision::Allow {
            wrong.push(format!(
                "{}: allowed where unknown is rejected: {text}",
                number + 1
            ));
        }
        count += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn whatever_is_shown_beside_a_question_is_allowed_by_itself() {
    let policy = example();
    let mut wrong = Vec::new();
    let mut count = 0;
    let lines = include_str!("corpus/policy.tsv").lines();
    for line in lines.filter(|line| line.starts_with("ask\t")) {
        let text = unescaped(line.split('\t').nth(1).unwrap());
        let verdict = policy.verdict(&Script::parse(&text, &Limits::default()), &lab());
        for preview in verdict.previews() {
            let script = Script::parse(preview, &Limits::default());
            let shown = policy.verdict(&script, &rejecting());
            if shown.decision() != Decision::Allow {
                wrong.push(format!("{preview}: {text}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count}");
}

#[test]
fn the_most_asked_about_commands_show_what_they_are_about() {
    let policy = example();
    for (text, previews) in [
        (
            "sudo systemctl restart nginx",
            &["systemctl status nginx --no-pager", "sudo nginx -t"][..],
        ),
        (
            "systemctl disable --now cups",
            &["systemctl status cups --no-pager"],
        ),
        ("service ssh stop", &["systemctl status ssh --no-pager"]),
        ("systemctl daemon-reload", &[]),
        ("systemctl restart 'a b; rm'", &[]),
        ("apachectl graceful", &["sudo apachectl configtest"]),
        ("kill -9 812", &["ps -o pid,user,etime,args -p 812"]),
        ("sudo killall java", &["pgrep -a java"]),
        ("pkill -f gunicorn", &["pgrep -af gunicorn"]),
        ("sudo reboot", &["uptime", "who"]),
        ("sudo apt-get install -y nginx", &["apt-cache policy nginx"]),
        ("apt upgrade", &["apt list --upgradable"]),
        ("dnf -y upgrade", &["dnf list updates"]),
        ("rm -rf /srv/app/old", &["ls -ld /srv/app/old"]),
        ("cd /srv && rm old", &[]),
        ("chmod 640 /etc/app.conf", &["ls -ld /etc/app.conf"]),
        ("userdel -r bob", &["id bob"]),
        ("umount -l /mnt", &["findmnt /mnt"]),
        ("mount /dev/sdb1 /mnt", &["findmnt /mnt"]),
        ("docker rm -f web", &["docker ps -a --filter name=web"]),
        ("docker pull nginx:1.25", &[]),
    ] {
        let verdict = policy.verdict(&Script::parse(text, &Limits::default()), &lab());
        assert_eq!(verdict.decision(), Decision::RequireApproval, "{text}");
        assert_eq!(verdict.previews(), previews, "{text}");
    }
}

#[test]
fn what_does_not_pass_is_told_what_would_have_to_change() {
    let policy = example();
    let lines = include_str!("corpus/policy.tsv").lines();
    let cases = lines.filter(|line| !line.is_empty() && !line.starts_with("# "));
    // The rules for the same program are looked for among all; some of the corpus is enough.
    for line in cases.step_by(40) {
        let text = unescaped(line.split('\t').nth(1).unwrap());
        let script = Script::parse(&text, &Limits::default());
        for scope in [lab(), rejecting()] {
            let explained = policy.explain(&script, &scope);
            let passes = explained.verdict.decision() == Decision::Allow;
            assert_eq!(explained.changes.is_empty(), passes, "{text}");
        }
    }
}

/// The first configuration that `docs/policy.md` shows behind a heading.
fn shown(heading: &str) -> Config {
    let document = include_str!("../docs/policy.md");
    let (_, behind) = document.split_once(heading).unwrap();
    let (_, rest) = behind.split_once("```yaml\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    config(yaml)
}

#[test]
fn what_the_document_says_of_those_who_approve_is_true() {
    let config = shown("\n## Who has to approve\n");
    let target = config.inventory.iter().next().unwrap();
    let script = Script::parse("pg_ctl promote -D /x", &Limits::default());
    let verdict = config.policy.verdict(&script, target.scope());
    let demand = verdict.demand();
    assert_eq!(demand.level, Assurance::OutOfBand);
    assert_eq!(demand.min, 2);
    let all_of: Vec<String> = demand.all_of.iter().map(ToString::to_string).collect();
    assert_eq!(all_of, ["%dba"]);
    let any_of: Vec<String> = demand
        .any_of
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert_eq!(any_of, ["%oncall", "%sre"]);
}

#[test]
fn what_the_document_says_of_a_preview_is_true() {
    let policy = shown("\n## What is shown with a question\n").policy;
    let script = Script::parse("sudo systemctl restart nginx", &Limits::default());
    let verdict = policy.verdict(&script, &lab());
    assert_eq!(verdict.previews(), ["systemctl status nginx --no-pager"]);
}

#[test]
fn what_the_document_says_of_its_example_is_true() {
    let policy = shown("# Policy\n").policy;
    assert_eq!(policy.examine(&[]), []);
    for (text, decision, rule) in [
        ("uptime", Decision::Allow, "auto_allowed-1"),
        ("df -h 2>/dev/null", Decision::Allow, "disk-free"),
        ("'df' \"-h\"", Decision::Allow, "disk-free"),
        ("sudo df", Decision::RequireApproval, "unknown_default"),
        (
            "df && frobnicate",
            Decision::RequireApproval,
            "unknown_default",
        ),
        (
            "sudo systemctl restart nginx",
            Decision::RequireApproval,
            "restart-a-service",
        ),
        (
            "/bin/rm -rf '/etc/../'",
            Decision::Forbid,
            "remove-the-system",
        ),
        ("x=$(rm -rf /)", Decision::Forbid, "remove-the-system"),
        ("df *", Decision::RequireApproval, "opaque"),
    ] {
        let verdict = policy.verdict(&Script::parse(text, &Limits::default()), &lab());
        assert_eq!(
            (verdict.decision(), verdict.rule()),
            (decision, Some(rule)),
            "{text}"
        );
    }
}

#[test]
fn the_table_of_canonical_texts_in_the_document_is_true() {
    let document = include_str!("../docs/policy.md");
    let (_, table) = document.split_once("| Received | Compared |").unwrap();
    let mut count = 0;
    for line in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let mut cells = line.split('`');
        let received = cells.nth(1).unwrap();
        let compared = cells.nth(1).unwrap();
        let script = Script::parse(received, &Limits::default());
        assert_eq!(
            script.commands().first().unwrap().canonical(),
            compared,
            "{received}"
        );
        count += 1;
    }
    assert_eq!(count, 4);
}
