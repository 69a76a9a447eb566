//! Text from outside, so that it cannot be taken for a part of the report.
//!
//! **Reads** nothing.
//! **Gives** [`html`] and [`html_block`]; [`code`] and [`fenced`] for Markdown; [`clock`], [`cut`].
//! **Never** lets through a character that acts: every odd one is written out first.

use std::borrow::Cow;

use super::span;
use crate::visible;

/// One line for HTML, in an element or in a quoted attribute.
pub(super) fn html(text: &str) -> String {
    entities(&visible::line(text))
}

/// A block for HTML; line breaks and tabs stay.
pub(super) fn html_block(text: &str) -> String {
    entities(&visible::block(text))
}

fn entities(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// One line for Markdown, as a code span (CommonMark 6.1): nothing in it is markup, as long as no
/// run of backquotes in it is as long as the ones around it. It is never put into a table, where a
/// `|` would end its cell even there.
pub(super) fn code(text: &str) -> String {
    let shown = visible::line(text);
    if shown.trim().is_empty() {
        return format!("({} blanks)", shown.chars().count());
    }
    let fence = "`".repeat(longest_run(&shown) + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let gap = if shown.starts_with(edge) || shown.ends_with(edge) {
        " "
    } else {
        ""
    };
    format!("{fence}{gap}{shown}{gap}{fence}")
}

/// A block for Markdown, as fenced code (CommonMark 4.5).
pub(super) fn fenced(text: &str) -> String {
    let shown = visible::block(text);
    let fence = "`".repeat((longest_run(&shown) + 1).max(3));
    let end = if shown.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{shown}{end}{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The beginning of a text on one line; what is left out is told by `…`.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let mut rest = text.char_indices().skip(most.saturating_sub(1));
    match (rest.next(), rest.next()) {
        (Some((at, _)), Some(_)) => {
            Cow::Owned(format!("{}\u{2026}", text.get(..at).unwrap_or_default()))
        }
        _ => Cow::Borrowed(text),
    }
}

/// A stamp as day and time of day; none where it is no moment, and so text from outside.
pub(super) fn clock(stamp: &str) -> Option<(String, String)> {
    let at = span::moment(stamp)?;
    Some((
        at.format("%Y-%m-%d").to_string(),
        at.format("%H:%M:%S%.3f").to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_in_html() {
        assert_eq!(
            html("<script>alert('x')</script>&\"\u{202e}\0\n"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;&lt;U+202E&gt;&lt;U+0000&gt;&lt;U+000A&gt;"
        );
        assert_eq!(html_block("a\n\t\u{1b}[2J"), "a\n\t&lt;U+001B&gt;[2J");
    }

    #[test]
    fn a_code_span_is_longer_than_every_run_inside() {
        assert_eq!(code("df -h"), "`df -h`");
        assert_eq!(code("echo `id` ``"), "``` echo `id` `` ```");
        assert_eq!(code("a\n# b"), "`a<U+000A># b`");
        assert_eq!(code(" x"), "`  x `");
        assert_eq!(
            (code(""), code("  ")),
            ("(0 blanks)".into(), "(2 blanks)".into())
        );
    }

    #[test]
    fn a_fence_is_longer_than_every_run_inside() {
        assert_eq!(fenced("a\n"), "```text\na\n```\n");
        assert_eq!(fenced("````\n# b"), "`````text\n````\n# b\n`````\n");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab\u{2026}");
        assert_eq!(cut("äöüß", 3), "äö\u{2026}");
    }
}
