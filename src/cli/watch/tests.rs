//! The screen as text in and rows out, and the selection.

use std::time::Duration;
use std::time::Instant;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::choice::Choice;
use super::layout::Frame;
use super::layout::View;
use super::layout::frame;
use super::sight::Seen;
use super::terminal::Look;
use super::terminal::Size;
use crate::approval::Preview;
use crate::approval::State;
use crate::approval::Ticket;
use crate::cli::width::columns;
use crate::cli::width::wrap;
use crate::response;
use crate::visible;

const NARROW: Size = Size {
    columns: 40,
    rows: 10,
};
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn ticket(code: &str, command: &str) -> Ticket {
    serde_json::from_value(json!({
        "schema": 2,
        "id": Uuid::now_v7(),
        "code": code,
        "request": {"target": "srv1", "command": command, "requester": "hermes", "reason": "test"},
        "host": "root@192.0.2.1 port 22",
        "rule": "touch",
        "why": "makes a file",
        "explanation": "touch by touch (line 7)",
        "irreversible": true,
        "demand": {"level": "relayed", "min": 1},
        "policy": "0",
        "caller_uid": 1000,
        "caller": "hermes",
        "created": noon(),
        "expires": noon() + TimeDelta::minutes(15),
        "nonce": Uuid::nil(),
        "digest": "0123456789abcdef",
    }))
    .unwrap()
}

fn waiting(commands: &[(&str, &str)]) -> Vec<(State, Ticket)> {
    let tickets = commands.iter().map(|(code, command)| ticket(code, command));
    tickets.map(|ticket| (State::Pending, ticket)).collect()
}

fn seen(waiting: Vec<(State, Ticket)>) -> Seen {
    Seen {
        waiting,
        ..Seen::default()
    }
}

/// The screen with the first request selected.
fn drawn(seen: &Seen, skipped: usize, size: Size) -> Frame {
    let mut choice = Choice::default();
    choice.follow(&seen.waiting, Instant::now());
    let view = View {
        now: noon(),
        seen,
        choice: &choice,
        help: false,
        skipped,
        note: None,
    };
    frame(&view, size)
}

fn text(frame: &Frame) -> String {
    let rows: Vec<&str> = frame.rows.iter().map(|row| row.text.as_str()).collect();
    rows.join("\n")
}

/// The lines of the selected request on one screen: those below the rule and above what is counted.
fn pane(frame: &Frame) -> Vec<String> {
    let rows = frame.rows.iter().map(|row| (row.look, row.text.clone()));
    let below = rows.skip_while(|(_, text)| !text.starts_with("-- "));
    let lines = below.skip(1).take_while(|(look, _)| {
        let counted = *look == Look::Hint;
        !counted && !matches!(look, Look::Strong | Look::Faint)
    });
    lines.map(|(_, text)| text).collect()
}

#[test]
fn what_waits_is_listed_and_the_selected_one_shown_whole() {
    let seen = seen(waiting(&[("7K3Q", "touch /x"), ("8M4R", "touch /y")]));
    let screen = text(&drawn(&seen, 0, USUAL));
    for part in [
        "aiops watch: 2 wait",
        "> 7K3Q",
        "  8M4R",
        "-- 1 of 2: 7K3Q ",
        "Command:  touch /x",
        "Warning:  this cannot be undone",
        "Digest:   0123456789ab",
        "q quit",
    ] {
        assert!(screen.contains(part), "{part:?} in\n{screen}");
    }
    assert!(!screen.contains("Reply Approve or Deny"), "{screen}");
    assert!(!screen.contains("more lines"), "{screen}");
}

#[test]
fn a_small_terminal_has_the_same_in_less() {
    let seen = seen(waiting(&[("7K3Q", "touch /x"), ("8M4R", "touch /y")]));
    let first = drawn(&seen, 0, NARROW);
    let screen = text(&first);
    for part in [
        "2 wait",
        "> 7K3Q",
        "touch /x",
        "more lines below: space",
        "help",
    ] {
        assert!(screen.contains(part), "{part:?} in\n{screen}");
    }
    let tiny = Size {
        columns: 12,
        rows: 3,
    };
    assert!(text(&drawn(&seen, 0, tiny)).contains("2 wait"));
}

#[test]
fn a_freeze_and_a_fault_are_told_first() {
    let seen = Seen {
        frozen: vec!["everything is frozen by root since noon: a storm".to_owned()],
        troubles: vec!["the file is broken".to_owned()],
        ..seen(waiting(&[("7K3Q", "touch /x")]))
    };
    let screen = text(&drawn(&seen, 0, USUAL));
    assert!(screen.contains("everything is frozen by root"), "{screen}");
    assert!(screen.contains("the file is broken"), "{screen}");
    let screen = text(&drawn(&seen, 0, NARROW));
    assert!(screen.contains("2 freezes or faults"), "{screen}");
}

#[test]
fn a_room_that_cannot_be_looked_into_is_not_empty() {
    let seen = Seen {
        is_blind: true,
        troubles: vec!["cannot read `x.pending`".to_owned()],
        ..Seen::default()
    };
    let screen = text(&drawn(&seen, 0, USUAL));
    assert!(!screen.contains("othing waits"), "{screen}");
    assert!(screen.contains("Nobody can know what waits."), "{screen}");
}

