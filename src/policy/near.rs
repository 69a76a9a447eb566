//! The rules that almost allow a command: those for the same program.
//!
//! **Reads** one simple command that no rule knows, and the rules that allow.
//! **Gives** [`Near`], the nearest first.
//! **Never** takes part in a judgement.

use regex_syntax::hir::literal::Extractor;

use super::Decision;
use super::Policy;
use super::Rule;
use super::decide;
use super::decide::Form;
use super::needs;
use super::pattern::Pattern;
use crate::shell::SimpleCommand;
use crate::target::Scope;

/// A rule that allows something of the same program, and not this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The id of the rule.
    pub rule: String,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
    /// The pattern that is nearest.
    pub pattern: String,
    /// Why it does not allow the command.
    pub miss: Miss,
}

/// Why a rule does not allow a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The pattern does not match. Of the words from the beginning it would match so many.
    Pattern {
        /// The longest beginning that it allows; none where it allows no beginning.
        allows: Option<String>,
    },
    /// It matches what stands behind `sudo`, and does not say `sudo: allowed`.
    Sudo,
    /// It matches, and does not hold on this machine.
    Elsewhere,
    /// It matches, and is only recorded.
    OnlyRecorded,
}

impl Miss {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Miss::Pattern { .. } => "pattern",
            Miss::Sudo => "sudo",
            Miss::Elsewhere => "elsewhere",
            Miss::OnlyRecorded => "only_recorded",
        }
    }

    /// What matches comes first, then what goes furthest.
    fn distance(&self) -> (bool, usize) {
        match self {
            Miss::Pattern { allows } => (true, usize::MAX - allows.as_ref().map_or(0, String::len)),
            _ => (false, 0),
        }
    }
}

impl Policy {
    /// The rules that allow something of the program of this command, or of what stands behind its
    /// prefixes; at most `most`, the nearest first.
    pub(super) fn near(&self, command: &SimpleCommand, scope: &Scope, most: usize) -> Vec<Near> {
        let forms = decide::forms(command);
        let mut found: Vec<Near> = self
            .rules
            .iter()
            .filter(|rule| rule.definition.effect == Decision::Allow)
            .filter_map(|rule| self.near_rule(rule, &forms, scope))
            .collect();
        // The sort keeps the order of the file among equals.
        found.sort_by_key(|near| near.miss.distance());
        found.truncate(most);
        found
    }

    fn near_rule(&self, rule: &Rule, forms: &[Form<'_>], scope: &Scope) -> Option<Near> {
        let mut nearest: Option<Near> = None;
        for pattern in &rule.patterns {
            for (place, form) in forms.iter().enumerate() {
                let Some(miss) = self.miss(rule, pattern, form, scope) else {
                    continue;
                };
                // Every rule about something behind `sudo` is about `sudo` too, and none is near
                // by that alone.
                let prefixed = place + 1 < forms.len();
                if prefixed && miss == (Miss::Pattern { allows: None }) {
                    continue;
                }
                let nearer = nearest
                    .as_ref()
                    .is_none_or(|near| miss.distance() < near.miss.distance());
                if nearer {
                    nearest = Some(Near {
                        rule: rule.id.clone(),
                        line: rule.definition.line,
                        pattern: pattern.text().to_owned(),
                        miss,
                    });
                }
            }
        }
        nearest
    }

    fn miss(&self, rule: &Rule, pattern: &Pattern, form: &Form<'_>, scope: &Scope) -> Option<Miss> {
        let word = form.word?;
        if !self.begins_with(pattern, word) {
            return None;
        }
        let matches = |text: &str| pattern.matches(text, &self.shared).unwrap_or(false);
        if !matches(&form.canonical) {
            // Behind sudo the rule would have to say so as well; the words are what is far off.
            let beginnings = form.canonical.match_indices(' ').rev();
            let allows = beginnings
                .filter_map(|(at, _)| form.canonical.get(..at))
                .take(MOST_WORDS)
                .find(|beginning| matches(beginning));
            return Some(Miss::Pattern {
                allows: allows.map(str::to_owned),
            });
        }
        if !rule.holds_on(scope) {
            Some(Miss::Elsewhere)
        } else if rule.definition.audited {
            Some(Miss::OnlyRecorded)
        } else if form.sudo && !rule.definition.sudo {
            Some(Miss::Sudo)
        } else {
            None
        }
    }

    /// Whether a pattern is about a program: every text that it matches begins with the word, or
    /// some alternative of it does.
    fn begins_with(&self, pattern: &Pattern, word: &str) -> bool {
        if let Some(first) = needs::first_word(pattern.text()) {
            return first == word;
        }
        let Ok(tree) = pattern.tree(&self.shared) else {
            return false;
        };
        let prefixes = Extractor::new().extract(&tree);
        prefixes.literals().unwrap_or_default().iter().any(|found| {
            let literal = String::from_utf8_lossy(found.as_bytes());
            match literal.split_once(' ') {
                Some((first, _)) => first == word,
                None if found.is_exact() => literal == word,
                // The literal ends in the middle of a word, whatever follows.
                None => literal.len() >= SHORTEST_BEGINNING && word.starts_with(literal.as_ref()),
            }
        })
    }
}

/// More words than this from the end are not taken away to see what a rule allows.
const MOST_WORDS: usize = 64;

/// A literal shorter than this says nothing of a program.
const SHORTEST_BEGINNING: usize = 2;
