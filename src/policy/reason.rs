//! The reason of a decision: a rule, or why there is none.
//!
//! **Reads** rules, and the machine they are asked for.
//! **Gives** [`Reason`], with how strict it is and what it demands.
//! **Never** decides which of several counts.

use std::time::Duration;

use super::Decision;
use super::Rule;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::target::Scope;

/// Why something was decided.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// A rule says so.
    Rule {
        id: String,
        decision: Decision,
        why: Option<String>,
        line: Option<u64>,
        demand: Demand,
        irreversible: bool,
        timeout: Option<Duration>,
    },
    /// A rule that would have to be asked cannot be read.
    Broken {
        id: String,
        line: Option<u64>,
        problem: String,
    },
    /// No rule knows it.
    Unknown,
    /// The whole script: some part of it no rule knows.
    Default(Decision),
    /// The whole script: it cannot be read beforehand.
    Opaque(Decision),
    /// The whole script: a human would be asked, and on this machine that is only recorded.
    Audited,
}

impl Reason {
    pub(super) fn rule(rule: &Rule, scope: &Scope) -> Reason {
        Reason::Rule {
            id: rule.id.clone(),
            decision: rule.definition.effect,
            why: rule.why().map(str::to_owned),
            line: rule.definition.line,
            demand: rule.demand(scope),
            irreversible: rule.definition.irreversible,
            timeout: rule.definition.timeout,
        }
    }

    pub(super) fn broken(rule: &Rule, problem: String) -> Reason {
        Reason::Broken {
            id: rule.id.clone(),
            line: rule.definition.line,
            problem,
        }
    }

    /// The decision; none where no rule knows the command.
    pub(super) fn decision(&self) -> Option<Decision> {
        match self {
            Reason::Rule { decision, .. }
            | Reason::Default(decision)
            | Reason::Opaque(decision) => Some(*decision),
            Reason::Broken { .. } => Some(Decision::Forbid),
            Reason::Audited => Some(Decision::Allow),
            Reason::Unknown => None,
        }
    }

    /// How strict it is; what no rule knows weighs nothing here. Of rules that ask, the one that
    /// demands more assurance weighs more; how many people it wants does not count, since what all
    /// of them demand is demanded together.
    pub(super) fn weight(&self) -> (Option<Decision>, Option<Assurance>) {
        let decision = self.decision();
        let asks = decision == Some(Decision::RequireApproval);
        (
            decision,
            self.demand().filter(|_| asks).map(|demand| demand.level),
        )
    }

    /// What a rule which asks demands of an approval.
    pub(super) fn demand(&self) -> Option<&Demand> {
        match self {
            Reason::Rule { demand, .. } => Some(demand),
            _ => None,
        }
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        match self {
            Reason::Rule { timeout, .. } => *timeout,
            _ => None,
        }
    }

    pub(super) fn is_irreversible(&self) -> bool {
        matches!(
            self,
            Reason::Rule {
                irreversible: true,
                ..
            }
        )
    }

    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Reason::Rule { id, .. } | Reason::Broken { id, .. } => Some(id),
            Reason::Default(_) => Some("unknown_default"),
            Reason::Opaque(_) => Some("opaque"),
            Reason::Audited => Some("enforcement"),
            Reason::Unknown => None,
        }
    }
}
