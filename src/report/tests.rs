use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::sample::INCIDENT;
use super::sample::Sample;
use super::sample::asked;
use super::sample::ran;
use super::sample::with;
use super::*;
use crate::evidence::note;
use crate::evidence::note::Signer;
use crate::evidence::note::Verifier;
use crate::evidence::tree::Range;
use crate::evidence::tree::leaf_of_line;

fn action<'a>(report: &'a Report, id: &str) -> &'a Action {
    report
        .actions
        .iter()
        .find(|action| action.request_id == id)
        .unwrap()
}

#[test]
fn a_request_is_told_from_question_to_end() {
    let report = Sample::incident().report();
    let restart = action(&report, "r2");
    assert_eq!(restart.state, State::Succeeded);
    assert_eq!(
        (restart.waited_ms, restart.duration_ms, restart.exit_code),
        (Some(150_000), Some(1_950), Some(0))
    );
    let answers: Vec<(&str, &str)> = restart
        .answers
        .iter()
        .map(|answer| (answer.answer.as_str(), answer.by.as_str()))
        .collect();
    assert_eq!(answers, [("too_weak", "hermes"), ("approved", "alice")]);
    let cited: Vec<u64> = restart.records.iter().map(|cite| cite.seq).collect();
    assert_eq!(cited, [3, 4, 5, 6]);
}

#[test]
fn every_end_is_told_from_the_others() {
    let report = Sample::incident().report();
    let states: Vec<State> = report.actions.iter().map(|action| action.state).collect();
    assert_eq!(
        states,
        [
            State::Failed,
            State::Succeeded,
            State::Denied,
            State::Refused,
            State::Running
        ]
    );
    let figures = &report.figures;
    assert_eq!(
        (
            figures.actions,
            figures.started,
            figures.asked,
            figures.answered
        ),
        (5, 3, 2, 2)
    );
    assert_eq!(
        (figures.median_wait_ms, figures.longest_wait_ms),
        (Some(105_000), Some(150_000))
    );
}

#[test]
fn a_claim_is_told_from_the_unix_user_and_an_answer_by_its_worth() {
    let report = Sample::incident().report();
    let [asker] = &report.askers[..] else {
        panic!("{:?}", report.askers)
    };
    assert_eq!(asker.claims.as_deref(), Some("hermes"));
    assert_eq!(asker.caller.as_ref().unwrap().uid, Some(1001));
    let people: Vec<(&str, u64, u64, u64)> = report
        .approvers
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.approved,
                one.denied,
                one.without_effect,
            )
        })
        .collect();
    assert_eq!(
        people,
        [("hermes", 0, 0, 1), ("alice", 1, 0, 0), ("alice", 0, 1, 0)]
    );
}

#[test]
fn records_of_the_older_format_tell_the_same() {
    let mut log = Sample::default();
    let fields = asked("r1", "web1", "touch a", "approval_required");
    log.add(
        0,
        with(
            &fields,
            json!({"event": "decision", "status": "approval_requested"}),
        ),
    );
    let yes = with(
        &fields,
        json!({"approver": "bob", "approver_via": "command", "assurance": "out_of_band"}),
    );
    log.add(
        9_000,
        with(
            &yes,
            json!({"event": "decision", "status": "approval_requested"}),
        ),
    );
    let both = with(
        &yes,
        json!({"approver": "alice", "earlier_approvers": [{"by": "bob", "via": "command", "assurance": "out_of_band", "at": "2026-11-23T09:14:09.000Z"}]}),
    );
    log.add(
        20_000,
        with(&both, json!({"event": "intent", "status": "started"})),
    );
    log.add(
        21_000,
        with(
            &both,
            json!({"event": "outcome", "status": "executed", "exit_code": 0}),
        ),
    );
    let report = log.report();
    let touch = action(&report, "r1");
    // From stamps, since the record does not hold how long it waited.
    assert_eq!(touch.waited_ms, Some(20_000));
    let names: Vec<&str> = touch
        .answers
        .iter()
        .map(|answer| answer.by.as_str())
        .collect();
    assert_eq!(names, ["bob", "alice"]);
    assert!(
        touch
            .answers
            .iter()
            .all(|answer| answer.answer == "approved")
    );
}

