//! Faults injected at each system call: a run implies an intent on disk, and nothing runs twice.
//!
//! strace(1) kills the program, or fails a call with an error, at the n-th call of a kind. It does
//! not matter what the program answers then; what matters is what is on disk and on the target.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;

/// Starts the program under strace(1) with one more option, and writes the trace to a file. The
/// program's own death by a signal becomes strace's.
pub fn strace(lab: &Lab, arguments: &[&str], expression: &str, trace: &Path) -> Command {
    let program = lab.command(arguments);
    let mut strace = Command::new("strace");
    strace
        .arg("-o")
        .arg(trace)
        .args(["-e", expression])
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    strace
}

/// Runs the program under strace(1) with a message on its standard input.
fn traced(lab: &Lab, arguments: &[&str], message: &str, expression: &str) -> (ExitStatus, String) {
    let trace = lab.path("work/trace");
    let mut child = strace(lab, arguments, expression, &trace).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    let status = child.wait().unwrap();
    (status, fs::read_to_string(&trace).unwrap_or_default())
}

/// Kills the program at a call. False if that call never came.
pub fn killed_at(lab: &Lab, arguments: &[&str], message: &str, call: &str, n: usize) -> bool {
    let expression = format!("inject={call}:signal=KILL:when={n}");
    traced(lab, arguments, message, &expression).0.signal() == Some(9)
}

/// Makes a call fail. False if that call never came.
fn failed_at(lab: &Lab, message: &str, inject: &str) -> bool {
    traced(lab, &[], message, &format!("inject={inject}"))
        .1
        .contains("(INJECTED)")
}

/// Every call of an undisturbed run, by name, and how often it comes.
pub fn calls(lab: &Lab, arguments: &[&str], message: &str) -> BTreeMap<String, usize> {
    let (_, trace) = traced(lab, arguments, message, "trace=all");
    let mut calls = BTreeMap::new();
    for line in trace.lines() {
        let name: String = line
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        if line.starts_with(&format!("{name}(")) && name != "execve" {
            *calls.entry(name).or_insert(0) += 1;
        }
    }
    calls
}

/// How many lines the runs on the target left.
fn runs(mark: &str) -> usize {
    fs::read_to_string(mark).unwrap_or_default().lines().count()
}

/// What must hold after every fault.
#[track_caller]
fn holds(lab: &Lab, mark: &str, intents_before: usize, fault: &str) {
    let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    let intents = text
        .lines()
        .filter(|line| line.contains("\"event\":\"intent\""))
        .count();
    let ran = runs(mark);
    assert!(
        ran <= intents - intents_before,
        "{fault}: {ran} runs and {intents} intents\n{text}"
    );
    assert!(ran <= 1, "{fault}: it ran {ran} times");
    let report = lab.run(&["audit", "verify", "--json"], "");
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["damage"], serde_json::json!([]), "{fault}: {report}");
}

pub fn strace_is_here() -> bool {
    let here = Path::new("/usr/bin/strace").exists();
    if !here {
        eprintln!("SKIPPED: strace is not installed");
    }
    here
}

#[test]
fn killed_at_any_system_call_no_run_is_without_its_intent() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!("auto_allowed: ['tee -a [a-zA-Z0-9/._-]+', 'echo x']\n");
    let message = |mark: &str| request(&format!("echo x | tee -a {mark}")).to_string();
    assert_eq!(lab.send(message(&lab.mark("warm"))).exit, 0);
    let calls = calls(&lab, &[], &message(&lab.mark("clean")));
    assert_eq!(runs(&lab.mark("clean")), 1);
    let mut kills = 0;
    for (call, count) in calls {
        for n in 1..=count {
            let mark = lab.mark(&format!("{call}-{n}"));
            let before = intents(&lab);
            kills += usize::from(killed_at(&lab, &[], &message(&mark), &call, n));
            holds(&lab, &mark, before, &format!("killed at {call} {n}"));
        }
    }
    assert!(kills > 100, "only {kills} kills");
}

#[test]
fn killed_at_any_system_call_of_an_approval_it_runs_at_most_once() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!();
    let ask = |mark: &str| {
        lab.ask(&format!("echo x >> {mark}"))
            .is("approval_requested", 0)
    };
    ask(&lab.mark("warm"));
    assert_eq!(lab.send("Approve").exit, 0);
    ask(&lab.mark("clean"));
    let calls = calls(&lab, &[], "Approve");
    assert_eq!(runs(&lab.mark("clean")), 1);
    let mut kills = 0;
    for (call, count) in calls {
        for n in 1..=count {
            let mark = lab.mark(&format!("{call}-{n}"));
            let before = intents(&lab);
            ask(&mark);
            kills += usize::from(killed_at(&lab, &[], "Approve", &call, n));
            // Whoever says the word again must not make it run again.
            let mut again = lab.send("Approve");
            if again.text("status") == "ambiguous" {
                // The word may have been meant for what an earlier kill took away.
                let code = again.json["pending"][0]["code"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                again = lab.send(format!("Approve {code}"));
            }
            let status = again.text("status");
            assert!(
                status == "executed" || status == "expired",
                "{call} {n}: {again:?}"
            );
            holds(&lab, &mark, before, &format!("killed at {call} {n}"));
        }
    }
    assert!(kills > 100, "only {kills} kills");
}

