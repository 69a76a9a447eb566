//! One rule: its patterns, where it holds, and what it demands.
//!
//! **Reads** its definition and the texts it is tried on.
//! **Gives** whether it matches, or that it is broken.
//! **Never** takes a broken pattern for one that does not match.

use super::Decision;
use super::Definition;
use super::pattern::Pattern;
use super::pattern::Reading;
use super::pattern::Shared;
use crate::assurance::Demand;
use crate::target::Scope;

/// One rule of the policy.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    /// Its number among the rules of its effect, from 0.
    pub(super) number: usize,
    pub(super) definition: Definition,
    pub(super) patterns: Vec<Pattern>,
}

/// A rule whose pattern cannot be used.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) why: String,
}

impl Rule {
    /// Takes a definition; `place` is its number among those of its effect, from 1.
    pub(super) fn new(definition: Definition, place: usize) -> Rule {
        let id = match &definition.id {
            Some(id) => id.clone(),
            None => format!("{}-{place}", definition.effect.risk()),
        };
        let reading = match definition.effect {
            Decision::Allow => Reading::Whole,
            Decision::RequireApproval | Decision::Forbid => Reading::Anywhere,
        };
        let patterns = definition
            .patterns
            .iter()
            .map(|text| Pattern::new(text.clone(), reading))
            .collect();
        Rule {
            id,
            number: place.saturating_sub(1),
            definition,
            patterns,
        }
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.definition.why.as_deref()
    }

    /// Whether the rule holds on a machine.
    pub(super) fn holds_on(&self, scope: &Scope) -> bool {
        self.definition.holds.on(scope)
    }

    /// What is demanded of an approval of what it asks about on a machine.
    pub(super) fn demand(&self, scope: &Scope) -> Demand {
        let demand = scope.demand.clone().and(&self.definition.demand);
        if self.definition.irreversible {
            return demand.and(&Demand::of(scope.tier.needs_for_irreversible()));
        }
        demand
    }

    /// Whether one of its patterns matches from the beginning of a text on.
    pub(super) fn begins(&self, text: &str, shared: &Shared) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.begins(text, shared))
    }

    /// Whether one of its patterns matches: all of the text for a rule that allows, any part for
    /// the others.
    pub(super) fn matches(&self, text: &str, shared: &Shared) -> Result<bool, Broken> {
        for pattern in &self.patterns {
            if pattern
                .matches(text, shared)
                .map_err(|why| Broken { why })?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
