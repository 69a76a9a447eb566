//! The room against a real server: each way in which a run can end.
//!
//! **Reads** what the other files of this room do on a private `sshd`.
//! **Gives** nothing.
//! **Never** uses this machine's own SSH configuration.

#[expect(unreachable_pub, reason = "the other test binaries use it too")]
#[path = "../../tests/it/sshd.rs"]
mod sshd;

use std::env;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;

use chrono::DateTime;

use super::*;
use crate::caller::Caller;
use crate::caller::Through;
use crate::freeze::Extent;
use crate::freeze::Freezes;
use crate::freeze::Mark;
use crate::outcome::Exceeded;
use crate::target::Name;
use sshd::Sshd;
use sshd::signal;

fn settings(server: &Sshd) -> Settings {
    settings_in(&server.path(""))
}

fn settings_in(dir: &Path) -> Settings {
    Settings {
        key: dir.join("key"),
        known_hosts: dir.join("known_hosts"),
        sockets: dir.join("s"),
        connect_timeout: Duration::from_secs(20),
        persist: Duration::from_secs(60),
        alive_interval: Duration::from_secs(5),
        alive_count: 2,
        masters_per_target: 4,
        kill_grace: Duration::from_secs(1),
        drain: Duration::from_millis(300),
        output_bytes: 64 * 1024,
        output_read_bytes: 1 << 31,
        path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        ssh_program: "/usr/bin/ssh".into(),
    }
}

fn host(server: &Sshd) -> Host {
    Host::new("127.0.0.1", server.port(), server.user()).unwrap()
}

/// The brake of a target that nobody ever froze.
fn free() -> Brake {
    brake(Path::new("/nowhere"))
}

fn brake(dir: &Path) -> Brake {
    Brake::new(Freezes::new(dir.join("freeze")), name())
}

fn name() -> Name {
    Name::parse("srv1").unwrap()
}

/// Freezes the target as an operator does.
fn freeze(server: &Sshd, stop: bool) {
    let caller = Caller {
        uid: 1000,
        user: "alice".to_owned(),
        through: Through::Direct,
        disputed: None,
    };
    let mark = Mark::new(&caller, DateTime::UNIX_EPOCH, "smoke", stop);
    let freezes = Freezes::new(server.path("freeze"));
    drop(freezes.put(&Extent::Target(name()), &mark).unwrap());
}

fn run_with(settings: Settings, server: &Sshd, text: &str, seconds: u64) -> (Outcome, Transcript) {
    let hand = Hand::ready(settings, brake(&server.path(""))).unwrap();
    hand.run_text(&host(server), text, Duration::from_secs(seconds))
}

fn run(server: &Sshd, text: &str) -> (Outcome, Transcript) {
    run_with(settings(server), server, text, 60)
}

fn exited(code: i32) -> Outcome {
    Outcome::Exited { code, signal: None }
}

#[track_caller]
fn check(server: &Sshd, text: &str, outcome: Outcome, stdout: &str, stderr: &str) {
    let (was, transcript) = run(server, text);
    assert_eq!(
        (
            was,
            transcript.stdout.text.as_str(),
            transcript.stderr.text.as_str()
        ),
        (outcome, stdout, stderr),
        "{text}"
    );
}

#[track_caller]
fn unreachable(outcome: &Outcome, words: &str) {
    let Outcome::Unreachable { why, hint } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains(words), "{why}");
    assert!(!hint.is_empty());
}

#[track_caller]
fn eventually(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A command that says when it started, and then takes its time.
fn long(server: &Sshd, seconds: u32) -> String {
    format!(": >{}; sleep {seconds}", server.path("started").display())
}

#[track_caller]
fn started(server: &Sshd) {
    let mark = server.path("started");
    eventually("it never starts", || fs::remove_file(&mark).is_ok());
}

/// Runs a text in a process of its own: this test binary, started anew for one test.
fn spawn(server: &Sshd, text: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "ssh::tests::a_run_of_its_own",
            "--ignored",
            "--nocapture",
        ])
        .env("RUN_DIR", server.path(""))
        .env("RUN_PORT", server.port().to_string())
        .env("RUN_USER", server.user())
        .env("RUN_TEXT", text)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn said(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "is started by other tests, in a process of its own"]
