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
use super::place::Place;
use super::yaml::Enforcement;
use super::yaml::Input;
use super::yaml::Patterns;
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
use crate::target::Inventory;
use crate::target::Name;

/// The fragments by their names.
pub(super) fn fragments(raw: BTreeMap<String, Spanned<Patterns>>) -> Fragments {
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
    timeout_max: Duration,
) -> Vec<Definition> {
    let known = Known {
        targets: inventory.iter().map(|target| target.name()).collect(),
        groups: inventory
            .iter()
            .flat_map(|target| &target.scope().groups)
            .collect(),
        timeout_max,
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
    timeout_max: Duration,
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
        let mut fault = |key: &str, item: Option<usize>, what: String| {
            let unnamed = || format!("{}-{}", effect.risk(), number + 1);
            let shown = id.clone().unwrap_or_else(unnamed);
            let place = Place::of(effect.risk()).item(number).key(key);
            let place = match item {
                Some(item) => place.item(item),
                None => place,
            };
            reader.fault(place, format!("rule `{shown}`: {what}"));
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
        if more.input.is_some() && effect != Decision::RequireApproval {
            fault("input", None, "`input` is for rules that ask".to_owned());
        }
        let timeout = more.timeout.and_then(|quantity| {
            let time = quantity
                .duration()
                .filter(|time| (Duration::from_secs(1)..=self.timeout_max).contains(time));
            if time.is_none() {
                let most = self.timeout_max;
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
        Definition {
            id: more.id,
            effect,
            patterns,
            holds,
            sudo: more.sudo == Some(Sudo::Allowed),
            irreversible: more.irreversible,
            no_input: more.input == Some(Input::None),
            demand: Demand::of(more.needs.unwrap_or(Assurance::Relayed)),
            ttl: None,
            previews: Vec::new(),
            timeout,
            audited: more.enforcement == Enforcement::Audit,
            why: more.why,
            matches: more.matches,
            not_matches: more.not_matches,
            line,
        }
    }
}
