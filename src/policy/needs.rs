//! What a text must hold before a pattern is worth compiling.
//!
//! **Reads** the pattern of a rule, as text.
//! **Gives** literals of which at least one stands in every text that the pattern matches.
//! **Never** guesses: a pattern that is not understood needs nothing and is always compiled.

use super::beginning;

/// Literals of which one must be there; `None` where nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    any_of: Option<Vec<String>>,
}

impl Needs {
    /// For a pattern that is always compiled.
    pub(super) fn nothing() -> Needs {
        Needs { any_of: None }
    }

    /// Reads off a pattern what it needs.
    pub(super) fn of(pattern: &str) -> Needs {
        let mut scan = Scan { rest: pattern };
        let any_of = scan.alternatives(0);
        // A closing parenthesis too many, or anything else left over: not understood.
        let any_of = any_of.filter(|_| scan.rest.is_empty()).and_then(useful);
        Needs { any_of }
    }

    /// Whether the pattern could match this text. False is certain, true is not.
    pub(super) fn maybe(&self, text: &str) -> bool {
        match &self.any_of {
            None => true,
            Some(literals) => literals
                .iter()
                .any(|literal| text.contains(literal.as_str())),
        }
    }
}

/// The first word that every text matched from its beginning has, for the index of rules.
///
/// Behind it stands the end, a blank, or groups whose every alternative begins with a blank.
pub(super) fn first_word(pattern: &str) -> Option<&str> {
    let end = pattern
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-' && c != '/')
        .unwrap_or(pattern.len());
    let (word, mut rest) = pattern.split_at_checked(end)?;
    let alone = !word.is_empty() && beginning::alternatives(pattern)?.len() == 1;
    let parts = |text: &str| {
        let behind = text.strip_prefix(' ');
        // Two braces name a fragment, one is a quantifier.
        behind.is_some_and(|behind| {
            behind.starts_with("{{") || !behind.starts_with(['*', '+', '?', '{'])
        })
    };
    if !alone {
        return None;
    }
    loop {
        if rest.is_empty() || parts(rest) {
            return Some(word);
        }
        let (inside, behind) = rest.starts_with('(').then(|| beginning::group(rest))??;
        if !beginning::alternatives(inside?)?.into_iter().all(parts) {
            return None;
        }
        rest = match behind.strip_prefix(['*', '?']) {
            Some(behind) => behind,
            // It has to be there, at least once.
            None if !behind.starts_with('{') => return Some(word),
            None => return None,
        };
        rest = rest.strip_prefix('?').unwrap_or(rest);
    }
}

/// What one alternative needs: any of these. `None`: nothing is known of it.
type Known = Option<Vec<String>>;

/// How deep groups are read.
const DEEPEST_GROUP: usize = 8;
/// More literals than this are not worth looking for.
const MOST_LITERALS: usize = 64;

