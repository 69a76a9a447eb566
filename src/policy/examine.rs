//! Examines all rules before anyone relies on them: patterns, examples, names.
//!
//! **Reads** every rule of a policy.
//! **Gives** every problem at once.
//! **Never** stops at the first.

use std::collections::HashMap;
use std::fmt;

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
    line: Option<u64>,
    problem: String,
    hint: Option<String>,
}

impl Fault {
    /// What it is a problem of: a rule or a fragment, with its name.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The line of the configuration that the rule stands in.
    pub fn line(&self) -> Option<u64> {
        self.line
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
            faults.push(fault(
                rule,
                problem,
                Some("give each rule an id of its own"),
            ));
        }
        if RESERVED.contains(&rule.id.as_str()) {
            let problem = "this id is kept for what no rule decides".to_owned();
            faults.push(fault(rule, problem, Some("choose another id")));
        }
        if rule.patterns.is_empty() || rule.patterns.iter().any(|p| p.text().is_empty()) {
            let problem = "a pattern is empty".to_owned();
            faults.push(fault(
                rule,
                problem,
                Some("write what the rule is to match"),
            ));
            continue;
        }
        let mut usable = true;
        for pattern in &rule.patterns {
            // The same words elsewhere are no double: a rule may say more on some machines.
            let key = (definition.effect, pattern.text(), where_it_holds(rule));
            if let Some(other) = seen_patterns.insert(key, &rule.id) {
                let problem = if other == rule.id {
                    "it has the same pattern twice".to_owned()
                } else {
                    format!("rule `{other}` already has the same pattern")
                };
                faults.push(fault(rule, problem, Some("remove one of the two")));
            }
            if let Err(problem) = pattern.compiled(&policy.shared) {
                usable = false;
                let problem = format!("the pattern cannot be used: {problem}");
                faults.push(fault(rule, problem, None));
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
        let told = |problem: String| Fault {
            subject: format!("fragment `{name}`"),
            line: piece.line,
            problem,
            hint: None,
        };
        if !fragment::is_name(name) {
            let problem = "its name has to be a lower-case letter, then letters, digits and `_`";
            faults.push(told(problem.to_owned()));
            continue;
        }
        let expanded = shared.fragments.expand(&piece.pattern, shared.bytes);
        let read = expanded.and_then(|text| pattern::tree(&text, Reading::Whole));
        if let Err(problem) = read {
            faults.push(told(format!("the pattern cannot be used: {problem}")));
        }
    }
}

const RESERVED: &[&str] = &["unknown_default", "opaque", "enforcement"];

fn fault(rule: &Rule, problem: String, hint: Option<&str>) -> Fault {
    Fault {
        subject: format!("rule `{}`", rule.id),
        line: rule.definition.line,
        problem,
        hint: hint.map(str::to_owned),
    }
}

fn examples(policy: &Policy, rule: &Rule, faults: &mut Vec<Fault>) {
    for example in &rule.definition.matches {
        if !policy.rule_covers(rule, &Script::parse(example, &policy.limits)) {
            let problem = format!("its example `{example}` of `match` is not matched");
            faults.push(fault(rule, problem, Some(WHAT_IS_COMPARED)));
        }
    }
    for example in &rule.definition.not_matches {
        if policy.rule_covers(rule, &Script::parse(example, &policy.limits)) {
            let problem = format!("its example `{example}` of `not_match` is matched");
            faults.push(fault(rule, problem, Some("make the pattern narrower")));
        }
    }
}

const WHAT_IS_COMPARED: &str = "a rule that allows is compared with the whole simple command, each \
                                word quoted with '...' where it is not plain";