#[test]
fn a_call_that_fails_never_lets_a_run_go_unrecorded() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!("auto_allowed: ['tee -a [a-zA-Z0-9/._-]+', 'echo x']\n");
    let faults = [
        ("write", "EIO"),
        ("write", "ENOSPC"),
        ("fdatasync", "EIO"),
        ("fdatasync", "EROFS"),
        ("flock", "ENOLCK"),
        ("openat", "EACCES"),
        ("openat", "EMFILE"),
        ("pread64", "EIO"),
        ("connect", "ECONNREFUSED"),
        ("sendmsg", "EPIPE"),
        ("socket", "EMFILE"),
    ];
    let message = |mark: &str| request(&format!("echo x | tee -a {mark}")).to_string();
    assert_eq!(lab.send(message(&lab.mark("warm"))).exit, 0);
    for (call, error) in faults {
        for n in 1..30 {
            let mark = lab.mark(&format!("{call}-{error}-{n}"));
            let before = intents(&lab);
            let inject = format!("{call}:error={error}:when={n}");
            let injected = failed_at(&lab, &message(&mark), &inject);
            holds(&lab, &mark, before, &inject);
            if !injected {
                assert!(n > 1, "{call} is never called");
                break;
            }
        }
    }
}

fn intents(lab: &Lab) -> usize {
    let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    text.lines()
        .filter(|line| line.contains("\"event\":\"intent\""))
        .count()
}

/// A log whose next record but one begins a new segment, and is signed.
fn ready_to_rotate(lab: &Lab) {
    let mut live = fs::File::options()
        .append(true)
        .open(lab.path("audit.jsonl"))
        .unwrap();
    writeln!(live, "{}", "x".repeat(66_000)).unwrap();
    lab.ask("mkfs x").is("rejected", 3);
}

/// The log goes on, has one record more than before where one was promised, and is whole to somebody
/// who reads on and trusts the first key alone. Gives how many records it has.
#[track_caller]
fn goes_on(lab: &Lab, key: &str, before: u64, promised: u64, fault: &str) -> u64 {
    lab.ask("mkfs x").is("rejected", 3);
    let state = lab.mark("state");
    let verify = [
        "audit", "verify", "--json", "--key", key, "--resume", &state,
    ];
    let report = lab.run(&verify, "");
    let said = String::from_utf8_lossy(&report.stderr);
    let report: serde_json::Value =
        serde_json::from_slice(&report.stdout).unwrap_or_else(|_| panic!("{fault}: {said}"));
    assert_eq!(report["damage"], serde_json::json!([]), "{fault}: {report}");
    let records = report["records"].as_u64().unwrap();
    let more = records - before;
    assert!(more > promised, "{fault}: only {more} more records");
    records
}

/// Calls by which the log, its segments, checkpoints and keys change, and how each may fail.
const CHANGES: [(&str, &str); 14] = [
    ("write", "ENOSPC"),
    ("copy_file_range", "EIO"),
    ("sendfile", "ENOSPC"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("ftruncate", "EPERM"),
    ("renameat", "EROFS"),
    ("renameat2", "EROFS"),
    ("linkat", "EROFS"),
    ("unlink", "EROFS"),
    ("mkdir", "ENOSPC"),
    ("fchmod", "EPERM"),
    ("ioctl", "EIO"),
    ("flock", "ENOLCK"),
];

const ROTATING: &str =
    "forbidden: [mkfs]\nlimits: {log_segment: 64KiB}\ncheckpoints: {records: 1, journald: false}\n";

/// Breaks an invocation, to which one call belongs in any case, at every call that changes something.
fn broken_everywhere(
    belongs: &str,
    arguments: &[&str],
    message: &str,
    promised_by: Option<i32>,
    ready: impl Fn(&Lab),
) {
    if !strace_is_here() {
        return;
    }
    let lab = lab!(ROTATING);
    lab.ask("mkfs x").is("rejected", 3);
    let key = lab.run(&["audit", "key", "show"], "").stdout;
    let key = String::from_utf8(key).unwrap().trim().to_owned();
    ready(&lab);
    let calls = calls(&lab, arguments, message);
    assert!(calls.contains_key(belongs), "{calls:?}");
    let mut records = goes_on(&lab, &key, 0, 0, "nothing");
    let mut broken = 0;
    for (call, error) in CHANGES {
        for n in 1..=calls.get(call).copied().unwrap_or(0) {
            // It dies there; it fails there; it fails from there on.
            let ways = [
                format!("signal=KILL:when={n}"),
                format!("error={error}:when={n}"),
                format!("error={error}:when={n}+"),
            ];
            for how in ways {
                ready(&lab);
                let inject = format!("inject={call}:{how}");
                let (status, _) = traced(&lab, arguments, message, &inject);
                // What was answered as always is in the log.
                let promised = u64::from(promised_by.is_some() && status.code() == promised_by);
                records = goes_on(&lab, &key, records, promised, &inject);
                broken += 1;
            }
        }
    }
    assert!(broken > 20, "only {broken} faults");
    let whole = lab.run(&["audit", "verify", "--key", &key], "");
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
}

#[test]
fn broken_at_any_change_a_record_that_begins_a_segment_is_there_once_or_was_not_promised() {
    let message = request("mkfs x").to_string();
    broken_everywhere("ftruncate", &[], &message, Some(3), ready_to_rotate);
}

#[test]
fn broken_at_any_change_the_exchange_of_a_key_loses_nobody_who_trusts_the_first_one() {
    broken_everywhere("renameat", &["audit", "key", "rotate"], "", None, |lab| {
        let made = lab.run(&["audit", "checkpoint"], "");
        assert_eq!(made.status.code(), Some(0), "{made:?}");
    });
}
