//! Commands that are shown with a question: texts with places for what a pattern found.
//!
//! **Reads** a preview as its author wrote it, and the command that its rule matched.
//! **Gives** the command to show, each place filled with what stands in the group of its name.
//! **Never** lets what was found be more than one word, or a part of one.

use std::borrow::Cow;
use std::ops::Range;

use super::Rule;
use super::pattern::Shared;
use crate::shell;
use crate::shell::Reached;
use crate::shell::Script;
use crate::shell::SimpleCommand;

/// One preview, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Preview<'p> {
    /// It has no places: the text itself.
    Fixed(&'p str),
    /// The words of one simple command, in pieces.
    Places(Vec<Vec<Piece>>),
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A place for what the group of this name found.
    Place(String),
}

/// Why a preview cannot be used. Displays as what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is empty")]
    Empty,
    #[error(
        "with a `<name>` in it, it has to be one simple command of literal words, without \
         redirections"
    )]
    NotSimple,
    #[error("the program that it runs has to be written out")]
    Program,
}

impl<'p> Preview<'p> {
    /// Reads what the author of a rule wrote.
    pub(super) fn parse(text: &'p str, limits: &shell::Limits) -> Result<Preview<'p>, Unusable> {
        if text.trim().is_empty() {
            return Err(Unusable::Empty);
        }
        let names: Vec<&str> = places(text).into_iter().map(|(_, name)| name).collect();
        if names.is_empty() {
            return Ok(Preview::Fixed(text));
        }
        // The shell reads the text with a plain word in each place, so that it is known which word
        // of the command each of them is in, whatever quotes are around it.
        let mark = mark_for(text);
        let script = Script::parse(&marked(text, &mark), limits);
        let words = only_words(&script).ok_or(Unusable::NotSimple)?;
        let words: Vec<Vec<Piece>> = words
            .iter()
            .map(|word| pieces(word, &mark, &names))
            .collect();
        let first = words.first().map(Vec::as_slice).unwrap_or_default();
        if first.iter().any(|piece| matches!(piece, Piece::Place(_))) {
            return Err(Unusable::Program);
        }
        Ok(Preview::Places(words))
    }

    /// The names of its places.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Preview::Fixed(_) => Vec::new(),
            Preview::Places(words) => words
                .iter()
                .flatten()
                .filter_map(|piece| match piece {
                    Piece::Place(name) => Some(name.as_str()),
                    Piece::Text(_) => None,
                })
                .collect(),
        }
    }

    /// The command to show, for a command that the rule matched; none where a place stays empty.
    pub(super) fn of(
        &self,
        rule: &Rule,
        command: Option<&SimpleCommand>,
        shared: &Shared,
    ) -> Option<String> {
        let words = match self {
            Preview::Fixed(text) => return Some((*text).to_owned()),
            Preview::Places(words) => words,
        };
        let command = command?;
        let spellings = [
            Spelling::new(command, command.canonical(), command.canonical_words()),
            Spelling::new(command, command.bare(), command.bare_words()),
        ];
        spellings.iter().find_map(|spelling| {
            rule.patterns.iter().find_map(|pattern| {
                let captures = pattern.captures(&spelling.text, shared)?;
                let found = |name: &str| {
                    let span = captures.get_group_by_name(name)?;
                    spelling.found(span.range())
                };
                filled(words, &found)
            })
        })
    }
}

/// The words with each place filled, quoted by us.
fn filled(words: &[Vec<Piece>], found: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let words: Vec<String> = words
        .iter()
        .map(|pieces| {
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => Some(text.clone()),
                    Piece::Place(name) => found(name),
                })
                .collect()
        })
        .collect::<Option<_>>()?;
    Some(shell::quote_all(words.iter().map(String::as_str)))
}

/// A command as its rule was compared with it, and where its words stand there.
struct Spelling<'c> {
    text: String,
    words: Vec<Place<'c>>,
}

/// One word of it.
struct Place<'c> {
    span: Range<usize>,
    /// Whether it is written without quotes, and reads the same with them.
    plain: bool,
    value: Option<&'c str>,
}

