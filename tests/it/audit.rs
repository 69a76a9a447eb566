//! The log from outside: no record, no run.

use std::fs;
use std::io::Write as _;

use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::mode;

#[test]
fn without_a_log_nothing_runs() {
    let lab = lab!();
    fs::remove_file(lab.path("audit.jsonl")).unwrap();
    let answer = lab.ask("hostname").is("error", 5).says("Nothing ran");
    assert!(answer.json["audit_seq"].is_null());
    assert!(
        !lab.path("audit.jsonl").exists(),
        "it is never made by the program"
    );
    assert!(lab.sshd.masters().is_empty(), "not even a connection");
}

#[test]
fn a_log_on_a_full_disk_stops_everything() {
    let lab = lab!();
    fs::remove_file(lab.path("audit.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/full", lab.path("audit.jsonl")).unwrap();
    lab.ask("hostname").is("error", 5);
    assert!(lab.sshd.masters().is_empty());
}

#[test]
fn a_log_that_others_may_write_stops_everything() {
    let lab = lab!();
    mode(&lab.path("audit.jsonl"), 0o666);
    lab.ask("hostname").is("error", 5).says("chmod 0640");
}

#[test]
fn a_lock_that_is_never_free_stops_everything() {
    let lab = lab!(&format!("{RULES}limits: {{log_lock_wait: 1s}}\n"));
    let other = fs::File::create(lab.path("runtime/audit.lock")).unwrap();
    other.lock().unwrap();
    lab.ask("hostname").is("error", 5).says("lock");
    assert!(lab.sshd.masters().is_empty());
}

#[test]
fn a_request_that_cannot_be_recorded_does_not_wait_for_approval() {
    let lab = lab!(&format!("{RULES}limits: {{log_lock_wait: 1s}}\n"));
    let other = fs::File::create(lab.path("runtime/audit.lock")).unwrap();
    other.lock().unwrap();
    lab.ask(&format!("touch {}", lab.mark("a"))).is("error", 5);
    drop(other);
    lab.send("Approve").is("expired", 3);
}

#[test]
fn a_line_torn_by_a_crash_is_acknowledged_and_continued_after() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let mut log = fs::OpenOptions::new()
        .append(true)
        .open(lab.path("audit.jsonl"))
        .unwrap();
    log.write_all(b"{\"timestamp\":\"2026-11-23T04:").unwrap();
    lab.ask("hostname").is("executed", 0);
    let found = lab.run(&["audit", "verify", "--json"], "");
    let report: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(
        (&report["records"], &report["recovered"]),
        (&5.into(), &1.into()),
        "{report}"
    );
    assert_eq!(found.status.code(), Some(0));
}

#[test]
fn the_python_labs_lines_stay_and_are_sealed_by_the_first_record() {
    let lab = lab!();
    let old = "{\"timestamp\": \"2026-01-01T00:00:00\", \"status\": \"executed\"}\n";
    fs::write(lab.path("audit.jsonl"), old).unwrap();
    lab.ask("hostname").is("executed", 0);
    let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    assert!(text.starts_with(old));
    assert_eq!(lab.log()[1]["event"], "sealed");
    lab.log_is_whole();
}

#[test]
fn an_intent_stands_before_its_outcome_with_the_same_request() {
    let lab = lab!("auto_allowed: [\"echo 'a b'\"]\n");
    lab.ask("echo  'a b'").is("executed", 0);
    let log = lab.log();
    assert_eq!(log[0]["event"], "intent");
    assert_eq!(log[0]["sent"], "echo 'a b'");
    assert_eq!(log[0]["command"], "echo  'a b'");
    assert_eq!(log[1]["event"], "outcome");
    assert_eq!(log[0]["request_id"], log[1]["request_id"]);
    assert_eq!(log[1]["exit_code"], 0);
    assert_eq!(log[1]["stdout"], "a b\n");
}

#[test]
fn a_changed_log_is_found() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.ask("uptime").is("executed", 0);
    let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    fs::write(
        lab.path("audit.jsonl"),
        text.replacen("manual", "nobody", 1),
    )
    .unwrap();
    let found = lab.run(&["audit", "verify"], "");
    assert_eq!(found.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&found.stdout).contains("line 1: changed"));
}

#[test]
fn the_last_records_are_shown_to_people_and_to_programs() {
    let lab = lab!();
    for _ in 0..3 {
        lab.ask("hostname").is("executed", 0);
    }
    let shown = lab.run(&["audit", "tail", "-n", "2", "--table"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.contains("executed") && shown.contains("hostname"));
    let shown = lab.run(&["audit", "tail", "-n", "2"], "");
    let lines: Vec<serde_json::Value> = String::from_utf8(shown.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["seq"], 6);
}

#[test]
fn another_configuration_is_recorded_once_with_both_digests() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.configure("auto_allowed: [hostname, uptime]\n");
    lab.ask("uptime").is("executed", 0);
    lab.ask("uptime").is("executed", 0);
    let records = lab.log();
    let changes: Vec<_> = records
        .iter()
        .filter(|record| record["event"] == "config_changed")
        .collect();
    let [change] = changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(change["policy_before"], records[0]["policy"]);
    assert_eq!(change["policy"], records.last().unwrap()["policy"]);
    assert_ne!(change["policy"], change["policy_before"]);
    assert_eq!(change["seq"], 3, "it stands before what it judges");
    lab.log_is_whole();
}

#[test]
fn a_run_tells_the_host_key_that_was_demanded_and_where_the_host_was() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let records = lab.log();
    let [intent, outcome] = &records[..] else {
        panic!("{records:?}")
    };
    let key = intent["host_key"][0].as_str().unwrap();
    assert!(key.starts_with("SHA256:") && key.len() == 50, "{key}");
    assert_eq!(outcome["host_address"], "127.0.0.1");
}

#[test]
fn what_waits_and_what_a_human_says_have_events_of_their_own() {
    let lab = lab!();
    lab.ask("touch x").is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    assert_eq!(
        lab.events(),
        ["request approval_requested", "approval denied"]
    );
    assert!(lab.log()[1]["waited_ms"].is_u64());
}