#[test]
fn a_word_that_comes_too_late_changes_nothing() {
    let mut log = Sample::default();
    let fields = asked("r1", "web1", "touch a", "approval_required");
    log.add(
        0,
        with(
            &fields,
            json!({"event": "request", "status": "approval_requested"}),
        ),
    );
    let by = with(
        &fields,
        json!({"event": "approval", "approver": "alice", "approver_via": "command"}),
    );
    log.add(
        1_000,
        with(&by, json!({"status": "denied", "waited_ms": 1_000})),
    );
    log.add(
        2_000,
        with(&by, json!({"status": "expired", "approver": "bob"})),
    );
    let report = log.report();
    assert_eq!(action(&report, "r1").state, State::Denied);
    assert_eq!(action(&report, "r1").answers[1].answer, "too_late");
    assert_eq!(action(&report, "r1").waited_ms, Some(1_000));
}

#[test]
fn a_reply_when_nothing_waits_is_no_request_that_expired() {
    let mut log = Sample::default();
    let fields = asked("r1", "web1", "touch a", "approval_required");
    log.add(
        0,
        with(
            &fields,
            json!({"event": "decision", "status": "denied", "approver": "alice"}),
        ),
    );
    let reply = with(
        &fields,
        json!({"event": "decision", "status": "expired", "request_id": "r2", "risk": null}),
    );
    log.add(1_000, reply);
    log.add(
        2_000,
        with(
            &fields,
            json!({"event": "decision", "status": "expired", "request_id": "r3"}),
        ),
    );
    let report = log.report();
    assert_eq!(action(&report, "r1").state, State::Denied);
    assert_eq!(action(&report, "r2").state, State::NothingWaited);
    assert_eq!(action(&report, "r3").state, State::Expired);
    let text = markdown(&report);
    assert!(text.contains("a reply, and nothing waited for it"));
    assert_eq!(text.matches("expired without an answer").count(), 1);
}

#[test]
fn what_the_log_says_of_itself_is_no_report_of_a_target() {
    let mut log = Sample::default();
    log.add(0, ran("r1", "web1", "uptime", Some(0)));
    log.add(0, json!({"event": "key", "status": "announced"}));
    let about = |target: &str| {
        log.about(Selection {
            since: Some("2020-01-01T00:00:00.000Z".to_owned()),
            targets: vec![target.to_owned()],
            ..Selection::default()
        })
    };
    assert_eq!(about("web1").unwrap().happenings.len(), 1);
    assert!(matches!(about("web"), Err(Error::Nothing)));
}

#[test]
fn a_grant_is_no_answer_to_the_question() {
    let mut log = Sample::default();
    let grant =
        json!({"id": "g1", "code": "7K3Q", "covers": {"rule": "restart"}, "digest": "00", "of": 3});
    log.add(0, json!({"event": "grant", "status": "granted", "grant": grant, "approver": "alice", "caller": "alice", "target": "web1"}));
    let mut used = grant.clone();
    used["nth"] = 1.into();
    let other =
        json!({"id": "g2", "code": "9XYZ", "covers": {"rule": "restart"}, "digest": "00", "of": 3});
    log.add(1_000, json!({"event": "grant", "status": "granted", "grant": other, "approver": "alice", "target": "web1"}));
    let fields = with(
        &asked("r1", "web1", "systemctl restart nginx", "approval_required"),
        json!({"grant": used, "approver": "alice", "assurance": "out_of_band"}),
    );
    log.add(
        90_000,
        with(&fields, json!({"event": "intent", "status": "started"})),
    );
    log.add(
        91_000,
        with(
            &fields,
            json!({"event": "outcome", "status": "executed", "exit_code": 0}),
        ),
    );
    let report = log.report();
    let restart = action(&report, "r1");
    assert!(restart.answers.is_empty() && restart.waited_ms.is_none());
    assert_eq!(
        restart.grant.as_ref().unwrap().given_by.as_deref(),
        Some("alice")
    );
    // The one that was used is told, though it was given before the period began.
    let codes: Vec<&str> = report
        .happenings
        .iter()
        .map(|one| one.grant.as_ref().unwrap().code.as_str())
        .collect();
    assert_eq!(codes, ["7K3Q"]);
}

