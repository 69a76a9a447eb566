//! Named pieces of patterns: what is written once and used in many rules.
//!
//! **Reads** patterns that hold `{{name}}`.
//! **Gives** them with each name replaced by its piece, as a group of its own.
//! **Never** takes an unknown name for text, and never grows without bound.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::beginning;
use super::beginning::Start;
use super::pattern;
use super::pattern::Reading;

/// The fragments of a configuration by their names.
#[derive(Debug, Default)]
pub struct Fragments {
    pieces: BTreeMap<String, Piece>,
}

/// A fragment, and what is known of it once a pattern asked.
#[derive(Debug)]
struct Piece {
    fragment: Fragment,
    starts: OnceLock<Option<Vec<Start>>>,
    /// Whether its beginnings are being read: one that is made of itself has none.
    reading: AtomicBool,
}

/// One fragment as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Regular expressions, each of which is one alternative, and may hold `{{name}}` itself.
    pub patterns: Vec<String>,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
}

impl Fragments {
    /// Collects fragments by their names.
    pub fn new(pieces: BTreeMap<String, Fragment>) -> Fragments {
        let piece = |fragment| Piece {
            fragment,
            starts: OnceLock::new(),
            reading: AtomicBool::new(false),
        };
        Fragments {
            pieces: pieces
                .into_iter()
                .map(|(name, fragment)| (name, piece(fragment)))
                .collect(),
        }
    }

    /// Fragments of one pattern each, by their names.
    #[cfg(test)]
    pub(super) fn of(pieces: &[(&str, &str)]) -> Fragments {
        let piece = |pattern: &str| Fragment {
            patterns: vec![pattern.to_owned()],
            line: Some(1),
        };
        Fragments::new(
            pieces
                .iter()
                .map(|(name, pattern)| ((*name).to_owned(), piece(pattern)))
                .collect(),
        )
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Fragment)> {
        self.pieces
            .iter()
            .map(|(name, piece)| (name.as_str(), &piece.fragment))
    }