fn a_run_of_its_own() {
    let Ok(dir) = env::var("RUN_DIR") else { return };
    let settings = settings_in(Path::new(&dir));
    let port = env::var("RUN_PORT").unwrap().parse().unwrap();
    let host = Host::new("127.0.0.1", port, &env::var("RUN_USER").unwrap()).unwrap();
    let hand = Hand::ready(settings, brake(Path::new(&dir))).unwrap();
    println!("READY");
    let begun = Instant::now();
    let text = env::var("RUN_TEXT").unwrap();
    let (outcome, transcript) = hand.run_text(&host, &text, Duration::from_secs(60));
    let memory = fs::read_to_string("/proc/self/status").unwrap();
    let peak = memory
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap()
        .to_owned();
    println!("TOOK {:?} {peak}", begun.elapsed());
    println!("OUTCOME {outcome:?} {} bytes", transcript.stdout.bytes);
}

#[test]
fn a_command_runs_and_its_streams_and_code_come_back_exactly() {
    let Some(server) = Sshd::start() else { return };
    check(
        &server,
        "printf 'a\\nb'; printf 'c\\n' >&2; exit 3",
        exited(3),
        "a\nb",
        "c\n",
    );
    check(&server, "true", exited(0), "", "");
    check(&server, "exit 255", exited(255), "", "");
    check(&server, "exit 124", exited(124), "", "");
    check(
        &server,
        "echo before; exit 127",
        exited(127),
        "before\n",
        "",
    );
    check(
        &server,
        "echo out; no-such-program-at-all",
        exited(127),
        "out\n",
        "bash: line 1: no-such-program-at-all: command not found\n",
    );
}

#[test]
fn a_death_by_signal_is_told_with_its_signal() {
    let Some(server) = Sshd::start() else { return };
    for (text, number) in [
        ("kill -KILL $$", 9),
        ("kill -TERM $$", 15),
        ("exec sh -c 'kill -SEGV $$'", 11),
    ] {
        let dead = Outcome::Exited {
            code: 128 + number,
            signal: Some(number),
        };
        check(&server, &format!("echo x; {text}"), dead, "x\n", "");
    }
    let (outcome, _) = run(&server, "sh -c 'kill -KILL $$'; exit $?");
    assert_eq!(
        outcome,
        Outcome::Exited {
            code: 137,
            signal: Some(9)
        }
    );
}

#[test]
fn the_command_finds_nothing_of_ours_around_it() {
    let Some(server) = Sshd::start() else { return };
    let (outcome, transcript) = run(
        &server,
        "echo \"$# $0\"; cat; readlink /proc/$$/fd/*; env | cut -d= -f1 | sort",
    );
    assert_eq!(outcome, exited(0));
    let text = transcript.stdout.text;
    assert!(text.starts_with("0 bash\n/dev/null\npipe:"), "{text}");
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("pipe:"))
            .count(),
        2,
        "{text}"
    );
    let names: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("DEBIAN"))
        .collect();
    assert_eq!(
        names,
        [
            "DEBIAN_FRONTEND",
            "HOME",
            "LANG",
            "LC_ALL",
            "LOGNAME",
            "NO_COLOR",
            "PAGER",
            "PATH",
            "PWD",
            "SHELL",
            "SHLVL",
            "SYSTEMD_COLORS",
            "SYSTEMD_PAGER",
            "TERM",
            "USER",
            "_"
        ]
    );
}

#[test]
fn noise_of_start_up_files_is_cut_off_and_other_shells_do() {
    for force in [
        "ForceCommand echo noise; printf noise >&2; eval \"$SSH_ORIGINAL_COMMAND\"",
        "ForceCommand set -xv; echo noise; eval \"$SSH_ORIGINAL_COMMAND\"",
        "ForceCommand head -c 300000 /dev/zero; eval \"$SSH_ORIGINAL_COMMAND\"",
        "ForceCommand trap 'echo bye' EXIT; eval \"$SSH_ORIGINAL_COMMAND\"",
        "ForceCommand alias env=false; printf() { builtin printf \"$@\"; }; eval \"$SSH_ORIGINAL_COMMAND\"",
        "ForceCommand exec dash -c \"$SSH_ORIGINAL_COMMAND\"",
    ] {
        let Some(server) = Sshd::with(&[force]) else {
            return;
        };
        check(
            &server,
            "echo out; echo err >&2; exit 4",
            exited(4),
            "out\n",
            "err\n",
        );
        check(
            &server,
            "kill -KILL $$",
            Outcome::Exited {
                code: 137,
                signal: Some(9),
            },
            "",
            "",
        );
    }
}