#[test]
fn previews_are_shown_and_not_counted() {
    let mut log = Sample::default();
    let look = with(
        &asked("p1", "web1", "nginx -t", "auto_allowed"),
        json!({"preview_of": "r1"}),
    );
    log.add(
        0,
        with(&look, json!({"event": "intent", "status": "started"})),
    );
    log.add(
        50,
        with(
            &look,
            json!({"event": "outcome", "status": "executed", "exit_code": 0}),
        ),
    );
    let fields = asked("r1", "web1", "systemctl restart nginx", "approval_required");
    log.add(
        60,
        with(
            &fields,
            json!({"event": "request", "status": "approval_requested"}),
        ),
    );
    let report = log.report();
    assert_eq!((report.figures.actions, report.figures.previews), (1, 1));
    assert_eq!(report.actions.len(), 2);
}

#[test]
fn a_long_output_shows_its_two_ends_and_says_so() {
    let mut log = Sample::default();
    let fields = asked("r1", "web1", "cat log", "auto_allowed");
    let long = format!("begin{}end", "ä".repeat(20_000));
    log.add(
        0,
        with(&fields, json!({"event": "intent", "status": "started"})),
    );
    log.add(9, with(&fields, json!({"event": "outcome", "status": "executed", "exit_code": 0, "stdout": long, "stderr": "x".repeat(8_000)})));
    let report = log.report();
    let cat = action(&report, "r1");
    let printed = cat.stdout.as_ref().unwrap();
    assert_eq!(printed.left_out, 12_008);
    assert!(printed.text.starts_with("begin") && printed.text.ends_with("end"));
    assert!(printed.text.contains("12008 characters are left out here"));
    assert_eq!(cat.stderr.as_ref().unwrap().left_out, 0);
}

#[test]
fn what_other_requests_did_is_counted_and_not_told() {
    let mut log = Sample::incident();
    log.add(290_000, ran("other", "web1", "uptime", None));
    log.add(
        310_000,
        with(
            &asked("r5", "web1", "curl -sS localhost", "auto_allowed"),
            json!({"event": "outcome", "status": "executed", "exit_code": 0}),
        ),
    );
    let report = log.report();
    assert_eq!(report.figures.others, 1);
    assert!(!markdown(&report).contains("uptime"));
}

#[test]
fn events_of_later_versions_are_told_all_the_same() {
    let mut log = Sample::incident();
    log.add(
        290_000,
        json!({"event": "moon_phase", "status": "full", "message": "it is full", "caller": "root"}),
    );
    log.add(
        320_000,
        with(
            &asked("r5", "web1", "curl -sS localhost", "auto_allowed"),
            json!({"event": "outcome", "status": "evaporated"}),
        ),
    );
    let report = log.report();
    assert!(report.log.whole);
    assert_eq!(action(&report, "r5").state, State::Unknown);
    assert!(
        report
            .timeline
            .iter()
            .any(|moment| moment.text.contains("`moon_phase`"))
    );
}

#[test]
fn a_selection_takes_only_what_is_exactly_so() {
    let log = Sample::incident();
    let ids = |selection: Selection| -> Vec<String> {
        let report = log.about(selection).unwrap();
        report
            .actions
            .into_iter()
            .map(|action| action.request_id)
            .collect()
    };
    let by_target = Selection {
        targets: vec!["db1".into()],
        ..Selection::default()
    };
    assert_eq!(ids(by_target), ["r3", "r4"]);
    let by_request = Selection {
        requests: vec!["r2".into(), "r4".into()],
        ..Selection::default()
    };
    assert_eq!(ids(by_request), ["r2", "r4"]);
    // A request belongs to a period if one record of it does, and then with all of them.
    let by_time = Selection {
        since: Some("2026-11-23T09:17:01.000Z".into()),
        until: Some("2026-11-23T09:17:03.000Z".into()),
        ..Selection::default()
    };
    assert_eq!(ids(by_time.clone()), ["r2"]);
    assert_eq!(log.about(by_time).unwrap().actions[0].records.len(), 4);
}

#[test]
fn nothing_that_only_resembles_the_incident_is_taken() {
    let log = Sample::incident();
    for wrong in ["web-down", "WEB-DOWN-1123", "web-down-11234", "", "%"] {
        let selection = Selection {
            incident: Some(wrong.into()),
            ..Selection::default()
        };
        assert!(
            matches!(log.about(selection), Err(Error::Nothing)),
            "{wrong}"
        );
    }
    let both = Selection {
        incident: Some(INCIDENT.into()),
        targets: vec!["web2".into()],
        ..Selection::default()
    };
    assert!(matches!(log.about(both), Err(Error::Nothing)));
}

