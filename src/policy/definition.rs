//! A rule as its author wrote it.
//!
//! **Reads** nothing; `config` fills it.
//! **Gives** [`Definition`], [`Holds`].
//! **Never** is checked here: `examine` does that.

use std::time::Duration;

use super::Decision;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::target::Name;
use crate::target::Scope;
use crate::target::Tier;

/// A rule as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name of the rule; without one it is named by its list and its place there.
    pub id: Option<String>,
    /// What the rule does where it matches.
    pub effect: Decision,
    /// Regular expressions, each of which is enough. `{{name}}` stands for a fragment.
    pub patterns: Vec<String>,
    /// Where the rule holds.
    pub holds: Holds,
    /// Whether a rule that allows does so behind `sudo` too.
    pub sudo: bool,
    /// Whether what it asks about cannot be undone.
    pub irreversible: bool,
    /// What a rule that asks demands of an approval, beside what the machine does.
    pub demand: Demand,
    /// How long what it asks about waits, where it says so.
    pub ttl: Option<Duration>,
    /// Commands whose output is to stand beside the question. `<name>` in one stands for the group
    /// of this name in the pattern that matched.
    pub previews: Vec<String>,
    /// Time limit of a run that asks for none.
    pub timeout: Option<Duration>,
    /// Whether a rule that asks does so only of a command that nothing is fed to.
    pub no_input: bool,
    /// Whether the rule is only recorded where it would have decided.
    pub audited: bool,
    /// One sentence for the people who are refused or asked.
    pub why: Option<String>,
    /// Commands that the rule must match.
    pub matches: Vec<String>,
    /// Commands that it must not match.
    pub not_matches: Vec<String>,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
}

impl Definition {
    /// An empty rule of this effect, which holds everywhere.
    pub fn new(effect: Decision) -> Definition {
        Definition {
            id: None,
            effect,
            patterns: Vec::new(),
            holds: Holds::default(),
            sudo: false,
            irreversible: false,
            no_input: false,
            demand: Demand::of(Assurance::Relayed),
            ttl: None,
            previews: Vec::new(),
            timeout: None,
            audited: false,
            why: None,
            matches: Vec::new(),
            not_matches: Vec::new(),
            line: None,
        }
    }
}

/// Where a rule holds: on these targets and groups, and there only in these tiers. What is empty
/// restricts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// Targets by name.
    pub targets: Vec<Name>,
    /// Groups of targets.
    pub groups: Vec<Name>,
    /// Tiers.
    pub tiers: Vec<Tier>,
}

impl Holds {
    /// Whether the rule holds on a machine.
    pub(super) fn on(&self, scope: &Scope) -> bool {
        let everywhere = self.targets.is_empty() && self.groups.is_empty();
        let here = everywhere
            || scope
                .name
                .as_ref()
                .is_some_and(|name| self.targets.contains(name))
            || scope.groups.iter().any(|group| self.groups.contains(group));
        here && (self.tiers.is_empty() || self.tiers.contains(&scope.tier))
    }
}
