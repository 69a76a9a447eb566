//! How much of a terminal's width a text takes.
//!
//! **Reads** nothing.
//! **Gives** [`columns`], [`cut`], [`wrap`], [`INDENT`].
//! **Never** takes a text for narrower than a terminal shows it, and never drops a character
//! without a count.

use crate::visible;

/// Columns that a text takes at most.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(of_character).sum()
}

/// No terminal gives a character more than two columns. Only of the letters of Europe, and of
/// ASCII, is it certain enough that one is all they take.
fn of_character(c: char) -> usize {
    if c.is_ascii() || ('\u{a1}'..='\u{52f}').contains(&c) {
        1
    } else {
        2
    }
}

/// The text on one line of at most `width` columns. One that is longer ends in `…+` and the number
/// of characters that are missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    let text = visible::line(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    let all = text.chars().count();
    let mark = |missing: usize| format!("…+{missing}");
    let room = width.saturating_sub(columns(&mark(all)));
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += of_character(c);
        if used > room {
            break;
        }
        kept.push(c);
    }
    let missing = all - kept.chars().count();
    let whole = format!("{kept}{}", mark(missing));
    if columns(&whole) <= width {
        whole
    } else {
        // Not even the mark fits.
        ".".repeat(width)
    }
}

/// The text on lines of at most `width` columns, each but the first behind blanks, so that no part
/// of it can be taken for the beginning of a line. It is broken wherever the width ends: between
/// words it would be prettier, and a blank at the end of a line cannot be seen.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST);
    let indent = INDENT.min(width / 4);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for c in visible::line(text).chars() {
        if used + of_character(c) > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        }
        line.push(c);
        used += of_character(c);
    }
    lines.push(line);
    lines
}

/// Blanks in front of a continued line at most: as wide as the headings of a request.
pub(super) const INDENT: usize = 10;

/// Columns that a line has at least: an indent, and one character as wide as any.
const NARROWEST: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was wrapped, put together again.
    fn joined(lines: &[String], width: usize) -> String {
        let indent = INDENT.min(width / 4);
        let parts = lines.iter().enumerate();
        parts
            .map(|(at, line)| line.get(if at == 0 { 0 } else { indent }..).unwrap())
            .collect()
    }

    #[test]
    fn a_continued_line_cannot_pass_for_one_of_ours() {
        let text = format!("Command:  touch {}Target:   srv9", "x".repeat(34));
        let lines = wrap(&text, 50);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "          Target:   srv9");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(cut("twelve chars", 12), "twelve chars");
        assert_eq!(cut("thirteen char", 12), "thirtee…+6");
        assert_eq!(cut("日本語日本語", 8), "日本…+4");
        assert_eq!(cut("a\u{1b}[2J", 20), "a<U+001B>[2J");
        assert_eq!(cut("abcdef", 2), "..");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn an_empty_text_is_one_empty_line() {
        assert_eq!(wrap("", 80), [""]);
    }

    proptest! {
        #[test]
        fn every_character_is_there_and_none_beyond_the_width(
            text in any::<String>(),
            width in 4_usize..120,
        ) {
            let lines = wrap(&text, width);
            prop_assert_eq!(joined(&lines, width), visible::line(&text));
            for line in &lines {
                prop_assert!(columns(line) <= width, "{line:?}");
                prop_assert!(!line.chars().any(visible::is_odd), "{line:?}");
            }
        }

        #[test]
        fn a_cut_says_how_much_is_missing(text in any::<String>(), width in 8_usize..120) {
            let whole = visible::line(&text);
            let short = cut(&text, width);
            prop_assert!(columns(&short) <= width);
            if short != whole {
                let (kept, missing) = short.rsplit_once("…+").unwrap();
                let missing: usize = missing.parse().unwrap();
                prop_assert!(whole.starts_with(kept));
                prop_assert_eq!(kept.chars().count() + missing, whole.chars().count());
            }
        }
    }
}
