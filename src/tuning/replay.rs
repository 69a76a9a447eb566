//! Judges everything that was asked again, by another policy.
//!
//! **Reads** a [`History`] and a [`Config`].
//! **Gives** [`Replay`]: which decisions would change.
//! **Never** takes a target that is gone for one where nothing changes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::assurance::Demand;
use crate::audit::Asked;
use crate::audit::History;
use crate::config::Config;
use crate::policy::Decision;
use crate::policy::Verdict;
use crate::shell::Script;
use crate::target::Name;
use crate::target::Scope;

/// What another policy would change of what was decided.
#[derive(Debug, Default, Serialize)]
pub struct Replay {
    /// Records of a judgement that were read.
    pub records: u64,
    /// Different commands that were judged again, each on each target once.
    pub commands: u64,
    /// Commands with the same decision as before.
    pub unchanged: u64,
    /// Records with a command that a secret was taken out of: they cannot be judged again.
    pub redacted: u64,
    /// Lines that are no records.
    pub strange_lines: u64,
    /// Records that were left out because there are too many different commands.
    pub left_out: u64,
    /// From which decision to which, with counts; those that become laxer first.
    pub table: Vec<Move>,
    /// Every command whose decision changes; those that become laxer first.
    pub changes: Vec<Change>,
    /// Commands that a human still has to approve, and for which a weaker approval would do than the
    /// configuration in force demands. The log does not say what was demanded.
    pub weaker: Vec<Weaker>,
    /// Commands on which a rule would have its say that is only recorded.
    pub only_recorded: Vec<OnlyRecorded>,
}

/// From one decision to another.
#[derive(Debug, Serialize)]
pub struct Move {
    /// Whether the new decision is laxer, and so to be looked at.
    pub direction: Direction,
    /// What was decided.
    pub from: String,
    /// What would be decided.
    pub to: &'static str,
    /// Different commands.
    pub commands: u64,
    /// How often they were asked.
    pub times: u64,
}

/// Which way a decision changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More would be possible than before: dangerous.
    Laxer,
    /// Less would be possible than before.
    Stricter,
}

/// A command whose decision changes.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Which way.
    pub direction: Direction,
    /// The target.
    pub target: String,
    /// The command.
    pub command: String,
    /// How often it was asked.
    pub times: u64,
    /// When it was last asked.
    pub last: String,
    /// What was decided then.
    pub from: String,
    /// What would be decided.
    pub to: &'static str,
    /// The rule that decided then.
    pub old_rule: Option<String>,
    /// The rule that would decide.
    pub new_rule: Option<String>,
    /// The line of the new configuration that this rule stands in.
    pub new_line: Option<u64>,
}

/// A command on which a rule would have its say that is only recorded.
#[derive(Debug, Serialize)]
pub struct OnlyRecorded {
    /// The target.
    pub target: String,
    /// The command.
    pub command: String,
    /// How often it was asked.
    pub times: u64,
    /// What is decided.
    pub risk: &'static str,
    /// What would be decided if nothing were only recorded.
    pub would_be: &'static str,
    /// The rule that would decide.
    pub rule: String,
}

/// A command for which a weaker approval would do.
#[derive(Debug, Serialize)]
pub struct Weaker {
    /// The target.
    pub target: String,
    /// The command.
    pub command: String,
    /// How often it was asked.
    pub times: u64,
    /// What is demanded now.
    pub from: Demand,
    /// What would be demanded.
    pub to: Demand,
}

/// The word for a target that the new configuration does not know.
pub const NO_TARGET: &str = "unknown_target";

impl Direction {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Laxer => "laxer",
            Self::Stricter => "stricter",
        }
    }
}

impl Replay {
    /// Whether anything changes.
    pub fn changes_something(&self) -> bool {
        !(self.changes.is_empty() && self.weaker.is_empty())
    }
}

