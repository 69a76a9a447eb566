use proptest::prelude::*;

use super::*;
use crate::policy::Definition;
use crate::policy::Fragments;
use crate::policy::Judged;
use crate::policy::Miss;
use crate::request;
use crate::request::Draft;
use crate::request::Request;
use crate::shell::Limits;
use crate::target::Host;
use crate::target::Name;
use crate::target::Target;
use crate::target::Tier;

fn rule(effect: Decision, id: &str, pattern: &str) -> Definition {
    Definition {
        id: Some(id.to_owned()),
        patterns: vec![pattern.to_owned()],
        line: Some(7),
        ..Definition::new(effect)
    }
}

fn rules() -> Vec<Definition> {
    let mut elsewhere = rule(Decision::Allow, "elsewhere", "zfs list");
    elsewhere.holds.groups = vec![Name::parse("db").unwrap()];
    let mut recorded = rule(Decision::Forbid, "recorded", "^id$");
    recorded.audited = true;
    vec![
        rule(Decision::Forbid, "rm-root", "^rm( .*)? /( |$)"),
        recorded,
        rule(Decision::RequireApproval, "restart", "^systemctl restart "),
        rule(Decision::RequireApproval, "to-jq", r"df.*\| jq"),
        rule(Decision::Allow, "df", "df( -[hiT]+)?( /[a-z/]*)?"),
        rule(Decision::Allow, "grep", "grep '[^']*'"),
        rule(Decision::Allow, "either", "(uptime|free|id)( -[a-z])?"),
        rule(Decision::Allow, "shell", "bash -c .*"),
        elsewhere,
    ]
}

fn of(rules: Vec<Definition>) -> Policy {
    Policy::new(rules, Fragments::default(), Limits::default(), 1_000_000)
}

fn lab(unknown: Unknown) -> Scope {
    Scope {
        unknown,
        ..Scope::of_tier(Tier::Lab)
    }
}

fn explained(text: &str, unknown: Unknown) -> Explanation {
    of(rules()).explain(&Script::parse(text, &Limits::default()), &lab(unknown))
}

#[track_caller]
fn advises(text: &str, expected: &[&str]) {
    let explained = explained(text, Unknown::Ask);
    let words: Vec<&str> = explained.changes.iter().map(Change::word).collect();
    assert_eq!(words, expected, "{text}: {explained:#?}");
}

#[test]
fn each_obstacle_is_named_by_its_kind() {
    advises("df -h", &[]);
    advises("df -h /var; lsof", &["unknown"]);
    advises("lsof; fuser /x", &["unknown", "unknown"]);
    advises("sudo systemctl restart nginx", &["asked"]);
    advises("systemctl restart nginx; lsof", &["asked", "unknown"]);
    advises("df | jq .", &["asked", "unknown"]);
    advises("df *", &["opaque"]);
    advises("lsof; x=$(rm -rf /)", &["forbidden"]);
    advises("bash -c 'df *'", &["handed_over"]);
    advises("grep 'a\nb'", &["lines"]);
}

#[test]
fn a_text_for_another_shell_has_to_be_asked_for_directly_where_unknown_is_rejected() {
    let explained = explained("bash -c 'df -h'", Unknown::Reject);
    let expected = Change::HandedOver {
        text: Some("df -h".to_owned()),
    };
    assert_eq!(explained.changes, [expected]);
}

#[test]
fn every_construct_with_advice_of_its_own_is_met() {
    for (text, expected) in [
        ("df $HOME", VALUE),
        ("df `id`", VALUE),
        ("x=1", "Write the value itself where"),
        ("ls *", FILES),
        ("ls {a,b}", FILES),
        ("ls ~", FILES),
        ("id &", "Leave the `&` out"),
        ("id # x", "Leave the comment out"),
        ("id 'x", "Close the quote"),
        ("id \\\nx", "in one line"),
        ("'a b'", "the name or the whole path"),
        ("(id)", "Write literal words"),
    ] {
        let explained = explained(text, Unknown::Ask);
        let advice = explained.changes.first().unwrap().to_string();
        assert!(advice.contains(expected), "{text}: {advice}");
    }
}

