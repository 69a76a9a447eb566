//! Changing the rules with the log in view.

use std::fs;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::mode;

/// Runs `aiops policy …` and reads its JSON.
#[track_caller]
fn policy(lab: &Lab, arguments: &[&str], exit: i32) -> Value {
    let arguments: Vec<&str> = ["policy"].iter().chain(arguments).copied().collect();
    let output = lab.run(&arguments, "");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}{error}");
    serde_json::from_str(&said).unwrap()
}

/// Another configuration, outside of the installation.
fn other(lab: &Lab, name: &str, rules: &str) -> String {
    let path = lab.path("work").join(name);
    fs::write(
        &path,
        format!("targets:\n  srv1: {{host: 127.0.0.1}}\n{rules}"),
    )
    .unwrap();
    mode(&path, 0o640);
    path.display().to_string()
}

#[test]
fn replay_shows_what_another_policy_changes_and_touches_nothing() {
    let lab = lab!();
    lab.ask("uptime").is("executed", 0);
    lab.ask("uptime").is("executed", 0);
    lab.ask("mkfs /dev/sda").is("rejected", 3);
    lab.ask("touch /x").is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    let before = lab.log();

    let same = other(&lab, "same.yml", RULES);
    let found = policy(&lab, &["replay", "--json", "--config", &same], 0);
    assert_eq!(found["records"], 4, "{found}");
    assert_eq!(found["commands"], 3);
    assert_eq!(found["unchanged"], 3);

    let new = other(
        &lab,
        "new.yml",
        "auto_allowed: [{id: all-touch, pattern: touch .*}]\nforbidden: [{id: no-uptime, pattern: uptime}]\n",
    );
    let found = policy(&lab, &["replay", "--json", "--config", &new], 1);
    let changes = found["changes"].as_array().unwrap();
    let shown: Vec<String> = changes
        .iter()
        .map(|change| {
            format!(
                "{} {} {} {}",
                change["direction"], change["command"], change["old_rule"], change["new_rule"]
            )
            .replace('"', "")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "laxer mkfs /dev/sda no-mkfs unknown_default",
            "laxer touch /x touch all-touch",
            "stricter uptime auto_allowed-2 no-uptime"
        ]
    );
    assert_eq!(changes[2]["times"], 2);
    assert_eq!(changes[1]["new_line"], 3);

    let said = lab.run(&["policy", "replay", "--config", &new], "");
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("laxer srv1: touch /x\n    approval_required by touch -> auto_allowed by all-touch (line 3); 1x"),
        "{said}"
    );
    assert_eq!(lab.log(), before);
}

#[test]
fn replay_says_what_it_cannot_read() {
    let lab = lab!();
    let broken = other(&lab, "broken.yml", "auto_allowed: ['(']\n");
    policy(&lab, &["replay", "--json", "--config", &broken], 4);
    let open = other(&lab, "open.yml", RULES);
    mode(lab.path("work/open.yml").as_path(), 0o666);
    policy(&lab, &["replay", "--json", "--config", &open], 4);
    mode(lab.path("work/open.yml").as_path(), 0o600);
    policy(
        &lab,
        &["replay", "--json", "--config", &open, "/nonexistent"],
        5,
    );
    policy(
        &lab,
        &["replay", "--json", "--config", &open, "--since", "soon"],
        2,
    );
}

#[test]
fn replay_counts_commands_that_secrets_were_taken_out_of() {
    let lab = lab!(&format!(
        "{RULES}redact: [{{id: pw, pattern: 'hunter[0-9]'}}]\n"
    ));
    lab.ask("echo hunter2").is("approval_requested", 0);
    lab.ask("uptime").is("executed", 0);
    let new = other(&lab, "new.yml", "auto_allowed: [uptime]\n");
    let found = policy(&lab, &["replay", "--json", "--config", &new], 0);
    assert_eq!(found["redacted"], 1, "{found}");
    assert_eq!(found["commands"], 1);
}

/// Asks for a command so often, and lets a human approve it each time.
#[track_caller]
fn approved(lab: &Lab, times: usize, command: &str) {
    for _ in 0..times {
        lab.ask(command).is("approval_requested", 0);
        lab.send("Approve").is("executed", 0);
    }
}

#[test]
fn what_was_always_approved_is_suggested_and_the_suggestion_works() {
    let lab = lab!();
    approved(&lab, 3, "stat -c %s /etc/hostname");
    approved(&lab, 3, &format!("touch {}", lab.mark("a")));
    approved(&lab, 3, "rm -f /nonexistent-file");
    approved(&lab, 2, "wc -l /etc/passwd");
    let config = lab.path("config.yml");
    let before = fs::read_to_string(&config).unwrap();
    let found = policy(&lab, &["suggest", "--json"], 0);
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
    let rules = found["suggestions"].as_array().unwrap();
    assert_eq!(rules.len(), 1, "{found}");
    assert_eq!(rules[0]["pattern"], "stat -c %s /etc/hostname");
    assert_eq!(rules[0]["only_relayed"], true);
    assert_eq!(found["asked_on_purpose"][0]["rule"], "touch");
    assert_eq!(found["refused"][0]["command"], "rm -f /nonexistent-file");

    // A human agrees, and puts the lines in.
    let diff = found["diff"].as_str().unwrap();
    let added: Vec<&str> = diff
        .lines()
        .skip(3)
        .filter_map(|line| line.strip_prefix('+'))
        .collect();
    let new = before.replace(
        "\napproval_required:",
        &format!("\n{}\napproval_required:", added.join("\n")),
    );
    let path = lab.path("work/new.yml");
    fs::write(&path, &new).unwrap();
    mode(&path, 0o640);
    let replayed = policy(
        &lab,
        &["replay", "--json", "--config", path.to_str().unwrap()],
        1,
    );
    assert_eq!(replayed["changes"].as_array().unwrap().len(), 1);
    assert_eq!(replayed["changes"][0]["direction"], "laxer");
    fs::write(&config, &new).unwrap();
    lab.ask("stat -c %s /etc/hostname").is("executed", 0);
    lab.ask("stat -c %s /etc/hosts").is("approval_requested", 0);
}

#[test]
fn an_empty_log_suggests_nothing_and_says_so() {
    let lab = lab!();
    let said = lab.run(&["policy", "suggest"], "");
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with("No rule is suggested"), "{said}");
}

#[test]
fn a_log_that_was_changed_suggests_nothing() {
    let lab = lab!();
    approved(&lab, 3, "wc -l /etc/passwd");
    let path = lab.path("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("/etc/passwd", "/etc/shadow")).unwrap();
    let found = policy(&lab, &["suggest", "--json"], 5);
    assert!(
        found["error"].as_str().unwrap().contains("audit verify"),
        "{found}"
    );
}
