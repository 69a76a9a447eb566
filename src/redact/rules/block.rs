//! Private keys as blocks of text.
//!
//! **Reads** nothing.
//! **Gives** [`RULES`], [`before`].
//! **Never** needs both ends of a block: one may be cut away.

use super::BuiltIn;
use super::rule;

pub(super) const RULES: &[BuiltIn] = &[
    rule(
        "private-key",
        "private keys of PEM, OpenSSH and PGP, also without their end",
        &["private key"],
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z-]{1,24}: [^\n\\]{0,200}(?:\n|\\n)|[A-Za-z0-9+/=\s\\])*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    rule(
        "private-key-end",
        "the end of a private key whose beginning was cut away",
        &["private key"],
        r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    )
    .backwards(),
    rule(
        "putty-key",
        "private keys of PuTTY",
        &["private-lines"],
        r"Private-Lines: [0-9]{1,6}(?:\s|\\[rn]){1,4}(?P<secret>[A-Za-z0-9+/=\s\\]+)",
    ),
];

/// The bytes at the end of a text that are the body of a key: pieces of base64, of which all but the
/// last one are long.
pub(in crate::redact) fn before(text: &str) -> usize {
    let mut kept = text.len();
    let mut is_last = true;
    let mut rest = text;
    loop {
        let rest_of = rest.trim_end_matches(is_gap);
        // A line break may be written as two letters.
        let trimmed = rest_of
            .strip_suffix("\\n")
            .or_else(|| rest_of.strip_suffix("\\r"));
        if let Some(trimmed) = trimmed {
            rest = trimmed;
            continue;
        }
        let begin = rest_of.trim_end_matches(is_base64);
        let piece = rest_of.get(begin.len()..).unwrap_or_default();
        // The `n` of a written line break is no part of the key.
        let skipped = usize::from(begin.ends_with('\\') && piece.starts_with(['n', 'r']));
        let length = piece.len().saturating_sub(skipped);
        if length == 0 || (!is_last && length < LINE) {
            break;
        }
        kept = rest_of.len() - length;
        rest = text.get(..kept).unwrap_or_default();
        is_last = false;
    }
    text.len() - kept
}

fn is_gap(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=')
}

/// Letters that a line of a key has at least, but for its last one; OpenSSH writes 70, PEM 64.
const LINE: usize = 40;