impl<'c> Spelling<'c> {
    fn new(
        command: &'c SimpleCommand,
        text: String,
        words: impl Iterator<Item = Cow<'c, str>>,
    ) -> Spelling<'c> {
        let mut start = 0;
        let words = words
            .zip(command.argv())
            .map(|(word, value)| {
                let span = start..start + word.len();
                start = span.end + 1;
                Place {
                    span,
                    plain: matches!(shell::quote(&word), Cow::Borrowed(_)),
                    value,
                }
            })
            .collect();
        Spelling { text, words }
    }

    /// What stands in a part of the text: all of a word, or a part of one that is plain. None for a
    /// part that is no word of the command, such as one half of a word in quotes.
    fn found(&self, part: Range<usize>) -> Option<String> {
        let word = self
            .words
            .iter()
            .find(|word| word.span.start <= part.start && part.end <= word.span.end)?;
        let value = word.value?;
        if word.span == part && !part.is_empty() {
            return Some(value.to_owned());
        }
        let inside = self.text.get(part).filter(|inside| !inside.is_empty());
        inside.filter(|_| word.plain).map(str::to_owned)
    }
}

/// Where each `<name>` stands in a text, and its name.
fn places(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find('<')) {
        let start = from + open;
        from = start + 1;
        let Some((name, _)) = text.get(from..).and_then(|rest| rest.split_once('>')) else {
            break;
        };
        if is_name(name) {
            from += name.len() + 1;
            found.push((start..from, name));
        }
    }
    found
}

/// Whether a word can name a group of a pattern here.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A plain word that does not stand in a text.
fn mark_for(text: &str) -> String {
    let mut number = 0_usize;
    loop {
        let mark = format!("place{number}_");
        if !text.contains(&mark) {
            return mark;
        }
        number += 1;
    }
}

