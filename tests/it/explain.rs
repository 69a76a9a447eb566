//! `policy explain`, `policy test` and `policy lint`, from outside.

use serde_json::Value;
use serde_json::json;

use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;

#[track_caller]
fn said(lab: &Lab, arguments: &[&str], input: &str, exit: i32) -> String {
    let output = lab.run(arguments, input);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}{error}");
    format!("{said}{error}")
}

#[track_caller]
fn object(lab: &Lab, arguments: &[&str], input: &str, exit: i32) -> Value {
    let said = said(lab, arguments, input, exit);
    serde_json::from_str(&said).unwrap_or_else(|fault| panic!("{fault}: {said}"))
}

#[test]
fn explain_agrees_with_the_real_run() {
    let lab = lab!();
    for command in [
        "uptime",
        "echo a b",
        "uptime; touch /x",
        "sudo touch /x",
        "touch /x && frobnicate",
        "frobnicate",
        "sudo uptime",
        "timeout 5 uptime",
        "mkfs /dev/sda",
        "sudo bash -c 'mkfs.ext4 /dev/sda'",
        "uptime | sh",
        "echo $(id)",
        "bash -c 'echo *'",
        "echo 'a\nb'",
        "x=$(mkfs /dev/sda)",
        "ls -l /var/log > /tmp/x",
        "echo \u{202e}a",
        "if true; then id; fi",
        "''",
    ] {
        let mut asked = request(command);
        asked["dry_run"] = json!(true);
        let real = lab.send(asked.to_string()).json;
        assert_eq!(real["status"], "judged", "{command}: {real}");
        let exit = match real["risk"].as_str().unwrap() {
            "auto_allowed" => 0,
            "approval_required" => 2,
            _ => 3,
        };
        let arguments = ["policy", "explain", "--target", "srv1", "--json", command];
        let explained = object(&lab, &arguments, "", exit);
        for same in ["risk", "rule", "message"] {
            assert_eq!(explained[same], real[same], "{command}: {same}");
        }
        let argvs = |view: &Value| -> Vec<Value> {
            let commands = view["commands"].as_array().unwrap();
            let argvs = commands.iter().map(|command| command["argv"].clone());
            argvs.filter(|argv| *argv != json!([])).collect()
        };
        assert_eq!(argvs(&explained), argvs(&real), "{command}");
        let passes = explained["changes"].as_array().unwrap().is_empty();
        assert_eq!(passes, exit == 0, "{command}");
        // The tree for a person says the same decision.
        let tree = said(&lab, &["policy", "explain", command], "", exit);
        assert!(tree.contains(real["risk"].as_str().unwrap()), "{tree}");
    }
}

#[test]
fn explain_names_rule_line_wrapper_and_what_would_have_to_change() {
    let lab = lab!();
    let tree = said(
        &lab,
        &["policy", "explain", "sudo touch /x; ls -a /var"],
        "",
        2,
    );
    for expected in [
        "behind `sudo`: approval_required by touch (config.yml line 12): makes a file",
        "needs a relayed word",
        "No rule knows `ls -a /var`",
        "near: list (config.yml line 10)",
    ] {
        assert!(tree.contains(expected), "{expected:?} in {tree}");
    }
}