#[test]
fn operators_are_part_of_a_period_and_of_an_incident_on_their_target() {
    let mut log = Sample::incident();
    log.add(
        305_000,
        json!({"event": "freeze", "status": "frozen", "target": "mail1", "reason": "elsewhere"}),
    );
    log.add(
        310_000,
        with(
            &asked("r5", "web1", "curl -sS localhost", "auto_allowed"),
            json!({"event": "outcome", "status": "executed", "exit_code": 0}),
        ),
    );
    let targets = |report: &Report| -> Vec<String> {
        report
            .happenings
            .iter()
            .filter_map(|one| one.target.clone())
            .collect()
    };
    assert_eq!(targets(&log.report()), ["db1"]);
    let period = Selection {
        since: Some("2026-11-23T09:18:00.000Z".into()),
        ..Selection::default()
    };
    assert_eq!(targets(&log.about(period).unwrap()), ["db1", "mail1"]);
    let only = Selection {
        since: Some("2026-11-23T09:19:05.000Z".into()),
        until: Some("2026-11-23T09:19:05.000Z".into()),
        ..Selection::default()
    };
    assert_eq!(targets(&log.about(only).unwrap()), ["mail1"]);
}

#[test]
fn what_stands_before_a_break_is_withheld_everywhere() {
    let mut log = Sample::incident();
    // An approval is laid into somebody's mouth.
    log.lines[4] = log.lines[4].replace("alice", "mallory");
    let report = log.report();
    assert!(!report.log.whole);
    assert_eq!(report.unverified.len(), 5);
    let json = serde_json::to_string(&report).unwrap();
    for text in [markdown(&report), html(&report), json] {
        assert!(!text.contains("mallory"), "{text}");
        assert!(!text.contains("agreed with the shop"));
        assert!(text.contains("between records 5 and 6") || text.contains("\"after\":5"));
    }
    assert!(markdown(&report).contains("THE LOG IS BROKEN"));
    let page = html(&report);
    let alarm = page.find("class=\"alarm\"").unwrap();
    assert!(
        alarm < page.find("<h2>").unwrap(),
        "it stands above everything"
    );
    // What is left of the request says that it is not all.
    assert_eq!(action(&report, "r2").unverified_records, 3);
    assert_eq!(report.figures.actions, 4);
}

#[test]
fn where_nothing_is_proven_the_report_holds_nothing_but_that() {
    let mut log = Sample::incident();
    log.add(400_000, ran("other", "mail1", "uptime", None));
    let last = log.lines.len() - 2;
    log.lines[last] = log.lines[last].replace("curl", "wget");
    let report = log.report();
    assert!(report.actions.is_empty() && report.timeline.is_empty());
    assert_eq!(report.unverified.len(), 11);
    assert!(report.period.is_none());
    check_html(&html(&report));
    check_markdown(&markdown(&report));
}

#[test]
fn a_break_elsewhere_is_told_and_takes_nothing_from_this_incident() {
    let mut log = Sample::default();
    log.add(-9_000, ran("old", "mail1", "uptime", None));
    log.add(-8_000, ran("old", "mail1", "uptime", Some(0)));
    log.lines[0] = log.lines[0].replace("uptime", "reboot");
    let later = Sample::incident();
    for line in &later.lines {
        let fields: Value = serde_json::from_str(line).unwrap();
        log.add(0, fields);
    }
    let report = log.report();
    assert!(!report.log.whole && report.unverified.is_empty());
    assert_eq!(report.actions.len(), 5);
}

/// A note by a key of the tests over the first records of a log.
fn note(log: &Sample, size: usize) -> (String, Verifier) {
    let signer = Signer::from_seed("gw/log", &[7; 32]).unwrap();
    let mut tree = Range::new();
    for line in &log.lines[..size] {
        tree.push(leaf_of_line(line.as_bytes()));
    }
    let checkpoint = note::Checkpoint::new("gw/log", size as u64, tree.root()).unwrap();
    (
        checkpoint.sign(&[&signer]).unwrap(),
        signer.verifier().clone(),
    )
}

