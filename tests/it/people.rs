//! Who approves: levels, people, phones and what each of them is told. As root these tests come
//! as users that every Debian has: three of them belong to the group `nogroup`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use totp_rs::Builder;
use totp_rs::Secret;

use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;

const RULES: &str = r"
mode: production
approvals: {group: nogroup}
auto_allowed: [hostname]
approval_required:
  - {id: touch, pattern: '^touch '}
  - {id: gone, pattern: '^rm ', irreversible: true}
  - {id: quorum, pattern: '^tee ', approvals: {min: 2, all_of: [sync], any_of: [_apt, '%nogroup']}}
  - {id: brief, pattern: '^ln ', ttl: 1m}
";

/// `nobody`, a member of `nogroup`.
const ALICE: u32 = 65_534;
/// `sync`, another one.
const BOB: u32 = 4;
/// `daemon`, who is none.
const HERMES: u32 = 1;
/// `games`, who is none either.
const STRANGER: u32 = 5;

/// One message, or one subcommand, of a user.
#[track_caller]
fn of(lab: &Lab, uid: u32, arguments: &[&str], message: &str) -> Option<Answer> {
    let mut child = lab.as_user(uid, arguments)?.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    Some(Answer::of(child.wait_with_output().unwrap()))
}

#[track_caller]
fn asked(lab: &Lab, command: &str) -> Option<Answer> {
    let answer = of(lab, HERMES, &[], &request(command).to_string())?;
    Some(answer.is("approval_requested", 0))
}

#[track_caller]
fn approve(lab: &Lab, uid: u32, words: &[&str]) -> Answer {
    let arguments = [&["approve", "--json"], words].concat();
    of(lab, uid, &arguments, "").unwrap()
}

/// Approves with a code from a phone, which is never an argument.
#[track_caller]
fn approve_with(lab: &Lab, uid: u32, code: &str, factor: &str) -> Answer {
    let arguments = ["approve", "--json", "--factor", code];
    of(lab, uid, &arguments, factor).unwrap()
}

/// Starts a test, or leaves it where this machine cannot do it.
macro_rules! needs {
    ($thing:expr) => {
        match $thing {
            Some(thing) => thing,
            None => return,
        }
    };
}

/// What was shown when a phone was enrolled.
fn enrolled(lab: &Lab, name: &str) -> Value {
    let output = lab.run(&["approver", "enroll", name, "--json"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The six digits that the phone shows now.
fn digits(enrolment: &Value) -> String {
    let secret = enrolment["secret"].as_str().unwrap().replace(' ', "");
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(&secret).unwrap())
        .build()
        .unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    totp.generate(now.as_secs()).to_string()
}

#[test]
fn another_person_approves_and_the_log_says_who_through_what_at_which_level_and_why() {
    let lab = lab!(RULES);
    let mark = lab.mark("a");
    let waiting = needs!(asked(&lab, &format!("touch {mark}")));
    assert_eq!(waiting.text("needs"), "out_of_band");
    let code = waiting.text("code");
    let relayed = of(&lab, HERMES, &[], &format!("Approve {code}")).unwrap();
    relayed.is("rejected", 3).says("another person");
    approve(&lab, HERMES, &[code])
        .is("rejected", 3)
        .says("`daemon` asked for it");
    approve(&lab, STRANGER, &[code])
        .is("rejected", 3)
        .says("`games` is not in the group `nogroup`");
    assert!(!Path::new(&mark).exists());
    let ran = approve(&lab, ALICE, &[code, "--reason", "agreed"]).is("executed", 0);
    assert_eq!(ran.text("decided_by"), "nobody");
    let outcome = lab.log().pop().unwrap();
    for (key, expected) in [
        ("approver", "nobody"),
        ("approver_via", "command"),
        ("assurance", "out_of_band"),
        ("approval_reason", "agreed"),
        ("caller", "nobody"),
        ("digest", waiting.text("digest")),
    ] {
        assert_eq!(outcome[key], expected, "{key}");
    }
    let late = of(&lab, HERMES, &[], &format!("Deny {code}")).unwrap();
    late.is("expired", 3)
        .says("already approved by nobody")
        .says("it ran to its end");
    lab.log_is_whole();
}

#[test]
fn what_cannot_be_undone_takes_two_people_or_one_with_a_phone() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "rm -f /nowhere/at/all"));
    assert_eq!(waiting.text("needs"), "second_factor");
    let code = waiting.text("code");
    approve(&lab, ALICE, &[code])
        .is("approval_requested", 0)
        .says("nobody approved it")
        .says("a second person");
    approve(&lab, ALICE, &[code])
        .is("rejected", 3)
        .says("you approved it already");
    approve(&lab, BOB, &[code]).is("executed", 0);
    let outcome = lab.log().pop().unwrap();
    assert_eq!(outcome["assurance"], "second_factor");
    assert_eq!(outcome["first_approver"], "nobody");
    assert_eq!(outcome["earlier_approvers"][0]["by"], "nobody");
    assert_eq!(outcome["approver"], "sync");

    let phone = enrolled(&lab, "nobody");
    let waiting = asked(&lab, "rm -f /nowhere/at/last").unwrap();
    let code = waiting.text("code");
    // A phone is its owner's second factor on the gateway, and nobody else's.
    let one = phone["recovery"][0].as_str().unwrap();
    approve_with(&lab, BOB, code, one)
        .is("rejected", 3)
        .says("`sync` has no phone enrolled");
    let refused = lab.run(&["approve", code, &digits(&phone)], "");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("everybody on this machine can read it"),
        "{said}"
    );
    approve_with(&lab, ALICE, code, &digits(&phone)).is("executed", 0);
    let outcome = lab.log().pop().unwrap();
    assert_eq!(outcome["assurance"], "second_factor");
    assert_eq!(outcome["approver_factor"], "totp");
    lab.log_is_whole();
}

