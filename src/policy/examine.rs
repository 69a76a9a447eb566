//! Examines all rules before anyone relies on them: patterns, examples, names.
//!
//! **Reads** every rule of a policy.
//! **Gives** every problem at once.
//! **Never** stops at the first.

use std::collections::HashMap;
use std::fmt;

use super::Policy;
use super::Rule;
use crate::shell::Script;

/// One problem of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    rule: String,
    line: Option<u64>,
    problem: String,
    hint: Option<String>,
}

impl Fault {
    /// The id of the rule.
    pub fn rule(&self) -> &str {
        &self.rule
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
        write!(f, "rule `{}`: {}", self.rule, self.problem)
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
        let key = (definition.effect, definition.pattern.as_str());
        if let Some(other) = seen_patterns.insert(key, &rule.id) {
            let problem = format!("rule `{other}` already has the same pattern");
            faults.push(fault(rule, problem, Some("remove one of the two")));
        }
        match rule.compiled() {
            Err(problem) => {
                faults.push(fault(
                    rule,
                    format!("the pattern cannot be used: {problem}"),
                    None,
                ));
            }
            Ok(_) if rule.definition.pattern.is_empty() => {
                let problem = "the pattern is empty".to_owned();
                faults.push(fault(
                    rule,
                    problem,
                    Some("write what the rule is to match"),
                ));
            }
            Ok(_) => examples(policy, rule, &mut faults),
        }
    }
    faults
}

const RESERVED: &[&str] = &["unknown_default", "opaque"];

fn fault(rule: &Rule, problem: String, hint: Option<&str>) -> Fault {
    Fault {
        rule: rule.id.clone(),
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
