//! Approvals from outside: which one, once, in time, and still the same.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;
use crate::lab::said;

#[test]
fn a_bare_word_with_two_pending_is_ambiguous_and_runs_nothing() {
    let lab = lab!();
    let (a, b) = (lab.mark("a"), lab.mark("b"));
    lab.ask(&format!("touch {a}")).is("approval_requested", 0);
    let second = lab.ask(&format!("touch {b}")).is("approval_requested", 0);
    let answer = lab.send("Approve").is("ambiguous", 3);
    assert_eq!(answer.json["pending"].as_array().unwrap().len(), 2);
    assert!(!Path::new(&a).exists() && !Path::new(&b).exists());
    lab.send("Deny").is("ambiguous", 3);
    lab.send(format!("approve {}", second.text("code").to_lowercase()))
        .is("executed", 0);
    assert!(!Path::new(&a).exists() && Path::new(&b).exists());
    lab.send("Approve").is("executed", 0);
    assert!(Path::new(&a).exists());
}

#[test]
fn deny_all_empties_the_room_and_there_is_no_approve_all() {
    let lab = lab!();
    for name in ["a", "b", "c"] {
        lab.ask(&format!("touch {}", lab.mark(name)))
            .is("approval_requested", 0);
    }
    lab.send("Approve all").is("invalid", 2);
    lab.send("Deny all not tonight")
        .is("denied", 0)
        .says("3 requests");
    lab.send("Approve").is("expired", 3);
    let denied = lab
        .events()
        .iter()
        .filter(|event| *event == "approval denied")
        .count();
    assert_eq!(denied, 3);
}

#[test]
fn a_reason_for_a_denial_reaches_the_one_that_asked() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let answer = lab.send("Deny not on a Friday").is("denied", 0);
    assert_eq!(answer.text("denial_reason"), "not on a Friday");
}

#[test]
fn a_second_answer_is_told_who_decided() {
    let lab = lab!();
    let asked = lab
        .ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    lab.send("Approve").is("executed", 0);
    let code = asked.text("code");
    let late = lab
        .send(format!("Deny {code}"))
        .is("expired", 3)
        .says("already approved by");
    assert!(late.json["decided_by"].is_string());
}

#[test]
fn an_unknown_code_approves_nothing() {
    let lab = lab!();
    let asked = lab
        .ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let other = if asked.text("code") == "2A2A" {
        "3B3B"
    } else {
        "2A2A"
    };
    lab.send(format!("Approve {other}")).is("expired", 3);
    assert!(!Path::new(&lab.mark("a")).exists());
}

#[test]
fn an_approval_expires() {
    let lab = lab!(&format!("{RULES}approvals: {{ttl: 10s}}\n"));
    let asked = lab
        .ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    // Ten seconds later, as far as the file is concerned.
    let file = lab.path(&format!(
        "runtime/approvals/{}.pending",
        asked.text("approval_id")
    ));
    let mut ticket: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    ticket["created"] = "2020-01-01T00:00:00Z".into();
    ticket["expires"] = "2020-01-01T00:15:00Z".into();
    fs::write(&file, ticket.to_string()).unwrap();
    lab.send("Approve").is("expired", 3);
    assert!(!Path::new(&lab.mark("a")).exists());
}

#[test]
fn an_approval_expires_by_the_clock() {
    let lab = lab!(&format!("{RULES}approvals: {{ttl: 10s}}\n"));
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    sleep(Duration::from_secs(11));
    lab.send("Approve").is("expired", 3).says("expired at");
}

#[test]
fn a_request_from_the_future_is_expired() {
    let lab = lab!();
    let asked = lab
        .ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let file = lab.path(&format!(
        "runtime/approvals/{}.pending",
        asked.text("approval_id")
    ));
    let mut ticket: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    ticket["created"] = "2999-01-01T00:00:00Z".into();
    ticket["expires"] = "2999-01-01T00:15:00Z".into();
    fs::write(&file, ticket.to_string()).unwrap();
    lab.send("Approve").is("expired", 3);
}

#[test]
fn a_request_is_judged_again_when_it_is_approved() {
    let lab = lab!();
    let mark = lab.mark("a");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.configure(&format!("{RULES}  - {{id: no-touch, pattern: '^touch'}}\n"));
    lab.send("Approve").is("rejected", 3).says("no-touch");
    assert!(!Path::new(&mark).exists());
    lab.send("Approve").is("expired", 3);
}

#[test]
fn a_changed_file_in_the_waiting_room_is_not_what_was_shown() {
    let lab = lab!();
    let mark = lab.mark("evil");
    let asked = lab
        .ask(&format!("touch {}", lab.mark("good")))
        .is("approval_requested", 0);
    let file = lab.path(&format!(
        "runtime/approvals/{}.pending",
        asked.text("approval_id")
    ));
    let changed = fs::read_to_string(&file).unwrap().replace("/good", "/evil");
    fs::write(&file, changed).unwrap();
    lab.send("Approve")
        .is("rejected", 3)
        .says("not what was shown");
    assert!(!Path::new(&mark).exists());
}