#[test]
fn what_was_signed_is_proven_although_the_chain_is_broken_behind_it() {
    let mut log = Sample::incident();
    let (first, key) = note(&log, 2);
    let (second, _) = note(&log, 6);
    let text = format!("{first}\n{second}\n");
    log.signed.read(&text, &[key]);
    log.lines[7] = log.lines[7].replace("dropdb", "createdb");
    let report = log.report();
    let signed = &report.log.checkpoints;
    assert_eq!((signed.fit, signed.misfit, signed.covered), (2, 0, 6));
    assert!(!report.log.whole);
    assert_eq!(action(&report, "r2").state, State::Succeeded);
    let loose: Vec<u64> = report.unverified.iter().map(|one| one.cite.seq).collect();
    assert_eq!(loose, [7, 8]);
}

#[test]
fn a_log_that_was_written_anew_does_not_fit_what_was_signed() {
    let whole = Sample::incident();
    let (text, key) = note(&whole, 6);
    let mut log = Sample::default();
    log.signed.read(&text, std::slice::from_ref(&key));
    for line in &whole.lines {
        let mut fields: Value = serde_json::from_str(line).unwrap();
        if fields["exit_code"] == 3 {
            fields["exit_code"] = 0.into();
        }
        log.add(0, fields);
    }
    let report = log.report();
    assert_eq!(report.log.checkpoints.misfit, 1);
    assert!(report.actions.is_empty() && !report.log.whole);
    assert!(markdown(&report).contains("does not fit"));
    // Whoever knows no key knows nothing of this.
    log.signed = Signed::default();
    log.signed.read(&text, &[]);
    let report = log.report();
    assert_eq!(report.log.checkpoints.unbelieved, 1);
    assert!(report.log.whole);
}

#[test]
fn records_that_were_cut_off_are_missed_by_what_was_signed() {
    let mut log = Sample::incident();
    let (text, key) = note(&log, 11);
    let (earlier, _) = note(&log, 2);
    log.signed.read(&format!("{earlier}\n{text}"), &[key]);
    log.lines.truncate(9);
    let report = log.report();
    assert!(markdown(&report).contains("covers 11 records, and the log holds 9"));
    let ids: Vec<&str> = report
        .actions
        .iter()
        .map(|action| action.request_id.as_str())
        .collect();
    assert_eq!(ids, ["r1"], "only what an earlier note covers is proven");
}

#[test]
fn whoever_removes_the_first_records_is_not_rid_of_what_was_signed() {
    let whole = Sample::incident();
    let (text, key) = note(&whole, 6);
    let mut log = Sample::incident();
    log.lines.remove(0);
    let report = log.report();
    assert!(!report.log.whole && !report.log.from_genesis);
    assert_eq!(report.unverified.len(), 0, "the end proves what is left");
    log.signed.read(&text, &[key]);
    let report = log.report();
    assert_eq!(report.log.checkpoints.misfit, 1);
    assert!(report.actions.is_empty());
    assert!(markdown(&report).contains("none of them fits this log"));
}

#[test]
fn narrative_fields_are_empty_and_can_be_seen_to_be() {
    let report = Sample::incident().report();
    let narrative = serde_json::to_value(&report.narrative).unwrap();
    for (field, value) in narrative.as_object().unwrap() {
        assert!(value.is_null() || value == &json!([]), "{field}");
    }
    let (page, text) = (html(&report), markdown(&report));
    for heading in [
        "Summary",
        "Impact",
        "Trigger",
        "Detection",
        "Root causes",
        "Resolution",
        "Contributing factors",
        "What went well",
        "What went wrong",
        "Where we were lucky",
        "Action items",
    ] {
        assert!(page.contains(&format!(">{heading}</h")), "{heading}");
        assert!(text.contains(&format!("# {heading}\n")), "{heading}");
    }
    assert!(page.matches(">to be written<").count() >= 25);
}

#[test]
fn every_line_cites_a_record_that_stands_in_the_evidence() {
    let report = Sample::incident().report();
    let known: BTreeSet<&str> = report
        .evidence
        .iter()
        .map(|one| one.cite.sha256.as_str())
        .collect();
    assert!(!report.timeline.is_empty());
    for moment in &report.timeline {
        assert!(
            known.contains(moment.cite.sha256.as_str()),
            "{}",
            moment.text
        );
    }
    let page = html(&report);
    for part in page.split("href=\"#").skip(1) {
        let id = part.split('"').next().unwrap();
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
    }
}

