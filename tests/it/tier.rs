//! One file, several policies: tiers, groups, demands and rules that are only recorded.

use std::fs;
use std::path::Path;

use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;

/// The same installation with more said about its target.
fn with_target(config: &str, more: &str) -> Option<Lab> {
    let lab = Lab::with(config)?;
    let text = fs::read_to_string(lab.path("config.yml")).unwrap();
    let changed = text.replace("srv1: {", &format!("srv1: {{{more}, "));
    assert_ne!(changed, text);
    fs::write(lab.path("config.yml"), changed).unwrap();
    Some(lab)
}

macro_rules! target {
    ($config:expr, $more:expr) => {
        match with_target($config, $more) {
            Some(lab) => lab,
            None => return,
        }
    };
}

#[test]
fn a_production_target_in_a_labs_file_is_judged_as_production() {
    let lab = target!(RULES, "tier: production");
    lab.ask("hostname").is("executed", 0);
    let refused = lab.ask("frobnicate").is("rejected", 3);
    assert_eq!(refused.text("rule"), "unknown_default");
    let asked = lab.ask("touch x").is("approval_requested", 0);
    assert_eq!(asked.text("needs"), "out_of_band");
    lab.send("Approve").is("rejected", 3);
    lab.send(r#"{"target":"srv1","command":"hostname"}"#)
        .is("invalid", 2)
        .says("`requester`");
    lab.send(r#"{"target":"srv1","command":"hostname","requester":"x","reason":" "}"#)
        .is("invalid", 2)
        .says("`reason`");
    lab.log_is_whole();
}

#[test]
fn a_lab_target_in_a_file_for_production_is_judged_as_a_lab() {
    let lab = target!(&format!("mode: production\n{RULES}"), "tier: lab");
    let asked = lab.ask("frobnicate").is("approval_requested", 0);
    assert_eq!(asked.text("needs"), "relayed");
    lab.send("Deny").is("denied", 0);
}

#[test]
fn what_cannot_be_undone_is_said_to_the_approver_and_needs_two_in_production() {
    let rules = "approval_required: [{id: gone, pattern: '^touch ', why: it is gone, irreversible: true}]\n";
    let lab = target!(rules, "tier: production");
    let asked = lab.ask("touch x").is("approval_requested", 0);
    assert_eq!(asked.text("needs"), "second_factor");
    assert!(asked.text("prompt").contains("this cannot be undone"));
    assert!(asked.text("prompt").contains("two people"));
    lab.send("Approve").is("rejected", 3).says("two people");
}

#[test]
fn a_word_that_is_too_weak_is_answered_with_what_would_be_enough() {
    let rules = "approval_required: [{id: gone, pattern: '^touch ', why: it is gone, irreversible: true}]\n";
    let lab = target!(rules, "tier: production");
    let code = lab.ask("touch x").is("approval_requested", 0);
    let code = code.text("code");
    let reply = format!("or replies `Approve {code}`");
    let two = "it takes two of them, or one who gives a code on the gateway";
    lab.send("Approve").is("rejected", 3).says(&reply).says(two);
    lab.send("Deny").is("denied", 0);
    // Where no code through a relay is another person's word, none is asked for.
    let rules =
        "approvals: {relayed_code: client}\napproval_required: [{id: touch, pattern: '^touch '}]\n";
    let lab = target!(rules, "tier: production");
    lab.ask("touch x").is("approval_requested", 0);
    let weak = lab.send("Approve").is("rejected", 3).says("runs `sudo -u ");
    for part in ["or replies", two] {
        assert!(!weak.text("message").contains(part), "{}", weak.json);
    }
}

#[test]
fn a_demand_that_became_stronger_holds_for_what_waits_already() {
    let rule = "approval_required: [{id: t, pattern: '^touch '}]\n";
    let lab = lab!(rule);
    let mark = lab.mark("a");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.configure("approval_required: [{id: t, pattern: '^touch ', needs: out_of_band}]\n");
    lab.send("Approve").is("rejected", 3).says("another person");
    assert!(!Path::new(&mark).exists());
    lab.configure(rule);
    lab.send("Approve").is("executed", 0);
}

#[test]
fn a_rule_holds_only_on_its_groups() {
    let rules = "auto_allowed: [{id: web, pattern: hostname, groups: [web]}]\n";
    target!(rules, "groups: [web, eu]")
        .ask("hostname")
        .is("executed", 0);
    let elsewhere = target!(rules, "groups: [db]");
    elsewhere
        .ask("hostname")
        .is("error", 4)
        .says("no target has the group `web`");
}

#[test]
fn on_an_audited_target_what_would_ask_runs_and_is_recorded_as_such() {
    let lab = target!(RULES, "enforcement: audit");
    let mark = lab.mark("a");
    let ran = lab.ask(&format!("touch {mark}")).is("executed", 0);
    assert_eq!(
        (ran.text("risk"), ran.text("rule")),
        ("auto_allowed", "enforcement")
    );
    assert!(Path::new(&mark).exists());
    let intent = &lab.log()[0];
    assert_eq!(intent["would_have"]["risk"], "approval_required");
    assert_eq!(intent["would_have"]["rule"], "touch");
    lab.ask("mkfs /dev/sda").is("rejected", 3);
    lab.ask("touch $HOME/x").is("approval_requested", 0);
}

#[test]
fn an_audited_target_in_production_is_refused() {
    let lab = target!(RULES, "tier: production, enforcement: audit");
    lab.ask("hostname")
        .is("error", 4)
        .says("`enforcement: audit` is for the tier `lab`");
}

#[test]
fn an_audited_rule_is_told_and_decides_nothing() {
    let lab = lab!(
        "auto_allowed: [hostname]\nforbidden: [{id: soon, pattern: hostname, enforcement: audit}]\n"
    );
    lab.ask("hostname").is("executed", 0);
    assert_eq!(lab.log()[0]["would_have"]["risk"], "forbidden");
    let mut message = request("hostname");
    message["dry_run"] = true.into();
    lab.send(message.to_string())
        .is("judged", 0)
        .says("`soon` would have made it forbidden");
}

#[test]
fn the_time_limit_of_a_rule_holds_where_none_is_asked_for() {
    let lab = lab!("auto_allowed: [{id: slow, pattern: 'sleep [0-9]+', timeout: 1s}]\n");
    let ended = lab.ask("sleep 20").is("timed_out", 6);
    assert_eq!(ended.text("rule"), "slow");
    assert_eq!(lab.log()[0]["limit_s"], 1);
    let mut message = request("sleep 2");
    message["timeout"] = 5.into();
    lab.send(message.to_string()).is("executed", 0);
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    for (rule, expected) in [
        (
            "forbidden: [{pattern: x, sudo: allowed}]",
            "`sudo` is for rules that allow",
        ),
        (
            "auto_allowed: [{pattern: x, needs: relayed}]",
            "are for rules that ask",
        ),
        (
            "forbidden: [{pattern: x, irreversible: true}]",
            "are for rules that ask",
        ),
        (
            "auto_allowed: [{pattern: x, input: none}]",
            "`input` is for rules that ask",
        ),
        (
            "auto_allowed: [{pattern: x, ttl: 5m}]",
            "`ttl` is for rules that ask",
        ),
        (
            "forbidden: [{pattern: x, preview: uptime}]",
            "`preview` is for rules that ask",
        ),
        (
            "forbidden: [{pattern: x, approvals: {min: 2}}]",
            "`approvals` is for rules that ask",
        ),
        (
            "approval_required: [{pattern: x, ttl: 59s}]",
            "`ttl` has to be between 1m and 1d",
        ),
        (
            "approval_required: [{pattern: x, approvals: {min: 11}}]",
            "`approvals.min` has to be between 1 and 10",
        ),
        (
            "approval_required: [{pattern: x, approvals: {all_of: ['a b']}}]",
            "named like a Unix user",
        ),
        (
            "approval_required: [{pattern: x, preview: frob}]",
            "its preview `frob` is not allowed by itself",
        ),
        (
            "auto_allowed: [{pattern: x, timeout: 2d}]",
            "`timeout` has to be between",
        ),
        (
            "auto_allowed: [{pattern: x, timeout: 0s}]",
            "`timeout` has to be between",
        ),
        (
            "auto_allowed: [{pattern: x, targets: [srv9]}]",
            "no target has the name `srv9`",
        ),
        ("auto_allowed: [{pattern: x, targets: ['-x']}]", "`-x`"),
        (
            "auto_allowed: [{pattern: x, tiers: [staging]}]",
            "has to be `lab` or `production`",
        ),
        ("auto_allowed: [{pattern: []}]", "a pattern is empty"),
        (
            "auto_allowed: [{pattern: ['x', 'x']}]",
            "the same pattern twice",
        ),
        ("auto_allowed: ['{{x}}']", "there is no fragment `x`"),
        ("fragments: {X: a}", "fragment `X`"),
        ("fragments: {x: 'a)('}", "fragment `x`"),
    ] {
        let lab = lab!(&format!("{rule}\n"));
        lab.ask("hostname").is("error", 4).says(expected);
    }
}

#[test]
fn the_answer_and_the_record_explain_in_the_same_words() {
    let lab = lab!();
    let answer = lab.ask("hostname; uptime").is("executed", 0);
    let explained = answer.text("explanation");
    assert!(
        explained.starts_with("hostname by auto_allowed-1 (line "),
        "{explained}"
    );
    assert!(
        explained.contains("; uptime by auto_allowed-2 (line "),
        "{explained}"
    );
    for record in lab.log() {
        assert_eq!(record["explanation"], explained);
    }
    let refused = lab.ask("sudo mkfs /dev/sda").is("rejected", 3);
    assert!(refused.text("explanation").contains("mkfs by no-mkfs"));
}
