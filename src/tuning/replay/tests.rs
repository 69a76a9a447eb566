use std::path::Path;

use super::*;
use crate::assurance::Assurance;

fn config(rules: &str) -> Config {
    let text = format!("targets: {{srv1: {{host: 10.0.0.1}}}}\n{rules}");
    Config::of_text(&text, Path::new("new.yml")).unwrap()
}

fn history(records: &[(&str, &str, &str)]) -> History {
    let text: String = records
        .iter()
        .map(|(risk, target, command)| {
            let record = serde_json::json!({
                "timestamp": "2026-03-02T10:00:00.000Z", "seq": 1, "event": "decision",
                "status": "rejected", "risk": risk, "rule": "old", "target": target, "command": command,
            });
            format!("{record}\n")
        })
        .collect();
    let mut history = History::default();
    history
        .read(&mut text.as_bytes(), None, &mut |_| {})
        .unwrap();
    history
}

#[test]
fn the_same_policy_changes_nothing() {
    let found = replay(
        &history(&[
            ("auto_allowed", "srv1", "uptime"),
            ("approval_required", "srv1", "reboot"),
        ]),
        &config("auto_allowed: [uptime]\n"),
        None,
    );
    assert_eq!((found.commands, found.unchanged), (2, 2));
    assert!(found.changes.is_empty() && found.table.is_empty());
}

#[test]
fn what_becomes_laxer_stands_first_and_the_largest_step_before_all() {
    let found = replay(
        &history(&[
            ("auto_allowed", "srv1", "df"),
            ("approval_required", "srv1", "uptime"),
            ("approval_required", "srv1", "uptime"),
            ("forbidden", "srv1", "hostname"),
        ]),
        &config("auto_allowed: [uptime, hostname]\nforbidden: [df]\n"),
        None,
    );
    let shown: Vec<(&str, &str, u64)> = found
        .changes
        .iter()
        .map(|change| {
            (
                change.direction.word(),
                change.command.as_str(),
                change.times,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("laxer", "hostname", 1),
            ("laxer", "uptime", 2),
            ("stricter", "df", 1)
        ]
    );
    assert_eq!(found.changes[0].new_rule.as_deref(), Some("auto_allowed-2"));
    assert_eq!(found.changes[0].new_line, Some(2));
    assert_eq!(found.table.len(), 3);
}

#[test]
fn a_target_that_is_gone_is_a_change() {
    let found = replay(
        &history(&[("auto_allowed", "db9", "uptime")]),
        &config("auto_allowed: [uptime]\n"),
        None,
    );
    assert_eq!(found.changes[0].to, NO_TARGET);
    assert_eq!(found.changes[0].direction, Direction::Stricter);
}

#[test]
fn a_rule_that_is_only_recorded_is_told_apart() {
    let found = replay(
        &history(&[("auto_allowed", "srv1", "uptime")]),
        &config(
            "auto_allowed: [uptime]\nforbidden: [{id: no, pattern: uptime, enforcement: audit}]\n",
        ),
        None,
    );
    assert!(found.changes.is_empty());
    assert_eq!(found.only_recorded[0].would_be, "forbidden");
    assert_eq!(found.only_recorded[0].rule, "no");
}

#[test]
fn a_weaker_approval_than_today_is_a_change() {
    let asked = history(&[("approval_required", "srv1", "touch /x")]);
    let today = config("approval_required: [{pattern: touch, needs: out_of_band}]\n");
    let new = config("approval_required: [{pattern: touch}]\n");
    let found = replay(&asked, &new, Some(&today));
    assert!(found.changes.is_empty() && found.changes_something());
    assert_eq!(found.weaker[0].to.level, Assurance::Relayed);
    assert!(!replay(&asked, &today, Some(&new)).changes_something());
}

#[test]
fn fewer_or_other_people_than_today_are_a_change() {
    let asked = history(&[("approval_required", "srv1", "touch /x")]);
    let wanting = |people: &str| {
        config(&format!(
            "approval_required: [{{pattern: touch, needs: second_factor, approvals: {people}}}]\n"
        ))
    };
    let today = wanting("{min: 2, any_of: [alice, bob]}");
    for (people, weaker) in [
        ("{min: 2, any_of: [alice, bob]}", false),
        ("{min: 3, all_of: [carol], any_of: [alice, bob]}", false),
        ("{min: 1, any_of: [alice, bob]}", true),
        ("{min: 2}", true),
        ("{min: 2, any_of: [alice, bob, carol]}", true),
    ] {
        let found = replay(&asked, &wanting(people), Some(&today));
        assert_eq!(found.changes_something(), weaker, "{people}");
    }
}