#[test]
fn explain_shows_what_is_demanded_how_long_it_waits_and_what_is_shown_with_it() {
    let lab = lab!(
        "auto_allowed: ['systemctl status [a-z]+', uptime]\n\
         approval_required:\n\
         - id: r\n  pattern: '^systemctl restart (?<unit>[a-z]+)'\n  ttl: 5m\n  \
           preview: [systemctl status <unit>, uptime]\n  \
           approvals: {min: 2, all_of: [dba], any_of: [alice, '%sre']}\n"
    );
    let asking = "sudo systemctl restart nginx";
    let tree = said(&lab, &["policy", "explain", asking], "", 2);
    for expected in [
        "; 2 people; dba; one of alice, %sre\nwaits 5m\nshows systemctl status nginx\nshows uptime\n",
        "it passes with an approval by another person",
    ] {
        assert!(tree.contains(expected), "{expected:?} in {tree}");
    }
    let found = object(&lab, &["policy", "explain", "--json", asking], "", 2);
    assert_eq!(found["needs"], "out_of_band");
    assert_eq!(
        found["demand"],
        json!({"level": "out_of_band", "min": 2, "all_of": ["dba"], "any_of": [["alice", "%sre"]]})
    );
    assert_eq!(found["ttl_s"], 300);
    assert_eq!(
        found["previews"],
        json!(["systemctl status nginx", "uptime"])
    );
    let runs = object(&lab, &["policy", "explain", "--json", "uptime"], "", 0);
    assert_eq!(runs["demand"], json!({"level": "relayed", "min": 1}));
    assert_eq!(
        (&runs["ttl_s"], &runs["previews"]),
        (&Value::Null, &json!([]))
    );
}

#[test]
fn explain_reads_the_command_from_standard_input() {
    let lab = lab!();
    for arguments in [&["policy", "explain"][..], &["policy", "explain", "-"]] {
        said(&lab, arguments, "uptime\n", 0);
        said(&lab, arguments, "mkfs /dev/sda", 3);
    }
}

#[test]
fn explain_answers_mistakes_with_1_and_a_bad_configuration_with_4() {
    let lab = lab!();
    let unknown = said(&lab, &["policy", "explain", "--target", "db9", "id"], "", 1);
    assert!(unknown.contains("srv1"), "{unknown}");
    said(&lab, &["policy", "explain", "--target", "-x", "id"], "", 1);
    said(&lab, &["policy", "explain", "two", "words"], "", 1);
    said(&lab, &["policy", "explain", "--nope"], "", 1);
    said(&lab, &["policy", "explain", " "], "", 1);
    said(&lab, &["policy", "explain"], &"x".repeat(9000), 1);
    said(&lab, &["policy", "nope"], "", 2);
    lab.configure("nonsense: 1\n");
    said(&lab, &["policy", "explain", "id"], "", 4);
}

#[test]
fn test_says_which_commands_are_not_decided_as_expected() {
    let lab = lab!();
    let file = lab.mark("cases.tsv");
    let cases = "# what has to hold\nallow\tuptime\tdaily\n\nask\ttouch /x\nforbidden\tmkfs /dev/sda\nauto_allowed\ttouch /y\twrong\nask\techo a<NL>mkfs\n";
    std::fs::write(&file, cases).unwrap();
    let printed = said(&lab, &["policy", "test", &file], "", 1);
    assert!(printed.contains("2 of 5 differ"), "{printed}");
    assert!(
        printed.contains("6     auto_allowed       approval_required  touch    touch /y"),
        "{printed}"
    );
    let found = object(
        &lab,
        &["policy", "test", "--target", "srv1", "--json", &file],
        "",
        1,
    );
    assert_eq!(found["cases"], 5);
    assert_eq!(found["differ"], 2);
    assert_eq!(found["differences"][0]["line"], 6);
    assert_eq!(found["differences"][0]["rule"], "touch");
    assert_eq!(found["differences"][1]["got"], "forbidden");
    let counts = found["counts"].as_array().unwrap();
    let all: u64 = counts
        .iter()
        .map(|row| row["count"].as_u64().unwrap())
        .sum();
    assert_eq!((counts.len(), all), (9, 5));
    std::fs::write(&file, "allow\tuptime\n").unwrap();
    assert!(said(&lab, &["policy", "test", &file], "", 0).contains("0 of 1 differ"));
}

#[test]
fn test_names_the_line_of_a_bad_file() {
    let lab = lab!();
    let file = lab.mark("cases.tsv");
    std::fs::write(&file, "allow\tuptime\nperhaps\tuptime\n").unwrap();
    let printed = said(&lab, &["policy", "test", &file], "", 2);
    assert!(
        printed.contains("line 2") && printed.contains("`perhaps`"),
        "{printed}"
    );
    said(&lab, &["policy", "test", &lab.mark("none.tsv")], "", 2);
    said(&lab, &["policy", "test"], "", 2);
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    said(&lab, &["policy", "test", &file], "", 2);
    lab.configure("nonsense: 1\n");
    said(&lab, &["policy", "test", &file], "", 4);
}