#[test]
fn a_code_from_a_phone_makes_a_relayed_word_a_persons_and_is_good_once() {
    let lab = lab!(RULES);
    let mark = lab.mark("a");
    let waiting = needs!(asked(&lab, &format!("touch {mark}")));
    let code = waiting.text("code");
    let phone = enrolled(&lab, "only-in-chat");
    let shown = digits(&phone);
    let ran = of(&lab, HERMES, &[], &format!("Approve {code} {shown}")).unwrap();
    let ran = ran.is("executed", 0);
    assert_eq!(ran.text("decided_by"), "only-in-chat");
    let outcome = lab.log().pop().unwrap();
    for (key, expected) in [
        ("approver", "only-in-chat"),
        ("approver_via", "stdin"),
        ("approver_factor", "totp"),
        ("assurance", "out_of_band"),
        ("caller", "daemon"),
    ] {
        assert_eq!(outcome[key], expected, "{key}");
    }
    assert!(outcome.get("approver_uid").is_none(), "{outcome}");
    asked(&lab, &format!("touch {mark}.2")).unwrap();
    let again = of(&lab, HERMES, &[], &format!("Approve {shown}")).unwrap();
    again.is("rejected", 3).says("used already");
    let recovery = phone["recovery"][0].as_str().unwrap().to_lowercase();
    let ran = of(&lab, HERMES, &[], &format!("approve {recovery}")).unwrap();
    ran.is("executed", 0);
    asked(&lab, &format!("touch {mark}.3")).unwrap();
    let again = of(&lab, HERMES, &[], &format!("Approve {recovery}")).unwrap();
    again.is("rejected", 3);
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    assert!(!log.contains(&shown) && !log.to_lowercase().contains(&recovery));
}

#[test]
fn wrong_codes_are_refused_counted_and_then_not_looked_at() {
    let lab = lab!(&RULES.replace("group: nogroup", "group: nogroup, factor_tries: 2"));
    let waiting = needs!(asked(&lab, "touch x"));
    let code = waiting.text("code");
    let phone = enrolled(&lab, "only-in-chat");
    let wrong = "AAAA2-AAAA2";
    for _ in 0..2 {
        let refused = of(&lab, HERMES, &[], &format!("Approve {code} {wrong}")).unwrap();
        refused.is("rejected", 3).says("the code is wrong");
    }
    let shown = digits(&phone);
    let refused = of(&lab, HERMES, &[], &format!("Approve {code} {shown}")).unwrap();
    refused.is("rejected", 3).says("none is looked at before");
    // The way around the relay is not stopped.
    approve(&lab, ALICE, &[code]).is("executed", 0);
}

