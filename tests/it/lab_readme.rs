//! What the lab's README promised, sentence by sentence. `AIOPS_UNDER_TEST=/path/to/program` points
//! these at any program.

use std::path::Path;

use crate::lab::lab;

const APPROVAL_REQUIRED: &str = "Approval required. Reply Approve or Deny.";

#[test]
fn hostname_is_executed_and_auto_allowed() {
    let lab = lab!();
    let answer = lab
        .send(r#"{"target":"srv1","command":"hostname","requester":"manual","reason":"test"}"#)
        .is("executed", 0);
    assert_eq!(answer.text("risk"), "auto_allowed");
    assert_eq!(answer.text("target"), "srv1");
    assert_eq!(answer.text("command"), "hostname");
    assert_eq!(answer.json["exit_code"], 0);
}

#[test]
fn uptime_is_auto_allowed() {
    let lab = lab!();
    assert_eq!(
        lab.ask("uptime").is("executed", 0).text("risk"),
        "auto_allowed"
    );
}

#[test]
fn a_restart_asks_for_approval_in_the_labs_words() {
    let lab = lab!();
    let answer = lab
        .ask("sudo systemctl restart nginx")
        .is("approval_requested", 0);
    assert_eq!(answer.text("risk"), "approval_required");
    assert_eq!(answer.text("message"), APPROVAL_REQUIRED);
    assert!(
        answer
            .text("prompt")
            .contains("sudo systemctl restart nginx")
    );
}

#[test]
fn approve_runs_exactly_what_was_asked() {
    let lab = lab!();
    let mark = lab.mark("approved");
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    assert!(!Path::new(&mark).exists());
    let answer = lab.send("Approve").is("executed", 0);
    assert!(Path::new(&mark).exists());
    assert_eq!(answer.text("command"), format!("touch {mark}"));
    assert_eq!(answer.text("approval_id"), asked.text("approval_id"));
}

#[test]
fn deny_runs_nothing() {
    let lab = lab!();
    let mark = lab.mark("denied");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    assert!(!Path::new(&mark).exists());
    lab.send("Approve").is("expired", 3);
    assert!(!Path::new(&mark).exists());
}

#[test]
fn the_user_needs_no_approval_id_while_one_request_is_pending() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("one")))
        .is("approval_requested", 0);
    lab.send("approve\n").is("executed", 0);
}

#[test]
fn explicitly_dangerous_commands_are_forbidden() {
    let lab = lab!();
    let answer = lab
        .ask("sudo mkfs.ext4 /dev/sda1")
        .is("rejected", 3)
        .says("no-mkfs");
    assert_eq!(answer.text("risk"), "forbidden");
    lab.send("Approve").is("expired", 3);
}

#[test]
fn everything_else_needs_approval_in_lab_mode() {
    let lab = lab!();
    let answer = lab
        .ask("some-unknown-program --flag")
        .is("approval_requested", 0);
    assert_eq!(answer.text("risk"), "approval_required");
}

#[test]
fn everything_else_is_rejected_where_the_unknown_default_says_so() {
    let lab = lab!(&format!("unknown_default: reject\n{}", crate::lab::RULES));
    lab.ask("some-unknown-program --flag").is("rejected", 3);
    lab.ask("hostname").is("executed", 0);
}

#[test]
fn every_decision_is_in_the_log_with_all_its_fields() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.ask(&format!("touch {}", lab.mark("x")))
        .is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    lab.ask("mkfs /dev/sda").is("rejected", 3);
    let fields = [
        "target",
        "command",
        "requester",
        "reason",
        "approval_id",
        "risk",
        "status",
        "exit_code",
        "stdout",
        "stderr",
        "timestamp",
    ];
    let log = lab.log();
    for record in &log {
        for field in fields {
            assert!(record.get(field).is_some(), "{field} in {record}");
        }
        assert_eq!(record["target"], "srv1");
        assert_eq!(record["requester"], "manual");
        assert_eq!(record["reason"], "test");
    }
    let executed = log
        .iter()
        .find(|record| record["status"] == "executed")
        .unwrap();
    assert_eq!(executed["exit_code"], 0);
    assert!(!executed["stdout"].as_str().unwrap().is_empty());
    assert_eq!(executed["risk"], "auto_allowed");
}