#[test]
fn a_login_that_runs_nothing_was_never_reached() {
    let force = "ForceCommand echo This account is currently not available.; exit 1";
    let Some(server) = Sshd::with(&[force]) else {
        return;
    };
    let (outcome, _) = run(&server, "touch /nonexistent");
    unreachable(
        &outcome,
        "ended with 1 before the start (This account is currently not",
    );
}

#[test]
fn a_target_without_what_a_run_needs_was_never_reached() {
    let Some(server) = Sshd::start() else { return };
    let settings = Settings {
        path: "/nowhere".to_owned(),
        ..settings(&server)
    };
    let (outcome, _) = run_with(settings, &server, "true", 60);
    unreachable(&outcome, "the target lacks env, timeout, bash");
}

#[test]
fn the_next_run_uses_the_same_master_and_it_holds_nothing_of_ours() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    let masters = server.masters();
    assert_eq!(masters.len(), 1);
    assert!(said(spawn(&server, "echo 2")).contains("Exited { code: 0"));
    check(&server, "echo 3", exited(0), "3\n", "");
    assert_eq!(server.masters(), masters);
    for fd in 0..3 {
        let link = fs::read_link(format!("/proc/{}/fd/{fd}", masters[0])).unwrap();
        assert_eq!(link, Path::new("/dev/null"));
    }
    eventually("the master keeps a pipe of a run that is over", || {
        let fds = fs::read_dir(format!("/proc/{}/fd", masters[0])).unwrap();
        let links = fds.map(|fd| fs::read_link(fd.unwrap().path()).unwrap_or_default());
        !links
            .into_iter()
            .any(|link| link.to_string_lossy().starts_with("pipe:"))
    });
    let names: Vec<_> = fs::read_dir(server.path("s"))
        .unwrap()
        .map(|e| e.unwrap())
        .collect();
    assert_eq!(names.len(), 2, "a socket and a lock: {names:?}");
}

#[test]
fn a_master_that_was_killed_is_replaced() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    let masters = server.masters();
    masters.iter().for_each(|&pid| signal(pid, Signal::KILL));
    eventually("the master stays", || server.masters().is_empty());
    check(&server, "echo 2", exited(0), "2\n", "");
    assert_eq!(server.masters().len(), 1);
    assert_ne!(server.masters(), masters);
}

#[test]
fn a_master_that_hangs_is_replaced() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    let masters = server.masters();
    masters.iter().for_each(|&pid| signal(pid, Signal::STOP));
    let settings = Settings {
        connect_timeout: Duration::from_secs(8),
        ..settings(&server)
    };
    let (outcome, transcript) = run_with(settings, &server, "echo 2", 60);
    assert_eq!(
        (outcome, transcript.stdout.text.as_str()),
        (exited(0), "2\n")
    );
    eventually("the hung one stays", || {
        !server.masters().contains(&masters[0])
    });
}

#[test]
fn a_target_that_was_started_anew_is_reached_anew() {
    let Some(mut server) = Sshd::start() else {
        return;
    };
    check(&server, "echo 1", exited(0), "1\n", "");
    server.restart();
    check(&server, "echo 2", exited(0), "2\n", "");
}

#[test]
fn twenty_at_once_on_a_cold_target_start_one_master() {
    let Some(server) = Sshd::with(&["MaxSessions 100"]) else {
        return;
    };
    let children: Vec<_> = (0..20)
        .map(|n| spawn(&server, &format!("exit {n}")))
        .collect();
    for (n, child) in children.into_iter().enumerate() {
        let said = said(child);
        assert!(said.contains(&format!("Exited {{ code: {n},")), "{said}");
    }
    assert_eq!(server.masters().len(), 1);
}