#[test]
fn a_quorum_is_met_by_the_people_it_names() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "tee /dev/null"));
    assert!(
        waiting
            .text("demand")
            .contains("2 people; sync; one of _apt, %nogroup")
    );
    let code = waiting.text("code");
    let phone = enrolled(&lab, "only-in-chat");
    let first = of(
        &lab,
        HERMES,
        &[],
        &format!("Approve {code} {}", digits(&phone)),
    )
    .unwrap();
    first.is("approval_requested", 0).says("1 of 2 people");
    approve(&lab, ALICE, &[code])
        .is("approval_requested", 0)
        .says("somebody of sync");
    approve(&lab, BOB, &[code]).is("executed", 0);
    let earlier = lab.log().pop().unwrap()["earlier_approvers"].clone();
    let names: Vec<&str> = earlier
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["by"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["only-in-chat", "nobody"]);
}

#[test]
fn a_no_with_its_reason_reaches_the_one_that_asked() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "touch x"));
    let code = waiting.text("code");
    let no = ["deny", "--json", code, "not", "on", "a", "Friday"];
    of(&lab, ALICE, &no, "").unwrap().is("denied", 0);
    let late = of(&lab, HERMES, &[], &format!("Approve {code}")).unwrap();
    let late = late
        .is("expired", 3)
        .says("denied by nobody")
        .says("not on a Friday");
    assert_eq!(late.text("denial_reason"), "not on a Friday");
    let again = asked(&lab, "touch x").unwrap();
    assert!(again.text("previous").contains("nobody denied the same"));
    assert!(
        again
            .text("prompt")
            .contains("Before:   nobody denied the same")
    );
    assert!(again.text("prompt").contains("not on a Friday"));
}

#[test]
fn who_asked_takes_it_back_and_nobody_else_does() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "touch x"));
    let code = waiting.text("code");
    let other = of(&lab, ALICE, &["cancel", "--json", code], "").unwrap();
    other.is("rejected", 3).says("`daemon` asked for it");
    let back = of(
        &lab,
        HERMES,
        &["cancel", "--json", "--reason", "found it"],
        "",
    )
    .unwrap();
    back.is("cancelled", 0).says("found it");
    approve(&lab, ALICE, &[code])
        .is("expired", 3)
        .says("taken back");
    let all = lab.run(&["pending", "--all", "--json"], "");
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(
        (&all[0]["state"], &all[0]["code"]),
        (&"cancelled".into(), &code.into())
    );
}

