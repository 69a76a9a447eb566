//! With what a line has to begin before a pattern is worth compiling.
//!
//! **Reads** the pattern of a rule that asks or forbids, as text.
//! **Gives** literals of which one stands at the beginning of a line in every text it matches.
//! **Never** guesses: a pattern that is not understood may begin with anything.

use super::fragment::Fragments;

/// Literals with one of which some line begins; `None` where nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    any_of: Option<Vec<String>>,
}

/// More beginnings than these are not worth telling apart.
const MOST: usize = 256;
/// How deep groups are read.
const DEEPEST: usize = 8;

impl Beginning {
    /// For a pattern that may begin with anything.
    pub(super) fn anything() -> Beginning {
        Beginning { any_of: None }
    }

    /// Reads off a pattern how its lines begin: `^(rm|mv) ` gives `rm ` and `mv `.
    pub(super) fn of(pattern: &str, fragments: &Fragments) -> Beginning {
        Beginning {
            any_of: anchored(pattern, fragments),
        }
    }

    /// Whether the pattern could match this text. False is certain, true is not.
    pub(super) fn maybe(&self, text: &str) -> bool {
        match &self.any_of {
            None => true,
            Some(literals) => text.split('\n').any(|line| {
                literals
                    .iter()
                    .any(|literal| line.starts_with(literal.as_str()))
            }),
        }
    }
}

fn anchored(pattern: &str, fragments: &Fragments) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for alternative in alternatives(pattern)? {
        all.extend(prefixes(alternative.strip_prefix('^')?, 0, fragments)?);
        if all.len() > MOST {
            return None;
        }
    }
    let all: Vec<String> = all.into_iter().map(|start| start.literal).collect();
    (!all.is_empty() && all.iter().all(|literal| !literal.is_empty())).then_some(all)
}

/// One way in which a sequence begins.
#[derive(Debug, Clone)]
pub(super) struct Start {
    literal: String,
    /// Whether this is all that is matched so far, so that what follows follows directly.
    whole: bool,
}

/// The literals that a pattern of several alternatives begins with.
pub(super) fn starts(pattern: &str, depth: usize, fragments: &Fragments) -> Option<Vec<Start>> {
    let mut all = Vec::new();
    for alternative in alternatives(pattern)? {
        all.extend(prefixes(alternative, depth, fragments)?);
        if all.len() > MOST {
            return None;
        }
    }
    Some(all)
}

/// The literals a sequence begins with.
fn prefixes(mut rest: &str, depth: usize, fragments: &Fragments) -> Option<Vec<Start>> {
    let mut found = vec![Start {
        literal: String::new(),
        whole: true,
    }];
    while let Some(character) = rest.chars().next() {
        let literal = |literal: char| {
            vec![Start {
                literal: literal.to_string(),
                whole: true,
            }]
        };
        let (mut pieces, behind) = match character {
            '(' => {
                let (inner, behind) = group(rest)?;
                let Some(inner) = inner.filter(|_| depth < DEEPEST) else {
                    return Some(ended(found));
                };
                match starts(inner, depth + 1, fragments) {
                    Some(pieces) => (pieces, behind),
                    None => return Some(ended(found)),
                }
            }
            '{' => match fragments.starts(rest, depth + 1) {
                Some((Some(pieces), behind)) if depth < DEEPEST => (pieces, behind),
                _ => return Some(ended(found)),
            },
            '\\' => {
                let escaped = rest.get(1..)?.chars().next()?;
                if !escaped.is_ascii_punctuation() || matches!(escaped, '<' | '>') {
                    return Some(ended(found));
                }
                (literal(escaped), rest.get(2..)?)
            }
            '^' | '$' | '.' | '[' | '*' | '+' | '?' | '|' | ')' | '\n' => {
                return Some(ended(found));
            }
            plain => (literal(plain), rest.get(plain.len_utf8()..)?),
        };
        // What may come again ends what is known; what may be absent is known twice.
        rest = match behind.strip_prefix('?') {
            Some(behind) if !quantified(behind) => {
                pieces.extend(literal(' ').into_iter().map(|start| Start {
                    literal: String::new(),
                    ..start
                }));
                behind
            }
            _ if quantified(behind) => return Some(ended(found)),
            _ => behind,
        };
        if found.len() * pieces.len() > MOST {
            return Some(ended(found));
        }
        found = found
            .into_iter()
            .flat_map(|start| match start.whole {
                false => vec![start],
                true => pieces
                    .iter()
                    .map(|piece| Start {
                        literal: format!("{}{}", start.literal, piece.literal),
                        whole: piece.whole,
                    })
                    .collect(),
            })
            .collect();
        if found.iter().all(|start| !start.whole) {
            break;
        }
    }
    Some(found)
}

