//! Runs from outside: every way a run can end has its own status and a record.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;
use crate::sshd::signal;

/// Everything is allowed by a human: these tests are about what happens after that.
fn approved(lab: &Lab, command: &str) -> Answer {
    lab.ask(command).is("approval_requested", 0);
    lab.send("Approve")
}

fn approved_within(lab: &Lab, command: &str, seconds: u64) -> Answer {
    let mut message = request(command);
    message["timeout"] = seconds.into();
    lab.send(message.to_string()).is("approval_requested", 0);
    lab.send("Approve")
}

#[test]
fn a_failing_command_was_executed_all_the_same() {
    let lab = lab!();
    for (command, code) in [
        ("exit 1", 1),
        ("exit 127", 127),
        ("exit 255", 255),
        ("no-such-program", 127),
    ] {
        let answer = approved(&lab, command).is("executed", 0);
        assert_eq!(answer.json["exit_code"], code, "{command}");
    }
}

#[test]
fn output_of_a_missing_program_is_kept() {
    let lab = lab!();
    let answer = approved(&lab, "echo before; no-such-program").is("executed", 0);
    assert_eq!(answer.text("stdout"), "before\n");
    assert!(
        answer.text("stderr").contains("no-such-program"),
        "{answer:?}"
    );
}

#[test]
fn death_by_a_signal_is_told() {
    let lab = lab!();
    let answer = approved(&lab, "bash -c 'kill -9 $$'").is("executed", 0);
    assert_eq!(
        (&answer.json["exit_code"], &answer.json["signal"]),
        (&137.into(), &9.into())
    );
    assert!(answer.text("message").contains("signal 9"));
}

#[test]
fn a_command_over_its_time_is_ended_on_the_target() {
    let lab = lab!();
    let mark = lab.mark("late");
    let command = format!("echo begun; sleep 3; touch {mark}");
    let answer = approved_within(&lab, &command, 1)
        .is("timed_out", 6)
        .says("limit of 1 s");
    assert_eq!(answer.text("stdout"), "begun\n");
    sleep(Duration::from_secs(3));
    assert!(!Path::new(&mark).exists(), "it went on after its time");
    lab.log_is_whole();
}

#[test]
fn a_command_that_ignores_term_is_ended_all_the_same() {
    let lab = lab!();
    let mark = lab.mark("stubborn");
    let command = format!("trap '' TERM; sleep 2; sleep 2; touch {mark}");
    approved_within(&lab, &command, 1).is("timed_out", 6);
    sleep(Duration::from_secs(4));
    assert!(!Path::new(&mark).exists(), "it went on after its time");
}

#[test]
fn a_target_that_is_not_there_was_never_reached() {
    let mut lab = lab!();
    lab.sshd.stop();
    let answer = lab
        .ask("hostname")
        .is("unreachable", 6)
        .says("never started");
    assert!(answer.json["exit_code"].is_null());
    assert_eq!(lab.events(), ["intent started", "outcome unreachable"]);
    lab.sshd.restart();
    lab.ask("hostname").is("executed", 0);
}

#[test]
fn a_changed_host_key_is_refused() {
    let lab = lab!();
    lab.sshd.pin("other");
    fs::copy(lab.sshd.path("known_hosts"), lab.path(".ssh/known_hosts")).unwrap();
    lab.ask("hostname").is("unreachable", 6).says("key");
}

#[test]
fn an_unknown_host_key_is_refused() {
    let lab = lab!();
    fs::write(lab.path(".ssh/known_hosts"), "").unwrap();
    lab.ask("hostname").is("unreachable", 6).says("key");
}

#[test]
fn a_pin_that_changes_is_obeyed_even_while_a_connection_is_open() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.sshd.pin("other");
    fs::copy(lab.sshd.path("known_hosts"), lab.path(".ssh/known_hosts")).unwrap();
    lab.ask("hostname").is("unreachable", 6);
}

#[test]
fn a_key_that_is_not_accepted_is_said() {
    let lab = lab!();
    fs::copy(lab.sshd.path("other"), lab.path(".ssh/id_ed25519")).unwrap();
    lab.ask("hostname").is("unreachable", 6).says("key");
}

#[test]
fn a_master_that_was_killed_is_replaced() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let masters = lab.sshd.masters();
    assert_eq!(masters.len(), 1);
    signal(masters[0], Signal::KILL);
    lab.ask("hostname").is("executed", 0);
}

