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
use super::preview::Preview;
use super::preview::Unusable;
use crate::shell::Script;
use crate::target::Scope;

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
    /// A command that is shown with its question.
    Preview(usize),
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
pub(super) fn examine(policy: &Policy, machines: &[&Scope]) -> Vec<Fault> {
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
            previews(policy, rule, machines, &mut faults);
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

/// A preview has to be allowed by itself, or nobody ever sees it: as it stands, or where it has
/// places, as it is for one of the rule's own examples.
fn previews(policy: &Policy, rule: &Rule, machines: &[&Scope], faults: &mut Vec<Fault>) {
    for (number, text) in rule.definition.previews.iter().enumerate() {
        let mut told = |problem: String, hint: &str| {
            let part = Part::Preview(number);
            faults.push(fault(rule, part, problem, Some(hint)));
        };
        let preview = match Preview::parse(text, &policy.limits) {
            Ok(preview) => preview,
            Err(unusable) => {
                let hint = match unusable {
                    Unusable::Empty => "remove it",
                    Unusable::NotSimple | Unusable::Program => WHAT_A_PREVIEW_IS,
                };
                told(
                    format!("the preview `{text}` cannot be used: {unusable}"),
                    hint,
                );
                continue;
            }
        };
        let missing = preview.names().into_iter().find(|name| {
            !rule.patterns.iter().any(|pattern| {
                let groups = pattern.groups(&policy.shared);
                groups.is_ok_and(|groups| groups.iter().any(|group| group == name))
            })
        });
        if let Some(name) = missing {
            let problem = format!(
                "the preview `{text}` wants `<{name}>`, and no pattern of the rule has a group of \
                 this name"
            );
            told(problem, "name it in the pattern: `(?<name>...)`");
            continue;
        }
        let commands = match preview {
            Preview::Fixed(text) => vec![text.to_owned()],
            Preview::Places(_) => of_examples(policy, rule, &preview),
        };
        if !(commands.is_empty() || any_is_allowed(policy, rule, machines, &commands)) {
            let shown = commands.join("`, `");
            let problem = format!("its preview `{shown}` is not allowed by itself");
            told(problem, WHAT_A_PREVIEW_IS);
        }
    }
}

/// What a preview with places is for the examples of its rule.
fn of_examples(policy: &Policy, rule: &Rule, preview: &Preview<'_>) -> Vec<String> {
    let mut commands = Vec::new();
    for example in &rule.definition.matches {
        let script = Script::parse(example, &policy.limits);
        for command in script.commands() {
            let shown = preview.of(rule, Some(command), &policy.shared);
            commands.extend(shown.filter(|shown| !commands.contains(shown)));
        }
    }
    commands
}

/// Whether one of the commands runs by itself on a machine that the rule holds on. True where it
/// holds on none: then there is nothing to show.
fn any_is_allowed(policy: &Policy, rule: &Rule, machines: &[&Scope], commands: &[String]) -> bool {
    // Where what would be asked is only recorded, everything runs, and nobody is shown anything.
    let mut machines = machines
        .iter()
        .filter(|machine| !machine.audited && rule.holds_on(machine))
        .peekable();
    machines.peek().is_none()
        || machines.any(|machine| {
            commands.iter().any(|command| {
                let script = Script::parse(command, &policy.limits);
                policy.verdict(&script, machine).decision() == Decision::Allow
            })
        })
}

const WHAT_A_PREVIEW_IS: &str = "a preview is a command that rules in `auto_allowed` let run by \
                                 itself where the rule holds; `<name>` in it stands for a word";

const WHAT_IS_COMPARED: &str = "a rule that allows is compared with the whole simple command, each \
                                word quoted with '...' where it is not plain";
