//! Our own quoting: one word in, text that bash reads as exactly that word.
//!
//! **Reads** the value of a word.
//! **Gives** the word as it is where every character is plain, in single quotes otherwise.
//! **Never** uses a quoting that has characters with a meaning inside.

use std::borrow::Cow;

/// Quotes one word so that bash reads back exactly this word.
///
/// ```
/// assert_eq!(aiops::shell::quote("/var/log/syslog"), "/var/log/syslog");
/// assert_eq!(aiops::shell::quote("a b"), "'a b'");
/// assert_eq!(aiops::shell::quote("it's"), r"'it'\''s'");
/// ```
pub fn quote(word: &str) -> Cow<'_, str> {
    if !word.is_empty() && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for character in word.chars() {
        if character == '\'' {
            quoted.push_str(r"'\''");
        } else {
            quoted.push(character);
        }
    }
    quoted.push('\'');
    Cow::Owned(quoted)
}

/// Writes words joined by one blank, each quoted where it is not plain.
pub fn quote_all<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<Cow<'_, str>> = words.into_iter().map(quote).collect();
    quoted.join(" ")
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:=,+@%-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: &str) {
        assert_eq!(quote(word), expected);
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        check("--since=-1h", "--since=-1h");
        check("user@host:/a_b+c,d%e", "user@host:/a_b+c,d%e");
    }

    #[test]
    fn the_empty_word_is_quoted() {
        check("", "''");
    }

    #[test]
    fn everything_with_a_meaning_is_quoted() {
        for c in " \t\n$`\\\"*?[]{}()<>|&;~!#^".chars() {
            check(&c.to_string(), &format!("'{c}'"));
        }
    }

    #[test]
    fn a_single_quote_ends_and_reopens_the_quoting() {
        check("'", r"''\'''");
    }

    #[test]
    fn letters_beyond_ascii_are_quoted() {
        check("für", "'für'");
    }
}
