//! Many processes at once.

use std::fs;
use std::process::Child;

use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;

/// Starts many with one message and collects how often each status came back.
fn crowd(lab: &Lab, messages: &[String]) -> Vec<Answer> {
    let children: Vec<Child> = messages
        .iter()
        .map(|message| lab.start(message.as_bytes()))
        .collect();
    children
        .into_iter()
        .map(|child| Answer::of(child.wait_with_output().unwrap()))
        .collect()
}

fn count(answers: &[Answer], status: &str) -> usize {
    answers
        .iter()
        .filter(|answer| answer.json["status"] == status)
        .count()
}

#[test]
fn two_hundred_approvals_at_once_are_one_run() {
    let lab = lab!();
    let mark = lab.mark("runs");
    lab.ask(&format!("echo x >> {mark}"))
        .is("approval_requested", 0);
    let answers = crowd(&lab, &vec!["Approve".to_owned(); 200]);
    assert_eq!(fs::read_to_string(&mark).unwrap(), "x\n");
    assert_eq!(
        (count(&answers, "executed"), count(&answers, "expired")),
        (1, 199)
    );
    lab.log_is_whole();
}

#[test]
fn of_an_approval_and_a_denial_at_once_one_wins() {
    for round in 0..10 {
        let lab = lab!();
        let mark = lab.mark("runs");
        lab.ask(&format!("echo {round} >> {mark}"))
            .is("approval_requested", 0);
        let answers = crowd(
            &lab,
            &["Approve", "Deny", "Approve", "Deny"].map(str::to_owned),
        );
        let (ran, denied) = (count(&answers, "executed"), count(&answers, "denied"));
        assert_eq!(ran + denied, 1, "{answers:?}");
        assert_eq!(std::path::Path::new(&mark).exists(), ran == 1);
    }
}

#[test]
fn many_requests_at_once_share_one_log_and_one_connection() {
    let lab = lab!();
    let answers = crowd(&lab, &vec![request("hostname").to_string(); 30]);
    assert_eq!(count(&answers, "executed"), 30, "{answers:?}");
    assert_eq!(lab.log().len(), 60);
    lab.log_is_whole();
}

#[test]
fn many_askers_at_once_get_a_code_each_and_no_more_than_the_room_holds() {
    let lab = lab!(&format!(
        "{RULES}approvals: {{pending: 20, pending_per_requester: 30}}\n"
    ));
    let messages: Vec<String> = (0..40)
        .map(|n| request(&format!("touch {}", lab.mark(&n.to_string()))).to_string())
        .collect();
    let answers = crowd(&lab, &messages);
    assert_eq!(
        (
            count(&answers, "approval_requested"),
            count(&answers, "rejected")
        ),
        (20, 20)
    );
    let mut codes: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.json["status"] == "approval_requested")
        .map(|answer| answer.text("code"))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 20);
}