#[test]
fn more_commands_than_one_connection_carries_all_run() {
    let Some(server) = Sshd::with(&["MaxSessions 4"]) else {
        return;
    };
    let children: Vec<_> = (0..14).map(|_| spawn(&server, "sleep 0.7")).collect();
    for child in children {
        let said = said(child);
        assert!(said.contains("Exited { code: 0"), "{said}");
    }
    let masters = server.masters().len();
    assert!((2..=4).contains(&masters), "{masters}");
}

#[test]
fn where_no_session_is_free_in_time_nothing_was_started() {
    let Some(server) = Sshd::with(&["MaxSessions 1"]) else {
        return;
    };
    let mut first = spawn(&server, &long(&server, 30));
    started(&server);
    let settings = Settings {
        masters_per_target: 1,
        connect_timeout: Duration::from_secs(2),
        ..settings(&server)
    };
    let (outcome, transcript) = run_with(settings, &server, "echo no", 60);
    unreachable(&outcome, "was taken by other commands within 2 s");
    assert_eq!(transcript.stdout.bytes, 0);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_command_over_its_time_is_ended_on_the_target() {
    let Some(server) = Sshd::start() else { return };
    for text in [
        "echo begun; sleep 300",
        "echo begun; timeout 290 sleep 300",
        "echo begun; trap '' TERM; sleep 300 & wait; sleep 300",
        "echo begun; set -m; sleep 300 & sleep 300",
    ] {
        let (outcome, transcript) = run_with(settings(&server), &server, text, 1);
        let limit = Exceeded::Time(Duration::from_secs(1));
        assert_eq!(
            outcome,
            Outcome::TimedOut {
                limit,
                still_running: false
            },
            "{text}"
        );
        assert_eq!(transcript.stdout.text, "begun\n");
        eventually("it stays", || server.left().is_empty());
    }
}

#[test]
fn who_left_the_session_and_still_writes_does_not_hold_us() {
    let Some(server) = Sshd::start() else { return };
    let mark = server.path("key").display().to_string();
    let flood = format!("setsid sh -c 'while [ -e {mark} ]; do echo x; sleep 0.1; done' &");
    let (outcome, _) = run_with(settings(&server), &server, &format!("{flood} sleep 300"), 1);
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome:?}");
    let (outcome, _) = run(&server, &flood);
    assert_eq!(outcome, exited(0));
}

#[test]
fn not_a_byte_is_lost_at_the_end() {
    let Some(server) = Sshd::start() else { return };
    for round in 0..20 {
        let text = "head -c 60000 /dev/zero; printf '\n'; exec head -c 65000 /dev/zero >&2";
        let (outcome, transcript) = run(&server, text);
        assert_eq!(outcome, exited(0));
        let bytes = (transcript.stdout.bytes, transcript.stderr.bytes);
        assert_eq!(bytes, (60_001, 65_000), "{round}");
    }
}

#[test]
fn the_time_limit_holds_where_the_remote_clock_does_not_end_it() {
    // The command stops the `timeout` above it: only our own clock is left.
    let Some(server) = Sshd::start() else { return };
    let settings = Settings {
        connect_timeout: Duration::from_secs(4),
        ..settings(&server)
    };
    let (outcome, _) = run_with(settings, &server, "kill -STOP $PPID; sleep 300", 1);
    let limit = Exceeded::Time(Duration::from_secs(1));
    assert_eq!(
        outcome,
        Outcome::TimedOut {
            limit,
            still_running: false
        }
    );
    eventually("it stays", || server.left().is_empty());
}

#[test]
fn a_child_in_the_background_does_not_hold_us() {
    let Some(server) = Sshd::start() else { return };
    let begun = Instant::now();
    let (outcome, transcript) = run(&server, "sleep 30 & echo $!");
    assert_eq!(outcome, exited(0));
    signal(transcript.stdout.text.trim().parse().unwrap(), Signal::KILL);
    assert!(begun.elapsed() < Duration::from_secs(25));
}

