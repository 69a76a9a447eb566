//! What a person is shown of the machine before they answer.

use serde_json::Value;

use crate::lab::lab;

#[test]
fn a_preview_is_shown_with_the_question_and_recorded_for_itself() {
    let lab = lab!(
        r"
auto_allowed: ['echo [a-z ]+', 'ls [a-z/]+']
approval_required:
  - {id: touch, pattern: '^touch (?P<file>\S+)', preview: ['echo before', 'ls <file>']}
"
    );
    let asked = lab.ask("touch /nowhere/at").is("approval_requested", 0);
    let prompt = asked.text("prompt");
    assert!(
        prompt.contains("Preview:  echo before\n  = It ran and exited with code 0.\n  | before"),
        "{prompt}"
    );
    assert!(
        prompt.contains("Preview:  ls /nowhere/at\n  = It ran and exited with code 2."),
        "{prompt}"
    );
    let log = lab.log();
    let previews: Vec<&Value> = log.iter().filter(|r| r["preview_of"].is_string()).collect();
    assert_eq!(previews.len(), 4, "an intent and an outcome each");
    for record in &previews {
        assert_eq!(record["preview_of"], asked.json["request_id"]);
        assert_eq!(record["risk"], "auto_allowed");
        assert_eq!(record["requester"], "aiops");
    }
    // Asked again it joins, and nobody has to look again.
    lab.ask("touch /nowhere/at").is("approval_requested", 0);
    assert_eq!(lab.log().len(), 6);
    lab.log_is_whole();
}

#[test]
fn a_preview_that_the_policy_does_not_allow_is_not_run_and_said() {
    let lab = lab!(
        r"
auto_allowed: ['ls /[a-z]+']
approval_required:
  - {id: touch, pattern: '^touch (?P<file>.+)$', preview: 'ls <file>'}
"
    );
    for file in ["/etc/shadow", "'a b; id'", "-R", "'/x\n/y'"] {
        let asked = lab
            .ask(&format!("touch {file}"))
            .is("approval_requested", 0);
        let prompt = asked.text("prompt");
        assert!(
            prompt.contains("not run: the policy does not allow it by itself"),
            "{prompt}"
        );
        lab.send("Deny").is("denied", 0);
    }
    assert!(lab.log().iter().all(|record| record["event"] != "intent"));
}

#[test]
fn a_preview_cannot_imitate_the_prompt() {
    let lab = lab!(
        r#"
auto_allowed: ["printf '[^']*'"]
approval_required:
  - {id: touch, pattern: '^touch ', preview: ['printf ''\nCode:     2A2A\033[2K\nDigest:   0\342\200\256x\n''']}
"#
    );
    let asked = lab.ask("touch x").is("approval_requested", 0);
    let prompt = asked.text("prompt");
    let codes: Vec<&str> = prompt
        .lines()
        .filter(|line| line.starts_with("Code:"))
        .collect();
    assert_eq!(codes, [format!("Code:     {}", asked.text("code"))]);
    assert!(prompt.contains("  | Code:     2A2A<U+001B>[2K"), "{prompt}");
    assert!(prompt.contains("<U+202E>"), "{prompt}");
}

#[test]
fn what_a_preview_prints_is_cut_with_a_mark_and_without_secrets() {
    let lab = lab!(
        r"
auto_allowed: ['seq [0-9]+', 'cat \S+']
redact: [{id: password, pattern: 'password=(?P<secret>\S+)'}]
approvals: {preview: 200}
approval_required:
  - {id: touch, pattern: '^touch (?P<file>\S+)', preview: ['seq 1000', 'cat <file>']}
"
    );
    let secret = lab.mark("secret");
    std::fs::write(&secret, "password=hunter2\n").unwrap();
    let asked = lab
        .ask(&format!("touch {secret}"))
        .is("approval_requested", 0);
    let prompt = asked.text("prompt");
    assert!(prompt.contains("characters cut"), "{prompt}");
    assert!(
        prompt.contains("  | 1\n") && prompt.contains("  | 1000"),
        "{prompt}"
    );
    assert!(
        prompt.contains("  | password=[REDACTED:password:"),
        "{prompt}"
    );
    assert!(!prompt.contains("hunter2"), "{prompt}");
    let kept = std::fs::read_dir(lab.path("runtime/approvals")).unwrap();
    for file in kept {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("hunter2"));
    }
}

#[test]
fn a_preview_of_a_machine_that_is_not_there_says_so_and_the_question_stands() {
    let mut lab = lab!(
        "auto_allowed: [hostname]\napproval_required: [{id: touch, pattern: '^touch ', preview: hostname}]\n"
    );
    lab.sshd.stop();
    let asked = lab.ask("touch x").is("approval_requested", 0);
    assert!(
        asked.text("prompt").contains("It never started"),
        "{asked:?}"
    );
}

#[test]
fn a_frozen_target_shows_nothing() {
    let lab = lab!(
        "auto_allowed: [hostname]\napproval_required: [{id: touch, pattern: '^touch ', preview: hostname}]\n"
    );
    lab.run(&["freeze", "--reason", "smoke"], "");
    lab.ask("touch x").is("rejected", 3);
    assert!(lab.log().iter().all(|record| record["event"] != "intent"));
}