#[test]
fn the_next_invocation_reuses_the_connection() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let first = lab.sshd.masters();
    lab.ask("hostname").is("executed", 0);
    assert_eq!(lab.sshd.masters(), first);
    assert_eq!(lab.sshd.connections().len(), lab.sshd.connections().len());
}

#[test]
fn a_target_that_reboots_in_mid_command_leaves_the_outcome_unknown() {
    let mut lab = lab!();
    let mark = lab.mark("begun");
    lab.ask(&format!("touch {mark}; sleep 20"))
        .is("approval_requested", 0);
    let child = lab.start(b"Approve");
    wait_for(&mark);
    lab.sshd.stop();
    let answer = Answer::of(child.wait_with_output().unwrap())
        .is("lost", 6)
        .says("unknown");
    assert!(answer.json["exit_code"].is_null());
    lab.sshd.restart();
    lab.ask("hostname").is("executed", 0);
    lab.log_is_whole();
}

#[test]
fn a_gigabyte_of_output_needs_little_memory() {
    let lab = lab!();
    lab.ask("cat /dev/zero | head -c 1G")
        .is("approval_requested", 0);
    let child = lab.start(b"Approve");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut gone = false;
    while !gone {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .and_then(|kib| kib.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        gone = kib.is_none();
        sleep(Duration::from_millis(20));
    }
    let answer = Answer::of(child.wait_with_output().unwrap()).is("executed", 0);
    assert_eq!(answer.json["stdout_facts"]["bytes"], 1_u64 << 30);
    // SHA-256 of 2^30 zero bytes, by sha256sum(1).
    assert_eq!(
        answer.json["stdout_facts"]["sha256"],
        "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
    );
    assert!(peak > 0 && peak < 64 * 1024, "{peak} KiB");
}

#[test]
fn a_reader_after_the_program_ends_with_it() {
    let lab = lab!();
    // The master must not keep the pipe open: `| cat` would hang for as long as it lives.
    let line = format!(
        "echo '{}' | {} | cat",
        request("hostname"),
        lab.command(&[]).get_program().display()
    );
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &line])
        .env("AIOPS_HOME", lab.path(""))
        .env_remove("SUDO_UID");
    let begun = std::time::Instant::now();
    let output = shell.output().unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("executed")
    );
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_reader_that_went_away_changes_nothing_in_the_record() {
    let lab = lab!();
    let mut child = lab.start(request("hostname").to_string().as_bytes());
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(lab.events(), ["intent started", "outcome executed"]);
}

#[test]
fn the_environment_of_the_caller_does_not_reach_the_target() {
    let lab = lab!();
    let mut command = lab.command(&[]);
    command
        .env("LD_PRELOAD", "")
        .env("EVIL", "1")
        .env("LANG", "xx")
        .arg0("run_action.py");
    lab.ask("env").is("approval_requested", 0);
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"Approve").unwrap();
    let answer = Answer::of(child.wait_with_output().unwrap()).is("executed", 0);
    assert!(!answer.text("stdout").contains("EVIL"), "{answer:?}");
}

#[test]
fn an_opaque_command_is_sent_exactly_as_it_was_shown() {
    let lab = lab!();
    let command = "for i in 1 2; do echo \"$i\t*\"; done # trailing \\";
    let answer = approved(&lab, command).is("executed", 0);
    assert_eq!(answer.text("stdout"), "1\t*\n2\t*\n");
    let intent = lab
        .log()
        .into_iter()
        .find(|record| record["event"] == "intent")
        .unwrap();
    assert_eq!(intent["command"], command);
    assert!(intent.get("sent").is_none());
}

#[test]
fn a_home_that_is_too_deep_is_said_before_anything_runs() {
    let lab = lab!();
    let deep = lab.path("work").join("d".repeat(80));
    fs::create_dir(&deep).unwrap();
    for name in ["config.yml", "audit.jsonl"] {
        fs::copy(lab.path(name), deep.join(name)).unwrap();
    }
    fs::create_dir(deep.join("runtime")).unwrap();
    crate::lab::mode(&deep.join("runtime"), 0o700);
    let mut command = lab.command(&[]);
    command.env("AIOPS_HOME", &deep);
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        request("hostname").to_string().as_bytes(),
    )
    .unwrap();
    Answer::of(child.wait_with_output().unwrap())
        .is("error", 4)
        .says("too long");
}

/// Waits until a command on the target made its mark.
#[track_caller]
pub fn wait_for(mark: &str) {
    for _ in 0..1000 {
        if Path::new(mark).exists() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{mark} never came");
}
