//! One regular expression of a rule: compiled when a text first needs it, and kept from then on.
//!
//! **Reads** the pattern, the fragments it names, and the texts it is tried on.
//! **Gives** whether it matches, or that it is broken.
//! **Never** takes a broken pattern for one that does not match.

use std::sync::OnceLock;

use regex_automata::Anchored;
use regex_automata::Input;
use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::captures::Captures;
use regex_automata::util::primitives::PatternID;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::Look;

use super::beginning::Beginning;
use super::fragment::Fragments;
use super::needs::Needs;

/// One regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    reading: Reading,
    /// Scanned when first asked: a pattern that the index passes over is never even read.
    beginning: OnceLock<Beginning>,
    needs: OnceLock<Needs>,
    compiled: OnceLock<Result<meta::Regex, String>>,
    /// The same with its groups, compiled only where somebody wants to know what is in them.
    capturing: OnceLock<Result<meta::Regex, String>>,
}

/// How a pattern is compared with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It has to match all of it: a rule that allows.
    Whole,
    /// It may match any part of it: a rule that asks or forbids.
    Anywhere,
}

/// What patterns share: their fragments and the bound of their size.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) fragments: Fragments,
    pub(super) bytes: usize,
}

impl Pattern {
    pub(super) fn new(text: String, reading: Reading) -> Pattern {
        Pattern {
            text,
            reading,
            beginning: OnceLock::new(),
            needs: OnceLock::new(),
            compiled: OnceLock::new(),
            capturing: OnceLock::new(),
        }
    }

    /// The pattern as its author wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches. A pattern that cannot be used is an error, never a miss.
    pub(super) fn matches(&self, text: &str, shared: &Shared) -> Result<bool, String> {
        if !self.maybe(text, shared) {
            return Ok(false);
        }
        self.compiled(shared)
            .map(|regex| regex.is_match(text))
            .map_err(Clone::clone)
    }

    /// Whether it matches from the beginning of a text on, and does not only stand somewhere in it.
    pub(super) fn begins(&self, text: &str, shared: &Shared) -> bool {
        let from_here = || Input::new(text).anchored(Anchored::Yes);
        let begins = |regex: &meta::Regex| regex.is_match(from_here());
        self.maybe(text, shared) && self.compiled(shared).is_ok_and(begins)
    }

    /// Whether it could match: false is certain, and needs no regular expression.
    fn maybe(&self, text: &str, shared: &Shared) -> bool {
        let beginning = self.beginning.get_or_init(|| match self.reading {
            Reading::Anywhere => Beginning::of(&self.text, &shared.fragments),
            Reading::Whole => Beginning::anything(),
        });
        if !beginning.maybe(text) {
            return false;
        }
        let needs = self.needs.get_or_init(|| {
            shared
                .fragments
                .expand(&self.text, shared.bytes)
                .map_or_else(|_| Needs::nothing(), |pattern| Needs::of(&pattern))
        });
        needs.maybe(text)
    }

    /// Whether a text needed the regular expression itself so far.
    pub(super) fn is_compiled(&self) -> bool {
        self.compiled.get().is_some()
    }

    /// Whether somebody wanted to know what is in its groups so far.
    #[cfg(test)]
    pub(super) fn is_capturing(&self) -> bool {
        self.capturing.get().is_some()
    }

    /// Compiles the pattern, once.
    pub(super) fn compiled(&self, shared: &Shared) -> Result<&meta::Regex, &String> {
        self.compiled
            .get_or_init(|| self.compile(shared, WhichCaptures::None))
            .as_ref()
    }

    /// What its groups find where it matches: the first match, as the one that [`Self::matches`]
    /// goes by.
    pub(super) fn captures(&self, text: &str, shared: &Shared) -> Option<Captures> {
        if !self.matches(text, shared).unwrap_or(false) {
            return None;
        }
        let regex = self.capturing(shared).ok()?;
        let mut captures = regex.create_captures();
        regex.captures(text, &mut captures);
        captures.is_match().then_some(captures)
    }

    /// The names of its groups, those of its fragments too.
    pub(super) fn groups(&self, shared: &Shared) -> Result<Vec<String>, &String> {
        let regex = self.capturing(shared)?;
        let names = regex.group_info().pattern_names(PatternID::ZERO);
        Ok(names.flatten().map(str::to_owned).collect())
    }

    fn capturing(&self, shared: &Shared) -> Result<&meta::Regex, &String> {
        self.capturing
            .get_or_init(|| self.compile(shared, WhichCaptures::All))
            .as_ref()
    }

    /// The pattern as a tree, with its fragments in place.
    pub(super) fn tree(&self, shared: &Shared) -> Result<Hir, String> {
        let pattern = shared.fragments.expand(&self.text, shared.bytes)?;
        tree(&pattern, self.reading)
    }

    /// The byte at which reading it ended, where its author wrote all of it and it cannot be read.
    pub(super) fn broken_at(&self, shared: &Shared) -> Option<usize> {
        shared.fragments.broken_at(&self.text, self.reading)
    }

