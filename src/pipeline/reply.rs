//! What humans say to requests that wait: yes, no, or that it is wanted no more.
//!
//! **Reads** the waiting room.
//! **Gives** [`approve`], [`deny`], [`cancel`].
//! **Never** takes a yes for a request that its giver cannot have meant.

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use super::Hand;
use super::Line;
use super::answer;
use super::facts;
use super::limit;
use super::ready;
use super::run;
use super::scribe::Scribe;
use super::sweep;
use crate::approval::Answer;
use crate::approval::Approved;
use crate::approval::Asker;
use crate::approval::Doubt;
use crate::approval::Found;
use crate::approval::Giver;
use crate::approval::Pending;
use crate::approval::Refused;
use crate::approval::Seeker;
use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::Via;
use crate::authorize;
use crate::caller;
use crate::policy::Decision;
use crate::request::Factor;
use crate::request::Which;
use crate::response::Response;
use crate::shell::Script;
use crate::ssh;
use crate::status::Status;
use crate::status::exit;
use crate::target::Name;
use crate::target::Target;

/// A yes, as it was said.
#[derive(Debug)]
pub struct Yes {
    /// To which request.
    pub which: Which,
    /// A code from the approver's phone.
    pub factor: Option<Factor>,
    /// The way it came.
    pub via: Via,
    /// Why, in the approver's own words.
    pub reason: Option<String>,
}

/// Runs what a human approves: find it, hear who says so, spend it, judge it again, record the
/// intent, run.
pub fn approve(line: &Line, yes: Yes) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let answer = meant(line, &yes, now)
        .and_then(|meant| taken(line, &yes, meant, now))
        .map(|taken| launched(line, taken));
    answer.unwrap_or_else(|instead| *instead)
}

/// The request that a yes means, as today's policy sees it.
struct Meant {
    pending: Pending,
    target: Target,
    script: Script,
}

/// A request that is spent on its yes, and what is ready to run it.
struct Taken<'a> {
    id: Uuid,
    approved: Approved,
    target: Target,
    scribe: Scribe<'a>,
    hand: Hand,
}

/// Finds what is meant, where it may be approved at all.
fn meant(line: &Line, yes: &Yes, now: DateTime<Utc>) -> Result<Meant, Box<Response>> {
    let seeker = Seeker {
        since: Some((line.since)()),
        ..seeker(line, yes.via)
    };
    let pending = the_one(line, &yes.which, &seeker, now)?;
    let ticket = pending.ticket();
    let scribe = Scribe::of_ticket(line, ticket);
    let target = named_target(line, ticket).map_err(|why| scribe.refused(&why))?;
    line.freezes
        .clear(target.name())
        .map_err(|frozen| scribe.still_frozen(&frozen))?;
    let script = Script::parse(&ticket.request.command, &line.limits.request.shell);
    let verdict = line.policy.verdict(&script, target.scope());
    if verdict.decision() == Decision::Forbid {
        let why = "the policy refuses it now";
        return Err(Box::new(match line.approvals.cancel(pending, why, now) {
            Ok(_) => scribe.rejected(&verdict),
            Err(fault) => scribe.failed(exit::CONFIG, &fault.to_string()),
        }));
    }
    // Policy may have become stricter since the request was put; then the stricter demand holds.
    let pending = pending.demanding(verdict.demand());
    Ok(Meant {
        pending,
        target,
        script,
    })
}

/// Hears who says yes, and spends the request where that is enough.
fn taken<'a>(
    line: &'a Line,
    yes: &Yes,
    meant: Meant,
    now: DateTime<Utc>,
) -> Result<Taken<'a>, Box<Response>> {
    let Meant {
        pending,
        target,
        script,
    } = meant;
    let ticket = pending.ticket();
    let id = ticket.id;
    let scribe = Scribe::of_ticket(line, ticket);
    let answer = heard(line, yes, &ticket.asker(), now).map_err(|why| scribe.too_weak(&why))?;
    let scribe = scribe.with_decision(&answer);
    let hand = ready(line, &scribe, &target)?;
    let pins = ssh::pins(&line.ssh.known_hosts, target.host());
    let facts = facts(line, &target, &pins, &script);
    let approved = line
        .approvals
        .take(pending, answer, &facts, &line.limits.request)
        .map_err(|refused| not_taken(&scribe, refused))?;
    let scribe = scribe.with_decision(approved.decision());
    Ok(Taken {
        id,
        approved,
        target,
        scribe,
        hand,
    })
}

/// Judges it again, records the intent and runs it, and says all the way where it stands.
fn launched(line: &Line, taken: Taken<'_>) -> Response {
    let Taken {
        id,
        approved,
        target,
        scribe,
        hand,
    } = taken;
    let stands = |from, to| line.approvals.advance(&id, from, to);
    let confirmed = match authorize::confirm(approved, target, &line.policy) {
        Ok(confirmed) => confirmed,
        Err(forbidden) => {
            stands(State::Approved, State::Failed);
            return scribe.rejected(forbidden.case().verdict());
        }
    };
    let limit = limit(line, confirmed.case());
    let scribe = scribe.with_verdict(confirmed.case().verdict());
    let intent = scribe.intent(confirmed.case(), limit);
    let authorized = match authorize::by_human(confirmed, limit, intent, &line.log, &line.freezes) {
        Ok(authorized) => authorized,
        Err(fault) => {
            stands(State::Approved, State::Failed);
            return scribe.unauthorized(&fault);
        }
    };
    stands(State::Approved, State::Running);
    let answer = run(&scribe, hand, authorized);
    let ended = match answer.status {
        Status::Executed => State::Done,
        _ => State::Failed,
    };
    stands(State::Running, ended);
    answer
}