#[test]
fn the_json_keeps_to_its_published_schema() {
    let schema = schemars::generate::SchemaSettings::default()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>()
        .to_value();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let report = Sample::incident().report();
    let mut value = serde_json::to_value(&report).unwrap();
    let faults: Vec<String> = schema
        .iter_errors(&value)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    value["timeline"][0].as_object_mut().unwrap().remove("cite");
    assert!(
        !schema.is_valid(&value),
        "a line without its record is no line"
    );
}

#[test]
fn a_small_report_reads_as_it_should() {
    let mut log = Sample::default();
    let restart = asked("r1", "web1", "systemctl restart nginx", "approval_required");
    log.add(
        0,
        with(
            &restart,
            json!({"event": "request", "status": "approval_requested", "rule": "services"}),
        ),
    );
    let yes = with(
        &restart,
        json!({"approver": "alice", "approver_uid": 1002, "approver_via": "command", "assurance": "out_of_band", "waited_ms": 65_000}),
    );
    log.add(65_000, with(&yes, json!({"event": "intent", "status": "started", "limit_s": 60, "host": "aiops@192.0.2.10 port 22"})));
    log.add(66_200, with(&yes, json!({"event": "outcome", "status": "executed", "exit_code": 1, "duration_ms": 1_200, "stdout": "", "stderr": "a `b` | c\n"})));
    let mut report = log.report();
    report.made_by = "aiops 0".to_owned();
    golden("small.md", include_str!("small.md"), &markdown(&report));
    let picture = super::picture::picture(&report, 400.0).unwrap();
    golden("small.svg", include_str!("small.svg"), &picture);
}

/// The file is written anew where `REPORT_GOLDEN` is set, to be looked at before it is committed.
#[track_caller]
fn golden(name: &str, expected: &str, found: &str) {
    if std::env::var_os("REPORT_GOLDEN").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/report")
            .join(name);
        std::fs::write(path, found).unwrap();
        return;
    }
    assert!(expected == found, "{name} is now:\n{found}");
}

#[test]
fn a_picture_holds_three_records_and_three_hundred() {
    for count in [1, 300] {
        let mut log = Sample::default();
        for at in 0..count {
            let fields = asked(
                &format!("r{at}"),
                "web1",
                "systemctl restart nginx",
                "approval_required",
            );
            log.add(
                at * 7_000,
                with(
                    &fields,
                    json!({"event": "request", "status": "approval_requested"}),
                ),
            );
            let yes = with(&fields, json!({"approver": "alice", "waited_ms": 3_000}));
            log.add(
                at * 7_000 + 3_000,
                with(&yes, json!({"event": "intent", "status": "started"})),
            );
            log.add(
                at * 7_000 + 4_000,
                with(
                    &yes,
                    json!({"event": "outcome", "status": "executed", "exit_code": 0}),
                ),
            );
        }
        let report = log.report();
        for width in [362.0, 1080.0] {
            let drawn = super::picture::picture(&report, width).unwrap();
            check_html(&drawn);
            assert_eq!(drawn.matches("class=\"mark good\"").count() as i64, count);
            for x in numbers(&drawn, " x=\"").chain(numbers(&drawn, " cx=\"")) {
                assert!((0.0..=width).contains(&x), "{x} of {width}");
            }
            let height = drawn
                .split("viewBox=\"0 0 ")
                .nth(1)
                .unwrap()
                .split(['"', ' '])
                .nth(1)
                .unwrap();
            assert!(height.parse::<f64>().unwrap() < 700.0, "{height}");
        }
    }
}

fn numbers<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = f64> + 'a {
    text.split(before)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
}

/// What tries to be more than text, to be put together at random.
const NASTY: [&str; 34] = [
    "EVIL",
    "<script>EVIL()</script>",
    "</style>",
    "</pre></details>",
    "<img src=x onerror=EVIL>",
    "\"",
    "'",
    "&lt;",
    "&#60;",
    "<!--",
    "-->",
    "]]>",
    "`",
    "``",
    "```",
    "```\n",
    "~~~\n",
    "\n",
    "\r\n",
    "\n# EVIL\n",
    "\n- EVIL",
    "|",
    "\\|",
    "\\",
    "[EVIL](http://evil.example)",
    "<http://evil.example>",
    "\u{202e}",
    "\u{200b}",
    "\0",
    "\u{1b}[2J",
    "\t",
    " ",
    "**EVIL**",
    "[^1]: EVIL",
];

