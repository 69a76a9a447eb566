//! The configuration from outside: what is wrong is said, with its line, and nothing runs.

use std::fs;

use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::mode;

#[track_caller]
fn refuses(config: &str, expected: &str) {
    let Some(lab) = crate::lab::Lab::with(config) else {
        return;
    };
    let answer = lab.ask("hostname").is("error", 4);
    assert!(
        answer.text("message").contains(expected),
        "{expected:?} in {answer:?}"
    );
    let found = lab.run(&["config", "check"], "");
    assert_eq!(found.status.code(), Some(4));
    assert!(
        String::from_utf8_lossy(&found.stdout).contains(expected),
        "{found:?}"
    );
    assert!(lab.sshd.masters().is_empty());
    assert_eq!(
        lab.events(),
        ["decision error"],
        "it is recorded all the same"
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    refuses("auto_alowed: [hostname]\n", "auto_alowed");
}

#[test]
fn a_doubled_key_is_refused() {
    refuses("forbidden: [mkfs]\nforbidden: []\n", "forbidden");
}

#[test]
fn a_broken_pattern_is_refused_even_where_it_could_not_match() {
    refuses(
        "auto_allowed: [hostname, {id: broken, pattern: 'df ('}]\n",
        "broken",
    );
}

#[test]
fn a_pattern_that_python_knows_and_we_do_not_is_explained() {
    refuses("auto_allowed: [hostname, '^ls (?!-R)']\n", "look-around");
}

#[test]
fn an_example_that_fails_is_refused() {
    refuses(
        "auto_allowed: [{id: d, pattern: 'df -h', match: ['df']}]\n",
        "df",
    );
    refuses(
        "forbidden: [{id: d, pattern: 'mkfs', not_match: ['sudo mkfs x']}]\n",
        "mkfs",
    );
}

#[test]
fn rules_in_two_places_are_refused() {
    refuses(
        "auto_allowed: [hostname]\npolicy: {auto_allowed: [uptime]}\n",
        "stand twice",
    );
}

#[test]
fn numbers_out_of_range_are_refused_all_at_once() {
    let lab = lab!("limits: {timeout: 15m, answer: 1}\napprovals: {ttl: 64KiB}\n");
    let found = lab.run(&["config", "check", "--json"], "");
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["ok"], false);
    assert_eq!(found["faults"].as_array().unwrap().len(), 3, "{found}");
}

#[test]
fn a_target_that_begins_like_an_option_is_refused() {
    let lab = lab!();
    fs::write(
        lab.path("config.yml"),
        "targets: {x: {host: '-oProxyCommand=x'}}\n",
    )
    .unwrap();
    lab.ask("hostname").is("error", 4).says("line 1");
}

#[test]
fn a_config_that_others_may_write_is_refused() {
    let lab = lab!();
    mode(&lab.path("config.yml"), 0o666);
    lab.ask("hostname").is("error", 4).says("chmod 0640");
}

#[test]
fn a_runtime_directory_open_to_others_is_refused() {
    let lab = lab!();
    mode(&lab.path("runtime"), 0o755);
    lab.ask("hostname").is("error", 4).says("chmod 0700");
}

#[test]
fn the_labs_nesting_under_policy_is_understood() {
    let nested: String = RULES.lines().map(|line| format!("  {line}\n")).collect();
    let lab = lab!(&format!("policy:\n{nested}  unknown_default: reject\n"));
    lab.ask("hostname").is("executed", 0);
    lab.ask("whoami").is("rejected", 3);
}

#[test]
fn a_change_takes_effect_with_the_next_request() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.configure("forbidden: [hostname]\n");
    lab.ask("hostname").is("rejected", 3);
    lab.configure("forbidden: ['(']\n");
    lab.ask("hostname").is("error", 4);
}

