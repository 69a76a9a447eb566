//! Rules that the log suggests: what humans always approved and no rule knows.
//!
//! **Reads** a [`History`], and the text of a configuration.
//! **Gives** [`Suggested`]: rules as a difference for a human to review, and why others are not.
//! **Never** writes a file, and never suggests what could destroy, whatever the log says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::replay::placed;
use crate::audit::Asked;
use crate::audit::History;
use crate::config::Config;
use crate::config::Error;
use crate::policy::Candidate;
use crate::policy::Decision;
use crate::visible;

mod never;
mod patch;
mod proof;
mod wording;

/// What the log suggests.
#[derive(Debug, Default, Serialize)]
pub struct Suggested {
    /// Rules that could be added. Each was tried: it allows these commands and changes no other.
    pub suggestions: Vec<Suggestion>,
    /// The difference to the configuration that adds them, for a human to review.
    pub diff: Option<String>,
    /// Commands that a rule asked about on purpose: the rule is to be reconsidered, by a human.
    pub asked_on_purpose: Vec<OnPurpose>,
    /// Commands that were approved often enough, and why no rule is suggested for them.
    pub refused: Vec<RefusedCommand>,
    /// Records with a command that a secret was taken out of.
    pub redacted: u64,
}

/// A rule that could be added to `auto_allowed`.
#[derive(Debug, Clone, Serialize)]
pub struct Suggestion {
    /// Its id.
    pub id: String,
    /// Its pattern.
    pub pattern: String,
    /// The targets it was approved on, and where alone it holds.
    pub targets: BTreeSet<String>,
    /// Whether it holds behind `sudo` too.
    pub sudo: bool,
    /// How often humans approved it.
    pub approved: u64,
    /// Who they were.
    pub approvers: BTreeSet<String>,
    /// Whether no approval came from another user than the one that asked.
    pub only_relayed: bool,
    /// How many of the runs ended with 0.
    pub good: u64,
    /// How many ended otherwise.
    pub bad: u64,
    /// When it was last approved.
    pub last: String,
    /// The commands that it would allow, with the target of each.
    pub commands: BTreeSet<(String, String)>,
    /// One spelling of each that it has to match.
    examples: BTreeSet<String>,
}

/// A rule that asked about commands which were always approved.
#[derive(Debug, Serialize)]
pub struct OnPurpose {
    /// The rule.
    pub rule: String,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
    /// How often humans approved what it asked about.
    pub approved: u64,
    /// These commands.
    pub commands: BTreeSet<String>,
}

/// A command that no rule is suggested for.
#[derive(Debug, Serialize)]
pub struct RefusedCommand {
    /// The target.
    pub target: String,
    /// The command.
    pub command: String,
    /// How often humans approved it.
    pub approved: u64,
    /// Why not.
    pub why: String,
}

/// What stands against a rule for a command.
enum Against {
    /// Nothing has to be done: a rule allows it already.
    Allowed,
    /// A rule asks about it.
    OnPurpose(String, Option<u64>),
    /// It is never suggested.
    Never(String),
}

/// Commands that one rule would allow on one target.
#[derive(Default)]
struct Group<'a> {
    members: Vec<(&'a Asked, Candidate)>,
}

