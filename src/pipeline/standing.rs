//! Grants: given by an approver, listed, ended, and each of it recorded.
//!
//! **Reads** the policy, for what may be granted at all.
//! **Gives** [`give`], [`revoke`], [`Wanted`].
//! **Never** lets a grant hold that is not in the log.

use std::time::Duration;

use super::Line;
use super::facts;
use super::scribe::Scribe;
use crate::approval::Answer;
use crate::approval::Asker;
use crate::approval::Giver;
use crate::approval::Via;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::audit;
use crate::caller;
use crate::caller::Caller;
use crate::grant;
use crate::grant::Covered;
use crate::grant::Grant;
use crate::request::Factor;
use crate::shell::Script;
use crate::ssh;
use crate::status::exit;
use crate::target::Target;

/// A grant as somebody wants to give it.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What it covers.
    pub covers: Covered,
    /// On which target.
    pub target: &'a Target,
    /// Who may ask: a Unix user.
    pub asker: &'a Caller,
    /// How many times.
    pub uses: u32,
    /// How long.
    pub ttl: Duration,
    /// Why.
    pub reason: Option<String>,
    /// A code from the giver's phone.
    pub factor: Option<Factor>,
}

/// Why a grant was not given or not ended, with the exit code of its kind.
#[derive(Debug)]
pub struct NotGranted {
    /// In words.
    pub why: String,
    /// The exit code.
    pub exit: u8,
}

impl NotGranted {
    fn refused(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            exit: exit::REFUSED,
        }
    }

    fn unrecorded(fault: &audit::Error) -> Self {
        Self {
            why: format!("nothing was changed, because it could not be recorded: {fault}"),
            exit: exit::AUDIT,
        }
    }

    fn broken(fault: &grant::Error) -> Self {
        Self {
            why: fault.to_string(),
            exit: exit::CONFIG,
        }
    }
}

/// Whether what is wanted may be granted at all, whoever gives it.
pub fn may_be_granted(line: &Line, covers: &Covered, target: &Target) -> Result<(), String> {
    match covers {
        Covered::Command(command) => {
            let script = Script::parse(command, &line.limits.request.shell);
            let verdict = line.policy.verdict(&script, target.scope());
            grant::refusal(&verdict).map_or(Ok(()), |why| Err(why.to_owned()))
        }
        Covered::Rule(rule) => line.policy.may_be_granted(rule).map_err(str::to_owned),
    }
}

/// Gives a grant: checked, recorded, and only then there to be used.
pub fn give(line: &Line, wanted: Wanted<'_>) -> Result<Grant, NotGranted> {
    let now = (line.now)();
    let limits = line.grants.limits();
    may_be_granted(line, &wanted.covers, wanted.target).map_err(NotGranted::refused)?;
    if wanted.ttl.is_zero() || wanted.ttl > limits.ttl_max {
        let why = format!(
            "a grant holds for 1 to {} s (`approvals.grant_ttl_max`)",
            limits.ttl_max.as_secs()
        );
        return Err(NotGranted::refused(why));
    }
    if wanted.uses == 0 || wanted.uses > limits.uses_max {
        let why = format!(
            "a grant has between 1 and {} uses (`approvals.grant_uses`)",
            limits.uses_max
        );
        return Err(NotGranted::refused(why));
    }
    let given = giver_says(line, &wanted)?;
    let text = match &wanted.covers {
        Covered::Command(command) => command.as_str(),
        Covered::Rule(_) => "",
    };
    let script = Script::parse(text, &line.limits.request.shell);
    let pins = ssh::pins(&line.ssh.known_hosts, wanted.target.host());
    let facts = facts(line, wanted.target, &pins, &script);
    let grant = Grant::new(
        wanted.covers,
        &facts,
        wanted.asker,
        (wanted.uses, wanted.ttl),
        given,
    );
    let scribe = Scribe::bare(line);
    line.grants
        .put(&grant, now, || {
            let said = format!(
                "{} may use it {} times until {}",
                grant.asker,
                grant.uses,
                audit::stamp(grant.expires)
            );
            scribe.grant_record("granted", &grant, &said)
        })
        .map_err(|fault| match fault {
            full @ grant::Error::Full(_) => NotGranted::refused(full.to_string()),
            fault => NotGranted::broken(&fault),
        })?
        .map_err(|fault| NotGranted::unrecorded(&fault))?;
    Ok(grant)
}

/// The giver's yes. It has to be enough for what it covers: a grant that every use of would ask all the
/// same helps nobody.
fn giver_says(line: &Line, wanted: &Wanted<'_>) -> Result<Answer, NotGranted> {
    let now = (line.now)();
    let by = &line.caller;
    let trust = line.approvals.trust();
    let verified = wanted
        .factor
        .as_ref()
        .map(|factor| line.factors.verify(factor, Some(&by.user), &by.user, now))
        .transpose()
        .map_err(|fault| NotGranted::refused(fault.to_string()))?;
    let giver = Giver {
        caller: by,
        via: Via::Command,
        verified: verified.as_ref(),
        is_approver: caller::is_member(&by.user, &trust.group),
    };
    let asker = Asker {
        uid: wanted.asker.uid,
        name: &wanted.asker.user,
        disputed: None,
    };
    let given = Answer::yes(&giver, &asker, trust, now, wanted.reason.clone());
    let demand = demanded(line, wanted);
    // Whoever is no approver when it is used is not believed then: no need to wait for that.
    let is_person = given.level() >= Assurance::OutOfBand;
    let believed = giver.is_approver || !is_person;
    let missing = match demand.met_by(&[given.voice()], &caller::is_member) {
        Ok(_) if believed => return Ok(given),
        Ok(_) => None,
        Err(missing) => Some(missing),
    };
    let why = if let (true, Some(missing)) = (is_person, missing) {
        format!("what it covers needs more than one person's word: {missing}")
    } else if giver.asked(&asker) {
        format!(
            "`{}` is who would ask, and another person has to grant it",
            by.user
        )
    } else {
        format!(
            "`{}` is not in the group `{}`, and only an approver can grant it",
            by.user, trust.group
        )
    };
    Err(NotGranted::refused(why))
}

/// What is demanded of an approval of what is to be granted.
fn demanded(line: &Line, wanted: &Wanted<'_>) -> Demand {
    let scope = wanted.target.scope();
    match &wanted.covers {
        Covered::Command(command) => {
            let script = Script::parse(command, &line.limits.request.shell);
            line.policy.verdict(&script, scope).demand().clone()
        }
        Covered::Rule(rule) => line
            .policy
            .demand_of_rule(rule, scope)
            .unwrap_or_else(|| scope.demand.clone()),
    }
}

/// Ends grants. It takes effect first and is recorded then: to take back is always safe. Gives how
/// many were ended.
pub fn revoke(line: &Line, grants: &[Grant], reason: Option<&str>) -> Result<usize, NotGranted> {
    let mut ended = 0;
    for grant in grants {
        let was = line
            .grants
            .revoke(grant)
            .map_err(|fault| NotGranted::broken(&fault))?;
        if !was {
            continue;
        }
        ended += 1;
        let by = &line.caller.user;
        let said = match reason {
            Some(reason) => format!("{by} ended it: {reason}"),
            None => format!("{by} ended it"),
        };
        Scribe::bare(line)
            .grant_record("revoked", grant, &said)
            .map_err(|fault| NotGranted {
                why: format!("it is ended, and that could not be recorded: {fault}"),
                exit: exit::AUDIT,
            })?;
    }
    Ok(ended)
}