#[test]
fn a_fault_of_one_kind_does_not_hide_the_others() {
    let lab = lab!("limits: {answer: 1}\nauto_allowed: ['(']\n");
    mode(&lab.path("runtime"), 0o755);
    let found = lab.run(&["config", "check"], "");
    let said = String::from_utf8_lossy(&found.stdout);
    for part in ["limits.answer", "auto_allowed", "chmod 0700"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

/// What `config check` prints of a file that is this text alone, with `FILE` for its path.
#[track_caller]
fn checked(lab: &crate::lab::Lab, arguments: &[&str], text: &str) -> String {
    let path = lab.path("config.yml");
    fs::write(&path, text).unwrap();
    mode(&path, 0o640);
    let found = lab.run(arguments, "");
    assert_eq!(found.status.code(), Some(4));
    let said = String::from_utf8(found.stdout).unwrap();
    said.replace(&path.display().to_string(), "FILE")
}

#[test]
fn every_fault_is_shown_with_its_place_and_what_helps() {
    let lab = lab!();
    let text = "mode: labb\ntargets:\n  srv1: {hosst: a}\nauto_allowed:\n- id: a\n  match: x\n";
    let said = checked(&lab, &["config", "check"], text);
    let expected = "\
FILE:1:7: error: `mode` has to be `lab` or `production`
  |
1 | mode: labb
  |       ^^^^
FILE:3:3: error: the key `host` is missing in `targets.srv1`
  |
3 |   srv1: {hosst: a}
  |   ^^^^
FILE:3:10: error: there is no key `hosst` here
  |
3 |   srv1: {hosst: a}
  |          ^^^^^
  help: did you mean `host`?
FILE:5:3: error: rule `a`: the key `pattern` is missing
  |
5 | - id: a
  |   ^
FILE:6:10: error: rule `a`: `match` has to be a list
  |
6 |   match: x
  |          ^
5 errors in this configuration.
";
    assert_eq!(said, expected, "{said}");
}

#[test]
fn a_broken_pattern_is_pointed_into_and_json_tells_the_same() {
    let lab = lab!();
    let text = "forbidden:\n- 'mkfs (x'\n";
    let said = checked(&lab, &["config", "check"], text);
    let expected = "\
FILE:2:9: error: rule `forbidden-1`: the pattern cannot be used: unclosed group
  |
2 | - 'mkfs (x'
  |         ^
1 error in this configuration.
";
    assert_eq!(said, expected, "{said}");
    let said = checked(&lab, &["config", "check", "--json"], text);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let expected = serde_json::json!({"ok": false, "faults": [{
        "line": 2,
        "column": 9,
        "what": "rule `forbidden-1`: the pattern cannot be used: unclosed group",
        "hint": null,
        "excerpt": "  |\n2 | - 'mkfs (x'\n  |         ^",
    }]});
    assert_eq!(said, expected);
}

#[test]
fn an_answer_about_faults_names_lines_and_never_shows_the_file() {
    let lab = lab!();
    let text = "mode: hunter2\nssh: {user: [hunter3]} # hunter4\nforbidden: hunter5\n";
    fs::write(lab.path("config.yml"), text).unwrap();
    let answer = lab.ask("hostname").is("error", 4);
    let message = answer.text("message");
    for part in [
        "line 1: `mode`",
        "line 2: `ssh.user`",
        "line 3: `forbidden`",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    for said in [&answer.stdout, &log] {
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[test]
fn an_answer_about_many_faults_tells_the_first_and_where_to_see_the_rest() {
    let lab = lab!(&format!("auto_allowed:\n{}", "- '('\n".repeat(30)));
    let answer = lab.ask("hostname").is("error", 4);
    let message = answer.text("message");
    assert!(
        message.contains("more, which `aiops config check` shows"),
        "{message}"
    );
}

#[test]
fn a_good_configuration_is_called_good() {
    let lab = lab!();
    let found = lab.run(&["config", "check"], "");
    assert_eq!(found.status.code(), Some(0));
    assert!(
        String::from_utf8_lossy(&found.stdout).contains("good: mode lab, 1 target, 7 rules"),
        "{found:?}"
    );
}

#[test]
fn an_answer_about_many_faults_stays_under_the_clients_limit() {
    let lab = lab!();
    let rules = "  - '('\n".repeat(2000);
    lab.configure(&format!("auto_allowed:\n{rules}"));
    let answer = lab.ask("hostname").is("error", 4);
    assert!(
        answer.stdout.chars().count() <= 40_000,
        "{}",
        answer.stdout.len()
    );
}
