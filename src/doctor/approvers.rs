//! What is wrong with the people who approve, and with what they gave in advance.
//!
//! **Reads** the users and groups of this machine, and the files of approvers and grants.
//! **Gives** [`examine`].
//! **Never** repeats what stands in an approver's file, and never takes a lock.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use chrono::DateTime;
use chrono::Utc;

use super::Finding;
use crate::assurance::Assurance;
use crate::caller;
use crate::caller::Caller;
use crate::config::Config;
use crate::factor::Factors;
use crate::factor::Listed;
use crate::factor::State;
use crate::grant::Grants;
use crate::home::Home;
use crate::target::Target;
use crate::target::Tier;

/// Looks at everybody whose word counts.
pub(super) fn examine(home: &Home, config: &Config, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = vec![group(config)];
    findings.extend(intruders(home, &config.trust.group));
    findings.extend(enrolled(home, config));
    findings.extend(tries(home, config, now));
    findings.push(grants(home, config, now));
    findings.extend(self_approval(config));
    findings.extend(production(config).filter_map(lax));
    findings
}

/// The group exists and lists somebody. Whoever has it as their first group is not listed there, so
/// an empty list is no proof that there is nobody.
fn group(config: &Config) -> Finding {
    let group = &config.trust.group;
    match caller::listed_members(group) {
        None => {
            let cure = format!(
                "groupadd --system {group} (`setup-aiops-mvp.sh hermes` makes `aiops-approvers`, with its sudo rule)"
            );
            match demanding(config) {
                Some(target) => Finding::bad(
                    format!(
                        "there is no group `{group}`, and on `{}` an approver has to be in it",
                        target.name()
                    ),
                    cure,
                ),
                None => Finding::warning(
                    format!("there is no group `{group}`, so nobody on the gateway is an approver"),
                    cure,
                ),
            }
        }
        Some(members) if members.is_empty() => Finding::warning(
            format!("the approvers' group `{group}` has no members listed"),
            join(group, "NAME"),
        ),
        Some(members) => Finding::ok(format!(
            "approvers in the group `{group}`: {}",
            members.join(", ")
        )),
    }
}

/// The first target on which something needs more than a word that anybody may pass on.
fn demanding(config: &Config) -> Option<&Target> {
    let demands =
        |target: &&Target| config.policy.most_demanded(target.scope()) >= Assurance::OutOfBand;
    config.inventory.iter().find(demands)
}

/// The assistant, and the user that everything runs as, are nobody's second person.
fn no_people(home: &Home) -> Vec<String> {
    let executor = fs::metadata(home.runtime())
        .ok()
        .map(|facts| caller::name_of(facts.uid()));
    [Some(ASSISTANT.to_owned()), executor]
        .into_iter()
        .flatten()
        .collect()
}

fn intruders(home: &Home, group: &str) -> Vec<Finding> {
    no_people(home)
        .into_iter()
        .filter(|user| caller::is_member(user, group))
        .map(|user| {
            Finding::bad(
                format!("`{user}` is in the approvers' group `{group}`, and is no person"),
                format!("gpasswd -d {user} {group}"),
            )
        })
        .collect()
}

fn enrolled(home: &Home, config: &Config) -> Vec<Finding> {
    let dir = home.approvers();
    let listed = match Factors::new(dir.clone(), config.factors.clone()).list() {
        Ok(listed) => listed,
        Err(fault) => {
            let what = format!("nobody can know who is enrolled: {fault}");
            let cure = format!(
                "ls -ld {}: has to be a directory of mode 0700",
                dir.display()
            );
            return vec![Finding::bad(what, cure)];
        }
    };
    let no_people = no_people(home);
    listed
        .iter()
        .map(|one| {
            let name = one.name.as_str();
            if no_people.iter().any(|user| user == name) {
                Finding::bad(
                    format!("`{name}` approves by a code from a phone, and is no person"),
                    format!("{ADMIN} approver remove {name}"),
                )
            } else {
                approver(one, &config.trust.group)
            }
        })
        .collect()
}

fn approver(one: &Listed, group: &str) -> Finding {
    let name = &one.name;
    match &one.state {
        State::Broken { fault } => {
            let cure = format!(
                "{ADMIN} approver enroll {name} --again, or {ADMIN} approver remove {name}"
            );
            Finding::bad(format!("approver `{name}`: {fault}"), cure)
        }
        State::Enrolled { .. }
            if Caller::named(name.as_str()).is_some()
                && !caller::is_member(name.as_str(), group) =>
        {
            let what = format!(
                "approver `{name}` is not in the group `{group}`: a code from the phone counts, and nothing said on the gateway"
            );
            Finding::warning(what, join(group, name.as_str()))
        }
        State::Enrolled { recovery_left, .. } => Finding::ok(format!(
            "approver `{name}` has a phone, and {recovery_left} recovery codes left"
        )),
    }
}

fn tries(home: &Home, config: &Config, now: DateTime<Utc>) -> Option<Finding> {
    let cure = format!("{ADMIN} approver unlock");
    match Factors::new(home.approvers(), config.factors.clone()).tries() {
        Ok(tries) => tries.and_then(|tries| tries.wait(now)).map(|until| {
            let until = crate::audit::stamp(until);
            let what = format!("too many wrong codes were said: none is looked at before {until}");
            Finding::warning(what, cure)
        }),
        Err(fault) => Some(Finding::bad(fault.to_string(), cure)),
    }
}

fn grants(home: &Home, config: &Config, now: DateTime<Utc>) -> Finding {
    let dir = home.grants();
    match Grants::new(dir.clone(), config.grants.clone()).standing(now) {
        Ok(standing) => Finding::ok(match standing.len() {
            0 => "no grant holds".to_owned(),
            1 => "1 grant holds".to_owned(),
            count => format!("{count} grants hold"),
        }),
        Err(fault) => {
            let what = format!("nobody can know what was granted: {fault}");
            let cure = format!(
                "ls -ld {}: has to be a directory of mode 0700",
                dir.display()
            );
            Finding::bad(what, cure)
        }
    }
}

fn production(config: &Config) -> impl Iterator<Item = &Target> {
    let in_production = |target: &&Target| target.scope().tier == Tier::Production;
    config.inventory.iter().filter(in_production)
}

fn self_approval(config: &Config) -> Option<Finding> {
    let target = production(config).next()?;
    config.trust.self_approval.then(|| {
        Finding::warning(
            format!(
                "whoever asks may approve it too, also on `{}` in production",
                target.name()
            ),
            "remove `self_approval: allowed` from `approvals` in config.yml",
        )
    })
}

/// A machine in production where a word will do that anybody may have passed on.
fn lax(target: &Target) -> Option<Finding> {
    let level = target.scope().demand.level;
    (level < Assurance::OutOfBand).then(|| {
        Finding::warning(
            format!(
                "target `{}` is in production, and {level} approves there",
                target.name()
            ),
            format!(
                "remove `needs: {}` from the target, or from `approvals`, in config.yml",
                level.word()
            ),
        )
    })
}

fn join(group: &str, name: &str) -> String {
    format!("usermod -aG {group} {name}, who then logs in anew")
}

/// How an admin runs what changes who approves.
const ADMIN: &str = "sudo sudo -u aiopsexec /opt/aiops/aiops";

/// The Unix user of the assistant, as setup makes it.
const ASSISTANT: &str = "hermes";
