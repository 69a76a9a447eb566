//! CEF and RFC 5424, read back by strict readers.

use std::collections::BTreeMap;

use super::tests::FORMATS;
use super::tests::samples;
use super::tests::written;
use super::*;

/// A line of CEF, taken apart: seven parts of the header, and the fields.
pub(super) fn cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut parts = vec![String::new()];
    let mut chars = line.chars();
    while parts.len() < 8 {
        match chars.next().expect("a header of seven parts") {
            '\\' => match chars.next() {
                Some(c @ ('\\' | '|')) => parts.last_mut().unwrap().push(c),
                other => panic!("escaped {other:?} in the header of {line}"),
            },
            '|' => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts.pop();
    assert_eq!(parts[0], "CEF:0");
    let level: u8 = parts[6].parse().unwrap();
    assert!(level <= 10 && !parts[4].is_empty() && !parts[5].is_empty());
    (parts, fields(chars.as_str()))
}

/// A field begins at a blank, or at the beginning, with a key and a bare `=`.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut key = String::new();
    let mut value = String::new();
    let mut chars = text.chars();
    let mut in_key = true;
    while let Some(c) = chars.next() {
        match c {
            '=' if in_key => in_key = false,
            '=' => {
                let (before, next) = value.rsplit_once(' ').expect("a bare = in a value");
                assert!(is_key(next), "{next} in {text}");
                assert!(fields.insert(key, before.to_owned()).is_none());
                key = next.to_owned();
                value.clear();
            }
            c if in_key => key.push(c),
            '\\' => match chars.next() {
                Some(c @ ('\\' | '=')) => value.push(c),
                other => panic!("escaped {other:?} in {text}"),
            },
            c => value.push(c),
        }
    }
    assert!(is_key(&key), "{key}");
    assert!(fields.insert(key, value).is_none(), "{text}");
    fields
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// What a message of RFC 5424 says.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: &'a str,
    pub(super) elements: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) text: &'a str,
}

/// Reads a message by the grammar of RFC 5424 6, and nothing beside it.
pub(super) fn syslog(message: &str) -> Message<'_> {
    let rest = message.strip_prefix('<').unwrap();
    let (priority, rest) = rest.split_once('>').unwrap();
    assert!(!priority.starts_with('0') || priority == "0");
    assert!(priority.parse::<u8>().unwrap() <= 191);
    let rest = rest.strip_prefix("1 ").unwrap();
    let (stamp, rest) = rest.split_once(' ').unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(stamp).is_ok() && stamp.ends_with('Z'));
    let mut parts = rest.splitn(5, ' ');
    let mut part = |most: usize| {
        let part = parts.next().unwrap();
        assert!(!part.is_empty() && part.len() <= most, "{part}");
        assert!(
            part.bytes().all(|byte| (33..=126).contains(&byte)),
            "{part}"
        );
        part
    };
    let (_host, _app, _process, kind) = (part(255), part(48), part(128), part(32));
    let rest = parts.next().unwrap();
    let (elements, rest) = match rest.strip_prefix('-') {
        Some(rest) => (BTreeMap::new(), rest),
        None => structured(rest),
    };
    let text = match rest.strip_prefix(' ') {
        Some(text) => text,
        None if rest.is_empty() => "",
        None => panic!("{rest} behind the structured data"),
    };
    Message {
        kind,
        elements,
        text,
    }
}

fn structured(mut rest: &str) -> (BTreeMap<String, BTreeMap<String, String>>, &str) {
    let mut elements = BTreeMap::new();
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']']).unwrap();
        let (id, mut inside) = element.split_at(end);
        name(id);
        let mut parameters = BTreeMap::new();
        while let Some(parameter) = inside.strip_prefix(' ') {
            let (key, after) = parameter.split_once("=\"").unwrap();
            name(key);
            let mut value = String::new();
            let mut chars = after.chars();
            loop {
                match chars.next().expect("an end of the parameter") {
                    '"' => break,
                    ']' => panic!("a bare ] in {after}"),
                    '\\' => match chars.next() {
                        Some(c @ ('"' | '\\' | ']')) => value.push(c),
                        other => panic!("escaped {other:?}"),
                    },
                    c => value.push(c),
                }
            }
            assert!(
                parameters.insert(key.to_owned(), value).is_none(),
                "{key} twice"
            );
            inside = chars.as_str();
        }
        rest = inside.strip_prefix(']').unwrap();
        assert!(
            elements.insert(id.to_owned(), parameters).is_none(),
            "{id} twice"
        );
    }
    (elements, rest)
}

/// `SD-NAME`.
fn name(name: &str) {
    assert!((1..=32).contains(&name.len()), "{name}");
    let good = |byte: u8| (33..=126).contains(&byte) && !matches!(byte, b'=' | b']' | b'"');
    assert!(name.bytes().all(good), "{name}");
}

