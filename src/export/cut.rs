//! Makes what is too long shorter, with a mark where something is missing.
//!
//! **Reads** nothing.
//! **Gives** [`text`], [`shrunk`], [`json`].
//! **Never** cuts through a character, and never without a mark.

use std::borrow::Cow;

use serde_json::Value;

/// Stands where something was cut.
pub(super) const MARK: &str = "…[cut]";

/// At most `bytes` of a text, and the mark where that is not all of it.
pub(super) fn text(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).unwrap_or_default();
    Cow::Owned(format!("{kept}{MARK}"))
}

/// A value whose text is at most `bytes` long: the longest strings in it become shorter, all by one
/// measure, and where that is not enough the part named `spare` goes. Where it does not fit even so,
/// it is returned as short as it gets.
pub(super) fn shrunk(mut value: Value, spare: &str, bytes: usize) -> String {
    let mut measure = bytes;
    let mut written = json(&value);
    while written.len() > bytes && measure > SHORTEST {
        measure = (measure / 2).max(SHORTEST);
        shorten(&mut value, measure);
        written = json(&value);
    }
    if written.len() > bytes
        && let Some(spare) = value.get_mut(spare)
    {
        *spare = serde_json::json!({ "cut": MARK });
        written = json(&value);
    }
    written
}

fn shorten(value: &mut Value, bytes: usize) {
    match value {
        Value::String(long) if long.len() > bytes + MARK.len() => {
            *long = text(long, bytes).into_owned();
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shorten(value, bytes)),
        Value::Object(values) => {
            for value in values.values_mut() {
                shorten(value, bytes);
            }
        }
        _ => {}
    }
}

/// JSON on one line, for every reader's idea of a line: what Unicode takes for a line break is
/// escaped too, and so is every other control character.
pub(super) fn json(value: &Value) -> String {
    let written = value.to_string();
    let odd = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}');
    if !written.contains(odd) {
        return written;
    }
    // Outside of strings JSON has no such character.
    let mut line = String::with_capacity(written.len() + 16);
    for c in written.chars() {
        if odd(c) {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line
}

/// A hash keeps its length.
const SHORTEST: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cut_goes_through_no_character_and_leaves_a_mark() {
        assert_eq!(text("short", 5), "short");
        assert_eq!(text("grün", 3), format!("gr{MARK}"));
        assert_eq!(text("ü", 0), MARK);
    }

    #[test]
    fn long_strings_become_shorter_and_short_ones_stay() {
        let value = json!({"a": "x".repeat(5000), "b": ["y".repeat(3000)], "c": "kept", "n": 1});
        let short = shrunk(value, "spare", 1000);
        assert!(short.len() <= 1000, "{}", short.len());
        let short: Value = serde_json::from_str(&short).unwrap();
        assert_eq!((&short["c"], &short["n"]), (&json!("kept"), &json!(1)));
        assert!(short["a"].as_str().unwrap().ends_with(MARK));
    }

    #[test]
    fn what_is_spare_goes_where_shorter_strings_are_not_enough() {
        let value = json!({"kept": "k", "spare": vec!["x"; 1000]});
        let short = shrunk(value, "spare", 100);
        assert_eq!(
            short,
            json!({"kept": "k", "spare": {"cut": MARK}}).to_string()
        );
    }

    #[test]
    fn what_fits_is_not_changed() {
        let value = json!({"a": "x".repeat(500)});
        assert_eq!(shrunk(value.clone(), "a", 600), value.to_string());
    }

    #[test]
    fn json_is_one_line_for_every_reader() {
        let value = json!({"a": "1\n2\r3\u{85}4\u{2028}5\u{2029}6\u{b}7\u{7f}8\u{9b}9"});
        let line = json(&value);
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}'));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
