//! Tries suggested rules before anyone sees them.
//!
//! **Reads** the whole history, and the configuration with the rules in it.
//! **Gives** the rules that allow what they should and change nothing else, as one difference.
//! **Never** keeps a rule in doubt.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;

use super::RefusedCommand;
use super::Suggested;
use super::Suggestion;
use super::patch;
use super::patch::Patch;
use crate::audit::History;
use crate::config::Config;
use crate::policy::Decision;
use crate::policy::Verdict;
use crate::tuning::replay::judged;
use crate::visible;

/// Why rules are dropped: their places, each with the reason.
type Dropped = BTreeMap<usize, String>;

/// Keeps the rules that are proven, and says why the others are not.
pub(super) fn prove(
    history: &History,
    config: &Config,
    text: &str,
    path: &Path,
    mut rules: Vec<Suggestion>,
    found: &mut Suggested,
) {
    while !rules.is_empty() {
        let (patch, dropped) = match patch::place(text) {
            Ok(place) => {
                let lines: Vec<String> = rules.iter().flat_map(Suggestion::lines).collect();
                let patch = Patch::new(text, &place, &lines);
                let dropped = tried(history, config, &patch.text(), path, &rules);
                (Some(patch), dropped)
            }
            Err(why) => (None, all(&rules, &format!("no rule can be added: {why}"))),
        };
        if dropped.is_empty() {
            found.diff = patch.map(|patch| patch.diff(&path.display().to_string()));
            found.suggestions = rules;
            return;
        }
        let mut kept = Vec::new();
        for (place, rule) in rules.into_iter().enumerate() {
            match dropped.get(&place) {
                Some(why) => found.refused.extend(refusals(&rule, why)),
                None => kept.push(rule),
            }
        }
        rules = kept;
    }
}

/// Loads the new configuration and judges everything by both. What is wrong is held against the
/// rules that are named in it, or against all where none is.
fn tried(
    history: &History,
    config: &Config,
    text: &str,
    path: &Path,
    rules: &[Suggestion],
) -> Dropped {
    let new = match Config::of_text(text, path) {
        Ok(new) => new,
        Err(fault) => {
            let why = format!("the configuration would not load with it: {fault}");
            let named = |rule: &Suggestion| why.contains(&format!("`{}`", rule.id));
            return blamed(rules, named, &why);
        }
    };
    let mut covered: HashMap<(&str, &str), usize> = HashMap::new();
    for (place, rule) in rules.iter().enumerate() {
        for (target, command) in &rule.commands {
            covered.insert((target, command), place);
        }
    }
    let mut dropped = Dropped::new();
    for asked in history.asked() {
        let before = judged(config, asked);
        let after = judged(&new, asked);
        let decision = |verdict: &Option<Verdict>| verdict.as_ref().map(Verdict::decision);
        match covered.get(&(asked.target.as_str(), asked.command.as_str())) {
            Some(place) if decision(&after) != Some(Decision::Allow) => {
                dropped.insert(*place, "the rule would not allow it".to_owned());
            }
            Some(_) => {}
            None if decision(&before) == decision(&after) => {}
            None => {
                let why = format!(
                    "the rule would also change what becomes of `{}` on {}",
                    visible::line(&asked.command),
                    visible::line(&asked.target)
                );
                let named = |rule: &Suggestion| {
                    let findings = after.iter().flat_map(Verdict::findings);
                    findings
                        .filter_map(|finding| finding.rule())
                        .any(|id| id == rule.id)
                };
                dropped.extend(blamed(rules, named, &why));
            }
        }
    }
    dropped
}

fn blamed(rules: &[Suggestion], named: impl Fn(&Suggestion) -> bool, why: &str) -> Dropped {
    let found: Dropped = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| named(rule))
        .map(|(place, _)| (place, why.to_owned()))
        .collect();
    if found.is_empty() {
        all(rules, why)
    } else {
        found
    }
}

fn all(rules: &[Suggestion], why: &str) -> Dropped {
    (0..rules.len())
        .map(|place| (place, why.to_owned()))
        .collect()
}

fn refusals<'a>(
    rule: &'a Suggestion,
    why: &'a str,
) -> impl Iterator<Item = RefusedCommand> + use<'a> {
    rule.commands
        .iter()
        .map(move |(target, command)| RefusedCommand {
            target: visible::line(target).into_owned(),
            command: visible::line(command).into_owned(),
            approved: rule.approved,
            why: why.to_owned(),
        })
}