#[track_caller]
fn near(text: &str, expected: &[(&str, Miss)]) {
    let explained = explained(text, Unknown::Ask);
    let near = explained.changes.first().unwrap().near();
    let found: Vec<(&str, Miss)> = near
        .iter()
        .map(|near| (near.rule.as_str(), near.miss.clone()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn rules_for_the_same_program_are_named_with_what_they_miss() {
    let as_far_as = |text: &str| Miss::Pattern {
        allows: Some(text.to_owned()),
    };
    near("df -h --sync", &[("df", as_far_as("df -h"))]);
    near("df --sync", &[("df", as_far_as("df"))]);
    near("grep a", &[("grep", Miss::Pattern { allows: None })]);
    near("free -m -h", &[("either", as_far_as("free -m"))]);
    near("sudo df -h", &[("df", Miss::Sudo)]);
    near("timeout 5 df -x", &[("df", as_far_as("df"))]);
    near("zfs list", &[("elsewhere", Miss::Elsewhere)]);
    near("dfx", &[]);
    near("lsof", &[]);
}

/// Command texts of a small language, with what is hard in it.
fn commands() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "df",
        "-h",
        "/",
        "/var",
        "rm",
        "-rf",
        "uptime",
        "id",
        "grep",
        "'a b'",
        "\"x y\"",
        "lsof",
        "systemctl",
        "restart",
        "nginx",
        "jq",
        "*",
        "$x",
        "$(id)",
        "`id`",
        ">/tmp/x",
        "2>&1",
        "'a\nb'",
        "{a,b}",
        "zfs",
        "list",
        "é",
        "\\/",
        "''",
        "~",
        "#",
        "x=1",
        "if",
        "cd",
    ]);
    let wrapper = prop::sample::select(vec![
        "",
        "sudo ",
        "sudo -n ",
        "timeout 5 ",
        "env LC_ALL=C ",
        "xargs ",
        "nice ",
        "sudo -u x ",
    ]);
    let known = prop::sample::select(vec![
        "df -h",
        "uptime",
        "id",
        "systemctl restart nginx",
        "rm -rf /",
        "zfs list",
        "grep 'a b'",
    ]);
    let words = prop::collection::vec(word, 1..4).prop_map(|words| words.join(" "));
    let simple = prop_oneof![words, known.prop_map(str::to_owned)];
    let wrapped = (wrapper, simple).prop_map(|(wrapper, simple)| format!("{wrapper}{simple}"));
    let handed = prop_oneof![
        4 => wrapped.clone(),
        1 => wrapped.prop_map(|text| format!("bash -c {}", crate::shell::quote(&text))),
    ];
    let join = prop::sample::select(vec![" | ", " && ", "; ", " || ", "\n", " & "]);
    (handed.clone(), prop::collection::vec((join, handed), 0..3)).prop_map(|(first, more)| {
        more.into_iter()
            .fold(first, |text, (join, next)| format!("{text}{join}{next}"))
    })
}

fn targets() -> impl Strategy<Value = Target> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(production, db, audited)| {
        let tier = if production {
            Tier::Production
        } else {
            Tier::Lab
        };
        let scope = Scope {
            groups: db.then(|| Name::parse("db").unwrap()).into_iter().collect(),
            audited: audited && !production,
            ..Scope::of_tier(tier)
        };
        let host = Host::new("192.0.2.1", 22, "aiops").unwrap();
        Target::new(Name::parse("srv1").unwrap(), host, scope)
    })
}

fn request(command: &str) -> Option<Request> {
    let limits = request::Limits {
        input_bytes: 65_536,
        reason_bytes: 2000,
        name_bytes: 128,
        timeout_max: std::time::Duration::from_secs(150),
        shell: Limits::default(),
    };
    let json = serde_json::json!({"target": "srv1", "command": command});
    let draft: Draft = serde_json::from_value(json).unwrap();
    Request::from_draft(draft, &limits).ok()
}

proptest! {
    #[test]
    fn what_is_explained_is_what_a_request_is_judged(command in commands(), target in targets()) {
        let policy = of(rules());
        let Some(request) = request(&command) else { return Ok(()) };
        let explained = policy.explain(request.script(), target.scope());
        let judged = policy.judge(request, target);
        let case = match &judged {
            Judged::Allowed(allowed) => allowed.case(),
            Judged::NeedsApproval(asked) => asked.case(),
            Judged::Forbidden(forbidden) => forbidden.case(),
        };
        prop_assert_eq!(format!("{:?}", &explained.verdict), format!("{:?}", case.verdict()));
        prop_assert_eq!(explained.texts.len(), explained.verdict.findings().len());
        let passes = explained.verdict.decision() == Decision::Allow;
        prop_assert_eq!(explained.changes.is_empty(), passes, "{:?}", explained);
    }

    #[test]
    fn a_rule_for_each_unknown_text_lets_it_pass(command in commands()) {
        let script = Script::parse(&command, &Limits::default());
        let explained = of(rules()).explain(&script, &lab(Unknown::Ask));
        let mut more = rules();
        for (place, change) in explained.changes.iter().enumerate() {
            let Change::Unknown { text, .. } = change else { return Ok(()) };
            let id = format!("more-{place}");
            more.push(rule(Decision::Allow, &id, &regex_syntax::escape(text)));
        }
        let verdict = of(more).verdict(&script, &lab(Unknown::Ask));
        prop_assert_eq!(verdict.decision(), Decision::Allow, "{}", command);
    }
}
