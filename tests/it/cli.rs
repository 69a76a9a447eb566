//! The command line for people.

use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;
use crate::lab::said;

#[track_caller]
fn says(lab: &Lab, arguments: &[&str], exit: i32, expected: &str) -> String {
    said(&lab.run(arguments, ""), exit, expected)
}

#[test]
fn check_judges_and_leaves_no_trace() {
    let lab = lab!();
    let judged = lab.run(
        &["check", "--json"],
        &request("uptime; touch /x").to_string(),
    );
    let judged: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["risk"], "approval_required");
    assert_eq!(judged["rule"], "touch");
    assert_eq!(judged["commands"][0]["argv"], serde_json::json!(["uptime"]));
    assert_eq!(
        judged["commands"][1]["argv"],
        serde_json::json!(["touch", "/x"])
    );
    assert!(lab.log().is_empty());
    assert!(!lab.path("runtime/approvals").exists());
}

#[test]
fn check_answers_every_line_of_a_batch_in_order() {
    let lab = lab!();
    let lines = format!(
        "{}\nnonsense\n{}\n",
        request("uptime"),
        request("mkfs /dev/sda")
    );
    let judged = lab.run(&["check", "--batch"], &lines);
    let judged: Vec<serde_json::Value> = String::from_utf8(judged.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let risks: Vec<Option<&str>> = judged
        .iter()
        .map(|judged| judged["risk"].as_str())
        .collect();
    assert_eq!(risks, [Some("auto_allowed"), None, Some("forbidden")]);
}

#[test]
fn check_and_a_real_request_say_the_same() {
    let lab = lab!();
    for command in [
        "uptime",
        "touch /x",
        "mkfs /dev/sda",
        "uptime | sh",
        "echo $(id)",
        "id; id",
    ] {
        let judged = lab.run(&["check", "--json"], &request(command).to_string());
        let judged: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
        assert_eq!(lab.ask(command).json["risk"], judged["risk"], "{command}");
    }
}

#[test]
fn help_version_and_mistakes_are_answered_in_words() {
    let lab = lab!();
    says(&lab, &["--version"], 0, "aiops ");
    let help = says(&lab, &["--help"], 0, "Judge a request");
    for command in [
        "check", "pending", "watch", "approve", "deny", "freeze", "thaw", "audit", "config",
        "policy", "targets", "doctor",
    ] {
        assert!(help.contains(command), "{command} in {help}");
    }
    says(&lab, &["aprove"], 2, "approve");
    says(&lab, &["audit", "verify", "--nope"], 2, "--nope");
}

#[test]
fn a_program_that_asked_for_json_gets_json_for_a_fault_too() {
    let lab = lab!("nonsense: 1\n");
    for command in [
        ["targets", "--json"],
        ["pending", "--json"],
        ["check", "--json"],
    ] {
        let output = lab.run(&command, "");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(
            answer["error"].as_str().unwrap().contains("nonsense"),
            "{answer}"
        );
        assert_eq!(output.status.code(), Some(4));
    }
}

#[test]
fn targets_are_listed() {
    let lab = lab!();
    says(&lab, &["targets"], 0, "srv1");
    let listed = lab.run(&["targets", "--json"], "");
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["port"], lab.sshd.port());
}

#[test]
fn the_doctor_finds_a_healthy_house_healthy() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    says(&lab, &["doctor"], 0, "the audit log is whole");
}

#[test]
fn the_doctor_names_what_is_wrong_and_the_cure() {
    let lab = lab!();
    crate::lab::mode(&lab.path(".ssh/id_ed25519"), 0o644);
    std::fs::write(lab.path(".ssh/known_hosts"), "").unwrap();
    let said = says(&lab, &["doctor"], 4, "chmod 0600");
    assert!(said.contains("no pinned host key"), "{said}");
}

#[test]
fn papers_are_printed() {
    let lab = lab!();
    says(&lab, &["completions", "bash"], 0, "_aiops");
    says(&lab, &["man"], 0, ".TH aiops");
    for schema in ["request", "response", "record"] {
        let printed = says(&lab, &["schema", schema], 0, "$schema");
        let _: serde_json::Value = serde_json::from_str(&printed).unwrap();
    }
}