#[test]
fn lint_tells_what_is_probably_not_meant() {
    let lab = lab!();
    lab.configure(
        r"
fragments: {unused: 'x+'}
auto_allowed:
  - {id: fine, pattern: uptime, match: [uptime]}
  - {id: bare, pattern: hostname}
  - {id: blanks, pattern: 'df  -h', match: []}
  - {id: open, pattern: 'ls .*', match: [ls -l]}
  - {id: hidden, pattern: touch /x, match: [touch /x]}
  - {id: lost, pattern: id, match: [id], tiers: [production]}
approval_required:
  - {id: touch, pattern: '^touch '}
",
    );
    let found = object(&lab, &["policy", "lint", "--json"], "", 1);
    let found: Vec<(&str, &str)> = found["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| {
            let text = |key: &str| warning[key].as_str().unwrap();
            assert!(warning["line"].as_u64().is_some(), "{warning}");
            (text("subject"), text("kind"))
        })
        .collect();
    let expected = [
        ("fragment `unused`", "unused_fragment"),
        ("rule `bare`", "no_match"),
        ("rule `blanks`", "no_match"),
        ("rule `blanks`", "never_matches"),
        ("rule `open`", "wide"),
        ("rule `hidden`", "shadowed"),
        ("rule `lost`", "nowhere"),
        ("rule `touch`", "no_why"),
    ];
    assert_eq!(found, expected);
    let printed = said(&lab, &["policy", "lint"], "", 1);
    assert!(printed.contains("8 warnings in 7 rules."), "{printed}");
    assert!(printed.contains("`touch` (line 14) decides"), "{printed}");
}

#[test]
fn lint_is_silent_about_a_good_policy_and_tells_the_faults_of_a_bad_one() {
    let lab = lab!();
    lab.configure("auto_allowed:\n  - {pattern: uptime, match: [uptime]}\n");
    assert!(said(&lab, &["policy", "lint"], "", 0).contains("0 warnings in 1 rule."));
    lab.configure("auto_allowed:\n  - {pattern: uptime, match: [df]}\n");
    assert!(said(&lab, &["policy", "lint"], "", 4).contains("is not matched"));
    let faults = object(&lab, &["policy", "lint", "--json"], "", 4);
    assert_eq!(faults["faults"].as_array().unwrap().len(), 1);
}

#[test]
fn what_the_document_shows_of_these_commands_is_what_they_print() {
    let lab = lab!();
    let document = include_str!("../../docs/policy.md");
    let block = |after: &'static str| -> &str {
        let (_, rest) = document.split_once(after).unwrap();
        rest.split_once("```").unwrap().0
    };
    std::fs::write(lab.path("config.yml"), block("```yaml\n")).unwrap();
    std::fs::write(lab.path("commands.tsv"), block("```tsv\n")).unwrap();
    let home = lab.path("config.yml").parent().unwrap().to_owned();
    let mut count = 0;
    for shown in document.split("```console\n").skip(1) {
        let (shown, _) = shown.split_once("```").unwrap();
        let (command, expected) = shown.split_once('\n').unwrap();
        let Some(command) = command.strip_prefix("$ aiops policy ") else {
            continue;
        };
        let mut arguments = vec!["policy"];
        match command.split_once(" '") {
            Some((name, quoted)) => arguments.extend([name, quoted.trim_end_matches('\'')]),
            None => arguments.extend(command.split(' ')),
        }
        if !["explain", "test", "lint"].contains(&arguments[1]) {
            continue;
        }
        let output = lab.command(&arguments).current_dir(&home).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed.replace(home.to_str().unwrap(), "/opt/aiops");
        assert_eq!(printed, expected, "{arguments:?}");
        count += 1;
    }
    assert_eq!(count, 3);
}