/// Who says yes. A code that came with it has to be right, whether or not one is demanded.
fn heard(line: &Line, yes: &Yes, asker: &Asker<'_>, now: DateTime<Utc>) -> Result<Answer, String> {
    let trust = line.approvals.trust();
    let by = &line.caller;
    // On the gateway the code is a second factor of the person who sits there, and of no other.
    let only = (yes.via == Via::Command).then_some(by.user.as_str());
    let verified = yes
        .factor
        .as_ref()
        .map(|factor| line.factors.verify(factor, only, &by.user, now))
        .transpose()
        .map_err(|fault| fault.to_string())?;
    let giver = Giver {
        caller: by,
        via: yes.via,
        verified: verified.as_ref(),
        // The group is looked up only where that could make a difference.
        is_approver: (by.uid != asker.uid || trust.self_approval || yes.via == Via::Command)
            && caller::is_member(&by.user, &trust.group),
    };
    Ok(Answer::yes(&giver, asker, trust, now, yes.reason.clone()))
}

/// Takes requests out of the waiting room without running them.
pub fn deny(line: &Line, which: &Which, reason: Option<String>, via: Via) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let found = match these(line, which, &seeker(line, via), now) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let several = found.len() > 1;
    let mut answers = Vec::new();
    for pending in found {
        let decision = Answer::no(&line.caller, via, now, reason.clone());
        let scribe = Scribe::of_ticket(line, pending.ticket()).with_decision(&decision);
        answers.push(match line.approvals.deny(pending, decision) {
            Ok(denial) => scribe.denied(&denial),
            Err(refused) => not_taken(&scribe, refused),
        });
    }
    answer::of_many(answers, several, now)
}

/// Takes back what the caller asked for itself.
pub fn cancel(line: &Line, which: &Which, reason: Option<&str>) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let own = Seeker {
        own_first: true,
        ..seeker(line, Via::Command)
    };
    let found = match these(line, which, &own, now) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let several = found.len() > 1;
    let by = &line.caller;
    let why = match reason {
        Some(reason) => format!("{} wants it no more: {reason}", by.user),
        None => format!("{} wants it no more", by.user),
    };
    let mut answers = Vec::new();
    for pending in found {
        let scribe = Scribe::of_ticket(line, pending.ticket());
        let asker = pending.ticket().caller.clone();
        if pending.ticket().caller_uid != by.uid {
            let why = format!(
                "`{asker}` asked for it, and only `{asker}` can take it back; deny it instead"
            );
            answers.push(scribe.refused(&why));
            continue;
        }
        let id = pending.ticket().id;
        answers.push(match line.approvals.cancel(pending, &why, now) {
            Ok(Some(ticket)) => scribe.cancelled(&ticket),
            Ok(None) => scribe.already_decided(line.approvals.stands(&id).ok().flatten().as_ref()),
            Err(fault) => scribe.failed(exit::CONFIG, &fault.to_string()),
        });
    }
    answer::of_many(answers, several, now)
}

/// On standard input a bare word means the caller's own requests first; an operator at a terminal
/// looks at all of them.
fn seeker(line: &Line, via: Via) -> Seeker<'_> {
    Seeker {
        caller: &line.caller,
        own_first: via != Via::Command,
        since: None,
    }
}

/// The one request a yes means, or the answer that says why there is none.
fn the_one(
    line: &Line,
    which: &Which,
    seeker: &Seeker<'_>,
    now: DateTime<Utc>,
) -> Result<Pending, Box<Response>> {
    let found = these(line, which, seeker, now)?;
    <[Pending; 1]>::try_from(found)
        .map(|[only]| only)
        .map_err(|several| {
            let several = Found::Ambiguous(several, Doubt::Several);
            Box::new(nothing_meant(line, several))
        })
}

/// The requests that are meant, or the answer that says why there are none.
fn these(
    line: &Line,
    which: &Which,
    seeker: &Seeker<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Pending>, Box<Response>> {
    let answer = match line.approvals.find(which, seeker, now) {
        Ok(Found::These(found)) => return Ok(found),
        Ok(found) => nothing_meant(line, found),
        Err(fault) => Scribe::bare(line).failed(exit::CONFIG, &fault.to_string()),
    };
    Err(Box::new(answer))
}

fn named_target(line: &Line, ticket: &Ticket) -> Result<Target, String> {
    let name = Name::parse(&ticket.request.target).map_err(|fault| fault.to_string())?;
    line.inventory
        .find(&name)
        .cloned()
        .map_err(|unknown| unknown.to_string())
}

fn nothing_meant(line: &Line, found: Found) -> Response {
    let scribe = Scribe::bare(line);
    let now = (line.now)();
    scribe.decided(match found {
        Found::Ambiguous(waiting, doubt) => answer::ambiguous(&waiting, &doubt, now),
        Found::These(waiting) => answer::ambiguous(&waiting, &Doubt::Several, now),
        Found::None { last, others } => answer::nothing_pending(last.as_deref(), others, now),
    })
}

fn not_taken(scribe: &Scribe<'_>, refused: Refused) -> Response {
    match refused {
        Refused::Decided(last) => scribe.already_decided(last.as_deref()),
        Refused::Expired(ticket) => scribe.expired(&ticket),
        Refused::NotYet(missing) => scribe.not_yet(&missing),
        changed @ Refused::Changed(_) => scribe.refused(&format!("{changed}; ask for it again")),
        weak @ (Refused::TooWeak(_)
        | Refused::OwnRequest(_)
        | Refused::NoApprover { .. }
        | Refused::Again(_)) => scribe.too_weak(&weak.to_string()),
        failed @ (Refused::Spent(_) | Refused::Store(_)) => {
            scribe.failed(exit::CONFIG, &failed.to_string())
        }
    }
}