#[test]
fn endless_output_is_ended_at_the_read_limit() {
    let Some(server) = Sshd::start() else { return };
    for text in ["yes", "trap '' PIPE; yes; while :; do sleep 1; done"] {
        let settings = Settings {
            output_read_bytes: 1 << 20,
            ..settings(&server)
        };
        let (outcome, transcript) = run_with(settings, &server, text, 60);
        let limit = Exceeded::OutputBytes(1 << 20);
        assert_eq!(
            outcome,
            Outcome::TimedOut {
                limit,
                still_running: false
            },
            "{text}"
        );
        assert!(transcript.stdout.truncated);
        assert!(transcript.stdout.text.contains(" bytes cut ...]\n"));
        eventually("it stays", || server.left().is_empty());
    }
}

#[test]
fn long_output_is_counted_and_hashed_whole_and_kept_in_part() {
    let Some(server) = Sshd::start() else { return };
    let (outcome, transcript) = run(&server, "seq 1000000; seq 300000 >&2");
    assert_eq!(outcome, exited(0));
    let all: String = (1..=1_000_000).map(|n| format!("{n}\n")).collect();
    let mut capture = Capture::new(64 * 1024);
    capture.take(all.as_bytes());
    assert_eq!(transcript.stdout, capture.finish());
    assert!(transcript.stderr.truncated);
}

#[test]
fn a_signal_to_us_ends_the_command_on_the_target() {
    let Some(server) = Sshd::start() else { return };
    for (with, number) in [(Signal::TERM, 15), (Signal::INT, 2), (Signal::HUP, 1)] {
        let child = spawn(&server, &long(&server, 300));
        started(&server);
        signal(child.id(), with);
        let said = said(child);
        let expected =
            format!("Interrupted {{ signal: {number}, started: true, still_running: false }}");
        assert!(said.contains(&expected), "{said}");
        eventually("it stays", || server.left().is_empty());
    }
}

#[test]
fn a_signal_before_the_start_starts_nothing() {
    let Some(server) = Sshd::with(&["ForceCommand sleep 60"]) else {
        return;
    };
    let mut child = spawn(&server, "echo no");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap() == "READY")
        .unwrap()
        .unwrap();
    signal(child.id(), Signal::TERM);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(
        rest.concat()
            .contains("Interrupted { signal: 15, started: false"),
        "{rest:?}"
    );
    child.wait().unwrap();
}

#[test]
fn a_target_that_was_frozen_before_the_word_is_given_starts_nothing() {
    let Some(server) = Sshd::start() else { return };
    let touch = format!(": >{}", server.path("started").display());
    for (stop, warm) in [(false, false), (true, true)] {
        if warm {
            check(&server, "echo warm", exited(0), "warm\n", "");
        }
        freeze(&server, stop);
        let (outcome, transcript) = run(&server, &touch);
        let Outcome::Frozen {
            started: false,
            still_running: false,
            why,
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert!(why.contains("frozen by alice"), "{why}");
        assert_eq!(transcript.stdout.bytes, 0);
        eventually("the gate stays open", || server.left().is_empty());
        assert!(!server.path("started").exists());
        fs::remove_dir_all(server.path("freeze")).unwrap();
    }
    check(&server, "echo free", exited(0), "free\n", "");
}

#[test]
fn a_target_that_is_frozen_while_it_is_connected_to_starts_nothing() {
    let Some(server) = Sshd::start() else { return };
    server.hold_connections(true);
    let mut child = spawn(&server, &long(&server, 1));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap() == "READY")
        .unwrap()
        .unwrap();
    freeze(&server, false);
    server.hold_connections(false);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let expected = "Frozen { started: false, still_running: false";
    assert!(rest.concat().contains(expected), "{rest:?}");
    child.wait().unwrap();
    assert!(!server.path("started").exists());
}

