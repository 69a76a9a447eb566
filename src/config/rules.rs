//! The lists of rules: defaults, and names that have to be there.
//!
//! **Reads** the rules as they are written, and the inventory.
//! **Gives** [`Definition`]s and [`Fragments`].
//! **Never** lets a rule hold nowhere by a slip of the pen.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use serde_yaml::Spanned;

use super::build::Reader;
use super::build::line_of;
use super::limit;
use super::place::Place;
use super::quorum;
use super::yaml::Enforcement;
use super::yaml::Input;
use super::yaml::OneOrMore;
use super::yaml::RawPolicy;
use super::yaml::RawRule;
use super::yaml::Sudo;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::policy::Decision;
use crate::policy::Definition;
use crate::policy::Fragment;
use crate::policy::Fragments;
use crate::policy::Holds;
use crate::policy::MOST_PREVIEWS;
use crate::target::Inventory;
use crate::target::Name;

/// The fragments by their names.
pub(super) fn fragments(raw: BTreeMap<String, Spanned<OneOrMore>>) -> Fragments {
    Fragments::new(
        raw.into_iter()
            .map(|(name, patterns)| {
                let line = line_of(&patterns);
                let patterns = patterns.value.0;
                (name, Fragment { patterns, line })
            })
            .collect(),
    )
}

/// The rules of the three lists, the strictest list first.
pub(super) fn definitions(
    reader: &mut Reader,
    lists: RawPolicy,
    inventory: &Inventory,
    longest: Longest,
) -> Vec<Definition> {
    let known = Known {
        targets: inventory.iter().map(|target| target.name()).collect(),
        groups: inventory
            .iter()
            .flat_map(|target| &target.scope().groups)
            .collect(),
        longest,
    };
    let mut definitions = Vec::new();
    for (effect, rules) in [
        (Decision::Forbid, lists.forbidden),
        (Decision::RequireApproval, lists.approval_required),
        (Decision::Allow, lists.auto_allowed),
    ] {
        for (number, rule) in rules.unwrap_or_default().into_iter().enumerate() {
            definitions.push(known.definition(reader, effect, number, rule));
        }
    }
    definitions
}

/// What rules may name.
struct Known<'a> {
    targets: BTreeSet<&'a Name>,
    groups: BTreeSet<&'a Name>,
    longest: Longest,
}

/// The longest times that rules may name.
pub(super) struct Longest {
    /// Of a run.
    pub(super) timeout: Duration,
    /// Of a question.
    pub(super) ttl: Duration,
}

impl Known<'_> {
    fn definition(
        &self,
        reader: &mut Reader,
        effect: Decision,
        number: usize,
        rule: Spanned<RawRule>,
    ) -> Definition {
        let line = line_of(&rule);
        let RawRule { patterns, more } = rule.value;
        let id = more.id.clone();
        let owner = || {
            let unnamed = || format!("{}-{}", effect.risk(), number + 1);
            format!("rule `{}`: ", id.clone().unwrap_or_else(unnamed))
        };
        let rule = || Place::of(effect.risk()).item(number);
        let demand = more.approvals.as_ref().map(|wanted| {
            let place = || rule().key("approvals");
            quorum::demand(reader, &owner(), &place, wanted)
        });
        let mut fault = |key: &str, item: Option<usize>, what: String| {
            let place = rule().key(key);
            let place = match item {
                Some(item) => place.item(item),
                None => place,
            };
            reader.fault(place, format!("{}{what}", owner()));
        };
        if more.sudo.is_some() && effect != Decision::Allow {
            let what = "`sudo` is for rules that allow; the others see through sudo anyway";
            fault("sudo", None, what.to_owned());
        }
        if (more.needs.is_some() || more.irreversible) && effect != Decision::RequireApproval {
            let key = if more.needs.is_some() {
                "needs"
            } else {
                "irreversible"
            };
            let what = "`needs` and `irreversible` are for rules that ask";
            fault(key, None, what.to_owned());
        }
        for (key, is_there) in [
            ("input", more.input.is_some()),
            ("approvals", more.approvals.is_some()),
            ("ttl", more.ttl.is_some()),
            ("preview", more.preview.is_some()),
        ] {
            if is_there && effect != Decision::RequireApproval {
                fault(key, None, format!("`{key}` is for rules that ask"));
            }
        }
        let previews = more.preview.map_or_else(Vec::new, |preview| preview.0);
        if previews.len() > MOST_PREVIEWS {
            let what = format!("`preview` holds at most {MOST_PREVIEWS} commands");
            fault("preview", Some(MOST_PREVIEWS), what);
        }
        let ttl = more.ttl.and_then(|written| {
            let keep = self.longest.ttl;
            let time = limit::RULE_TTL.time(written).and_then(|time| {
                let kept = limit::KEEP_DECIDED.shown(keep.as_secs());
                let long = format!("`ttl` is longer than `approvals.keep_decided`, {kept}");
                Some(time).filter(|time| *time <= keep).ok_or(long)
            });
            time.map_err(|what| fault("ttl", None, what)).ok()
        });
        let timeout = more.timeout.and_then(|quantity| {
            let time = quantity
                .duration()
                .filter(|time| (Duration::from_secs(1)..=self.longest.timeout).contains(time));
            if time.is_none() {
                let most = self.longest.timeout;
                let what =
                    format!("`timeout` has to be between 1s and `limits.timeout_max`, {most:?}");
                fault("timeout", None, what);
            }
            time
        });
        let mut names = |kind: &str, texts: Vec<String>, known: &BTreeSet<&Name>| {
            let mut names = Vec::new();
            let key = if kind == "name" { "targets" } else { "groups" };
            for (item, text) in texts.into_iter().enumerate() {
                match Name::parse(&text) {
                    Ok(name) if known.contains(&name) => names.push(name),
                    Ok(_) => fault(
                        key,
                        Some(item),
                        format!("no target has the {kind} `{text}`"),
                    ),
                    Err(bad) => fault(key, Some(item), format!("{kind} `{text}`: {bad}")),
                }
            }
            names
        };
        let holds = Holds {
            targets: names("name", more.targets, &self.targets),
            groups: names("group", more.groups, &self.groups),
            tiers: more.tiers,
        };
        let level = more.needs.unwrap_or(Assurance::Relayed);
        Definition {
            id: more.id,
            effect,
            patterns,
            holds,
            sudo: more.sudo == Some(Sudo::Allowed),
            irreversible: more.irreversible,
            no_input: more.input == Some(Input::None),
            demand: match demand {
                Some(demand) => Demand::of(level).and(&demand),
                None => Demand::of(level),
            },
            ttl,
            previews,
            timeout,
            audited: more.enforcement == Enforcement::Audit,
            why: more.why,
            matches: more.matches,
            not_matches: more.not_matches,
            line,
        }
    }
}