fn nasty() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&NASTY[..]), 1..9)
        .prop_map(|parts| parts.concat())
}

/// An incident in which every text that comes from outside is this one.
fn hostile(text: &str) -> Report {
    let mut log = Sample::default();
    let all = json!({
        "request_id": text, "target": text, "command": text, "risk": text, "rule": text, "requester": text,
        "reason": text, "message": text, "explanation": text, "host": text, "host_address": text,
        "host_key": [text], "sent": text, "caller": text, "caller_through": text, "caller_disputed": text,
        "caller_uid": 7, "needs": text, "digest": text, "incident": text, "conversation": text, "policy": text,
        "preview_of": null, "stdout": text, "stderr": text,
        "stdout_facts": {"bytes": 3, "sha256": text, "truncated": true, "not_utf8": false},
        "stdout_file": {"sha256": text, "bytes": 3},
    });
    let by = json!({"approver": text, "approver_via": text, "approver_factor": text, "approval_reason": text, "denial_reason": text});
    log.add(
        0,
        with(
            &all,
            json!({"event": "request", "status": "approval_requested"}),
        ),
    );
    log.add(
        1,
        with(
            &with(&all, by.clone()),
            json!({"event": "approval", "status": text}),
        ),
    );
    log.add(
        2,
        with(
            &with(&all, by.clone()),
            json!({"event": "approval", "status": "denied", "request_id": "r2"}),
        ),
    );
    log.add(
        3,
        with(
            &with(&all, by.clone()),
            json!({"event": "intent", "status": "started"}),
        ),
    );
    log.add(
        4,
        with(&with(&all, by), json!({"event": "outcome", "status": text})),
    );
    log.add(
        5,
        with(
            &all,
            json!({"event": "decision", "status": text, "request_id": "r3", "preview_of": text}),
        ),
    );
    log.add(
        6,
        with(
            &all,
            json!({"event": text, "status": text, "request_id": null, "verifier_key": text}),
        ),
    );
    log.add(
        7,
        with(
            &all,
            json!({"event": "freeze", "status": "frozen", "request_id": null}),
        ),
    );
    log.add(8, with(&all, json!({"event": "grant", "status": "granted", "request_id": null, "grant": {"id": text, "code": text, "covers": {"rule": text}, "digest": text, "of": 2}})));
    log.add(9, with(&all, json!({"event": "intent", "status": "started", "request_id": "r4", "approver": text, "grant": {"id": text, "code": text, "covers": {"command": text}, "digest": text, "nth": 1, "of": 2}})));
    // A stamp is text too, where somebody writes their own record.
    let mut last: Value = serde_json::from_str(log.lines.last().unwrap()).unwrap();
    last["timestamp"] = text.into();
    *log.lines.last_mut().unwrap() = last.to_string();
    let given = Given {
        selection: Selection {
            incident: Some(text.to_owned()),
            ..Selection::default()
        },
        title: None,
        now: chrono::DateTime::from_timestamp_millis(0).unwrap(),
        signed: Signed::default(),
    };
    gather(&log, given, &mut |_| {}).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_text_breaks_out_of_the_page(text in nasty()) {
        check_html(&html(&hostile(&text)));
    }

    #[test]
    fn no_text_becomes_markup_in_markdown(text in nasty()) {
        let found = check_markdown(&markdown(&hostile(&text)));
        prop_assert_eq!(found, check_markdown(&markdown(&hostile("plain"))));
    }

    #[test]
    fn any_text_at_all_stays_text(text in "\\PC{0,40}|.{0,40}") {
        check_html(&html(&hostile(&text)));
        check_markdown(&markdown(&hostile(&text)));
    }
}

