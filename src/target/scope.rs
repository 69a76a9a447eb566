//! Where a rule may hold, and what is demanded there.
//!
//! **Reads** nothing.
//! **Gives** [`Scope`], [`Tier`], [`Unknown`].
//! **Never** decides anything itself.

use serde::Deserialize;

use super::Name;
use crate::assurance::Assurance;
use crate::assurance::Demand;

/// How careful one is with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// What no rule names needs a human, and a relayed word will do.
    #[default]
    Lab,
    /// What no rule names is rejected, another user than the asking one approves, and two of them
    /// where it cannot be undone. Who asks has to say who and why.
    Production,
}

impl Tier {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Production => "production",
        }
    }

    /// What becomes of a command that no rule knows, where nothing else is configured.
    pub fn unknown(self) -> Unknown {
        match self {
            Self::Lab => Unknown::Ask,
            Self::Production => Unknown::Reject,
        }
    }

    /// The assurance that an approval needs, where nothing else is configured.
    pub fn needs(self) -> Assurance {
        match self {
            Self::Lab => Assurance::Relayed,
            Self::Production => Assurance::OutOfBand,
        }
    }

    /// The assurance that an approval needs for what cannot be undone.
    pub fn needs_for_irreversible(self) -> Assurance {
        match self {
            Self::Lab => Assurance::Relayed,
            Self::Production => Assurance::SecondFactor,
        }
    }
}

/// What becomes of a command that no rule knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// A human is asked.
    Ask,
    /// It is refused.
    Reject,
}

/// What the policy has to know of a machine: who it is, and how careful one is with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The name of the target; none where a command is judged for no machine in particular.
    pub name: Option<Name>,
    /// The groups that it belongs to.
    pub groups: Vec<Name>,
    /// How careful one is with it.
    pub tier: Tier,
    /// What becomes of a command that no rule knows.
    pub unknown: Unknown,
    /// What is demanded of every approval.
    pub demand: Demand,
    /// Whether what would need a human runs, and is only recorded as such.
    pub audited: bool,
}

impl Scope {
    /// No machine in particular, with what a tier demands by itself.
    pub fn of_tier(tier: Tier) -> Self {
        Self {
            name: None,
            groups: Vec::new(),
            tier,
            unknown: tier.unknown(),
            demand: Demand::of(tier.needs()),
            audited: false,
        }
    }
}