#[test]
fn the_states_of_a_request_are_told() {
    let lab = lab!("approval_required: [{id: touch, pattern: '^touch '}]\n");
    let state = || {
        let all = lab.run(&["pending", "--all", "--json"], "");
        let all: Value = serde_json::from_slice(&all.stdout).unwrap();
        all[0]["state"].as_str().unwrap().to_owned()
    };
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    assert_eq!(state(), "pending");
    lab.send("Approve").is("executed", 0);
    assert_eq!(state(), "done");
    lab.ask("touch y; sleep 30").is("approval_requested", 0);
    let child = lab.start(b"Approve");
    for _ in 0..200 {
        if state() == "running" {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    assert_eq!(state(), "running");
    crate::sshd::signal(child.id(), rustix::process::Signal::TERM);
    child.wait_with_output().unwrap();
    assert_eq!(state(), "failed");
    lab.ask("touch z").is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    assert_eq!(state(), "denied");
}

#[test]
fn a_bare_word_is_for_the_callers_own_request_first() {
    let lab =
        lab!("approvals: {group: nogroup}\napproval_required: [{id: touch, pattern: '^touch '}]\n");
    let (theirs, own) = (lab.mark("theirs"), lab.mark("own"));
    needs!(asked(&lab, &format!("touch {theirs}")));
    lab.ask(&format!("touch {own}")).is("approval_requested", 0);
    lab.send("Approve").is("executed", 0);
    assert!(Path::new(&own).exists() && !Path::new(&theirs).exists());
    // With none of one's own it means the only one there is.
    lab.send("Approve").is("executed", 0);
    assert!(Path::new(&theirs).exists());
}

#[test]
fn a_request_that_came_when_the_word_was_on_its_way_is_never_approved_by_it() {
    let lab = lab!("approval_required: [{id: touch, pattern: '^touch '}]\n");
    let mark = lab.mark("a");
    // The process that brings the word is there, and has not read it to its end.
    let mut early = lab.command(&[]).spawn().unwrap();
    let mut stdin = early.stdin.take().unwrap();
    stdin.write_all(b"Appro").unwrap();
    sleep(Duration::from_millis(300));
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    stdin.write_all(b"ve").unwrap();
    drop(stdin);
    let answer = Answer::of(early.wait_with_output().unwrap());
    let answer = answer.is("ambiguous", 3).says("on its way");
    assert_eq!(answer.json["pending"][0]["code"], asked.text("code"));
    assert!(!Path::new(&mark).exists());
    // A word from now on may mean it.
    lab.send("Approve").is("executed", 0);
}

#[test]
fn what_was_never_shown_whole_needs_its_code() {
    let lab = lab!("approval_required: [{id: touch, pattern: '^touch '}]\n");
    let mark = lab.mark("a");
    let message = request(&format!("touch {mark}")).to_string();
    let mut child = lab.command(&[]).spawn().unwrap();
    // Nobody reads the answer.
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(message.as_bytes());
    child.wait().unwrap();
    let answer = lab.send("Approve").is("ambiguous", 3);
    let code = answer.json["pending"][0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!Path::new(&mark).exists());
    lab.send(format!("Approve {code}")).is("executed", 0);
}

#[test]
fn a_word_that_may_have_been_meant_for_what_just_ended_runs_nothing() {
    let lab = lab!("approval_required: [{id: touch, pattern: '^touch '}]\n");
    let (first, second) = (lab.mark("first"), lab.mark("second"));
    let asked = lab
        .ask(&format!("touch {first}"))
        .is("approval_requested", 0);
    // Somebody else decides, elsewhere.
    let said = lab.run(&["deny", asked.text("code")], "");
    assert_eq!(said.status.code(), Some(0));
    let other = lab
        .ask(&format!("touch {second}"))
        .is("approval_requested", 0);
    lab.send("Approve")
        .is("ambiguous", 3)
        .says(asked.text("code"));
    assert!(!Path::new(&second).exists());
    lab.send(format!("Approve {}", other.text("code")))
        .is("executed", 0);
    // What the caller itself answered is no riddle.
    lab.ask(&format!("touch {first}.2"))
        .is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    lab.configure(
        "approvals: {word_window: 0s}\napproval_required: [{id: touch, pattern: '^touch '}]\n",
    );
    lab.ask(&format!("touch {second}.2"))
        .is("approval_requested", 0);
    lab.send("Approve").is("executed", 0);
}

#[test]
fn a_rule_says_how_long_it_waits() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "ln x y"));
    let until = waiting.text("expires_at");
    let made = waiting.text("timestamp");
    let moment = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    let seconds = (moment(until) - moment(made)).num_seconds();
    assert!((58..=60).contains(&seconds), "{seconds}");
}

#[test]
fn a_change_of_the_configuration_makes_what_waits_ask_again() {
    let rules = "approval_required: [{id: touch, pattern: '^touch '}]\n";
    let lab = lab!(rules);
    let mark = lab.mark("a");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.configure(&format!("{rules}# a comment\n"));
    lab.send("Approve")
        .is("rejected", 3)
        .says("the configuration was changed")
        .says("ask for it again");
    assert!(!Path::new(&mark).exists());
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.send("Approve").is("executed", 0);
}

#[test]
fn a_pin_that_was_exchanged_is_not_what_was_shown() {
    let lab = lab!("approval_required: [{id: touch, pattern: '^touch '}]\n");
    let mark = lab.mark("a");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    let known = lab.path(".ssh/known_hosts");
    let text = fs::read_to_string(&known).unwrap();
    fs::write(&known, format!("{text}* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")).unwrap();
    lab.send("Approve")
        .is("rejected", 3)
        .says("not what was shown");
    assert!(!Path::new(&mark).exists());
}

