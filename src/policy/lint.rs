//! What is not wrong with a policy and yet is not meant: rules that say nothing, or too much.
//!
//! **Reads** every rule of a policy, and the machines there are.
//! **Gives** every [`Warning`], in the order of the file.
//! **Never** finds a fault: `examine` does that, and lint is for a policy without any.

use std::collections::BTreeSet;

use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

use super::Decision;
use super::Policy;
use super::Rule;
use super::decide;
use super::decide::Enforcing;
use super::fragment;
use super::pattern::Pattern;
use super::sample;
use crate::shell::Reached;
use crate::shell::Script;
use crate::target::Scope;

/// One thing in a policy that is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line of the configuration.
    pub line: Option<u64>,
    /// The word for its kind.
    pub kind: &'static str,
    /// What it is a warning about: a rule or a fragment, with its name.
    pub subject: String,
    /// What was found.
    pub what: String,
    /// What helps.
    pub hint: &'static str,
}

impl Policy {
    /// Looks for what is probably not meant. `scopes` are the machines there are.
    pub fn lint(&self, scopes: &[Scope]) -> Vec<Warning> {
        let mut warnings = self.unused_fragments();
        for rule in &self.rules {
            let mut warn = |(kind, what, hint): Found| {
                warnings.push(Warning {
                    line: rule.definition.line,
                    kind,
                    subject: format!("rule `{}`", rule.id),
                    what,
                    hint,
                });
            };
            let here: Vec<&Scope> = scopes.iter().filter(|s| rule.holds_on(s)).collect();
            if here.is_empty() {
                warn((
                    "nowhere",
                    "it holds on none of the targets".to_owned(),
                    "change its `targets`, `groups` and `tiers` so that one target is left",
                ));
            }
            undocumented(rule).into_iter().for_each(&mut warn);
            for pattern in &rule.patterns {
                self.of_pattern(rule, pattern)
                    .into_iter()
                    .for_each(&mut warn);
            }
            self.shadowed(rule, &here).into_iter().for_each(&mut warn);
        }
        warnings.sort_by_key(|warning| warning.line);
        warnings
    }

    fn unused_fragments(&self) -> Vec<Warning> {
        let fragments = &self.shared.fragments;
        let mut used = BTreeSet::new();
        let patterns = self.rules.iter().flat_map(|rule| &rule.patterns);
        let mut open: Vec<&str> = patterns
            .flat_map(|pattern| fragment::names(pattern.text()))
            .collect();
        while let Some(name) = open.pop() {
            if used.insert(name)
                && let Some((_, piece)) = fragments.iter().find(|(known, _)| *known == name)
            {
                open.extend(piece.patterns.iter().flat_map(|p| fragment::names(p)));
            }
        }
        fragments
            .iter()
            .filter(|(name, _)| !used.contains(name))
            .map(|(name, piece)| Warning {
                line: piece.line,
                kind: "unused_fragment",
                subject: format!("fragment `{name}`"),
                what: "no rule uses it".to_owned(),
                hint: "remove it, or write {{its name}} in a pattern",
            })
            .collect()
    }

    fn of_pattern(&self, rule: &Rule, pattern: &Pattern) -> Vec<Found> {
        let Ok(tree) = pattern.tree(&self.shared) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let shown = pattern.text();
        if !self.can_match(rule, pattern, &tree) {
            let allows = rule.definition.effect == Decision::Allow;
            found.push(if allows {
                (
                    "never_matches",
                    format!("`{shown}` seems to match no command as it is compared"),
                    "words are joined by one blank, and only a word that is not plain stands in \
                     '...'; give an example in `match`",
                )
            } else {
                (
                    "never_matches",
                    format!("`{shown}` seems to match no text at all"),
                    "look for an empty class, or for `^` and `$` in the wrong place",
                )
            });
        }
        if rule.definition.effect == Decision::Allow && is_wide(&tree) {
            found.push((
                "wide",
                format!("`{shown}` has a class or `.` for both a blank and an apostrophe"),
                "it lets further words in; write '[^']*' for one quoted word and [^ '] for a \
                 character of a plain one",
            ));
        }
        found
    }

    /// Whether some text is matched by a pattern, as far as samples and its rule's examples show.
    fn can_match(&self, rule: &Rule, pattern: &Pattern, tree: &Hir) -> bool {
        let matches = |text: &str| pattern.matches(text, &self.shared).unwrap_or(true);
        if rule.definition.effect != Decision::Allow {
            return sample::samples(tree).take(SAMPLES).any(|sample| {
                // What stands around it decides of `^`, `\b` and their like.
                matches(&sample)
                    || matches(&format!("a{sample}a"))
                    || matches(&format!(" {sample} "))
            });
        }
        let outer_forms = |text: &str| -> Vec<String> {
            let script = Script::parse(text, &self.limits);
            if !decide::may_be_allowed(&script) {
                return Vec::new();
            }
            let outer = script
                .commands()
                .iter()
                .filter(|c| c.reached() == Reached::Outer && c.is_literal());
            outer
                .flat_map(decide::forms)
                .map(|form| form.canonical)
                .collect()
        };
        let examples = &rule.definition.matches;
        let shown = examples
            .iter()
            .any(|example| outer_forms(example).iter().any(|form| matches(form)));
        shown
            || sample::samples(tree)
                .take(SAMPLES)
                .any(|sample| outer_forms(&sample).contains(&sample) && matches(&sample))
    }

    /// A rule that allows, and whose own examples other rules decide more strictly everywhere.
    fn shadowed(&self, rule: &Rule, here: &[&Scope]) -> Option<Found> {
        let examples = &rule.definition.matches;
        if rule.definition.effect != Decision::Allow || examples.is_empty() || here.is_empty() {
            return None;
        }
        let mut by: Vec<String> = Vec::new();
        for example in examples {
            let script = Script::parse(example, &self.limits);
            for scope in here {
                let verdict = self.decide(&script, scope, Enforcing::Everything);
                if verdict.decision() == Decision::Allow {
                    return None;
                }
                let name = verdict.rule().unwrap_or("no rule");
                let name = match verdict.line() {
                    Some(line) => format!("`{name}` (line {line})"),
                    None => format!("`{name}`"),
                };
                if !by.contains(&name) {
                    by.push(name);
                }
            }
        }
        by.truncate(MOST_NAMED);
        Some((
            "shadowed",
            format!(
                "none of its examples of `match` is allowed: {} decides",
                by.join(", ")
            ),
            "the strictest rule wins; remove this one, or make the other narrower",
        ))
    }
}

/// Kind, what was found, what helps.
type Found = (&'static str, String, &'static str);

fn undocumented(rule: &Rule) -> Option<Found> {
    let definition = &rule.definition;
    match definition.effect {
        Decision::Allow if definition.matches.is_empty() => Some((
            "no_match",
            "it allows, and has no examples in `match`".to_owned(),
            "write commands that it must match; they are tried at every check",
        )),
        Decision::RequireApproval | Decision::Forbid if definition.why.is_none() => Some((
            "no_why",
            "it has no `why`".to_owned(),
            "write one sentence for the people who are asked or refused",
        )),
        _ => None,
    }
}

/// Whether some class in a tree holds both a blank and an apostrophe.
fn is_wide(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Class(class) => sample::has(class, b' ') && sample::has(class, b'\''),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => is_wide(&repetition.sub),
        HirKind::Capture(capture) => is_wide(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_wide),
    }
}

/// So many texts of a pattern are tried before it is said to match nothing.
const SAMPLES: usize = 512;

/// More rules than this are not named as the ones that decide.
const MOST_NAMED: usize = 3;

#[cfg(test)]
mod tests;