/// Keys of the CEF dictionary that are used, and bytes of their longest values.
pub(super) const CEF_KEYS: &[(&str, usize)] = &[
    ("rt", 20),
    ("externalId", 40),
    ("cat", 1023),
    ("act", 63),
    ("outcome", 63),
    ("dvchost", 100),
    ("dhost", 1023),
    ("dst", 15),
    ("duser", 1023),
    ("dpt", 5),
    ("suser", 1023),
    ("suid", 1023),
    ("reason", 1023),
    ("msg", 1023),
    ("cs1", 4000),
    ("cs2", 4000),
    ("cs3", 4000),
    ("cs4", 4000),
    ("cs5", 4000),
    ("cs6", 4000),
    ("cs1Label", 1023),
    ("cs2Label", 1023),
    ("cs3Label", 1023),
    ("cs4Label", 1023),
    ("cs5Label", 1023),
    ("cs6Label", 1023),
    ("cn1", 20),
    ("cn2", 20),
    ("cn3", 20),
    ("cn1Label", 1023),
    ("cn2Label", 1023),
    ("cn3Label", 1023),
    ("c6a3", 45),
    ("c6a3Label", 1023),
    ("flexString1", 1023),
    ("flexString1Label", 128),
    ("flexString2", 1023),
    ("flexString2Label", 128),
    ("start", 20),
];

#[test]
fn cef_has_only_keys_of_its_dictionary_and_keeps_to_their_sizes() {
    for event in samples() {
        let (header, fields) = cef(&written(Format::Cef, Wrap::Bare, &event));
        assert_eq!(header[1..4], ["aiops", "aiops", "1.2.3"]);
        assert_eq!(header[4], event.action());
        assert_eq!(fields["externalId"], event.seq.to_string());
        assert_eq!(
            (&fields["cs6"], &*fields["cs6Label"]),
            (&event.hash, "recordHash")
        );
        for (key, value) in &fields {
            let known = CEF_KEYS.iter().find(|(known, _)| known == key);
            let (_, most) = known.unwrap_or_else(|| panic!("{key} is no key of CEF"));
            assert!(value.len() <= *most, "{key} has {} bytes", value.len());
        }
        for (key, _) in fields.iter().filter(|(key, _)| key.ends_with("Label")) {
            assert!(fields.contains_key(key.trim_end_matches("Label")));
        }
    }
}

#[test]
fn what_a_command_says_cannot_forge_a_field_of_cef() {
    for event in samples() {
        let (_, fields) = cef(&written(Format::Cef, Wrap::Bare, &event));
        assert_eq!(fields["cs6"], event.hash);
        if let Some(command) = event.command_line().filter(|command| command.len() < 3000) {
            assert_eq!(fields["cs1"], crate::visible::line(command));
        }
    }
}

#[test]
fn every_syslog_message_is_one_by_the_grammar() {
    for event in samples() {
        for format in FORMATS {
            if format == Format::Otlp {
                continue;
            }
            let text = written(format, Wrap::Syslog(8192), &event);
            let message = syslog(&text);
            assert_eq!(message.kind, event.word());
            match format {
                Format::Rfc5424 => {
                    let ours = &message.elements["aiops@32473"];
                    assert_eq!(ours["hash"], event.hash);
                    assert_eq!(ours["seq"], event.seq.to_string());
                    assert_eq!(message.elements["origin"]["software"], "aiops");
                    assert!(message.text.starts_with('\u{feff}'), "{text}");
                }
                Format::Cef => assert_eq!(cef(message.text).1["cs6"], event.hash),
                _ => {
                    let value: serde_json::Value = serde_json::from_str(message.text).unwrap();
                    assert!(value.to_string().contains(&event.hash));
                }
            }
        }
    }
}

#[test]
fn what_a_command_says_cannot_forge_a_parameter_of_syslog() {
    for event in samples() {
        let text = written(Format::Rfc5424, Wrap::Bare, &event);
        let message = syslog(&text);
        assert_eq!(message.elements.len(), 2, "{text}");
        assert_eq!(message.elements["aiops@32473"]["hash"], event.hash);
        if let Some(command) = event.command_line().filter(|command| command.len() < 3000) {
            let shown = crate::visible::line(command);
            assert_eq!(message.elements["aiops@32473"]["command"], shown);
        }
    }
}

#[test]
fn a_strange_name_of_this_machine_does_not_break_the_header() {
    let event = &samples()[0];
    for name in ["", "a b", "ü", "a\nb", &"x".repeat(400)] {
        let mut frame = super::tests::frame();
        frame.gateway = name.to_owned();
        let text = syslog::of(event, &frame, 8192);
        syslog(&text);
    }
}

#[test]
fn the_length_before_a_message_counts_bytes() {
    assert_eq!(syslog::framed("ü"), "2 ü");
}

#[test]
fn facilities_have_the_numbers_of_the_rfc() {
    let known = [
        ("kern", 0),
        ("auth", 4),
        ("authpriv", 10),
        ("local0", 16),
        ("local7", 23),
    ];
    for (name, number) in known {
        assert_eq!(facility(name), Some(number));
    }
    for name in ["", "local8", "AUTH", "16"] {
        assert_eq!(facility(name), None);
    }
}
