//! Texts that a pattern matches, drawn from its syntax tree.
//!
//! **Reads** the tree of a pattern.
//! **Gives** a bounded number of texts: the shortest of each alternative first, then others.
//! **Never** is by chance: the same tree gives the same texts.

use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

/// Texts of a pattern, without end; assertions such as `^` are passed over, so that a text has to
/// be tried before it is believed. None where the pattern can match nothing at all.
pub(super) fn samples(tree: &Hir) -> impl Iterator<Item = String> + '_ {
    let possible = !is_empty(tree);
    // Round 0 takes the first alternative and the fewest repetitions everywhere, and each of the
    // next ones another alternative; from then on everything is chosen.
    (0_u64..).take_while(move |_| possible).map(move |round| {
        let mut draw = Draw {
            round,
            state: round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            bytes: Vec::new(),
        };
        draw.tree(tree);
        String::from_utf8_lossy(&draw.bytes).into_owned()
    })
}

struct Draw {
    round: u64,
    state: u64,
    bytes: Vec<u8>,
}

impl Draw {
    fn tree(&mut self, tree: &Hir) {
        if self.bytes.len() > LONGEST {
            return;
        }
        match tree.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.bytes.extend_from_slice(&literal.0),
            HirKind::Class(class) => self.class(class),
            HirKind::Capture(capture) => self.tree(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.tree(part)),
            HirKind::Alternation(parts) => {
                let place = if self.round < SYSTEMATIC {
                    usize::try_from(self.round).unwrap_or(usize::MAX) % parts.len().max(1)
                } else {
                    self.below(parts.len())
                };
                if let Some(part) = parts.get(place) {
                    self.tree(part);
                }
            }
            HirKind::Repetition(repetition) => {
                let room = repetition
                    .max
                    .map_or(MORE, |max| (max - repetition.min).min(MORE));
                let more = match self.round {
                    0..SYSTEMATIC => 0,
                    _ => self.below(room as usize + 1),
                };
                for _ in 0..repetition.min as usize + more {
                    self.tree(&repetition.sub);
                }
            }
        }
    }

    /// A character of a class: plain ones first, then those that need a quote, then what there is.
    fn class(&mut self, class: &Class) {
        let offered: Vec<u8> = PREFERRED.bytes().filter(|b| has(class, *b)).collect();
        let choice = if self.round < SYSTEMATIC {
            0
        } else {
            self.below(offered.len())
        };
        match offered.get(choice) {
            Some(byte) => self.bytes.push(*byte),
            None => self.bytes.extend(first(class)),
        }
    }

    /// A number below `bound`, by xorshift (Marsaglia 2003).
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let number = usize::try_from(self.state >> 33).unwrap_or_default();
        number.checked_rem(bound).unwrap_or_default()
    }
}

/// Whether a tree stands for no text at all. The length that a tree knows of itself does not say
/// so: it is unknown where one of several alternatives is empty.
fn is_empty(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
        HirKind::Class(class) => class.minimum_len().is_none(),
        HirKind::Repetition(repetition) => repetition.min > 0 && is_empty(&repetition.sub),
        HirKind::Capture(capture) => is_empty(&capture.sub),
        HirKind::Concat(parts) => parts.iter().any(is_empty),
        HirKind::Alternation(parts) => parts.iter().all(is_empty),
    }
}

/// Whether a class holds an ASCII character.
pub(super) fn has(class: &Class, byte: u8) -> bool {
    match class {
        Class::Bytes(class) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&byte)),
        Class::Unicode(class) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
    }
}

fn first(class: &Class) -> Vec<u8> {
    match class {
        Class::Bytes(class) => class.iter().take(1).map(|range| range.start()).collect(),
        Class::Unicode(class) => {
            let first = class.iter().next().map(|range| range.start().to_string());
            first.unwrap_or_default().into_bytes()
        }
    }
}

/// Rounds in which only the alternative changes.
const SYSTEMATIC: u64 = 8;

/// At most so many repetitions more than the fewest.
const MORE: u32 = 2;

/// A text that is this long is not continued.
const LONGEST: usize = 2000;

/// Characters to stand for a class, the plainest first.
const PREFERRED: &str = "a0A/.-_ =:,+@%*;|&$\"\\(<>[]{}!#~?^`'\t";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pattern;
    use crate::policy::pattern::Reading;

    fn drawn(pattern: &str, count: usize) -> Vec<String> {
        let tree = pattern::tree(pattern, Reading::Whole).unwrap();
        samples(&tree).take(count).collect()
    }

    #[test]
    fn the_shortest_comes_first_and_each_alternative_follows() {
        assert_eq!(drawn("df( -h)?", 1), ["df"]);
        assert_eq!(drawn("ls [a-z]+|id|w", 3), ["ls a", "id", "w"]);
        assert_eq!(drawn("x{3}", 1), ["xxx"]);
    }

    #[test]
    fn every_sample_is_matched_where_there_is_no_assertion() {
        for pattern in [
            "df( -[hiT]+)*( /[a-z/]*)?",
            "'[^']*' .{2,4}",
            "(a|b|cd)+x?",
            "[^a-z]",
        ] {
            let regex = regex::bytes::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            for sample in drawn(pattern, 200) {
                assert!(regex.is_match(sample.as_bytes()), "{pattern}: {sample:?}");
            }
        }
    }

    #[test]
    fn what_matches_nothing_gives_nothing() {
        assert!(drawn("[a&&b]", 5).is_empty());
        assert!(drawn("df [a&&b]", 5).is_empty());
        assert!(!drawn("df|[a&&b]", 5).is_empty());
    }
}