#[test]
fn paging_shows_every_line_once_the_end_is_reached() {
    let command: Vec<String> = (0..200).map(|line| format!("echo line-{line}")).collect();
    let mut waiting = waiting(&[("7K3Q", &command.join("\n"))]);
    let output: Vec<String> = (0..200).map(|line| format!("found-{line}")).collect();
    waiting[0].1.previews.push(Preview {
        command: "ls".to_owned(),
        outcome: "it ended with exit code 0".to_owned(),
        output: output.join("\n"),
    });
    let seen = seen(waiting);
    for size in [USUAL, NARROW] {
        let (mut shown, mut skipped) = (Vec::new(), 0);
        loop {
            let frame = drawn(&seen, skipped, size);
            shown.extend(pane(&frame));
            let below = frame.furthest - skipped;
            let told = text(&frame);
            if below == 0 {
                assert!(told.contains("end of "), "{told}");
                break;
            }
            assert!(
                told.contains(&format!("{below} more lines below")),
                "{told}"
            );
            skipped = (skipped + frame.page).min(frame.furthest);
        }
        for line in 0..200 {
            assert!(shown.contains(&format!("  | echo line-{line}")));
            assert!(shown.contains(&format!("  | found-{line}")));
        }
    }
}

#[test]
fn the_selection_follows_its_request_and_not_its_row() {
    let all = waiting(&[("2A2A", "a"), ("3B3B", "b"), ("4C4C", "c")]);
    let mut choice = Choice::default();
    let start = Instant::now();
    choice.follow(&all, start);
    choice.step(true, &all);
    assert_eq!(choice.of(&all).unwrap().1.code.as_str(), "3B3B");
    choice.follow(&all[1..], start);
    assert_eq!(choice.of(&all[1..]).unwrap().0, 0);
    choice.follow(&all, start);
    assert_eq!(choice.of(&all).unwrap().0, 1);
}

#[test]
fn what_vanishes_leaves_nothing_selected_until_a_key_or_a_while() {
    let all = waiting(&[("2A2A", "a"), ("3B3B", "b"), ("4C4C", "c")]);
    let left = &all[..1];
    let start = Instant::now();
    let lost = || {
        let mut choice = Choice::default();
        choice.follow(&all, start);
        choice.step(true, &all);
        choice.follow(left, start);
        assert!(choice.of(left).is_none());
        assert_eq!(choice.lost(), Some(all[1].1.id));
        choice
    };
    let mut choice = lost();
    choice.follow(left, start + Duration::from_secs(4));
    assert!(choice.of(left).is_none(), "a finger may be on its way");
    choice.follow(left, start + Duration::from_secs(6));
    assert_eq!(choice.of(left).unwrap().1.code.as_str(), "2A2A");
    let mut choice = lost();
    choice.step(true, left);
    assert!(choice.of(left).is_some());
    let mut choice = lost();
    choice.follow(&all[2..], start);
    assert!(choice.of(&all[2..]).is_none(), "nor is a new one");
}

#[test]
fn after_a_decision_of_ones_own_the_next_one_is_selected() {
    let all = waiting(&[("2A2A", "a"), ("3B3B", "b")]);
    let mut choice = Choice::default();
    let start = Instant::now();
    choice.follow(&all, start);
    choice.settle();
    choice.follow(&all[1..], start);
    assert_eq!(choice.of(&all[1..]).unwrap().1.code.as_str(), "3B3B");
    choice.follow(&[], start);
    assert!(choice.lost().is_some(), "it holds for one decision");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_acts_on_the_terminal_is_too_wide_or_is_hidden(
        command in "\\PC{1,300}",
        hostile in any::<String>(),
        preview in any::<String>(),
        columns_there in 1_usize..140,
        rows_there in 1_usize..60,
    ) {
        let size = Size { columns: columns_there, rows: rows_there };
        let mut waiting = waiting(&[("7K3Q", &format!("{command}{hostile}")), ("8M4R", "x")]);
        let one = &mut waiting[0].1;
        one.request.reason = Some(hostile.clone());
        one.request.requester = Some(hostile.clone());
        one.request.target.clone_from(&hostile);
        one.host.clone_from(&hostile);
        one.caller.clone_from(&hostile);
        one.explanation.clone_from(&hostile);
        one.previews.push(Preview {
            command: hostile.clone(),
            outcome: hostile.clone(),
            output: preview,
        });
        let block = response::block(one, noon());
        let seen = Seen {
            past: waiting.clone(),
            frozen: vec![hostile.clone(), hostile],
            ..seen(waiting)
        };
        let (mut shown, mut skipped): (Vec<String>, usize) = (Vec::new(), 0);
        loop {
            let frame = drawn(&seen, skipped, size);
            prop_assert_eq!(frame.rows.len(), size.rows);
            for row in &frame.rows {
                prop_assert!(columns(&row.text) <= size.columns, "{:?}", row.text);
                prop_assert!(!row.text.chars().any(visible::is_odd), "{:?}", row.text);
            }
            shown.extend(pane(&frame));
            if skipped >= frame.furthest {
                break;
            }
            skipped = (skipped + frame.page).min(frame.furthest);
        }
        if size.columns >= 20 && size.rows >= 8 {
            for line in block.lines().skip(2) {
                for part in wrap(line, size.columns) {
                    prop_assert!(shown.contains(&part), "{part:?} is not in {shown:?}");
                }
            }
        }
    }
}