/// Finds what the log suggests. `least` is how often a command must have been approved.
///
/// # Errors
///
/// The configuration cannot be used.
pub fn suggest(history: &History, text: &str, path: &Path, least: u64) -> Result<Suggested, Error> {
    let config = Config::of_text(text, path)?;
    let mut found = Suggested {
        redacted: history.redacted,
        ..Suggested::default()
    };
    let mut groups: BTreeMap<(&str, String), Group<'_>> = BTreeMap::new();
    let mut purposes: BTreeMap<(String, Option<u64>), OnPurpose> = BTreeMap::new();
    let asked = history.asked().iter();
    for asked in asked.filter(|asked| asked.questions() + asked.approved > 0) {
        match examined(&config, asked) {
            Ok(candidate) => groups
                .entry((&asked.target, candidate.canonical()))
                .or_default()
                .members
                .push((asked, candidate)),
            Err(Against::Allowed) => {}
            Err(_) if asked.approved < least => {}
            Err(Against::OnPurpose(rule, line)) => {
                let entry = purposes
                    .entry((rule.clone(), line))
                    .or_insert_with(|| OnPurpose {
                        rule,
                        line,
                        approved: 0,
                        commands: BTreeSet::new(),
                    });
                entry.approved += asked.approved;
                entry.commands.insert(asked.command.clone());
            }
            Err(Against::Never(why)) => found.refused.push(refusal(asked, why)),
        }
    }
    found.asked_on_purpose = purposes.into_values().collect();
    let mut rules: BTreeMap<(String, bool), Suggestion> = BTreeMap::new();
    for ((_, pattern), group) in by_pattern(&config, groups, least) {
        match group.narrowed(least) {
            Ok(Some((members, sudo))) => {
                let rule = rules.entry((pattern.clone(), sudo));
                let rule = rule.or_insert_with(|| wording::suggestion(pattern, sudo));
                for (asked, candidate) in members {
                    rule.take(asked, candidate);
                }
            }
            Ok(None) => {}
            Err(why) => found.refused.extend(
                group
                    .members
                    .iter()
                    .map(|(asked, _)| refusal(asked, why.clone())),
            ),
        }
    }
    let mut rules: Vec<Suggestion> = rules.into_values().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.approved));
    wording::name(&mut rules, &config);
    proof::prove(history, &config, text, path, rules, &mut found);
    Ok(found)
}

/// What stands against a rule for a command, or what it would have to match.
fn examined(config: &Config, asked: &Asked) -> Result<Candidate, Against> {
    let never = |why: String| Err(Against::Never(why));
    let Some((script, scope)) = placed(config, asked) else {
        return never("its target is not in the configuration any more".to_owned());
    };
    let verdict = config.policy.verdict(&script, &scope);
    let rule = verdict.rule().unwrap_or_default();
    if verdict.decision() == Decision::Allow {
        return Err(Against::Allowed);
    }
    let touches = config.policy.touching(&script);
    if let Some(touch) = touches
        .iter()
        .find(|touch| touch.decision == Decision::Forbid)
    {
        return never(format!("the rule `{}` forbids something in it", touch.rule));
    }
    if verdict.is_irreversible() || touches.iter().any(|touch| touch.irreversible) {
        return never("a rule says that it cannot be undone".to_owned());
    }
    if verdict.decision() == Decision::Forbid {
        return never(format!("`{rule}` refuses it today"));
    }
    if let Some(touch) = touches.first() {
        return Err(Against::OnPurpose(touch.rule.clone(), touch.line));
    }
    let candidate = Candidate::of(&script).map_err(|why| Against::Never(why.to_string()))?;
    if let Some(why) = never::reason(&candidate.words) {
        return never(why);
    }
    let by_rule = |rule: &&String| *rule != UNKNOWN;
    if let Some(old) = asked.asked_by.keys().find(by_rule) {
        return Err(Against::OnPurpose(old.clone(), None));
    }
    if rule != UNKNOWN {
        return Err(Against::OnPurpose(rule.to_owned(), verdict.line()));
    }
    Ok(candidate)
}