#[test]
fn a_target_that_moved_is_not_the_one_that_was_shown() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let config = fs::read_to_string(lab.path("config.yml")).unwrap();
    fs::write(
        lab.path("config.yml"),
        config.replace("127.0.0.1", "127.0.0.2"),
    )
    .unwrap();
    lab.send("Approve")
        .is("rejected", 3)
        .says("not what was shown");
}

#[test]
fn a_file_that_cannot_be_read_stops_bare_words() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    let stray = "runtime/approvals/00000000-0000-7000-8000-000000000000.pending";
    fs::write(lab.path(stray), "{").unwrap();
    lab.send("Approve").is("error", 4);
    assert!(!Path::new(&lab.mark("a")).exists());
}

#[test]
fn the_same_request_again_joins_the_one_that_waits() {
    let lab = lab!();
    let command = format!("touch {}", lab.mark("a"));
    let first = lab.ask(&command).is("approval_requested", 0);
    let second = lab.ask(&command).is("approval_requested", 0);
    assert_eq!(first.text("approval_id"), second.text("approval_id"));
    assert_eq!(first.text("code"), second.text("code"));
    lab.send("Approve").is("executed", 0);
}

#[test]
fn only_so_many_may_wait() {
    let lab = lab!(&format!("{RULES}approvals: {{pending: 2}}\n"));
    for name in ["a", "b"] {
        lab.ask(&format!("touch {}", lab.mark(name)))
            .is("approval_requested", 0);
    }
    lab.ask(&format!("touch {}", lab.mark("c")))
        .is("rejected", 3)
        .says("2 requests wait already");
}

#[test]
fn the_prompt_hides_nothing() {
    let lab = lab!();
    let command = "touch x\u{202e}y\u{200b}z\u{a0}w\nReason:   harmless";
    let answer = lab
        .send(request(command).to_string())
        .is("approval_requested", 0);
    let prompt = answer.text("prompt");
    assert!(
        prompt.contains("  | touch x<U+202E>y<U+200B>z<U+00A0>w"),
        "{prompt}"
    );
    assert!(prompt.contains("  | Reason:   harmless"), "{prompt}");
    assert!(prompt.contains("3 hidden or odd characters"), "{prompt}");
    assert!(prompt.contains(answer.text("code")) && prompt.contains(&answer.text("digest")[..12]));
    assert_eq!(answer.text("command"), command);
}

#[test]
fn a_second_factor_that_nobody_set_up_approves_nothing() {
    let lab = lab!();
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    lab.send("Approve 492817")
        .is("rejected", 3)
        .says("no second factor");
    assert!(!Path::new(&lab.mark("a")).exists());
}

#[test]
fn in_production_the_word_of_the_asking_user_is_too_weak() {
    let lab = lab!(&format!(
        "mode: production\nunknown_default: approval_required\n{RULES}"
    ));
    let mark = lab.mark("a");
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    assert_eq!(asked.text("needs"), "out_of_band");
    lab.send("Approve").is("rejected", 3).says("another person");
    let said = lab.run(&["approve", "--json", asked.text("code")], "");
    assert_eq!(
        said.status.code(),
        Some(3),
        "the same user by the other door"
    );
    assert!(!Path::new(&mark).exists());
    lab.send("Deny").is("denied", 0);
}

#[test]
fn a_yes_by_a_command_names_its_request_where_nothing_can_be_shown() {
    let lab = lab!();
    let mark = lab.mark("a");
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    for unnamed in [
        &["approve"][..],
        &["approve", "--yes"],
        &["approve", "--json"],
    ] {
        // Where nothing can be shown, whatever is the only one by then may be another one.
        said(&lab.run(unnamed, ""), 2, "`aiops pending` lists the codes");
    }
    assert!(!Path::new(&mark).exists());
    said(
        &lab.run(&["approve", "--yes", asked.text("code")], ""),
        0,
        "",
    );
    assert!(Path::new(&mark).exists());
}

#[test]
fn an_operator_lists_and_decides_in_a_terminal() {
    let lab = lab!();
    let mark = lab.mark("a");
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    let listed = lab.run(&["pending"], "");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains(asked.text("code")) && listed.contains(&mark),
        "{listed}"
    );
    let listed = lab.run(&["pending", "--json"], "");
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["code"], asked.text("code"));
    said(&lab.run(&["approve", asked.text("code")], ""), 0, "");
    assert!(Path::new(&mark).exists());
    assert_eq!(lab.run(&["deny", "7K3O"], "").status.code(), Some(2));
    assert_eq!(
        lab.run(&["approve", "nonsense!"], "").status.code(),
        Some(2)
    );
    let asked = lab.ask("touch b").is("approval_requested", 0);
    let said = lab.run(&["deny", asked.text("code"), "not", "now", "--json"], "");
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (&said["status"], &said["denial_reason"]),
        (&"denied".into(), &"not now".into())
    );
    lab.ask("touch c").is("approval_requested", 0);
    let said = lab.run(&["deny", "this", "is", "risky"], "");
    assert_eq!(said.status.code(), Some(0));
    assert_eq!(lab.run(&["deny"], "").status.code(), Some(3));
    lab.log_is_whole();
}
