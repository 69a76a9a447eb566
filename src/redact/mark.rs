//! What stands in the place of a secret.
//!
//! **Reads** nothing.
//! **Gives** [`MARK`], [`mark`], [`Pieces`].
//! **Never** lets the name of a rule end a mark early.

use super::key::Key;

/// How the mark begins that stands in the place of a secret.
pub const MARK: &str = "[REDACTED:";

/// The mark of a secret: `[REDACTED:rule:digits]`, or without digits where there is no key.
pub(super) fn mark(id: &str, secret: &str, key: &Key) -> String {
    let hash = key.hash(secret.as_bytes());
    match hash.as_deref().and_then(|hash| hash.get(..DIGITS)) {
        Some(digits) => format!("{}:{digits}]", opened(id)),
        None => bare(id),
    }
}

/// The mark where nothing can be said of the secret.
pub(super) fn bare(id: &str) -> String {
    format!("{}]", opened(id))
}

fn opened(id: &str) -> String {
    let plain = |letter: char| if is_plain(letter) { letter } else { '-' };
    let id: String = id.chars().take(NAME).map(plain).collect();
    format!("{MARK}{id}")
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// A mark that stands there already.
    Mark(&'t str),
    /// What stands before, between and behind marks.
    Text(&'t str),
}

/// A text, cut at the marks that stand in it.
#[derive(Debug)]
pub(super) struct Pieces<'t> {
    rest: &'t str,
}

impl<'t> Pieces<'t> {
    /// Cuts a text at its marks.
    pub(super) fn of(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some(length) = mark_length(self.rest) {
            let (mark, rest) = self.rest.split_at_checked(length)?;
            self.rest = rest;
            return Some(Piece::Mark(mark));
        }
        let end = self
            .rest
            .match_indices(MARK)
            .map(|(at, _)| at)
            .find(|at| self.rest.get(*at..).and_then(mark_length).is_some())
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!text.is_empty()).then_some(Piece::Text(text))
    }
}

/// The bytes of the mark that a text begins with.
fn mark_length(text: &str) -> Option<usize> {
    let behind = text.strip_prefix(MARK)?;
    let name = behind
        .bytes()
        .take_while(|byte| is_plain(char::from(*byte)));
    let name = name.take(NAME + 1).count();
    if name > NAME {
        return None;
    }
    let behind = behind.get(name..)?;
    let behind = match behind.strip_prefix(':') {
        Some(digits) => {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let known = digits.get(..DIGITS)?.bytes().all(is_hex);
            digits.get(DIGITS..).filter(|_| known)?
        }
        None => behind,
    };
    let behind = behind.strip_prefix(']')?;
    Some(text.len() - behind.len())
}

/// Bytes that a mark has at most.
#[cfg(test)]
pub(super) const LONGEST: usize = MARK.len() + NAME + 1 + DIGITS + 1;

/// Letters of a rule's name in a mark.
const NAME: usize = 64;

/// Hexadecimal digits of the keyed hash: 48 bits, so that two among a million secrets are hardly
/// ever the same.
const DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_known_again_and_nothing_else_is() {
        let text = "a[REDACTED:pw]b[REDACTED:x-1:0123456789ab]";
        let pieces: Vec<Piece<'_>> = Pieces::of(text).collect();
        assert_eq!(
            pieces,
            [
                Piece::Text("a"),
                Piece::Mark("[REDACTED:pw]"),
                Piece::Text("b"),
                Piece::Mark("[REDACTED:x-1:0123456789ab]"),
            ]
        );
        for text in [
            "[REDACTED:",
            "[REDACTED:a b]",
            "[REDACTED:a:0123]",
            "[REDACTED:a:0123456789AB]",
            "[REDACTED:a:0123456789ab",
            "[REDACTED:a:0123456789abc]",
            "[REDACTED:hunter2\n]",
            "[REDACTED:a:0123456789a\u{e9}]",
            "[redacted:a]",
        ] {
            let pieces: Vec<Piece<'_>> = Pieces::of(text).collect();
            assert_eq!(pieces, [Piece::Text(text)]);
        }
        assert_eq!(Pieces::of("").count(), 0);
    }

    #[test]
    fn a_name_cannot_end_its_mark() {
        let name = "a] \n[é".repeat(30);
        let mark = bare(&name);
        assert_eq!(Pieces::of(&mark).collect::<Vec<_>>(), [Piece::Mark(&mark)]);
        assert!(mark.len() <= LONGEST);
    }
}
