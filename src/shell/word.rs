//! A word: its value where it is known, and how it reads without quotes where it is not.
//!
//! **Reads** one raw word of a shell text, quotes and expansions included.
//! **Gives** `Word`.
//! **Never** calls a value known that depends on the machine the text runs on.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

use super::variable::Variables;

/// One word of a simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    known: bool,
    shown: String,
    /// An expansion outside quotes put blanks into it, so bash makes several words of it.
    splits: bool,
}

impl Word {
    pub(super) fn literal(value: impl Into<String>) -> Word {
        Word {
            known: true,
            shown: value.into(),
            splits: false,
        }
    }

    pub(super) fn unknown(shown: impl Into<String>) -> Word {
        Word {
            known: false,
            shown: shown.into(),
            splits: false,
        }
    }

    /// Takes the quotes off a raw word and follows expansions as far as the text itself tells.
    pub(super) fn unquote(raw: &str, variables: &Variables) -> Word {
        let mut unquoting = Unquoting {
            rest: raw.chars().peekable(),
            variables,
            known: true,
            shown: String::new(),
            quoted: false,
            splits: false,
        };
        unquoting.outside();
        Word {
            known: unquoting.known,
            shown: unquoting.shown,
            splits: unquoting.splits,
        }
    }

    /// The value, where it can be known beforehand.
    pub fn value(&self) -> Option<&str> {
        self.known.then_some(self.shown.as_str())
    }

    /// The value, or the nearest to it that can be read from the text.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The words that bash makes of this one.
    pub(super) fn split(self) -> Vec<Word> {
        if !self.splits {
            return vec![self];
        }
        self.shown
            .split_ascii_whitespace()
            .map(Word::unknown)
            .collect()
    }

    /// The last part of the path, as the name of a program.
    pub(super) fn program(&self) -> &str {
        self.shown
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(&self.shown)
    }

    /// The word with a path in it, or behind its `=`, cleared of detours.
    pub(super) fn straight(&self) -> Cow<'_, str> {
        let path_at = if self.shown.starts_with('/') {
            Some(0)
        } else {
            self.shown.find("=/").map(|place| place + 1)
        };
        match path_at.and_then(|place| self.shown.split_at_checked(place)) {
            Some((before, path)) => Cow::Owned(format!("{before}{}", straight_path(path))),
            None => Cow::Borrowed(&self.shown),
        }
    }
}

/// Takes `//`, `/./`, `x/..`, a slash at the end and other names of the root out of a path.
fn straight_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
        // `/proc/1/root` and `/proc/self/root` are the root again.
        if let ["proc", process, "root"] = parts.as_slice()
            && (process.bytes().all(|b| b.is_ascii_digit())
                || matches!(*process, "self" | "thread-self"))
        {
            parts.clear();
        }
    }
    format!("/{}", parts.join("/"))
}

/// What a substitution prints, where that is plain to see: `$(echo rm)`, `$(which rm)`.
fn printed(inner: &str) -> Option<String> {
    let inner = inner.trim();
    let text = ["echo ", "printf ", "which ", "command -v "]
        .iter()
        .find_map(|program| inner.strip_prefix(program))?;
    let telling = !text.contains(['$', '`', '|', ';', '&', '<', '>', '%', '\n']);
    telling.then(|| text.replace(['"', '\'', '\\'], "").trim().to_owned())
}

/// Whether a substitution leaves nothing behind: `r$()m` is `rm`.
fn prints_nothing(body: &str) -> bool {
    matches!(body.trim(), "" | ":" | "true")
}

struct Unquoting<'a> {
    rest: Peekable<Chars<'a>>,
    variables: &'a Variables,
    known: bool,
    shown: String,
    quoted: bool,
    splits: bool,
}