/// Whether a quantifier stands here; two braces name a fragment.
fn quantified(text: &str) -> bool {
    text.starts_with(['*', '?', '+']) || text.starts_with('{') && !text.starts_with("{{")
}

/// The same beginnings, where nothing is known of what follows.
fn ended(found: Vec<Start>) -> Vec<Start> {
    found
        .into_iter()
        .map(|start| Start {
            whole: false,
            ..start
        })
        .collect()
}

/// What stands in a group, and behind it. Nothing inside for one with flags.
pub(super) fn group(text: &str) -> Option<(Option<&str>, &str)> {
    let mut depth = 0usize;
    for (at, character) in Meta::new(text) {
        match character {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    let inside = text.get(1..at)?;
                    let inside = match inside.strip_prefix("?:") {
                        Some(inside) => Some(inside),
                        None if inside.starts_with('?') => behind_name(inside),
                        None => Some(inside),
                    };
                    return Some((inside, text.get(at + 1..)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands behind `?<name>` or `?P<name>`, with which a group begins that has a name.
pub(super) fn behind_name(inside: &str) -> Option<&str> {
    let named = inside
        .strip_prefix("?P<")
        .or_else(|| inside.strip_prefix("?<"))?;
    let (name, behind) = named.split_once('>')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (!name.is_empty() && name.bytes().all(plain)).then_some(behind)
}

/// The alternatives of a pattern, outside of groups.
pub(super) fn alternatives(text: &str) -> Option<Vec<&str>> {
    // Flags such as `(?x)` change how the rest is read.
    if let Some(flags) = text.strip_prefix('(').filter(|f| f.starts_with('?'))
        && !flags.starts_with("?:")
        && behind_name(flags).is_none()
    {
        return None;
    }
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (at, character) in Meta::new(text) {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            '|' if depth == 0 => {
                parts.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    Some(parts)
}

/// The parentheses and bars of a pattern that are neither escaped nor in a class.
struct Meta<'a> {
    rest: std::str::CharIndices<'a>,
}

impl<'a> Meta<'a> {
    fn new(text: &'a str) -> Meta<'a> {
        Meta {
            rest: text.char_indices(),
        }
    }

    fn skip_class(&mut self) {
        // Directly behind the opening, and behind `^`, a closing bracket is literal.
        let mut first = true;
        while let Some((_, character)) = self.rest.next() {
            match character {
                '\\' => {
                    self.rest.next();
                }
                '^' if first => continue,
                ']' if !first => return,
                _ => {}
            }
            first = false;
        }
    }
}

impl Iterator for Meta<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            let (at, character) = self.rest.next()?;
            match character {
                '\\' => {
                    self.rest.next();
                }
                '[' => self.skip_class(),
                '(' | ')' | '|' => return Some((at, character)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::meta;
    use regex_automata::util::syntax;

    use super::*;

    #[track_caller]
    fn begins(pattern: &str, expected: &[&str]) {
        let found = Beginning::of(pattern, &Fragments::default()).any_of;
        let expected = (!expected.is_empty())
            .then(|| expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn literals_behind_the_anchor_are_known() {
        begins("^rm .*", &["rm "]);
        begins("^(rm|mv) x", &["rm x", "mv x"]);
        begins("^(?:rm|mv)( |$)", &["rm ", "rm", "mv ", "mv"]);
        begins("^mkfs([.]ext4)?", &["mkfs", "mkfs"]);
        begins(r"^a\.b[0-9]", &["a.b"]);
        begins("^rm x|^mv", &["rm x", "mv"]);
        begins("^ab+c", &["a"]);
        begins("^(a(b|c)|d)e", &["abe", "ace", "de"]);
        begins("^(a[x]|b)c", &["a", "bc"]);
        begins("^(sudo )?rm x", &["sudo rm x", "rm x"]);
        begins("^(a|b[0-9])?c", &["ac", "b", "c"]);
        begins("^ab?c", &["abc", "ac"]);
        begins("^(?<x>rm|mv) y", &["rm y", "mv y"]);
        begins("^rm (?P<x>a|b)?c", &["rm ac", "rm bc", "rm c"]);
        begins(
            "^(sudo )?(rm|mv)(?i:x)",
            &["sudo rm", "sudo mv", "rm", "mv"],
        );
    }

    #[test]
    fn what_is_not_anchored_may_begin_with_anything() {
        for pattern in [
            "rm",
            "^rm|mv",
            "^",
            "^.*",
            "(^|x)rm",
            "(?i)^rm",
            "^(?i:rm)",
            "^(|a)b*",
            "^a?",
            "^(a)?b?",
            "(?x)^ a",
            "^[ab]",
            "^(rm",
            "^rm)",
            "^$",
            "^(?<x>[ab])",
            "(?<x>^rm)",
            "^(?=rm)",
            "^(?<=rm)a",
            "^(?<>rm)",
            "^(?<x rm)",
        ] {
            let found = Beginning::of(pattern, &Fragments::default());
            assert!(found.maybe("anything"), "{pattern} {found:?}");
        }
    }

    #[test]
    fn beginnings_are_known_through_fragments() {
        let fragments = Fragments::of(&[
            ("reader", "cat|less|{{pager}}"),
            ("pager", "mo(re|st)"),
            ("as", "(sudo )?"),
            ("self", "{{self}}|{{self}}x"),
            ("any", ".*"),
        ]);
        let begins = |pattern: &str| Beginning::of(pattern, &fragments).any_of;
        let words = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect());
        assert_eq!(
            begins("^{{as}}{{reader}} x"),
            words(&[
                "sudo cat x",
                "sudo less x",
                "sudo more x",
                "sudo most x",
                "cat x",
                "less x",
                "more x",
                "most x"
            ])
        );
        assert_eq!(begins("^rm{{any}} x"), words(&["rm"]));
        assert_eq!(begins("^rm {{self}} x"), words(&["rm ", "rm "]));
        assert_eq!(begins("^{{any}} x"), None);
        assert_eq!(begins("^{{nowhere}} x"), None);
        assert_eq!(begins("^{{reader}}? x").unwrap().len(), 5);
    }

    fn piece() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-c ]{1,3}",
            Just(r"\.".to_owned()),
            Just(r"\|".to_owned()),
            Just(".".to_owned()),
            Just("[a-c]".to_owned()),
            Just("[]a|(]".to_owned()),
            Just("[^)b]".to_owned()),
            Just("$".to_owned()),
            Just("^".to_owned()),
            Just("\n".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                inner.clone().prop_map(|part| format!("(?<n>{part})")),
                (
                    inner.clone(),
                    prop::sample::select(vec!["?", "*", "+", "{0,2}", "{2}", "+?", "{0}"])
                )
                    .prop_map(|(part, quantifier)| format!("(?:{part}){quantifier}")),
                ("[abc]", prop::sample::select(vec!["?", "*", "+", "{0,2}"]))
                    .prop_map(|(c, q)| format!("{c}{q}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_text_that_is_passed_over_is_never_matched(
            parts in prop::collection::vec(piece(), 1..3),
            texts in prop::collection::vec("[a-c|.()\\n ]{0,8}", 8),
        ) {
            let pattern = parts.iter().map(|p| format!("^{p}")).collect::<Vec<_>>().join("|");
            let Ok(regex) = meta::Regex::builder()
                .syntax(syntax::Config::new().multi_line(true).dot_matches_new_line(true))
                .build(&pattern)
            else {
                return Ok(());
            };
            let beginning = Beginning::of(&pattern, &Fragments::default());
            for text in texts {
                prop_assert!(beginning.maybe(&text) || !regex.is_match(&text), "{pattern:?} {text:?}");
            }
        }

        #[test]
        fn any_text_at_all_is_read_without_a_panic(pattern in "\\PC{0,40}") {
            let _ = Beginning::of(&pattern, &Fragments::default());
        }
    }
}