#[test]
fn a_freeze_that_stops_ends_the_command_on_the_target_and_another_does_not() {
    let Some(server) = Sshd::start() else { return };
    let child = spawn(&server, &format!("{}; echo end", long(&server, 2)));
    started(&server);
    freeze(&server, false);
    let through = said(child);
    assert!(through.contains("Exited { code: 0"), "{through}");
    fs::remove_dir_all(server.path("freeze")).unwrap();
    let child = spawn(&server, &long(&server, 300));
    started(&server);
    freeze(&server, true);
    let ended = said(child);
    let expected = "Frozen { started: true, still_running: false, why: \"target `srv1` is frozen";
    assert!(ended.contains(expected), "{ended}");
    eventually("it stays", || server.left().is_empty());
}

#[test]
fn a_brake_that_cannot_be_looked_at_ends_what_runs() {
    let Some(server) = Sshd::start() else { return };
    let child = spawn(&server, &long(&server, 300));
    started(&server);
    fs::write(server.path("freeze"), "").unwrap();
    let ended = said(child);
    assert!(ended.contains("nobody can know whether"), "{ended}");
    eventually("it stays", || server.left().is_empty());
}

#[test]
fn a_connection_that_is_cut_in_the_middle_is_lost() {
    let Some(server) = Sshd::start() else { return };
    for cut_master in [false, true] {
        let child = spawn(&server, &long(&server, 20));
        started(&server);
        let pids = if cut_master {
            server.masters()
        } else {
            server.connections()
        };
        pids.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        let said = said(child);
        assert!(
            said.contains("OUTCOME Lost { why: \"the connection ended"),
            "{said}"
        );
        server
            .left()
            .into_iter()
            .for_each(|pid| signal(pid, Signal::KILL));
        eventually("it stays", || server.left().is_empty());
    }
}

#[test]
fn a_shell_that_is_killed_under_the_command_is_lost() {
    let Some(server) = Sshd::start() else { return };
    let (outcome, _) = run_with(
        settings(&server),
        &server,
        "read -r _ _ _ up _ </proc/$PPID/stat; kill -KILL $up; sleep 1",
        10,
    );
    let Outcome::Lost { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains("shell"), "{why}");
}

#[test]
fn a_target_that_hangs_was_never_reached() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    let pids = server.connections();
    pids.iter().for_each(|&pid| signal(pid, Signal::STOP));
    let settings = Settings {
        connect_timeout: Duration::from_secs(4),
        masters_per_target: 1,
        ..settings(&server)
    };
    let (outcome, _) = run_with(settings, &server, "echo no", 60);
    unreachable(&outcome, "the target started no shell within 4 s");
    pids.iter().for_each(|&pid| signal(pid, Signal::CONT));
}

#[test]
fn a_connection_of_old_that_leads_nowhere_is_passed_over() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    let pids = server.connections();
    pids.iter().for_each(|&pid| signal(pid, Signal::STOP));
    let settings = Settings {
        connect_timeout: Duration::from_secs(8),
        ..settings(&server)
    };
    let (outcome, _) = run_with(settings, &server, "echo 2", 60);
    assert_eq!(outcome, exited(0));
    pids.iter().for_each(|&pid| signal(pid, Signal::CONT));
}

#[test]
fn a_target_that_hangs_in_the_middle_is_lost() {
    let Some(server) = Sshd::start() else { return };
    let settings = Settings {
        alive_interval: Duration::from_secs(1),
        alive_count: 1,
        connect_timeout: Duration::from_secs(8),
        ..settings(&server)
    };
    let limit = Duration::from_secs(30);
    let host = host(&server);
    let text = long(&server, 20);
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            Hand::ready(settings, free())
                .unwrap()
                .run_text(&host, &text, limit)
        });
        started(&server);
        let pids = server.connections();
        pids.iter().for_each(|&pid| signal(pid, Signal::STOP));
        let (outcome, _) = run.join().unwrap();
        pids.iter().for_each(|&pid| signal(pid, Signal::CONT));
        assert!(matches!(outcome, Outcome::Lost { .. }), "{outcome:?}");
    });
}

#[test]
fn a_key_that_is_not_pinned_or_not_the_same_is_refused_even_past_a_warm_master() {
    let Some(server) = Sshd::start() else { return };
    check(&server, "echo 1", exited(0), "1\n", "");
    server.pin("other");
    unreachable(
        &run(&server, "echo no").0,
        "another host key than the one that is pinned",
    );
    fs::write(server.path("known_hosts"), "").unwrap();
    unreachable(&run(&server, "echo no").0, "host key is not pinned");
    fs::remove_file(server.path("known_hosts")).unwrap();
    unreachable(&run(&server, "echo no").0, "no host key is pinned");
    server.pin("host");
    check(&server, "echo 2", exited(0), "2\n", "");
}

