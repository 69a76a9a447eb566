//! With what a line has to begin before a pattern is worth compiling.
//!
//! **Reads** the pattern of a rule that asks or forbids, as text.
//! **Gives** literals of which one stands at the beginning of a line in every text it matches.
//! **Never** guesses: a pattern that is not understood may begin with anything.

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
    pub(super) fn of(pattern: &str) -> Beginning {
        Beginning {
            any_of: anchored(pattern),
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

fn anchored(pattern: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for alternative in alternatives(pattern)? {
        let (found, _) = prefixes(alternative.strip_prefix('^')?, 0)?;
        all.extend(found);
        if all.len() > MOST {
            return None;
        }
    }
    (!all.is_empty() && all.iter().all(|literal| !literal.is_empty())).then_some(all)
}

/// The literals a sequence begins with, and whether they are all of it.
fn prefixes(mut rest: &str, depth: usize) -> Option<(Vec<String>, bool)> {
    let mut found = vec![String::new()];
    while let Some(character) = rest.chars().next() {
        let (pieces, behind, whole) = match character {
            '(' => {
                let (inner, behind) = group(rest)?;
                let Some(inner) = inner.filter(|_| depth < DEEPEST) else {
                    return Some((found, false));
                };
                let mut pieces = Vec::new();
                let mut whole = true;
                for alternative in alternatives(inner)? {
                    let (more, all_of_it) = prefixes(alternative, depth + 1)?;
                    pieces.extend(more);
                    whole &= all_of_it;
                }
                (pieces, behind, whole)
            }
            '\\' => {
                let literal = rest.get(1..)?.chars().next()?;
                if !literal.is_ascii_punctuation() || matches!(literal, '<' | '>') {
                    return Some((found, false));
                }
                (vec![literal.to_string()], rest.get(2..)?, true)
            }
            '^' | '$' | '.' | '[' | '*' | '+' | '?' | '{' | '|' | ')' | '\n' => {
                return Some((found, false));
            }
            literal => (
                vec![literal.to_string()],
                rest.get(literal.len_utf8()..)?,
                true,
            ),
        };
        // What may be absent or come again ends what is known.
        if behind.starts_with(['*', '?', '{', '+']) || found.len() * pieces.len() > MOST {
            return Some((found, false));
        }
        found = found
            .iter()
            .flat_map(|start| pieces.iter().map(move |piece| format!("{start}{piece}")))
            .collect();
        if !whole {
            return Some((found, false));
        }
        rest = behind;
    }
    Some((found, true))
}

/// What stands in a group, and behind it. Nothing inside for one with flags or a name.
fn group(text: &str) -> Option<(Option<&str>, &str)> {
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
                        None => Some(inside).filter(|inside| !inside.starts_with('?')),
                    };
                    return Some((inside, text.get(at + 1..)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// The alternatives of a pattern, outside of groups.
fn alternatives(text: &str) -> Option<Vec<&str>> {
    // Flags such as `(?x)` change how the rest is read.
    if text.starts_with("(?") && !text.starts_with("(?:") {
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
        let found = Beginning::of(pattern).any_of;
        let expected = (!expected.is_empty())
            .then(|| expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn literals_behind_the_anchor_are_known() {
        begins("^rm .*", &["rm "]);
        begins("^(rm|mv) x", &["rm x", "mv x"]);
        begins("^(?:rm|mv)( |$)", &["rm ", "rm", "mv ", "mv"]);
        begins("^mkfs([.]ext4)?", &["mkfs"]);
        begins(r"^a\.b[0-9]", &["a.b"]);
        begins("^rm x|^mv", &["rm x", "mv"]);
        begins("^ab+c", &["a"]);
        begins("^(a(b|c)|d)e", &["abe", "ace", "de"]);
        begins("^(a[x]|b)c", &["a", "b"]);
    }

    #[test]
    fn what_is_not_anchored_may_begin_with_anything() {
        for pattern in [
            "rm", "^rm|mv", "^", "^.*", "(^|x)rm", "(?i)^rm", "^(?i:rm)", "^(|a)b*", "^a?",
            "^(a)?b", "(?x)^ a", "^[ab]", "^(rm", "^rm)", "^$",
        ] {
            let found = Beginning::of(pattern);
            assert!(found.maybe("anything"), "{pattern} {found:?}");
        }
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
            let beginning = Beginning::of(&pattern);
            for text in texts {
                prop_assert!(beginning.maybe(&text) || !regex.is_match(&text), "{pattern:?} {text:?}");
            }
        }

        #[test]
        fn any_text_at_all_is_read_without_a_panic(pattern in "\\PC{0,40}") {
            let _ = Beginning::of(&pattern);
        }
    }
}