/// The text with a mark and a number in each place.
fn marked(text: &str, mark: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    for (number, (span, _)) in places(text).into_iter().enumerate() {
        out.push_str(text.get(from..span.start).unwrap_or_default());
        out.push_str(&format!("{mark}{number}_"));
        from = span.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// A word with its marks taken for the places that they stand for.
fn pieces(word: &str, mark: &str, names: &[&str]) -> Vec<Piece> {
    let mut parts = word.split(mark);
    let mut pieces = Vec::new();
    let mut push = |text: &str| {
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
    };
    push(parts.next().unwrap_or_default());
    for part in parts {
        let named = part.split_once('_').and_then(|(number, behind)| {
            let number: usize = number.parse().ok()?;
            Some((*names.get(number)?, behind))
        });
        if let Some((name, behind)) = named {
            pieces.push(Piece::Place(name.to_owned()));
            if !behind.is_empty() {
                pieces.push(Piece::Text(behind.to_owned()));
            }
        }
    }
    pieces
}

/// The words of a script that is one simple command and nothing else.
fn only_words(script: &Script) -> Option<Vec<&str>> {
    let mut outer = script
        .commands()
        .iter()
        .filter(|command| command.reached() == Reached::Outer);
    let (Some(only), None) = (outer.next(), outer.next()) else {
        return None;
    };
    let words: Vec<&str> = only.argv().into_iter().collect::<Option<_>>()?;
    let all = shell::quote_all(words.iter().copied());
    (only.is_literal() && script.rebuilt() == Some(all)).then_some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Decision;
    use super::super::Definition;
    use super::super::Fragments;
    use super::super::Policy;
    use super::*;
    use crate::shell::Limits;
    use crate::target::Scope;
    use crate::target::Tier;

    /// What is shown of a command by a rule with one pattern and one preview.
    fn shown(pattern: &str, preview: &str, text: &str) -> Vec<String> {
        let rule = Definition {
            patterns: vec![pattern.to_owned()],
            previews: vec![preview.to_owned()],
            ..Definition::new(Decision::RequireApproval)
        };
        let fragments = Fragments::default();
        let policy = Policy::new(vec![rule], fragments, Limits::default(), 1_000_000);
        let script = Script::parse(text, &Limits::default());
        let verdict = policy.verdict(&script, &Scope::of_tier(Tier::Lab));
        verdict.previews().to_vec()
    }

    fn names(text: &str) -> Vec<&str> {
        places(text).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn places_are_names_between_angles_and_nothing_else() {
        assert_eq!(names("a <b> c<d_1>e"), ["b", "d_1"]);
        assert_eq!(names("<a><b>"), ["a", "b"]);
        assert_eq!(names("<<a>>"), ["a"]);
        for text in [
            "a", "<>", "< a>", "<a", "a>", "<1>", "<a b>", "<a-b>", "<ä>",
        ] {
            assert!(names(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_that_holds_the_mark_itself_is_read_all_the_same() {
        let text = "status place0_0_ <unit> place0_1_";
        let found = shown("^restart (?<unit>.+)$", text, "restart x");
        assert_eq!(found, ["status place0_0_ x place0_1_"]);
    }

    #[test]
    fn what_was_found_is_never_read_as_a_place() {
        let found = shown(
            "^restart (?<unit>.+)$",
            "status <unit>",
            "restart '<unit> place0_0_'",
        );
        assert_eq!(found, ["status '<unit> place0_0_'"]);
    }

    /// Words that are hard to quote.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z./-]{1,8}",
            "[ '\"\\\\$`;|&<>(){}*?#~!=a-c-]{0,8}",
            "\\PC{0,8}",
            Just("<unit>".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_preview_reads_back_as_the_words_that_were_written(
            found in word(),
            sudo in any::<bool>(),
            program in prop::sample::select(vec!["systemctl", "/usr/bin/systemctl"]),
        ) {
            let sudo = if sudo { "sudo " } else { "" };
            let text = format!("{sudo}{program} restart {}", shell::quote(&found));
            let asked = Script::parse(&text, &Limits::default());
            let previews = shown(
                "^systemctl restart (?<unit>.+)$",
                "systemctl status \"<unit>\" --user=<unit>.x --no-pager",
                &text,
            );
            prop_assert!(previews.len() <= 1, "{previews:?}");
            if asked.opaque().is_none() && !found.is_empty() {
                prop_assert_eq!(previews.len(), 1);
            }
            for preview in previews {
                let script = Script::parse(&preview, &Limits::default());
                // What a word may hold that is not read is refused there, and never runs.
                if script.opaque().is_some() {
                    prop_assert!(asked.opaque().is_some());
                    continue;
                }
                let user = format!("--user={found}.x");
                let words = ["systemctl", "status", &found, &user, "--no-pager"];
                prop_assert_eq!(only_words(&script), Some(words.to_vec()));
            }
        }

        #[test]
        fn what_stands_in_a_place_is_a_word_of_the_command_or_a_part_of_a_plain_one(
            words in prop::collection::vec(word(), 1..4),
            group in prop::sample::select(vec![".", ".+", r"\S+", "[a-z]+", ".*", "'.*'", "[^/]+"]),
        ) {
            let written = shell::quote_all(words.iter().map(String::as_str));
            let pattern = format!("(?<x>{group})");
            for preview in shown(&pattern, "show <x>", &format!("run {written}")) {
                let script = Script::parse(&preview, &Limits::default());
                let Some(&["show", value]) = only_words(&script).as_deref() else {
                    prop_assert!(script.opaque().is_some(), "{preview}");
                    continue;
                };
                let plain = |word: &str| matches!(shell::quote(word), Cow::Borrowed(_));
                let asked = Script::parse(&format!("run {written}"), &Limits::default());
                let fits = asked.commands().iter().any(|command| {
                    let spelled = command.canonical_words().chain(command.bare_words());
                    command.argv().contains(&Some(value))
                        || spelled.into_iter().any(|word| plain(&word) && word.contains(value))
                });
                prop_assert!(fits, "{preview}");
            }
        }

        #[test]
        fn no_preview_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Preview::parse(&text, &Limits::default());
        }
    }
}