impl Unquoting<'_> {
    fn outside(&mut self) {
        if self.rest.peek() == Some(&'~') {
            self.known = false;
        }
        while let Some(character) = self.rest.next() {
            match character {
                '\'' => self.single(),
                '"' => {
                    self.quoted = true;
                    self.double();
                    self.quoted = false;
                }
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(next) => self.shown.push(next),
                },
                '$' => match self.rest.peek() {
                    Some('\'') => {
                        self.rest.next();
                        self.ansi();
                    }
                    Some('"') => {}
                    _ => self.dollar(),
                },
                '`' => self.backquoted(),
                '*' | '?' | '[' | '(' | ')' | '<' | '>' => {
                    self.known = false;
                    self.shown.push(character);
                }
                '{' => {
                    self.known &= self.rest.peek() == Some(&'}');
                    self.shown.push(character);
                }
                _ => self.shown.push(character),
            }
        }
    }

    fn single(&mut self) {
        for character in self.rest.by_ref() {
            if character == '\'' {
                return;
            }
            self.shown.push(character);
        }
        self.known = false;
    }

    fn double(&mut self) {
        while let Some(character) = self.rest.next() {
            match character {
                '"' => return,
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(next @ ('$' | '`' | '"' | '\\')) => self.shown.push(next),
                    Some(next) => self.shown.extend(['\\', next]),
                },
                '$' => self.dollar(),
                '`' => self.backquoted(),
                _ => self.shown.push(character),
            }
        }
        self.known = false;
    }

    /// Follows what stands behind a `$`.
    fn dollar(&mut self) {
        match self.rest.peek().copied() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let mut name = String::new();
                while let Some(&next) = self.rest.peek() {
                    if !next.is_ascii_alphanumeric() && next != '_' {
                        break;
                    }
                    name.push(next);
                    self.rest.next();
                }
                self.known = false;
                self.expanded(&self.variables.expand(&name));
            }
            Some('{') => {
                self.rest.next();
                let inner = self.until_closed('{', '}');
                self.known = false;
                self.expanded(&self.variables.expand_braced(&inner));
            }
            Some('(') => {
                self.rest.next();
                let inner = self.until_closed('(', ')');
                self.known = false;
                match printed(&inner) {
                    None if prints_nothing(&inner) => {}
                    Some(text) => self.expanded(&text),
                    None => self.shown.push_str(&format!("$({inner})")),
                }
            }
            // A script that is given no arguments has none: `r$@m` is `rm`.
            Some('@' | '*' | '1'..='9') => {
                self.rest.next();
                self.known = false;
            }
            Some('0' | '#' | '?' | '-' | '$' | '!' | '[') => {
                self.known = false;
                self.shown.push('$');
            }
            _ => self.shown.push('$'),
        }
    }

    fn expanded(&mut self, text: &str) {
        self.splits |= !self.quoted && text.contains([' ', '\t', '\n']);
        self.shown.push_str(text);
    }

    fn backquoted(&mut self) {
        let inner: String = self.rest.by_ref().take_while(|c| *c != '`').collect();
        self.known = false;
        match printed(&inner) {
            None if prints_nothing(&inner) => {}
            Some(text) => self.expanded(&text),
            None => self.shown.push_str(&format!("`{inner}`")),
        }
    }

    fn until_closed(&mut self, open: char, close: char) -> String {
        let mut inner = String::new();
        let mut depth = 1usize;
        for character in self.rest.by_ref() {
            if character == open {
                depth += 1;
            } else if character == close {
                depth -= 1;
                if depth == 0 {
                    return inner;
                }
            }
            inner.push(character);
        }
        inner
    }

    /// Reads `$'...'` behind its opening quote.
    fn ansi(&mut self) {
        while let Some(character) = self.rest.next() {
            match character {
                '\'' => return,
                '\\' => self.ansi_escape(),
                _ => self.shown.push(character),
            }
        }
        self.known = false;
    }

    fn ansi_escape(&mut self) {
        let Some(letter) = self.rest.next() else {
            return;
        };
        let code = match letter {
            'n' => Some(10),
            't' => Some(9),
            'r' => Some(13),
            'a' => Some(7),
            'b' => Some(8),
            'e' | 'E' => Some(27),
            'f' => Some(12),
            'v' => Some(11),
            'x' => self.digits(16, 2),
            'u' => self.digits(16, 4),
            'U' => self.digits(16, 8),
            '0'..='7' => {
                let first = letter.to_digit(8).unwrap_or_default();
                let width = 2;
                Some(self.more_digits(first, 8, width))
            }
            'c' => self.rest.next().map(|c| u32::from(c) & 31),
            '\\' | '\'' | '"' | '?' => Some(u32::from(letter)),
            _ => {
                self.shown.push('\\');
                Some(u32::from(letter))
            }
        };
        match code.and_then(char::from_u32) {
            // From a NUL on the rest of the quoted text is dropped; that is odd enough to doubt.
            Some('\0') | None => self.known = false,
            Some(character) => self.shown.push(character),
        }
    }

    fn digits(&mut self, radix: u32, width: usize) -> Option<u32> {
        self.rest
            .peek()
            .is_some_and(|c| c.is_digit(radix))
            .then(|| self.more_digits(0, radix, width))
    }

    fn more_digits(&mut self, first: u32, radix: u32, width: usize) -> u32 {
        let mut value = first;
        for _ in 0..width {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(radix)) else {
                break;
            };
            value = value.wrapping_mul(radix).wrapping_add(digit);
            self.rest.next();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn known(raw: &str, expected: &str) {
        let word = Word::unquote(raw, &Variables::default());
        assert_eq!(word.value(), Some(expected), "{raw}");
    }

    #[track_caller]
    fn unknown(raw: &str, shown: &str) {
        let word = Word::unquote(raw, &Variables::default());
        assert_eq!((word.value(), word.shown()), (None, shown), "{raw}");
    }

    #[test]
    fn quotes_are_taken_off() {
        known(r#"r'm'"x"\y"#, "rmxy");
        known(r"$'\x72\155\u0020'", "rm ");
        known(r#"$"rm""#, "rm");
        known(r#""a\b\"""#, r#"a\b""#);
        known("{}", "{}");
    }

    #[test]
    fn expansions_make_a_word_unknown() {
        unknown("$HOME/x", "$HOME/x");
        unknown("\"$(id)\"", "$(id)");
        unknown("/etc/*", "/etc/*");
        unknown("~/x", "~/x");
        unknown("{a,b}", "{a,b}");
    }

    #[test]
    fn what_is_surely_empty_is_dropped() {
        unknown("r$@m", "rm");
        unknown("r${u}m", "rm");
        unknown("r$1m", "rm");
        unknown("${x:-rm}", "rm");
        unknown("rm${IFS}-rf", "rm -rf");
    }

    #[test]
    fn what_a_substitution_surely_prints_is_taken() {
        unknown("$(echo rm)", "rm");
        unknown("`echo 'r'm`", "rm");
        unknown("\"$(which rm)\"", "rm");
        unknown("$(cat x)", "$(cat x)");
        unknown("$(echo rm; id)", "$(echo rm; id)");
        unknown("`id`x", "`id`x");
    }

    #[test]
    fn paths_are_straightened() {
        for (path, expected) in [
            ("//etc//passwd", "/etc/passwd"),
            ("/etc/./../", "/"),
            ("/home/../../etc/", "/etc"),
            ("/proc/self/root/etc/shadow", "/etc/shadow"),
            ("/proc/1/root", "/"),
            ("of=//dev/./sda", "of=/dev/sda"),
            ("../x", "../x"),
            ("/*", "/*"),
        ] {
            assert_eq!(Word::literal(path).straight(), expected);
        }
    }

    #[test]
    fn a_program_is_named_by_its_last_part() {
        assert_eq!(Word::literal("/usr/sbin/mkfs.ext4").program(), "mkfs.ext4");
        assert_eq!(Word::literal("rm").program(), "rm");
        assert_eq!(Word::literal("/").program(), "");
    }
}
