//! The rules and the judgement: the strictest thing that can be said of a script is said.
//!
//! **Reads** rules, and a `Script`.
//! **Gives** a `Verdict`: the decision, the rule that decided, and every command that was found.
//! **Never** allows what is opaque, or what an unreadable rule might have forbidden.

use std::collections::HashMap;

use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::shell;
use crate::shell::Script;
use crate::target::Scope;

mod ask;
mod beginning;
mod candidate;
mod decide;
mod definition;
mod examine;
mod explain;
mod fragment;
mod judged;
mod lint;
mod near;
mod needs;
mod pattern;
mod prefix;
mod preview;
mod reason;
mod rule;
mod sample;
mod verdict;

pub use ask::MOST_PREVIEWS;
pub use candidate::Candidate;
pub use candidate::NoCandidate;
pub use candidate::Touch;
pub use definition::Definition;
pub use definition::Holds;
pub use examine::Fault;
pub use examine::Part;
pub use examine::Place;
pub use explain::Change;
pub use explain::Explanation;
pub use explain::Saying;
pub use fragment::Fragment;
pub use fragment::Fragments;
pub use judged::Allowed;
pub use judged::Case;
pub use judged::Forbidden;
pub use judged::Judged;
pub use judged::NeedsApproval;
pub use lint::Warning;
pub use near::Miss;
pub use near::Near;
pub use verdict::Finding;
pub use verdict::Verdict;
pub use verdict::WouldHave;

use decide::Enforcing;
use pattern::Shared;
use rule::Rule;

/// What may happen to a script, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It runs without asking.
    Allow,
    /// A human decides.
    RequireApproval,
    /// It does not run, whoever approves.
    Forbid,
}

impl Decision {
    /// The word for it in answers, in the log and in `config.yml`.
    pub fn risk(self) -> &'static str {
        match self {
            Decision::Allow => "auto_allowed",
            Decision::RequireApproval => "approval_required",
            Decision::Forbid => "forbidden",
        }
    }
}

/// All rules.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    shared: Shared,
    /// Patterns that allow, as rule and place in it, by the first word that they demand; under
    /// `None` those that demand none.
    allowing: HashMap<Option<String>, Vec<(usize, usize)>>,
    /// Whether there is a rule that is only recorded.
    audited: bool,
    limits: shell::Limits,
}

impl Policy {
    /// Takes the rules as they are. No pattern is compiled before a text needs it; none may take
    /// more than `pattern_bytes` of memory.
    pub fn new(
        definitions: Vec<Definition>,
        fragments: Fragments,
        limits: shell::Limits,
        pattern_bytes: usize,
    ) -> Policy {
        let mut places: HashMap<Decision, usize> = HashMap::new();
        let mut allowing: HashMap<Option<String>, Vec<(usize, usize)>> = HashMap::new();
        let mut rules = Vec::with_capacity(definitions.len());
        for definition in definitions {
            if definition.effect == Decision::Allow {
                for (place, pattern) in definition.patterns.iter().enumerate() {
                    let word = needs::first_word(pattern).map(str::to_owned);
                    allowing.entry(word).or_default().push((rules.len(), place));
                }
            }
            let place = places.entry(definition.effect).or_default();
            *place += 1;
            rules.push(Rule::new(definition, *place));
        }
        Policy {
            audited: rules.iter().any(|rule| rule.definition.audited),
            rules,
            shared: Shared {
                fragments,
                bytes: pattern_bytes,
            },
            allowing,
            limits,
        }
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The most that is demanded of any approval on a machine: by itself, or by a rule that asks there.
    pub fn most_demanded(&self, scope: &Scope) -> Assurance {
        self.rules
            .iter()
            .filter(|rule| rule.definition.effect == Decision::RequireApproval)
            .filter(|rule| rule.holds_on(scope) && !rule.definition.audited)
            .map(|rule| rule.demand(scope).level)
            .fold(scope.demand.level, Assurance::max)
    }

    /// How many patterns were compiled so far: what was asked needed them.
    pub fn compiled(&self) -> usize {
        self.rules
            .iter()
            .flat_map(|rule| &rule.patterns)
            .filter(|pattern| pattern.is_compiled())
            .count()
    }

    /// Bounds of a command.
    pub fn shell_limits(&self) -> &shell::Limits {
        &self.limits
    }

    /// What a rule and a machine demand of an approval; none where there is no such rule.
    pub fn demand_of_rule(&self, id: &str, scope: &Scope) -> Option<Demand> {
        let rule = self.rules.iter().find(|rule| rule.id == id)?;
        Some(rule.demand(scope))
    }

    /// Whether what a rule asks about may be granted in advance.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn may_be_granted(&self, id: &str) -> Result<(), &'static str> {
        let rule = self.rules.iter().find(|rule| rule.id == id);
        match rule.map(|rule| &rule.definition) {
            None => Err("there is no rule of that name"),
            Some(rule) if rule.effect != Decision::RequireApproval => {
                Err("that rule does not ask, so nothing has to be granted")
            }
            Some(rule) if rule.irreversible => {
                Err("what that rule asks about cannot be undone, and is approved each time")
            }
            Some(_) => Ok(()),
        }
    }

    /// Compiles every pattern and tries every example; gives all problems at once. A preview has to
    /// be allowed on one at least of the machines that its rule holds on.
    pub fn examine(&self, machines: &[&Scope]) -> Vec<Fault> {
        examine::examine(self, machines)
    }

    /// Judges a script for a machine. The same script, rules and scope give the same verdict.
    pub fn verdict(&self, script: &Script, scope: &Scope) -> Verdict {
        let verdict = self.decide(script, scope, Enforcing::Configured);
        if self.audited || scope.audited {
            let enforced = self.decide(script, scope, Enforcing::Everything);
            return verdict.beside(&enforced);
        }
        verdict
    }
}

#[cfg(test)]
mod tests;