#[test]
fn what_one_user_asks_is_told_and_answered_by_no_other_that_only_asks() {
    let lab =
        lab!("approvals: {group: nogroup}\napproval_required: [{id: touch, pattern: '^touch '}]\n");
    let secret = lab.mark("a-name-that-tells");
    let waiting = needs!(asked(&lab, &format!("touch {secret}")));
    let code = waiting.text("code");
    for word in [
        "Approve",
        "Deny",
        "Deny all",
        &format!("Approve {code}"),
        &format!("Deny {code}"),
    ] {
        let answer = of(&lab, STRANGER, &[], word).unwrap().is("expired", 3);
        assert!(!answer.stdout.contains("a-name-that-tells"), "{answer:?}");
        assert!(!answer.text("message").contains("other"), "{answer:?}");
    }
    assert!(!Path::new(&secret).exists());
    // An approver may, on standard input too.
    of(&lab, ALICE, &[], "Approve").unwrap().is("executed", 0);
    let answer = of(&lab, STRANGER, &[], "Approve").unwrap().is("expired", 3);
    assert!(!answer.stdout.contains("a-name-that-tells"), "{answer:?}");
}

#[test]
fn a_reason_behind_a_command_keeps_to_the_bounds_of_one_in_a_message() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let long = "x".repeat(2049);
    for (reason, said) in [
        (long.as_str(), "`reason` is longer than 2048 bytes"),
        ("a\nb", "`reason` holds the control character U+000A"),
        ("\u{1b}[2J", "`reason` holds the control character U+001B"),
    ] {
        for command in ["approve", "cancel"] {
            let output = lab.run(&[command, "--reason", reason], "");
            assert_eq!(output.status.code(), Some(2), "{command} {output:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(said));
        }
        let user = lab.sshd.user();
        let grant = [
            "grant",
            "--target",
            "srv1",
            "--to",
            user,
            "--command",
            "touch /x",
        ];
        let output = lab.run(&[&grant[..], &["--reason", reason]].concat(), "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    assert!(!Path::new(&lab.mark("a")).exists());
    let output = lab.run(&["cancel", "--reason", "tested enough"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_is_typed_as_a_code_is_read_within_bounds_and_need_not_be_text() {
    let lab = lab!();
    let asked = lab
        .ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    for typed in [&b"\xff\xfe\n"[..], &[b'1'; 1 << 20], b""] {
        let mut child = lab
            .command(&["approve", "--factor", asked.text("code")])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // What is not read any more cannot be written either.
        let _ = child.stdin.take().unwrap().write_all(typed);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    assert!(!Path::new(&lab.mark("a")).exists());
}

#[test]
fn a_code_that_is_said_on_the_gateway_counts_like_one_that_is_relayed() {
    let lab = lab!(RULES);
    let waiting = needs!(asked(&lab, "rm -f /nowhere/at/all"));
    let code = waiting.text("code");
    // `games` is in no group of approvers, and has a phone.
    let phone = enrolled(&lab, "games");
    approve_with(&lab, STRANGER, code, &digits(&phone))
        .is("approval_requested", 0)
        .says("games approved it")
        .says("a second person");
    approve(&lab, ALICE, &[code]).is("executed", 0);
    let outcome = lab.log().pop().unwrap();
    assert_eq!(outcome["assurance"], "second_factor");
    assert_eq!(outcome["earlier_approvers"][0]["by"], "games");
    assert_eq!(outcome["earlier_approvers"][0]["assurance"], "out_of_band");
}

#[test]
fn no_grant_is_given_that_would_never_be_believed() {
    let lab = lab!(RULES);
    let grant = [
        "grant",
        "--json",
        "--factor",
        "--target",
        "srv1",
        "--to",
        "daemon",
        "--command",
        "touch /nowhere/x",
    ];
    let phone = enrolled(&lab, "games");
    let mut child = needs!(lab.as_user(STRANGER, &grant)).spawn().unwrap();
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all(digits(&phone).as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("`games` is not in the group `nogroup`"),
        "{said}"
    );
}