    fn compile(&self, shared: &Shared, groups: WhichCaptures) -> Result<meta::Regex, String> {
        let tree = self.tree(shared)?;
        // INVARIANT: the anchors stand around the finished tree, so nothing that is written in a
        // pattern (alternatives, flags, comments) can slip out of them.
        let tree = match self.reading {
            Reading::Whole => Hir::concat(vec![Hir::look(Look::Start), tree, Hir::look(Look::End)]),
            Reading::Anywhere => tree,
        };
        meta::Builder::new()
            .configure(
                meta::Config::new()
                    .nfa_size_limit(Some(shared.bytes))
                    .which_captures(groups)
                    .utf8_empty(false)
                    .onepass(false)
                    .hybrid(false)
                    .dfa(false),
            )
            .build_from_hir(&tree)
            .map_err(|error| match error.size_limit() {
                Some(limit) => format!("it needs more than {limit} bytes when compiled"),
                None => one_line(&error),
            })
    }
}

/// Reads a regular expression that holds no fragments any more.
pub(super) fn tree(pattern: &str, reading: Reading) -> Result<Hir, String> {
    parse(pattern, reading).map_err(|error| one_line(&error))
}

/// The byte at which reading a regular expression ends that cannot be read.
pub(super) fn broken_at(pattern: &str, reading: Reading) -> Option<usize> {
    match *parse(pattern, reading).err()? {
        regex_syntax::Error::Parse(error) => Some(error.span().start.offset),
        regex_syntax::Error::Translate(error) => Some(error.span().start.offset),
        _ => None,
    }
}

fn parse(pattern: &str, reading: Reading) -> Result<Hir, Box<regex_syntax::Error>> {
    let anywhere = reading == Reading::Anywhere;
    // Classes mean ASCII: `\w` or `\d` must not let a look-alike through. A rule that refuses
    // or asks sees through line breaks; one that allows does not.
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(anywhere)
        .multi_line(anywhere)
        .nest_limit(50)
        .build()
        .parse(pattern)
        .map_err(Box::new)
}

/// Takes the last line of an error, which is what the others lead up to.
fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(reading: Reading, pattern: &str, text: &str) -> Result<bool, String> {
        let shared = Shared {
            fragments: Fragments::default(),
            bytes: 100_000,
        };
        Pattern::new(pattern.to_owned(), reading).matches(text, &shared)
    }

    #[track_caller]
    fn allows(pattern: &str, text: &str, expected: bool) {
        assert_eq!(
            matches(Reading::Whole, pattern, text).unwrap(),
            expected,
            "{pattern} {text:?}"
        );
    }

    #[test]
    fn a_rule_that_allows_matches_the_whole_text_only() {
        allows("df", "df", true);
        for text in ["df -h", "xdf", "df\n", "\ndf", "df\nrm", "", "sudo df"] {
            allows("df", text, false);
        }
    }

    #[test]
    fn nothing_in_a_pattern_escapes_the_anchors() {
        for pattern in [
            "df|ls",
            "(?:df)|ls",
            "^df$|ls",
            "(?m)^df$",
            "(?x) df # rest",
            "(?s)df",
        ] {
            allows(pattern, "df", true);
            for text in ["df -h", "rm df", "ls x", "df\nrm", "rm\ndf", "x ls"] {
                allows(pattern, text, false);
            }
        }
        for pattern in ["df)|(ls", "df)|", "(df"] {
            assert!(matches(Reading::Whole, pattern, "df").is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_dot_in_a_rule_that_allows_stops_at_a_line_break() {
        allows("df .*", "df 'a\nb'", false);
        allows("df .*", "df 'a b'", true);
    }

    #[test]
    fn classes_mean_ascii() {
        allows(r"\w+", "d\u{3b1}", false);
        allows(r"\d", "\u{661}", false);
        allows(r"a\sb", "a\u{a0}b", false);
    }

    #[test]
    fn a_rule_that_forbids_looks_anywhere_and_through_line_breaks() {
        let forbid = |pattern: &str, text: &str| matches(Reading::Anywhere, pattern, text).unwrap();
        assert!(forbid("rm", "sudo rm x"));
        assert!(forbid("^rm", "ls\nrm x"));
        assert!(forbid("curl .*sh", "curl 'a\nb' | sh"));
        assert!(!forbid("^rm", "xrm"));
    }

    #[test]
    fn a_broken_pattern_is_never_a_miss() {
        for pattern in ["(", "[", "a{999999}", r"\q", "(?P<>x)", "*"] {
            assert!(
                matches(Reading::Anywhere, pattern, "x a").is_err(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_pattern_that_grows_too_large_is_broken() {
        let found = matches(Reading::Whole, "(a{1000}){1000}", "a").unwrap_err();
        assert_eq!(found, "it needs more than 100000 bytes when compiled");
    }
}
