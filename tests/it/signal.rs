//! Signals: the remote command is ended, and that is recorded.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::lab::Answer;
use crate::lab::lab;
use crate::run::wait_for;
use crate::sshd::signal;

#[test]
fn term_int_and_hup_end_the_remote_command_and_are_recorded() {
    for with in [Signal::TERM, Signal::INT, Signal::HUP] {
        let lab = lab!();
        let (begun, late) = (lab.mark("begun"), lab.mark("late"));
        lab.ask(&format!("touch {begun}; sleep 4; touch {late}"))
            .is("approval_requested", 0);
        let child = lab.start(b"Approve");
        wait_for(&begun);
        signal(child.id(), with);
        let number = with.as_raw();
        let answer = Answer::of(child.wait_with_output().unwrap()).is("interrupted", 6);
        assert!(
            answer.text("message").contains(&format!("signal {number}")),
            "{answer:?}"
        );
        sleep(Duration::from_secs(4));
        assert!(!Path::new(&late).exists(), "it went on after {with:?}");
        assert_eq!(lab.log().pop().unwrap()["status"], "interrupted");
        lab.log_is_whole();
    }
}

#[test]
fn a_signal_and_a_reader_that_went_away_together_are_still_recorded() {
    let lab = lab!();
    let begun = lab.mark("begun");
    lab.ask(&format!("touch {begun}; sleep 20"))
        .is("approval_requested", 0);
    let mut child = lab.start(b"Approve");
    wait_for(&begun);
    drop(child.stdout.take());
    drop(child.stderr.take());
    signal(child.id(), Signal::TERM);
    child.wait().unwrap();
    assert_eq!(lab.log().pop().unwrap()["status"], "interrupted");
    lab.log_is_whole();
}

#[test]
fn a_kill_leaves_an_intent_that_is_named_and_nothing_runs_twice() {
    let lab = lab!();
    let begun = lab.mark("begun");
    lab.ask(&format!("echo x >> {begun}; sleep 1"))
        .is("approval_requested", 0);
    let mut child = lab.start(b"Approve");
    wait_for(&begun);
    signal(child.id(), Signal::KILL);
    child.wait().unwrap();
    lab.send("Approve").is("expired", 3);
    let found = lab.run(&["audit", "verify", "--json"], "");
    let report: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(report["open"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(std::fs::read_to_string(&begun).unwrap(), "x\n");
}