/// Groups by target and pattern. Commands that differ in a number only share a pattern where the
/// configuration knows what a number is and each of them was always approved.
fn by_pattern<'a>(
    config: &Config,
    groups: BTreeMap<(&'a str, String), Group<'a>>,
    least: u64,
) -> Vec<((&'a str, String), Group<'a>)> {
    let numbers = config.policy.has_fragment(wording::NUMBER);
    let mut shapes: BTreeMap<(&str, String), Vec<Group<'_>>> = BTreeMap::new();
    for ((target, _), group) in groups {
        let words = group.members.first().map(|(_, candidate)| &candidate.words);
        let shape = wording::pattern(words.map_or(&[], Vec::as_slice), numbers);
        shapes.entry((target, shape)).or_default().push(group);
    }
    let mut found = Vec::new();
    for ((target, shape), groups) in shapes {
        let clean = |group: &Group<'_>| group.fault().is_none();
        if groups.len() > 1 && groups.iter().all(clean) {
            let members: Vec<_> = groups.into_iter().flat_map(|group| group.members).collect();
            found.push(((target, shape), Group { members }));
            continue;
        }
        for group in groups {
            let words = group.members.first().map(|(_, candidate)| &candidate.words);
            let literal = wording::pattern(words.map_or(&[], Vec::as_slice), false);
            // What was not approved often enough is no news.
            if group.approved(|_| true) >= least {
                found.push(((target, literal), group));
            }
        }
    }
    found
}

impl<'a> Group<'a> {
    fn sum(&self, of: impl Fn(&Asked) -> u64) -> u64 {
        self.members.iter().map(|(asked, _)| of(asked)).sum()
    }

    fn approved(&self, which: impl Fn(&Candidate) -> bool) -> u64 {
        self.members
            .iter()
            .filter(|(_, candidate)| which(candidate))
            .map(|(asked, _)| asked.approved)
            .sum()
    }

    /// What in its past stands against a rule.
    fn fault(&self) -> Option<String> {
        let (denied, expired) = (self.sum(|a| a.denied), self.sum(|a| a.expired));
        let open = self
            .sum(Asked::questions)
            .saturating_sub(self.sum(|a| a.approved));
        let (good, bad) = (self.sum(|a| a.good), self.sum(|a| a.bad));
        if denied > 0 {
            Some(format!("it was denied {denied}x"))
        } else if expired > 0 {
            Some(format!("it expired {expired}x without an answer"))
        } else if open > 0 {
            Some(format!("{open}x it was asked and not approved"))
        } else if good == 0 || good < 3 * bad {
            Some(format!("{bad} of {} runs did not end with 0", good + bad))
        } else {
            None
        }
    }

    /// The commands that were approved often enough, and whether behind `sudo` too; none where
    /// there are not enough.
    #[expect(clippy::type_complexity, reason = "said once, used once")]
    fn narrowed(&self, least: u64) -> Result<Option<(Vec<&(&'a Asked, Candidate)>, bool)>, String> {
        if self.approved(|_| true) < least {
            return Ok(None);
        }
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.approved(|candidate| candidate.sudo) >= least {
            return Ok(Some((self.members.iter().collect(), true)));
        }
        if self.approved(|candidate| !candidate.sudo) >= least {
            let plain = self.members.iter().filter(|(_, c)| !c.sudo);
            return Ok(Some((plain.collect(), false)));
        }
        Ok(None)
    }
}

impl Suggestion {
    fn take(&mut self, asked: &Asked, candidate: &Candidate) {
        self.only_relayed &= asked.only_relayed;
        self.targets.insert(asked.target.clone());
        self.approved += asked.approved;
        self.approvers.extend(asked.approvers.iter().cloned());
        self.good += asked.good;
        self.bad += asked.bad;
        self.last = std::mem::take(&mut self.last).max(asked.last_approved.clone());
        self.commands
            .insert((asked.target.clone(), asked.command.clone()));
        self.examples.insert(candidate.canonical());
    }
}

fn refusal(asked: &Asked, why: String) -> RefusedCommand {
    RefusedCommand {
        target: visible::line(&asked.target).into_owned(),
        command: visible::line(&asked.command).into_owned(),
        approved: asked.approved,
        why,
    }
}

/// The name of the decision about what no rule knows.
const UNKNOWN: &str = "unknown_default";

#[cfg(test)]
mod tests;
