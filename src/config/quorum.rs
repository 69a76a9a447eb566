//! Who has to approve, and how many, as the file, a machine or a rule says it.
//!
//! **Reads** a [`RawQuorum`].
//! **Gives** a [`Demand`] that says nothing of the assurance.
//! **Never** takes a text for a person that cannot be one.

use std::collections::BTreeSet;

use super::build::Reader;
use super::limit;
use super::place::Place;
use super::yaml::RawApprovals;
use super::yaml::RawQuorum;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::assurance::Principal;

/// What is demanded of the people. `owner` says in messages whose it is: "rule `x`: ".
pub(super) fn demand(
    reader: &mut Reader,
    owner: &str,
    place: &dyn Fn() -> Place,
    raw: &RawQuorum,
) -> Demand {
    let any = Demand::of(Assurance::Relayed);
    let min = raw.min.map(|written| limit::APPROVALS_MIN.count(written));
    let min = match min {
        Some(Ok(min)) => u32::try_from(min).unwrap_or(u32::MAX),
        Some(Err(what)) => {
            reader.fault(place().key("min"), format!("{owner}{what}"));
            any.min
        }
        None => any.min,
    };
    let mut names = |key: &str, texts: &[String]| -> BTreeSet<Principal> {
        let mut names = BTreeSet::new();
        for (item, text) in texts.iter().enumerate() {
            match Principal::parse(text) {
                Ok(name) => {
                    names.insert(name);
                }
                Err(fault) => reader.fault(
                    place().key(key).item(item),
                    format!("{owner}`{text}` in `approvals.{key}`: who approves {fault}"),
                ),
            }
        }
        names
    };
    let all_of = names("all_of", &raw.all_of);
    let any_of = Some(names("any_of", &raw.any_of)).filter(|names| !names.is_empty());
    any.and(&Demand {
        level: Assurance::Relayed,
        min,
        all_of,
        any_of: any_of.into_iter().collect(),
    })
}

impl RawApprovals {
    /// What the file says of the people, taken out of it.
    pub(super) fn take_quorum(&mut self) -> RawQuorum {
        RawQuorum {
            min: self.min.take(),
            all_of: std::mem::take(&mut self.all_of),
            any_of: std::mem::take(&mut self.any_of),
        }
    }
}