/// Judges everything that was asked again. With the configuration in force `today` it is also seen
/// where a weaker approval would do than now.
pub fn replay(history: &History, config: &Config, today: Option<&Config>) -> Replay {
    let mut replay = Replay {
        records: history.judgements,
        redacted: history.redacted,
        strange_lines: history.strange,
        left_out: history.left_out,
        ..Replay::default()
    };
    for asked in history.asked().iter().filter(|asked| asked.times > 0) {
        replay.commands += 1;
        let verdict = judged(config, asked);
        if let Some(verdict) = &verdict
            && let Some(would) = verdict.would_have()
        {
            replay.only_recorded.push(OnlyRecorded {
                target: asked.target.clone(),
                command: asked.command.clone(),
                times: asked.times,
                risk: verdict.decision().risk(),
                would_be: would.decision.risk(),
                rule: would.rule.clone(),
            });
        }
        if let (Some(today), Some(verdict)) = (today, &verdict) {
            replay.weaker.extend(weaker(asked, today, verdict));
        }
        match change(asked, verdict.as_ref()) {
            Some(change) => replay.changes.push(change),
            None => replay.unchanged += 1,
        }
    }
    replay.changes.sort_by_key(|change| {
        let steps = strictness(&change.from).abs_diff(strictness(change.to));
        (change.direction, Reverse((steps, change.times)))
    });
    replay.table = table(&replay.changes);
    replay
        .only_recorded
        .sort_by_key(|entry| Reverse(entry.times));
    replay
}

/// What a policy says of a command; none where it does not know the target.
pub(super) fn judged(config: &Config, asked: &Asked) -> Option<Verdict> {
    let (script, scope) = placed(config, asked)?;
    Some(config.policy.verdict(&script, &scope))
}

/// A command as a policy sees it: what it reads, and where it would run.
pub(super) fn placed(config: &Config, asked: &Asked) -> Option<(Script, Scope)> {
    let name = Name::parse(&asked.target).ok()?;
    let target = config.inventory.find(&name).ok()?;
    let script = Script::parse(&asked.command, config.policy.shell_limits());
    Some((script, target.scope().clone()))
}

fn change(asked: &Asked, verdict: Option<&Verdict>) -> Option<Change> {
    let to = verdict.map_or(NO_TARGET, |verdict| verdict.decision().risk());
    if asked.risk == to {
        return None;
    }
    let laxer = strictness(to) < strictness(&asked.risk);
    Some(Change {
        direction: if laxer {
            Direction::Laxer
        } else {
            Direction::Stricter
        },
        target: asked.target.clone(),
        command: asked.command.clone(),
        times: asked.times,
        last: asked.last.clone(),
        from: asked.risk.clone(),
        to,
        old_rule: asked.rule.clone(),
        new_rule: verdict.and_then(Verdict::rule).map(str::to_owned),
        new_line: verdict.and_then(Verdict::line),
    })
}

fn weaker(asked: &Asked, today: &Config, verdict: &Verdict) -> Option<Weaker> {
    let now = judged(today, asked)?;
    let asks = |verdict: &Verdict| verdict.decision() == Decision::RequireApproval;
    // Whoever meets the new demand has to meet that of today, people and all.
    let both = now.demand().clone().and(verdict.demand());
    let is_weaker = asks(&now) && asks(verdict) && both != *verdict.demand();
    is_weaker.then(|| Weaker {
        target: asked.target.clone(),
        command: asked.command.clone(),
        times: asked.times,
        from: now.demand().clone(),
        to: verdict.demand().clone(),
    })
}

/// How strict a decision is. A word that nobody knows counts as strict: to leave it is to be looked
/// at.
fn strictness(risk: &str) -> u8 {
    let known = [
        Decision::Allow.risk(),
        Decision::RequireApproval.risk(),
        Decision::Forbid.risk(),
    ];
    known
        .iter()
        .position(|word| *word == risk)
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(3)
}

fn table(changes: &[Change]) -> Vec<Move> {
    let mut counts: BTreeMap<(Direction, &str, &'static str), (u64, u64)> = BTreeMap::new();
    for change in changes {
        let key = (change.direction, change.from.as_str(), change.to);
        let (commands, times) = counts.entry(key).or_default();
        *commands += 1;
        *times += change.times;
    }
    counts
        .into_iter()
        .map(|((direction, from, to), (commands, times))| Move {
            direction,
            from: from.to_owned(),
            to,
            commands,
            times,
        })
        .collect()
}

#[cfg(test)]
mod tests;