#[test]
fn a_key_that_the_target_does_not_know_is_refused() {
    let Some(server) = Sshd::start() else { return };
    let with = |key: &str| Settings {
        key: server.path(key),
        ..settings(&server)
    };
    let try_key = |key: &str| run_with(with(key), &server, "echo no", 60).0;
    unreachable(&try_key("other"), "does not accept the executor's key");
    unreachable(&try_key("missing"), "the key file");
    fs::write(server.path("broken"), "no key\n").unwrap();
    fs::set_permissions(server.path("broken"), fs::Permissions::from_mode(0o600)).unwrap();
    unreachable(&try_key("broken"), "cannot be read as a key");
    fs::set_permissions(server.path("key"), fs::Permissions::from_mode(0o644)).unwrap();
    unreachable(&try_key("key"), "open to others");
}

#[test]
fn a_closed_port_and_a_name_that_leads_nowhere_are_told_apart() {
    let Some(mut server) = Sshd::start() else {
        return;
    };
    let host = Host::new("no-such-name.invalid", 22, server.user()).unwrap();
    let hand = Hand::ready(settings(&server), free()).unwrap();
    let (outcome, _) = hand.run_text(&host, "echo no", Duration::from_secs(5));
    unreachable(&outcome, "the name of the target cannot be resolved");
    server.stop();
    unreachable(&run(&server, "echo no").0, "nothing listens");
    let silent = std::net::TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        ..settings(&server)
    };
    let (outcome, _) = run_with(settings, &server, "echo no", 60);
    unreachable(&outcome, "the target did not answer");
    drop(silent);
}

#[test]
fn a_missing_ssh_is_said() {
    let Some(server) = Sshd::start() else { return };
    let settings = Settings {
        ssh_program: "/nowhere/ssh".into(),
        ..settings(&server)
    };
    unreachable(
        &run_with(settings, &server, "true", 5).0,
        "`/nowhere/ssh` cannot be started",
    );
}

fn bare() -> (tempfile::TempDir, Settings) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        masters_per_target: 2,
        ..settings_in(dir.path())
    };
    (dir, settings)
}

#[test]
fn a_directory_that_is_too_deep_for_sockets_is_refused_beforehand() {
    let (dir, settings) = bare();
    let room = 74 - dir.path().as_os_str().len() - 1;
    let fits = Settings {
        sockets: dir.path().join("x".repeat(room)),
        ..settings.clone()
    };
    Hand::ready(fits, free()).unwrap();
    let long = Settings {
        sockets: dir.path().join("x".repeat(room + 1)),
        ..settings
    };
    let error = Hand::ready(long, free()).unwrap_err();
    assert!(
        error.to_string().contains("75 bytes, at most 74"),
        "{error}"
    );
    assert!(error.hint().contains("shorter"));
}

#[test]
fn paths_that_ssh_would_expand_are_refused_beforehand() {
    let (_dir, settings) = bare();
    for odd in [
        "relative/key",
        "/a b",
        "/a%h",
        "/a${HOME}",
        "/~x/\"",
        "/a\n",
    ] {
        let settings = Settings {
            key: odd.into(),
            ..settings.clone()
        };
        assert!(
            matches!(Hand::ready(settings, free()), Err(Error::OddPath { .. })),
            "{odd}"
        );
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_refused_beforehand() {
    let (dir, settings) = bare();
    fs::create_dir(&settings.sockets).unwrap();
    fs::set_permissions(&settings.sockets, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(
        Hand::ready(settings.clone(), free()),
        Err(Error::OpenDirectory { .. })
    ));
    fs::remove_dir(&settings.sockets).unwrap();
    std::os::unix::fs::symlink(dir.path(), &settings.sockets).unwrap();
    assert!(matches!(
        Hand::ready(settings, free()),
        Err(Error::OpenDirectory { .. })
    ));
}
