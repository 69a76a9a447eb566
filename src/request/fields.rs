//! The keys of a JSON request, read one by one so that every fault has its own words.
//!
//! **Reads** the text of one JSON object (RFC 8259).
//! **Gives** a [`Draft`].
//! **Never** lets a key pass that is unknown, doubled or of the wrong type.

use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Error as _;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::error::Category;

use super::Draft;
use super::Malformed;

/// Reads the object. Nothing may follow it.
pub(super) fn parse(text: &str) -> Result<Draft, Malformed> {
    let mut fault = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Object { fault: &mut fault }
        .deserialize(&mut json)
        .and_then(|draft| json.end().map(|()| draft));
    match (read, fault) {
        (_, Some(fault)) => Err(fault),
        (Ok(draft), None) => Ok(draft),
        (Err(error), None) => Err(Malformed::NotJson {
            what: match error.classify() {
                Category::Eof => "it ends too early",
                _ if error.to_string().starts_with("trailing") => "something follows it",
                _ => "a character is out of place",
            },
            line: error.line(),
            column: error.column(),
        }),
    }
}

/// Reads the keys of an object and leaves the first fault where the caller finds it: an error of
/// the JSON parser holds only text, and that text may hold the caller's own words.
struct Object<'a> {
    fault: &'a mut Option<Malformed>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Draft;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Draft, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut read = Read::default();
        while let Some(key) = map.next_key::<String>()? {
            let value: Value = map.next_value()?;
            if let Err(fault) = read.take(&key, value) {
                *self.fault = Some(fault);
                return Err(A::Error::custom("a fault that is kept apart"));
            }
        }
        read.draft().map_err(|fault| {
            *self.fault = Some(fault);
            A::Error::custom("a fault that is kept apart")
        })
    }
}

/// What was read so far. A key is there once it was seen, whatever its value.
#[derive(Default)]
struct Read {
    draft: Draft,
    seen: Vec<&'static str>,
}

impl Read {
    fn take(&mut self, key: &str, value: Value) -> Result<(), Malformed> {
        let known = super::KNOWN_KEYS.into_iter().find(|known| *known == key);
        let Some(key) = known else {
            return Err(Malformed::UnknownKey(showable(key)));
        };
        if self.seen.contains(&key) {
            return Err(Malformed::Twice(key));
        }
        self.seen.push(key);
        match key {
            "target" => self.draft.target = required(key, value)?,
            "command" => self.draft.command = required(key, value)?,
            "requester" => self.draft.requester = text(key, value)?,
            "reason" => self.draft.reason = text(key, value)?,
            "incident" => self.draft.incident = text(key, value)?,
            "conversation" => self.draft.conversation = text(key, value)?,
            "timeout" => self.draft.timeout = seconds(key, value)?,
            _ => self.draft.dry_run = truth(key, value)?,
        }
        Ok(())
    }

    fn draft(self) -> Result<Draft, Malformed> {
        for key in ["target", "command"] {
            if !self.seen.contains(&key) {
                return Err(Malformed::Missing(key));
            }
        }
        Ok(self.draft)
    }
}

fn required(key: &'static str, value: Value) -> Result<String, Malformed> {
    let found = text(key, value)?.ok_or(Malformed::WrongType {
        key,
        expected: "a string",
    })?;
    if found.trim().is_empty() {
        Err(Malformed::Blank(key))
    } else {
        Ok(found)
    }
}

fn text(key: &'static str, value: Value) -> Result<Option<String>, Malformed> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Malformed::WrongType {
            key,
            expected: "a string",
        }),
    }
}

fn seconds(key: &'static str, value: Value) -> Result<Option<u64>, Malformed> {
    match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or(Malformed::WrongType {
            key,
            expected: "a whole number of seconds",
        }),
    }
}

fn truth(key: &'static str, value: Value) -> Result<Option<bool>, Malformed> {
    match value {
        Value::Null => Ok(None),
        value => value.as_bool().map(Some).ok_or(Malformed::WrongType {
            key,
            expected: "true or false",
        }),
    }
}

/// A key is repeated only if it looks like a key: anything else may be what was pasted by mistake.
fn showable(key: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    (key.len() <= 24 && !key.is_empty() && key.chars().all(plain)).then(|| key.to_owned())
}
