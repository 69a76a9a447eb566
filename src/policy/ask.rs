//! What the rules that ask of one script say together.
//!
//! **Reads** the rules that matched, and the machine they are asked for.
//! **Gives** [`Asked`]: what is demanded, how long the question waits, what is shown with it.
//! **Never** forgets a rule because a stricter one decides.

use std::time::Duration;

use super::Decision;
use super::Rule;
use crate::assurance::Demand;
use crate::shell::SimpleCommand;
use crate::target::Scope;

/// One rule that asks and matched.
pub(super) struct Ask<'r, 's> {
    pub(super) rule: &'r Rule,
    /// The command that it matched; none where it matched a pipeline or the text as it came.
    #[expect(
        dead_code,
        reason = "what stands for `<name>` in a preview is read off it"
    )]
    pub(super) of: Option<&'s SimpleCommand>,
}

/// What all of them say together.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) demand: Demand,
    pub(super) ttl: Option<Duration>,
    pub(super) previews: Vec<String>,
}

impl Asked {
    /// Puts together what matched. What is shown is looked for only where a human is asked.
    pub(super) fn of(asks: &[Ask<'_, '_>], scope: &Scope, decision: Option<Decision>) -> Asked {
        let mut asked = Asked {
            demand: scope.demand.clone(),
            ttl: asks.iter().filter_map(|ask| ask.rule.definition.ttl).min(),
            previews: Vec::new(),
        };
        for ask in asks {
            asked.demand = asked.demand.and(&ask.rule.demand(scope));
        }
        if decision == Some(Decision::RequireApproval) {
            asked.preview(asks);
        }
        asked
    }

    fn preview(&mut self, asks: &[Ask<'_, '_>]) {
        for ask in asks {
            for preview in &ask.rule.definition.previews {
                let fixed = !preview.contains('<');
                let room = self.previews.len() < MOST_PREVIEWS;
                if fixed && room && !self.previews.contains(preview) {
                    self.previews.push(preview.clone());
                }
            }
        }
    }
}

/// How many commands a rule may want shown, and all rules together do.
pub(super) const MOST_PREVIEWS: usize = 4;