struct Scan<'a> {
    rest: &'a str,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or_default();
        Some(character)
    }

    /// Reads alternatives up to the end or a closing parenthesis, which is left standing.
    ///
    /// The outer `None` says that the pattern is not understood at all.
    fn alternatives(&mut self, depth: usize) -> Option<Known> {
        let mut all: Known = Some(Vec::new());
        loop {
            let one = self.sequence(depth)?;
            all = match (all, one) {
                (Some(mut all), Some(one)) if all.len() + one.len() <= MOST_LITERALS => {
                    all.extend(one);
                    Some(all)
                }
                _ => None,
            };
            if !self.rest.starts_with('|') {
                return Some(all);
            }
            self.next();
        }
    }

    /// Reads one alternative and keeps the best thing that it cannot do without.
    fn sequence(&mut self, depth: usize) -> Option<Known> {
        let mut best: Known = None;
        let mut run = String::new();
        while let Some(character) = self.rest.chars().next() {
            match character {
                '|' | ')' => break,
                '(' => {
                    keep(&mut best, &mut run);
                    let inner = self.group(depth)?;
                    if !self.quantified()? {
                        better(&mut best, inner);
                    }
                }
                '[' => {
                    keep(&mut best, &mut run);
                    self.class()?;
                    self.quantified()?;
                }
                '.' | '^' | '$' => {
                    keep(&mut best, &mut run);
                    self.next();
                    self.quantified()?;
                }
                '*' | '+' | '?' | '{' | ']' | '}' => return None,
                '\\' => {
                    self.next();
                    match self.next()? {
                        'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'A' | 'z' | '<' | '>'
                        | 'n' | 't' | 'r' => {
                            keep(&mut best, &mut run);
                            self.quantified()?;
                        }
                        literal if literal.is_ascii_punctuation() => {
                            self.literal(literal, &mut best, &mut run)?;
                        }
                        _ => return None,
                    }
                }
                literal if literal.is_ascii() => {
                    self.next();
                    self.literal(literal, &mut best, &mut run)?;
                }
                _ => {
                    keep(&mut best, &mut run);
                    self.next();
                    self.quantified()?;
                }
            }
        }
        keep(&mut best, &mut run);
        Some(best)
    }

    fn literal(&mut self, literal: char, best: &mut Known, run: &mut String) -> Option<()> {
        if self.rest.starts_with('+') {
            run.push(literal);
            keep(best, run);
            self.quantified()?;
        } else if self.rest.starts_with(['*', '?', '{']) {
            keep(best, run);
            self.quantified()?;
        } else {
            run.push(literal);
        }
        Some(())
    }

    /// Reads quantifiers; true where there was one, which may mean "not at all".
    fn quantified(&mut self) -> Option<bool> {
        let before = self.rest.len();
        loop {
            if self.rest.starts_with(['*', '+', '?']) {
                self.next();
            } else if self.rest.starts_with('{') {
                let (_, after) = self.rest.split_once('}')?;
                self.rest = after;
            } else {
                return Some(self.rest.len() != before);
            }
        }
    }

    fn group(&mut self, depth: usize) -> Option<Known> {
        self.next();
        // Letters of either case are no literals; other flags may make blanks mean nothing.
        let either_case = self.rest.starts_with("?i:");
        if self.rest.starts_with('?') {
            let flags = if either_case { "?i:" } else { "?:" };
            let behind = self.rest.strip_prefix(flags);
            self.rest = behind.or_else(|| beginning::behind_name(self.rest))?;
        }
        if depth >= DEEPEST_GROUP {
            return None;
        }
        let inner = self.alternatives(depth + 1)?;
        (self.next()? == ')').then_some(inner.filter(|_| !either_case))
    }

    fn class(&mut self) -> Option<()> {
        self.next();
        self.rest = self.rest.strip_prefix('^').unwrap_or(self.rest);
        // Directly behind the opening a bracket is literal; nested classes are not understood.
        self.rest = self.rest.strip_prefix(']').unwrap_or(self.rest);
        loop {
            match self.next()? {
                ']' => return Some(()),
                '[' => return None,
                '\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }
}

/// Ends a run of literal characters, and keeps it where it says more than what is known.
fn keep(best: &mut Known, run: &mut String) {
    if !run.is_empty() {
        better(best, Some(vec![std::mem::take(run)]));
    }
}

fn better(best: &mut Known, other: Known) {
    let worth = |known: &Known| {
        known
            .iter()
            .map(|literals| literals.iter().map(String::len).min().unwrap_or(0))
            .max()
            .unwrap_or(0)
    };
    if worth(&other) > worth(best) {
        *best = other;
    }
}

fn useful(known: Known) -> Known {
    known.filter(|literals| !literals.is_empty() && literals.iter().all(|l| !l.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn needs(pattern: &str, expected: &[&str]) {
        let any_of = Needs::of(pattern).any_of;
        let expected = (!expected.is_empty())
            .then(|| expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(any_of, expected, "{pattern}");
    }

    #[test]
    fn the_longest_literal_is_needed() {
        needs("hostname", &["hostname"]);
        needs("systemctl (status|show) nginx", &["systemctl "]);
        needs(r"df( -[a-z]+)*", &["df"]);
        needs(r"^rm .*/etc", &["/etc"]);
        needs(r"a\.b\|c", &["a.b|c"]);
    }

    #[test]
    fn every_alternative_counts() {
        needs("hostname|uptime", &["hostname", "uptime"]);
        needs("(mkfs|wipefs) ", &["mkfs", "wipefs"]);
        needs("(mkfs|[a-z]+)x", &["x"]);
        needs("hostname|.*", &[]);
        needs("", &[]);
        needs("a|", &[]);
        needs("(?P<n>mkfs|wipefs) x", &["mkfs", "wipefs"]);
        needs("(?<n>abcd)?ef", &["ef"]);
    }

    #[test]
    fn what_may_be_absent_is_not_needed() {
        needs("abcd?", &["abc"]);
        needs("abcd*", &["abc"]);
        needs("abcd+e", &["abcd"]);
        needs("abcd{0,1}", &["abc"]);
        needs("(sudo )?ls", &["ls"]);
        needs("(sudo ){0}ls", &["ls"]);
        needs("x(longer)+?", &["x"]);
        needs("ab(?i:longer)c", &["ab"]);
    }

    #[test]
    fn what_is_not_understood_is_always_tried() {
        for pattern in [
            "(?i)abc",
            "(?x) a b c",
            "(?i:b)",
            "a(?-i:b)",
            "a(?ix:b)",
            r"\x41bc",
            r"\u{41}bc",
            r"\pLbc",
            "[[a]b]cd",
            "a)b",
            "(ab",
            "[ab",
            r"ab\",
            "{",
            "a{",
            "]a",
            r"\Qa",
            "(?<n abc)",
            "(?<=abc)d",
            "(?<>abc)",
            "(?#x)abc",
        ] {
            needs(pattern, &[]);
        }
    }

    #[test]
    fn classes_are_stepped_over() {
        needs("[]a]bc", &["bc"]);
        needs(r"[^]\]x]bc", &["bc"]);
        needs("[a|b]cd", &["cd"]);
    }

    #[test]
    fn a_first_word_is_one_that_nothing_can_change() {
        assert_eq!(first_word("df"), Some("df"));
        assert_eq!(first_word("df -h( .*)?"), Some("df"));
        assert_eq!(first_word("/usr/bin/df -h"), Some("/usr/bin/df"));
        assert_eq!(first_word("df( -[a-z]+| {{path}})*"), Some("df"));
        assert_eq!(first_word("df( -h)?( -i)+"), Some("df"));
        assert_eq!(first_word("df( -h)*"), Some("df"));
        assert_eq!(first_word("df( -h)? x|y"), None);
        assert_eq!(first_word("df(?<opts> -h)*"), Some("df"));
        assert_eq!(first_word("df(?<opts>-h)*"), None);
        for pattern in [
            "df|ls",
            "df.*",
            "df( -h)?x",
            "df( -h|x)*",
            "df( ?-h)*",
            "df({{x}})*",
            "df( -h){0,1}",
            "df?    ( x)",
            "df.( x)",
            "df[ x]( x)",
            "(df|ls) x",
            "df?",
            "df ?x",
            "df x|ls",
            "",
            "^df",
            "df *",
            "df {0}",
        ] {
            assert_eq!(first_word(pattern), None, "{pattern}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-c ]{1,4}",
            Just(r"\.".to_owned()),
            Just(r"\|".to_owned()),
            Just(".".to_owned()),
            Just("[a-c]".to_owned()),
            Just("[^ab]".to_owned()),
            Just(r"\w".to_owned()),
            Just("[]a]".to_owned()),
            Just("ä".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                (
                    inner.clone(),
                    prop::sample::select(vec!["?", "*", "+", "{0,2}", "{2}", "+?", "{0}"])
                )
                    .prop_map(|(part, quantifier)| format!("(?:{part}){quantifier}")),
                (
                    "[abc]",
                    prop::sample::select(vec!["?", "*", "+", "{0,2}", "{2}"])
                )
                    .prop_map(|(c, q)| format!("{c}{q}")),
            ]
        })
    }

    fn pattern_and_match() -> impl Strategy<Value = (String, String)> {
        prop_oneof![
            piece(),
            (piece(), piece()).prop_map(|(a, b)| format!("{a}|{b}"))
        ]
        .prop_flat_map(|pattern| {
            let text = proptest::string::string_regex(&pattern).unwrap();
            (Just(pattern), text)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_a_pattern_matches_holds_what_it_needs((pattern, text) in pattern_and_match(), around in "[a-c|. ]{0,3}") {
            prop_assert!(Needs::of(&pattern).maybe(&text), "{pattern:?} {text:?}");
            let surrounded = format!("{around}{text}");
            prop_assert!(Needs::of(&pattern).maybe(&surrounded));
            if let Some(word) = first_word(&pattern) {
                prop_assert_eq!(text.split(' ').next(), Some(word));
            }
        }

        #[test]
        fn any_text_at_all_is_read_without_a_panic(pattern in "\\PC{0,40}") {
            let _ = Needs::of(&pattern);
            let _ = first_word(&pattern);
        }
    }
}