    /// With what the fragment begins whose name stands at the beginning of a text, and what stands
    /// behind that name. Read once for each fragment; no beginnings where they cannot be known.
    pub(super) fn starts<'p>(
        &self,
        text: &'p str,
        depth: usize,
    ) -> Option<(Option<Vec<Start>>, &'p str)> {
        let (_, name, behind) = next_name(text).filter(|(before, ..)| before.is_empty())?;
        let Some(piece) = self.pieces.get(name) else {
            return Some((None, behind));
        };
        if let Some(known) = piece.starts.get() {
            return Some((known.clone(), behind));
        }
        if piece.reading.swap(true, Ordering::Relaxed) {
            return Some((None, behind));
        }
        let starts = piece
            .fragment
            .patterns
            .iter()
            .map(|pattern| beginning::starts(pattern, depth, self))
            .collect::<Option<Vec<_>>>()
            .map(|starts| starts.concat());
        piece.reading.store(false, Ordering::Relaxed);
        Some((piece.starts.get_or_init(|| starts).clone(), behind))
    }

    /// The pattern with every name replaced. At most `longest` bytes long.
    pub(super) fn expand<'p>(
        &self,
        pattern: &'p str,
        longest: usize,
    ) -> Result<Cow<'p, str>, String> {
        if next_name(pattern).is_none() {
            return Ok(Cow::Borrowed(pattern));
        }
        let mut out = String::new();
        self.push(pattern, &mut Vec::new(), longest, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// The byte at which reading a pattern ends that cannot be read. One with names in it was put
    /// together from several places, and has none.
    pub(super) fn broken_at(&self, pattern: &str, reading: Reading) -> Option<usize> {
        match next_name(pattern) {
            Some((before, name, _)) if !self.pieces.contains_key(name) => Some(before.len()),
            Some(_) => None,
            None => pattern::broken_at(pattern, reading),
        }
    }

    fn push<'a>(
        &'a self,
        pattern: &'a str,
        above: &mut Vec<&'a str>,
        longest: usize,
        out: &mut String,
    ) -> Result<(), String> {
        let mut rest = pattern;
        while let Some((before, name, after)) = next_name(rest) {
            out.push_str(before);
            let piece = self.pieces.get(name).ok_or_else(|| self.unknown(name))?;
            if above.contains(&name) {
                return Err(format!("the fragment `{name}` is made of itself"));
            }
            // A group of its own: alternatives in a fragment end with it.
            out.push_str("(?:");
            above.push(name);
            let patterns = &piece.fragment.patterns;
            for (number, pattern) in patterns.iter().enumerate() {
                // And so do flags in one of several.
                let several = patterns.len() > 1;
                out.push_str(if number > 0 { "|" } else { "" });
                out.push_str(if several { "(?:" } else { "" });
                self.push(pattern, above, longest, out)?;
                out.push_str(if several { ")" } else { "" });
            }
            above.pop();
            out.push(')');
            if out.len() > longest {
                return Err(format!(
                    "with its fragments it is longer than {longest} bytes"
                ));
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(())
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<&str> = self.pieces.keys().map(String::as_str).collect();
        match known.as_slice() {
            [] => format!("there is no fragment `{name}`; `fragments` defines none"),
            known => format!(
                "there is no fragment `{name}`; there are {}",
                known.join(", ")
            ),
        }
    }
}

/// The names of the fragments that a pattern uses directly.
pub(super) fn names(pattern: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some((_, name, after)) = next_name(rest) {
        found.push(name);
        rest = after;
    }
    found
}

/// Whether a word can name a fragment: a lower-case letter, then letters, digits and `_`.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What stands before the next `{{name}}`, the name, and what stands behind it.
fn next_name(pattern: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = pattern.get(from..)?.find("{{").map(|at| at + from) {
        let (before, inside) = pattern.split_at_checked(open)?;
        let inside = inside.get(2..)?;
        if let Some((name, after)) = inside.split_once("}}")
            && is_name(name)
        {
            return Some((before, name, after));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn expands(pieces: &[(&str, &str)], pattern: &str, expected: &str) {
        let found = Fragments::of(pieces).expand(pattern, 1000).unwrap();
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn fails(pieces: &[(&str, &str)], pattern: &str, expected: &str) {
        let found = Fragments::of(pieces).expand(pattern, 1000).unwrap_err();
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn a_name_becomes_a_group_of_its_own() {
        expands(
            &[("unit", "a|b"), ("number", "[0-9]+")],
            "x -u {{unit}} -n {{number}}",
            "x -u (?:a|b) -n (?:[0-9]+)",
        );
    }

    #[test]
    fn fragments_are_made_of_fragments() {
        expands(
            &[("path", "/{{name}}(/{{name}})*"), ("name", "[a-z]+")],
            "cat {{path}}",
            "cat (?:/(?:[a-z]+)(/(?:[a-z]+))*)",
        );
    }

    #[test]
    fn the_items_of_a_list_are_alternatives() {
        let list = Fragment {
            patterns: vec!["a".to_owned(), "b|c".to_owned()],
            line: None,
        };
        let fragments = Fragments::new([("x".to_owned(), list)].into());
        assert_eq!(
            fragments.expand("{{x}}d", 100).unwrap(),
            "(?:(?:a)|(?:b|c))d"
        );
    }

    #[test]
    fn braces_that_name_nothing_stay_as_they_are() {
        for pattern in [
            "a{2}", "a{2,3}", "{{", "}}", "{{}}", "{{A}}", "{{ a }}", "{{1}}", "{{a}", r"\{{2}",
        ] {
            expands(&[("a", "x")], pattern, pattern);
        }
        expands(&[("a", "x")], "{{{a}}}", "{(?:x)}");
    }

    #[test]
    fn an_unknown_name_is_an_error_that_tells_the_known_ones() {
        fails(&[("unit", "x"), ("path", "y")], "{{uint}}", "path, unit");
        fails(&[], "{{unit}}", "defines none");
    }

    #[test]
    fn a_fragment_is_never_made_of_itself() {
        fails(&[("a", "{{a}}")], "{{a}}", "made of itself");
        fails(
            &[("a", "{{b}}"), ("b", "x{{a}}")],
            "{{b}}",
            "made of itself",
        );
    }

    #[test]
    fn fragments_do_not_grow_without_bound() {
        let ten = "{{b}}".repeat(10);
        let hundred = "{{c}}".repeat(10);
        fails(
            &[("a", &ten), ("b", &hundred), ("c", "0123456789")],
            "{{a}}",
            "longer than 1000 bytes",
        );
    }

    proptest! {
        #[test]
        fn what_holds_no_name_is_left_alone(pattern in "[a-z0-9 {}()|*\\\\]{0,40}") {
            let found = Fragments::of(&[]).expand(&pattern, 1000);
            if names(&pattern).is_empty() {
                prop_assert_eq!(found.unwrap(), pattern.as_str());
            } else {
                prop_assert!(found.is_err());
            }
        }
    }
}
