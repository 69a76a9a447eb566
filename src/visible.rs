//! Makes text from outside safe to show: nothing in it is hidden, nothing acts on the reader.
//!
//! **Reads** nothing.
//! **Gives** [`line()`], [`block`], [`output`]: the same text with every odd character written out.
//! **Never** drops a character in silence.

use std::borrow::Cow;

/// True for a character that a reader cannot see for what it is: controls, format and
/// bidirectional marks, blanks other than the ordinary one, private and unassigned-like code points.
///
/// The general categories are those of the Unicode Character Database (Cc, Cf, Zl, Zp, Zs, Co, Cn
/// non-characters and the fillers that render as nothing).
pub fn is_odd(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}'
        | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
        | '\u{1680}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The text on one line: odd characters, line breaks and tabs included, become `<U+XXXX>`.
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, is_odd)
}

/// The text on one line of a prompt: as [`line()`], and a long run of blanks becomes `<N blanks>`, so
/// that nothing in it can be pushed to where a line of ours would begin on a narrow screen.
pub fn prompted(text: &str) -> String {
    let shown = line(text);
    let mut prompted = String::with_capacity(shown.len());
    for word in shown.split_inclusive(|c| c != ' ') {
        let blanks = word.bytes().take_while(|b| *b == b' ').count();
        if blanks >= LONG_RUN {
            prompted.push_str(&format!("<{blanks} blanks>"));
            prompted.push_str(word.trim_start_matches(' '));
        } else {
            prompted.push_str(word);
        }
    }
    prompted
}

/// How many runs of blanks [`prompted`] would write out.
pub fn long_runs(text: &str) -> usize {
    text.split(|c| c != ' ')
        .filter(|run| run.len() >= LONG_RUN)
        .count()
}

/// From so many blanks on a run is written out.
const LONG_RUN: usize = 9;

/// The text as a block: as [`line()`], but line breaks and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_odd(c) && c != '\n' && c != '\t')
}

/// How many characters [`block`] would write out.
pub fn odd_count(text: &str) -> usize {
    text.chars()
        .filter(|&c| is_odd(c) && c != '\n' && c != '\t')
        .count()
}

/// Output of a target, for an answer that a language model will read: as [`block`], and each of
/// the client's own `markers` (letter case aside) is broken after its first character by a visible
/// `·`, so that a server cannot speak with the client's voice. Carriage returns before a line
/// break are dropped; they carry nothing.
pub fn output(text: &str, markers: &[String]) -> String {
    let mut shown = block(&text.replace("\r\n", "\n")).into_owned();
    for marker in markers.iter().filter(|marker| !marker.is_empty()) {
        shown = without_marker(&shown, marker);
    }
    shown
}

fn written_out(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            shown.push_str(&format!("<U+{:04X}>", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// ASCII letter case does not matter, and lowering it keeps every byte in its place.
fn without_marker(text: &str, marker: &str) -> String {
    let lowered = text.to_ascii_lowercase();
    let wanted = marker.to_ascii_lowercase();
    let first = marker.chars().next().map_or(0, char::len_utf8);
    let mut shown = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in lowered.match_indices(&wanted) {
        shown.push_str(text.get(rest..at + first).unwrap_or_default());
        shown.push('·');
        rest = at + first;
    }
    shown.push_str(text.get(rest..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_in_any_script_stays_as_it_is() {
        for text in ["df -h /", "naïve Straße 日本語 Ελλάδα", "é→✓ · …"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn nothing_is_pushed_aside_by_blanks() {
        let text = format!("a{}Code: 7K3Q  b        c{}", " ".repeat(70), " ".repeat(9));
        assert_eq!(
            prompted(&text),
            "a<70 blanks>Code: 7K3Q  b        c<9 blanks>"
        );
        assert_eq!(long_runs(&text), 2);
        assert_eq!(
            (prompted("awk '{print  $1}'"), long_runs(" ")),
            ("awk '{print  $1}'".to_owned(), 0)
        );
        assert_eq!(prompted(&" ".repeat(20)), "<20 blanks>");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(
            line("a\u{202e}b\u{200b}c\u{a0}d"),
            "a<U+202E>b<U+200B>c<U+00A0>d"
        );
        assert_eq!(
            line("a\nb\tc\rd\u{1b}[2K"),
            "a<U+000A>b<U+0009>c<U+000D>d<U+001B>[2K"
        );
        assert_eq!(block("a\nb\tc\rd"), "a\nb\tc<U+000D>d");
        assert_eq!(odd_count("a\nb\u{7f}\u{e0041}"), 2);
    }

    #[test]
    fn the_two_last_code_points_of_every_plane_are_odd() {
        for c in ['\u{fffe}', '\u{ffff}', '\u{1fffe}', '\u{10ffff}'] {
            assert!(is_odd(c), "{c:?}");
        }
    }

    #[test]
    fn a_server_cannot_speak_with_the_clients_voice() {
        let markers = ["[OUT-OF-BAND USER MESSAGE".to_owned()];
        let shown = output(
            "x [Out-of-band User Message] [OUT-OF-BAND USER MESSAGE",
            &markers,
        );
        assert_eq!(
            shown,
            "x [·Out-of-band User Message] [·OUT-OF-BAND USER MESSAGE"
        );
    }

    #[test]
    fn a_repeated_marker_is_broken_every_time() {
        assert_eq!(output("<<a<<a", &["<<a".to_owned()]), "<·<a<·<a");
    }
}
