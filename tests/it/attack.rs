//! Attacks by the caller and accidents of the machine, each of which worked once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::process::Stdio;

use crate::lab::Answer;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;

/// Runs the program under `prefix` (e.g. strace, or a shell that sets limits) on a message.
fn under(lab: &crate::lab::Lab, prefix: &[&str], message: &str) -> std::process::Output {
    let inner = lab.command(&[]);
    let mut command = Command::new(prefix[0]);
    command
        .args(&prefix[1..])
        .arg(inner.get_program())
        .env_clear();
    for (key, value) in inner.get_envs() {
        command.env(key, value.unwrap());
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn a_caller_with_a_mean_umask_does_not_lock_the_room() {
    let lab = lab!();
    let message = request(&format!("touch {}", lab.mark("a"))).to_string();
    under(&lab, &["sh", "-c", "umask 0777; exec \"$0\""], &message);
    let mode = fs::metadata(lab.path("runtime/approvals")).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[test]
fn a_caller_with_a_file_size_limit_cannot_keep_an_outcome_out_of_the_log() {
    let lab = lab!(r"auto_allowed: ['cat [a-z/A-Z0-9._-]+']");
    let path = lab.mark("mid");
    fs::write(&path, "x".repeat(20_000)).unwrap();
    // One block of 512 or 1024 bytes up: room for an intent, not for an outcome.
    let out = under(
        &lab,
        &["bash", "-c", "ulimit -f 2; exec \"$0\""],
        &request(&format!("cat {path}")).to_string(),
    );
    let answer = Answer::of(out);
    assert_eq!(answer.exit, 5, "{answer:?}");
    lab.log_is_whole();
}

#[test]
fn an_answer_that_is_cut_to_fit_says_the_full_size_and_hash() {
    let lab = lab!(r"auto_allowed: ['cat [a-z/A-Z0-9._-]+']");
    let path = lab.mark("mid");
    fs::write(&path, "x".repeat(50_000)).unwrap();
    let answer = lab.ask(&format!("cat {path}")).is("executed", 0);
    assert_eq!(answer.json["truncated"], true);
    assert_eq!(answer.json["stdout_facts"]["bytes"], 50_000);
}

#[test]
fn a_prompt_of_tabs_stays_under_the_clients_limit() {
    let lab = lab!();
    let answer = lab.ask(&format!("touch {}x", "\t".repeat(8000)));
    assert!(
        answer.stdout.chars().count() <= 40_000,
        "{}",
        answer.stdout.len()
    );
}

#[test]
fn a_dry_run_of_many_commands_stays_under_the_clients_limit() {
    let lab = lab!();
    let mut message = request(&"a;".repeat(4000));
    message["dry_run"] = true.into();
    let answer = lab.send(message.to_string()).is("judged", 0);
    assert!(
        answer.stdout.chars().count() <= 40_000,
        "{}",
        answer.stdout.len()
    );
}

#[test]
fn what_was_never_recorded_cannot_be_approved() {
    let lab = lab!();
    let message = request(&format!("touch {}", lab.mark("ghost"))).to_string();
    let trace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=flock",
        "-e",
        "inject=flock:signal=KILL:when=2",
    ];
    under(&lab, &trace, &message);
    assert_eq!(fs::read_to_string(lab.path("audit.jsonl")).unwrap(), "");
    lab.send("Approve").is("expired", 3);
}

#[test]
fn what_could_not_be_synced_cannot_be_approved() {
    let lab = lab!();
    let message = request(&format!("touch {}", lab.mark("ghost"))).to_string();
    let trace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=EIO:when=2",
    ];
    let answer = Answer::of(under(&lab, &trace, &message));
    assert_eq!(answer.text("status"), "error");
    lab.send("Approve").is("expired", 3);
}

#[test]
fn a_crash_while_a_torn_line_is_acknowledged_does_no_harm() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let log = lab.path("audit.jsonl").display().to_string();
    let mut text = fs::read_to_string(&log).unwrap();
    text.push_str("{\"timestamp\":\"20");
    fs::write(&log, text).unwrap();
    let trace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        &log,
        "-e",
        "trace=write",
        "-e",
        "inject=write:error=ENOSPC:when=2",
    ];
    under(&lab, &trace, &request("hostname").to_string());
    lab.ask("hostname").is("executed", 0);
    let found = lab.run(&["audit", "verify"], "");
    assert_eq!(
        found.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&found.stdout)
    );
}

#[test]
fn a_tighter_limit_does_not_fork_the_chain() {
    let rules = r"auto_allowed: [hostname, 'cat [a-z/A-Z0-9._-]+']";
    let lab = lab!(&format!(
        "{rules}\nlimits: {{output: 4MiB, log_inline: 4MiB, log_line: 64MiB}}\n"
    ));
    let path = lab.mark("big");
    fs::write(&path, "y".repeat(5_000_000)).unwrap();
    lab.ask(&format!("cat {path}")).is("executed", 0);
    lab.configure(&format!(
        "{rules}\nlimits: {{output: 4KiB, log_line: 256KiB}}\n"
    ));
    lab.ask("hostname").is("executed", 0);
    lab.log_is_whole();
}

#[test]
fn secrets_are_taken_out_of_messages_and_origins_too() {
    let lab = lab!(&format!(
        "{RULES}redact: [{{id: pw, pattern: 'password=(?P<secret>\\S+)', keywords: [password]}}]\n"
    ));
    let mut message = request("touch password=hunter2");
    message["requester"] = "password=hunter2".into();
    message["reason"] = "password=hunter2".into();
    lab.send(message.to_string()).is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    lab.send("Approve").is("expired", 3);
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_reason_for_a_denial_is_in_the_log() {
    let lab = lab!();
    lab.ask("touch x").is("approval_requested", 0);
    lab.send("Deny not on a Friday").is("denied", 0);
    assert!(
        fs::read_to_string(lab.path("audit.jsonl"))
            .unwrap()
            .contains("not on a Friday")
    );
}

#[test]
fn a_wrong_code_is_not_answered_with_nothing_waits() {
    let lab = lab!();
    let asked = lab.ask("touch x").is("approval_requested", 0);
    let other = if asked.text("code") == "2B2B" {
        "3C3C"
    } else {
        "2B2B"
    };
    let answer = lab.send(format!("Approve {other}")).is("expired", 3);
    assert!(
        !answer.text("message").contains("Nothing is waiting"),
        "{answer:?}"
    );
}

#[test]
fn what_was_judged_has_its_risk_whatever_happens_next() {
    let lab = lab!(&format!("{RULES}approvals: {{pending: 1}}\n"));
    lab.ask("touch x").is("approval_requested", 0);
    let full = lab.ask("touch y").is("rejected", 3);
    assert_eq!(full.json["risk"], "approval_required");
    let log = lab.log();
    assert_eq!(log.last().unwrap()["risk"], "approval_required");
}
