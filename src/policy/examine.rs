//! Examines all rules before anyone relies on them: patterns, examples, names.
//!
//! **Reads** every rule of a policy.
//! **Gives** every problem at once.
//! **Never** stops at the first.

use std::collections::HashMap;
use std::fmt;

use super::Decision;
use super::Policy;
use super::Rule;
use super::fragment;
use super::pattern;
use super::pattern::Reading;
use crate::shell::Script;

/// One problem of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    subject: String,
    place: Place,
    problem: String,
    hint: Option<String>,
}

/// What a problem is a problem of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A rule, by its effect and its number among those of that effect, from 0.
    Rule {
        /// What the rule does.
        effect: Decision,
        /// Its number.
        number: usize,
        /// What of it.
        part: Part,
    },
    /// The pattern of a fragment.
    Fragment {
        /// Its name.
        name: String,
        /// Which of its patterns, from 0.
        number: usize,
        /// The byte at which reading it ended.
        byte: Option<usize>,
    },
    /// The name of a fragment.
    FragmentName(String),
}

/// A part of a rule. Numbers are places in its lists, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Its id.
    Id,
    /// One of its patterns.
    Pattern {
        /// Which one.
        number: usize,
        /// The byte at which reading it ended.
        byte: Option<usize>,
    },
    /// A command that it has to match.
    Match(usize),
    /// A command that it must not match.
    NotMatch(usize),
}

impl Fault {
    /// What it is a problem of: a rule or a fragment, with its name.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What would help.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.problem)
    }
}

/// Compiles every pattern and tries every example.
pub(super) fn examine(policy: &Policy) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen_ids: HashMap<&str, Option<u64>> = HashMap::new();
    let mut seen_patterns: HashMap<_, &str> = HashMap::new();
    for rule in &policy.rules {
        let definition = &rule.definition;
        if let Some(line) = seen_ids.insert(&rule.id, definition.line) {
            let where_else = line.map_or(String::new(), |line| format!(" in line {line}"));
            let problem = format!("another rule has the same id{where_else}");
            let hint = Some("give each rule an id of its own");
            faults.push(fault(rule, Part::Id, problem, hint));
        }
        if RESERVED.contains(&rule.id.as_str()) {
            let problem = "this id is kept for what no rule decides".to_owned();
            faults.push(fault(rule, Part::Id, problem, Some("choose another id")));
        }
        let empty = rule.patterns.iter().position(|p| p.text().is_empty());
        if rule.patterns.is_empty() || empty.is_some() {
            let part = Part::Pattern {
                number: empty.unwrap_or_default(),
                byte: None,
            };
            let problem = "a pattern is empty".to_owned();
            let hint = Some("write what the rule is to match");
            faults.push(fault(rule, part, problem, hint));
            continue;
        }
        let mut usable = true;
        for (number, pattern) in rule.patterns.iter().enumerate() {
            // The same words elsewhere are no double: a rule may say more on some machines.
            let key = (definition.effect, pattern.text(), where_it_holds(rule));
            if let Some(other) = seen_patterns.insert(key, &rule.id) {
                let problem = if other == rule.id {
                    "it has the same pattern twice".to_owned()
                } else {
                    format!("rule `{other}` already has the same pattern")
                };
                let part = Part::Pattern { number, byte: None };
                faults.push(fault(rule, part, problem, Some("remove one of the two")));
            }
            if let Err(problem) = pattern.compiled(&policy.shared) {
                usable = false;
                let problem = format!("the pattern cannot be used: {problem}");
                let byte = pattern.broken_at(&policy.shared);
                let part = Part::Pattern { number, byte };
                faults.push(fault(rule, part, problem, None));
            }
        }
        if usable {
            examples(policy, rule, &mut faults);
        }
    }
    fragments(policy, &mut faults);
    faults
}

fn where_it_holds(rule: &Rule) -> String {
    format!("{:?} {}", rule.definition.holds, rule.definition.sudo)
}

/// A fragment has to be whole by itself: a parenthesis too many would change the rules around it.
fn fragments(policy: &Policy, faults: &mut Vec<Fault>) {
    let shared = &policy.shared;
    for (name, piece) in shared.fragments.iter() {
        let told = |place: Place, problem: String| Fault {
            subject: format!("fragment `{name}`"),
            place,
            problem,
            hint: None,
        };
        if !fragment::is_name(name) {
            let problem = "its name has to be a lower-case letter, then letters, digits and `_`";
            let place = Place::FragmentName(name.to_owned());
            faults.push(told(place, problem.to_owned()));
            continue;
        }
        for (number, text) in piece.patterns.iter().enumerate() {
            let expanded = shared.fragments.expand(text, shared.bytes);
            let read = expanded.and_then(|text| pattern::tree(&text, Reading::Whole));
            if let Err(problem) = read {
                let place = Place::Fragment {
                    name: name.to_owned(),
                    number,
                    byte: shared.fragments.broken_at(text, Reading::Whole),
                };
                let problem = format!("the pattern cannot be used: {problem}");
                faults.push(told(place, problem));
            }
        }
    }
}

const RESERVED: &[&str] = &["unknown_default", "opaque", "enforcement"];

fn fault(rule: &Rule, part: Part, problem: String, hint: Option<&str>) -> Fault {
    Fault {
        subject: format!("rule `{}`", rule.id),
        place: Place::Rule {
            effect: rule.definition.effect,
            number: rule.number,
            part,
        },
        problem,
        hint: hint.map(str::to_owned),
    }
}

fn examples(policy: &Policy, rule: &Rule, faults: &mut Vec<Fault>) {
    for (number, example) in rule.definition.matches.iter().enumerate() {
        if !policy.rule_covers(rule, &Script::parse(example, &policy.limits)) {
            let problem = format!("its example `{example}` of `match` is not matched");
            let part = Part::Match(number);
            faults.push(fault(rule, part, problem, Some(WHAT_IS_COMPARED)));
        }
    }
    for (number, example) in rule.definition.not_matches.iter().enumerate() {
        if policy.rule_covers(rule, &Script::parse(example, &policy.limits)) {
            let problem = format!("its example `{example}` of `not_match` is matched");
            let part = Part::NotMatch(number);
            let hint = Some("make the pattern narrower");
            faults.push(fault(rule, part, problem, hint));
        }
    }
}

const WHAT_IS_COMPARED: &str = "a rule that allows is compared with the whole simple command, each \
                                word quoted with '...' where it is not plain";