/// Reads HTML strictly: known elements with known attributes, each closed where it should be, all text
/// escaped, no odd character, and no reference but to a place on the page.
#[track_caller]
fn check_html(page: &str) {
    const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
    const ELEMENTS: &str = " html head meta title style body header main footer section h1 h2 h3 p ul li dl dt dd b a code pre strong span div details summary table caption thead tbody tr th td figure figcaption svg g path rect circle line text ";
    const ATTRIBUTES: &str = " lang charset http-equiv content name class id href title role scope colspan open aria-hidden aria-label viewBox width height preserveAspectRatio x y x1 y1 x2 y2 cx cy r d transform text-anchor ";
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        let styles = open.last().is_some_and(|name| name == "style");
        check_text(text, styles);
        let end = tail.find('>').unwrap();
        let tag = &tail[1..end];
        rest = &tail[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{page}");
            continue;
        }
        let closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            VOID.contains(&name) || ELEMENTS.contains(&format!(" {name} ")),
            "<{tag}>"
        );
        if name == "!DOCTYPE" {
            continue;
        }
        while !attributes.is_empty() {
            if let Some(more) = attributes.strip_prefix("open") {
                attributes = more.trim_start();
                continue;
            }
            let (key, value) = attributes
                .split_once("=\"")
                .unwrap_or_else(|| panic!("<{tag}>"));
            let (value, more) = value.split_once('"').unwrap();
            assert!(ATTRIBUTES.contains(&format!(" {key} ")), "<{tag}>");
            assert!(key != "href" || value.starts_with('#'), "<{tag}>");
            assert!(
                !["id", "class", "href"].contains(&key) || !value.contains("EVIL"),
                "<{tag}>"
            );
            check_text(value, false);
            attributes = more.trim_start();
        }
        if !closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    check_text(rest, false);
    assert!(open.is_empty(), "{open:?}");
}

#[track_caller]
fn check_text(text: &str, styles: bool) {
    assert!(!text.contains(['<', '>']) || styles, "{text}");
    assert!(!styles || !(text.contains("url(") || text.contains("@import")));
    let odd = |c: char| crate::visible::is_odd(c) && c != '\n' && c != '\t';
    assert!(!text.contains(odd), "{text:?}");
    for (at, _) in text.match_indices('&').filter(|_| !styles) {
        let known = ["&lt;", "&gt;", "&amp;", "&quot;", "&#39;"];
        assert!(
            known.iter().any(|entity| text[at..].starts_with(entity)),
            "{text}"
        );
    }
}

/// Reads Markdown as CommonMark does as far as it is used: what is left when fenced code and code
/// spans are taken out has nothing of the text from outside. Gives the lines that begin headings and
/// tables, which that text may not add to.
#[track_caller]
fn check_markdown(text: &str) -> (usize, usize) {
    let mut fence: Option<usize> = None;
    let (mut headings, mut rows) = (0, 0);
    for line in text.lines() {
        let run = line.bytes().take_while(|byte| *byte == b'`').count();
        if let Some(length) = fence {
            if run >= length && line.trim_start_matches('`').trim().is_empty() {
                fence = None;
            }
            continue;
        }
        if run >= 3 && !line[run..].contains('`') {
            fence = Some(run);
            continue;
        }
        let plain = without_code(line);
        for sign in ["EVIL", "evil", "http", "<", "](", "\\", "`", "&", "~"] {
            assert!(!plain.contains(sign), "{sign:?} in {line}");
        }
        assert!(!line.contains(crate::visible::is_odd), "{line:?}");
        headings += usize::from(plain.starts_with('#'));
        rows += usize::from(plain.starts_with('|'));
        assert!(
            !plain.starts_with("    ") && !plain.starts_with('\t'),
            "{line}"
        );
        assert!(!plain.starts_with('|') || !line.contains("EVIL"), "{line}");
    }
    assert!(fence.is_none(), "a fence is open at the end");
    (headings, rows)
}

/// The line without its code spans (CommonMark 6.1): a run of backquotes is closed by the next run of
/// the same length.
fn without_code(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        let length = tail.len() - tail.trim_start_matches('`').len();
        let mut from = length;
        let close = loop {
            let next = from
                + tail[from..]
                    .find('`')
                    .unwrap_or_else(|| panic!("an open span: {line}"));
            let run = tail[next..].len() - tail[next..].trim_start_matches('`').len();
            if run == length {
                break next + run;
            }
            from = next + run;
        };
        rest = &tail[close..];
    }
    plain.push_str(rest);
    plain
}
