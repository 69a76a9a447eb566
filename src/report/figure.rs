//! Counts, times and people.
//!
//! **Reads** the actions of a report.
//! **Gives** [`of`], [`targets`], [`askers`], [`approvers`].
//! **Never** counts a preview as something that was asked.

use std::collections::BTreeMap;

use super::action;
use super::fact::Action;
use super::fact::Approver;
use super::fact::Asker;
use super::fact::Count;
use super::fact::Figures;
use super::fact::State;
use super::fact::Target;

/// The figures of these actions.
pub(super) fn of(actions: &[Action]) -> Figures {
    let asked: Vec<&Action> = actions
        .iter()
        .filter(|action| !action.is_preview())
        .collect();
    let mut states: BTreeMap<State, u64> = BTreeMap::new();
    let mut risks: BTreeMap<&str, u64> = BTreeMap::new();
    for action in &asked {
        *states.entry(action.state).or_default() += 1;
        *risks
            .entry(action.risk.as_deref().unwrap_or("not_judged"))
            .or_default() += 1;
    }
    let mut waits: Vec<u64> = asked.iter().filter_map(|action| action.waited_ms).collect();
    waits.sort_unstable();
    let cites = || asked.iter().flat_map(|action| &action.records);
    Figures {
        actions: asked.len() as u64,
        previews: (actions.len() - asked.len()) as u64,
        started: count(&asked, |action| action.is_started()),
        states: states
            .into_iter()
            .map(|(state, count)| Count {
                word: state.word().to_owned(),
                count,
            })
            .collect(),
        risks: risks
            .into_iter()
            .map(|(word, count)| Count {
                word: word.to_owned(),
                count,
            })
            .collect(),
        asked: count(&asked, |action| action.waits_from.is_some()),
        answered: count(&asked, |action| {
            action.waits_from.is_some() && action.answered_at.is_some()
        }),
        median_wait_ms: median(&waits),
        longest_wait_ms: waits.last().copied(),
        run_ms: asked.iter().filter_map(|action| action.duration_ms).sum(),
        first: cites().min_by_key(|cite| cite.seq).cloned(),
        last: cites().max_by_key(|cite| cite.seq).cloned(),
        others: 0,
    }
}

fn count(actions: &[&Action], what: impl Fn(&Action) -> bool) -> u64 {
    actions.iter().filter(|action| what(action)).count() as u64
}

/// The middle one, or the mean of the two in the middle.
fn median(sorted: &[u64]) -> Option<u64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get((sorted.len() / 2).checked_sub(1)?)?;
    Some(lower.midpoint(upper))
}

/// The targets, by name.
pub(super) fn targets(actions: &[Action]) -> Vec<Target> {
    let mut targets: BTreeMap<&str, Target> = BTreeMap::new();
    for action in actions {
        let (Some(name), Some(cite)) = (&action.target, action.records.first()) else {
            continue;
        };
        let target = targets.entry(name).or_insert_with(|| Target {
            name: name.clone(),
            hosts: Vec::new(),
            actions: 0,
            started: 0,
            cite: cite.clone(),
        });
        if let Some(host) = action
            .host
            .as_ref()
            .filter(|host| !target.hosts.contains(host))
        {
            target.hosts.push(host.clone());
        }
        if !action.is_preview() {
            target.actions += 1;
            target.started += u64::from(action.is_started());
        }
    }
    targets.into_values().collect()
}

/// Who asked: claim and Unix user together.
pub(super) fn askers(actions: &[Action]) -> Vec<Asker> {
    let mut askers: Vec<Asker> = Vec::new();
    for action in actions.iter().filter(|action| !action.is_preview()) {
        let Some(cite) = action.records.first() else {
            continue;
        };
        let known = askers
            .iter_mut()
            .find(|asker| asker.claims == action.requester && asker.caller == action.caller);
        match known {
            Some(asker) => asker.actions += 1,
            None => askers.push(Asker {
                claims: action.requester.clone(),
                caller: action.caller.clone(),
                actions: 1,
                cite: cite.clone(),
            }),
        }
    }
    askers
}

/// Who answered, by every way that they did.
pub(super) fn approvers(actions: &[Action]) -> Vec<Approver> {
    let mut approvers: Vec<Approver> = Vec::new();
    for answer in actions.iter().flat_map(|action| &action.answers) {
        let known = approvers.iter_mut().position(|approver| {
            approver.name == answer.by
                && approver.uid == answer.uid
                && approver.via == answer.via
                && approver.factor == answer.factor
                && approver.assurance == answer.assurance
        });
        let at = known.unwrap_or(approvers.len());
        if known.is_none() {
            approvers.push(Approver {
                name: answer.by.clone(),
                uid: answer.uid,
                via: answer.via.clone(),
                factor: answer.factor.clone(),
                assurance: answer.assurance,
                approved: 0,
                denied: 0,
                without_effect: 0,
                cite: answer.cite.clone(),
            });
        }
        let Some(approver) = approvers.get_mut(at) else {
            continue;
        };
        match answer.answer.as_str() {
            action::APPROVED => approver.approved += 1,
            action::DENIED => approver.denied += 1,
            _ => approver.without_effect += 1,
        }
    }
    approvers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_none_is_none_and_of_two_lies_between_them() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[7, 9]), Some(8));
        assert_eq!(median(&[1, 2, 90]), Some(2));
    }
}
