use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::*;

/// Events of every kind and status, of hostile texts, and of a later version.
pub(super) fn samples() -> Vec<Event> {
    let text = fs::read(corpus("records.jsonl")).unwrap();
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| Event::read(line).unwrap()).collect()
}

pub(super) fn corpus(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name)
}

pub(super) fn frame() -> Frame {
    Frame {
        gateway: "gateway.example.org".to_owned(),
        version: "1.2.3",
        enterprise: Frame::EXAMPLE_ENTERPRISE,
        facility: Frame::AUTHPRIV,
        output_bytes: 0,
        observed: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

pub(super) const FORMATS: [Format; 5] = [
    Format::Ecs,
    Format::Ocsf,
    Format::Cef,
    Format::Rfc5424,
    Format::Otlp,
];

pub(super) fn written(format: Format, wrap: Wrap, event: &Event) -> String {
    let one = std::slice::from_ref(event);
    let mut parcel = Parcel::of(format, wrap, one, &frame());
    assert_eq!(parcel.messages.len(), 1);
    parcel.messages.remove(0)
}

/// Events that were looked at by a person. `AIOPS_BLESS=1` writes them anew, to be looked at again.
#[test]
fn every_sample_is_written_as_it_was_before() {
    for format in FORMATS {
        let lines = samples().iter().fold(String::new(), |text, event| {
            text + &written(format, Wrap::Bare, event) + "\n"
        });
        let path = corpus(&format!("events/{}.txt", format.word()));
        if std::env::var_os("AIOPS_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &lines).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        for (number, (now, before)) in lines.lines().zip(golden.lines()).enumerate() {
            assert_eq!(now, before, "{} line {}", format.word(), number + 1);
        }
        assert_eq!(lines.lines().count(), golden.lines().count());
    }
}

#[test]
fn the_samples_have_every_event_and_every_status() {
    use crate::status::Status;
    let have: BTreeSet<String> = samples().iter().map(Event::action).collect();
    for event in [
        crate::audit::Event::Decision,
        crate::audit::Event::Request,
        crate::audit::Event::Approval,
        crate::audit::Event::Intent,
        crate::audit::Event::Outcome,
        crate::audit::Event::Freeze,
        crate::audit::Event::Recovered,
        crate::audit::Event::Sealed,
        crate::audit::Event::Approver,
        crate::audit::Event::Grant,
        crate::audit::Event::ConfigChanged,
        crate::audit::Event::Key,
    ] {
        let word = serde_json::to_value(event).unwrap();
        let word = word.as_str().unwrap();
        assert_ne!(Kind::of(word), Kind::Other, "{word} has no kind of its own");
        assert!(have.iter().any(|action| action.starts_with(word)), "{word}");
    }
    // What no status of the wire stands for.
    for action in [
        "config_changed",
        "key.announced",
        "freeze.frozen",
        "grant.granted",
    ] {
        assert!(have.contains(action), "{action}");
    }
    for status in [
        Status::Executed,
        Status::ApprovalRequested,
        Status::Denied,
        Status::Cancelled,
        Status::Rejected,
        Status::Ambiguous,
        Status::Expired,
        Status::TimedOut,
        Status::Unreachable,
        Status::Lost,
        Status::Interrupted,
        Status::Judged,
        Status::Invalid,
        Status::Error,
    ] {
        let end = format!(".{}", status.word());
        assert!(have.iter().any(|action| action.ends_with(&end)), "{end}");
    }
}

#[test]
fn the_samples_are_records_of_this_program_in_a_whole_chain() {
    let text = fs::read_to_string(corpus("records.jsonl")).unwrap();
    let mut prev = crate::audit::GENESIS.to_owned();
    for (number, (line, event)) in text.lines().zip(samples()).enumerate() {
        assert_eq!(event.text("prev"), Some(prev.as_str()));
        assert_eq!(event.seq, number as u64 + 1);
        prev = event.hash.clone();
        // All but the one of a later version.
        let known = serde_json::from_str::<crate::audit::Record>(line);
        assert_eq!(known.is_ok(), event.kind != Kind::Other, "{known:?}");
    }
}

#[test]
fn every_event_leads_back_to_its_record() {
    for event in samples() {
        for format in FORMATS {
            for wrap in [Wrap::Bare, Wrap::Syslog(2048)] {
                let text = written(format, wrap, &event);
                assert!(
                    text.contains(&event.hash),
                    "{} of {}",
                    event.seq,
                    format.word()
                );
                assert!(text.contains(&event.seq.to_string()));
            }
        }
    }
}

#[test]
fn no_text_from_outside_begins_a_line_or_acts_on_a_terminal() {
    for event in samples() {
        for format in FORMATS {
            for wrap in [Wrap::Bare, Wrap::Syslog(2048)] {
                let text = written(format, wrap, &event);
                let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                assert!(!text.contains(odd), "{} of {}", event.seq, format.word());
            }
        }
    }
}

#[test]
fn a_syslog_message_keeps_to_its_size_and_shows_where_it_was_cut() {
    for event in samples() {
        for format in [Format::Ecs, Format::Ocsf, Format::Cef, Format::Rfc5424] {
            let whole = written(format, Wrap::Syslog(1 << 20), &event);
            for most in [2048, 4096, 8192, 1 << 16] {
                let text = written(format, Wrap::Syslog(most), &event);
                let what = format!("{} of {} within {most}", event.seq, format.word());
                assert!(text.len() <= most, "{what}: {}", text.len());
                assert!(text == whole || text.contains(cut::MARK), "{what}");
            }
        }
    }
}

#[test]
fn outputs_are_passed_on_only_where_they_are_wanted_and_cut() {
    let event = samples().into_iter().find(|event| {
        event
            .text("stdout")
            .is_some_and(|stdout| stdout.len() > 10_000)
    });
    let event = event.unwrap();
    for format in [Format::Ecs, Format::Ocsf, Format::Otlp] {
        let mut wanting = frame();
        wanting.output_bytes = 100;
        let one = std::slice::from_ref(&event);
        let with = Parcel::of(format, Wrap::Bare, one, &wanting)
            .messages
            .remove(0);
        let expected = format!("{}{}", "z".repeat(100), cut::MARK);
        assert!(with.contains(&expected) && !with.contains(&"z".repeat(101)));
        assert!(!written(format, Wrap::Bare, &event).contains("zzz"));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_any_format(
        command in "\\PC*|[\\x00-\\x7f]{0,60}|[=|\\\\\"\\]\\[ \n\r\u{2028}ü𝄞]{0,80}",
        reason in "[ -~]{0,40}|.{0,40}",
        most in 2048_usize..4000,
    ) {
        let record = serde_json::json!({
            "timestamp": "2026-11-23T09:14:03.512Z", "seq": 9, "prev": crate::audit::GENESIS,
            "event": "decision", "status": "rejected", "command": command, "reason": reason,
            "target": "srv1", "requester": command,
        });
        let event = Event::read(record.to_string().as_bytes()).unwrap();
        for format in FORMATS {
            for wrap in [Wrap::Bare, Wrap::Syslog(most)] {
                let text = written(format, wrap, &event);
                proptest::prop_assert!(!text.contains(char::is_control));
                match (format, wrap) {
                    (Format::Cef, Wrap::Bare) => drop(line_tests::cef(&text)),
                    (Format::Rfc5424, _) | (_, Wrap::Syslog(_)) if format != Format::Otlp => {
                        let message = line_tests::syslog(&text);
                        proptest::prop_assert!(wrap == Wrap::Bare || text.len() <= most);
                        if format == Format::Cef {
                            line_tests::cef(message.text);
                        }
                    }
                    _ => {
                        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                        proptest::prop_assert!(value.is_object());
                    }
                }
            }
        }
    }
}
