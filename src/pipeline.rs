//! The whole line: one message in, one answer out, and everything that was decided in the log.
//!
//! **Reads** nothing itself; every room does its own part.
//! **Gives** [`Line`], [`handle`].
//! **Never** answers what it did not first offer to the log.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::approval::Answer;
use crate::approval::Approvals;
use crate::approval::Found;
use crate::approval::Pending;
use crate::approval::Refused;
use crate::approval::Told;
use crate::approval::Via;
use crate::audit;
use crate::audit::AuditLog;
use crate::authorize;
use crate::authorize::Authorized;
use crate::caller::Caller;
use crate::freeze::Brake;
use crate::freeze::Freezes;
use crate::policy::Allowed;
use crate::policy::Case;
use crate::policy::Judged;
use crate::policy::NeedsApproval;
use crate::policy::Policy;
use crate::redact::Redaction;
use crate::request;
use crate::request::Code;
use crate::request::Input;
use crate::request::Malformed;
use crate::request::Reply;
use crate::request::Request;
use crate::request::Which;
use crate::response::Response;
use crate::shell::Script;
use crate::ssh;
use crate::ssh::Hand;
use crate::status::Status;
use crate::status::exit;
use crate::target::Inventory;
use crate::target::Target;
use crate::target::Tier;

mod answer;
mod scribe;

use scribe::Scribe;

/// Everything one message needs on its way.
#[derive(Debug)]
pub struct Line {
    /// The machines there are.
    pub inventory: Inventory,
    /// What may run.
    pub policy: Policy,
    /// Where requests wait for a human.
    pub approvals: Approvals,
    /// What an operator has frozen.
    pub freezes: Freezes,
    /// Where everything is written down.
    pub log: AuditLog,
    /// What is taken out of text before it is stored or shown.
    pub redaction: Redaction,
    /// How targets are reached.
    pub ssh: ssh::Settings,
    /// Bounds of messages and answers.
    pub limits: Limits,
    /// Who really called.
    pub caller: Caller,
    /// SHA-256 of the configuration, in hexadecimal digits.
    pub policy_digest: String,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
}

/// Bounds of messages and answers.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bounds of a message.
    pub request: request::Limits,
    /// Time limit of a run that asks for none.
    pub timeout: Duration,
    /// How long a message may take to arrive.
    pub message_wait: Duration,
    /// Characters of an answer.
    pub answer_chars: usize,
    /// Texts that a client takes for its own voice; they are broken visibly in output.
    pub client_markers: Vec<String>,
}

/// Bounds of reading one message.
#[derive(Debug, Clone, Copy)]
pub struct MessageBounds {
    /// Bytes of it.
    pub bytes: usize,
    /// How long it may take to arrive.
    pub wait: Duration,
}

/// Characters of an answer where no configuration says otherwise: Hermes cuts at 50,000.
pub const ANSWER_CHARS: usize = 40_000;

impl Limits {
    /// What reading a message has to keep to.
    pub fn message_bounds(&self) -> MessageBounds {
        MessageBounds {
            bytes: self.request.input_bytes,
            wait: self.message_wait,
        }
    }
}

/// Takes one message through the line.
pub fn handle(line: &Line, bytes: &[u8]) -> Response {
    match Input::parse(bytes, &line.limits.request) {
        Ok(Input::Request(request)) => ask(line, request),
        Ok(Input::Reply(Reply::Approve { code, factor: None })) => approve(line, code, Via::Stdin),
        Ok(Input::Reply(Reply::Approve {
            factor: Some(_), ..
        })) => no_second_factor(line),
        Ok(Input::Reply(Reply::Deny { which, reason })) => deny(line, &which, reason, Via::Stdin),
        Err(fault) => malformed(line, bytes, &fault),
    }
}

/// Judges a request, then runs it, asks for a human, or refuses.
fn ask(line: &Line, request: Request) -> Response {
    let scribe = Scribe::new(line, &request);
    let target = match line.inventory.find(request.target()) {
        Ok(target) => target.clone(),
        Err(unknown) => {
            return scribe.decided(scribe.about(Status::Invalid, unknown.to_string()));
        }
    };
    if target.scope().tier == Tier::Production
        && let Some(missing) = request.missing_origin()
    {
        return scribe.decided(scribe.about(Status::Invalid, missing.to_string()));
    }
    if request.dry_run() {
        return scribe.judged(&line.policy.verdict(request.script(), target.scope()));
    }
    if let Err(frozen) = line.freezes.clear(target.name()) {
        return scribe.frozen(&frozen);
    }
    match line.policy.judge(request, target) {
        Judged::Allowed(allowed) => run_allowed(line, scribe, allowed),
        Judged::NeedsApproval(needs) => wait_for_human(line, scribe, &needs),
        Judged::Forbidden(forbidden) => scribe.rejected(forbidden.case().verdict()),
    }
}

fn run_allowed(line: &Line, scribe: Scribe<'_>, allowed: Allowed) -> Response {
    let limit = limit(line, allowed.case());
    let scribe = scribe.with_verdict(allowed.case().verdict());
    let hand = match Hand::ready(line.ssh.clone(), brake(line, allowed.case().target())) {
        Ok(hand) => hand,
        Err(fault) => return scribe.unready(&fault),
    };
    let intent = scribe.intent(
        allowed.case().target(),
        allowed.case().request().script(),
        limit,
    );
    match authorize::by_rule(allowed, limit, intent, &line.log, &line.freezes) {
        Ok(authorized) => run(&scribe, hand, authorized),
        Err(fault) => scribe.unauthorized(&fault),
    }
}

fn brake(line: &Line, target: &Target) -> Brake {
    Brake::new(line.freezes.clone(), target.name().clone())
}

/// The time limit of a run: the one asked for, that of the rules, or the configured one.
fn limit(line: &Line, case: &Case) -> Duration {
    case.request()
        .timeout()
        .or(case.verdict().timeout())
        .unwrap_or(line.limits.timeout)
}

/// From here on there is no error, only an outcome, and it is recorded before it is answered.
fn run(scribe: &Scribe<'_>, hand: Hand, authorized: Authorized) -> Response {
    let executed = hand.run(authorized);
    let concluded = executed.conclude(scribe.log(), |run, outcome, transcript| {
        scribe.outcome(run, outcome, transcript)
    });
    scribe.concluded(concluded)
}

/// The request can be found only after its record is on disk, and only if the whole of it can be
/// shown.
fn wait_for_human(line: &Line, scribe: Scribe<'_>, needs: &NeedsApproval) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let scribe = scribe.with_verdict(needs.case().verdict());
    let put = line
        .approvals
        .put(needs, scribe.id(), &line.caller, now, |pending| {
            let answer = scribe.waiting(pending, now);
            if !answer.fits(line.limits.answer_chars) {
                return Told::Withheld(
                    scribe.refused("it is too long to be shown whole to a human"),
                );
            }
            let answer = scribe.decided(answer);
            if answer.audit_seq.is_some() {
                Told::Recorded(answer)
            } else {
                Told::Withheld(answer)
            }
        });
    match put {
        Ok(answer) => answer,
        Err(full @ crate::approval::Error::Full(_)) => scribe.refused(&full.to_string()),
        Err(fault) => scribe.failed(exit::CONFIG, &fault.to_string()),
    }
}

/// Records what nobody answered in time. A room that cannot be swept is found by whoever needs it.
fn sweep(line: &Line, now: DateTime<Utc>) {
    for ticket in line.approvals.sweep(now).unwrap_or_default() {
        Scribe::of_ticket(line, &ticket).expired(&ticket);
    }
}

/// Runs what a human approves: find it, spend it, judge it again, record the intent, run.
pub fn approve(line: &Line, code: Option<Code>, via: Via) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let pending = match the_one(line, &code.map_or(Which::Only, Which::Code), now) {
        Ok(pending) => pending,
        Err(answer) => return *answer,
    };
    let decision = Answer::new(&line.caller, via, now, true, None);
    let scribe = Scribe::of_ticket(line, pending.ticket()).with_decision(&decision);
    let target = match named_target(line, &pending) {
        Ok(target) => target,
        Err(why) => return scribe.refused(&why),
    };
    if let Err(frozen) = line.freezes.clear(target.name()) {
        return scribe.still_frozen(&frozen);
    }
    let pending = demanded_today(line, pending, &target);
    let hand = match Hand::ready(line.ssh.clone(), brake(line, &target)) {
        Ok(hand) => hand,
        Err(fault) => return scribe.unready(&fault),
    };
    let grant = match line
        .approvals
        .take(pending, decision, &target, &line.limits.request)
    {
        Ok(grant) => grant,
        Err(refused) => return not_taken(&scribe, refused),
    };
    let scribe = scribe.with_decision(grant.decision());
    let confirmed = match authorize::confirm(grant, target.clone(), &line.policy) {
        Ok(confirmed) => confirmed,
        Err(forbidden) => return scribe.rejected(forbidden.case().verdict()),
    };
    let limit = limit(line, confirmed.case());
    let scribe = scribe.with_verdict(confirmed.case().verdict());
    let intent = scribe.intent(&target, confirmed.case().request().script(), limit);
    match authorize::by_grant(confirmed, limit, intent, &line.log, &line.freezes) {
        Ok(authorized) => run(&scribe, hand, authorized),
        Err(fault) => scribe.unauthorized(&fault),
    }
}

/// Policy may have become stricter since a request was put; then the stricter demand holds.
fn demanded_today(line: &Line, pending: Pending, target: &Target) -> Pending {
    let command = &pending.ticket().request.command;
    let script = Script::parse(command, &line.limits.request.shell);
    let needs = line.policy.verdict(&script, target.scope()).needs();
    pending.demanding(needs)
}

/// Takes requests out of the waiting room without running them.
pub fn deny(line: &Line, which: &Which, reason: Option<String>, via: Via) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let found = match line.approvals.find(which, now) {
        Ok(Found::These(found)) => found,
        Ok(found) => return nothing_meant(line, found),
        Err(fault) => return Scribe::bare(line).failed(exit::CONFIG, &fault.to_string()),
    };
    let several = found.len() > 1;
    let mut answers = Vec::new();
    for pending in found {
        let decision = Answer::new(&line.caller, via, now, false, reason.clone());
        let scribe = Scribe::of_ticket(line, pending.ticket()).with_decision(&decision);
        answers.push(match line.approvals.deny(pending, decision) {
            Ok(denial) => scribe.denied(&denial),
            Err(refused) => not_taken(&scribe, refused),
        });
    }
    answer::of_denials(answers, several, now)
}

/// The one request a reply means, or the answer that says why there is none.
fn the_one(line: &Line, which: &Which, now: DateTime<Utc>) -> Result<Pending, Box<Response>> {
    let answer = match line.approvals.find(which, now) {
        Ok(Found::These(found)) => match <[Pending; 1]>::try_from(found) {
            Ok([only]) => return Ok(only),
            Err(several) => nothing_meant(line, Found::Ambiguous(several)),
        },
        Ok(found) => nothing_meant(line, found),
        Err(fault) => Scribe::bare(line).failed(exit::CONFIG, &fault.to_string()),
    };
    Err(Box::new(answer))
}

fn named_target(line: &Line, pending: &Pending) -> Result<Target, String> {
    let name = crate::target::Name::parse(&pending.ticket().request.target)
        .map_err(|fault| fault.to_string())?;
    line.inventory
        .find(&name)
        .cloned()
        .map_err(|unknown| unknown.to_string())
}

fn nothing_meant(line: &Line, found: Found) -> Response {
    let scribe = Scribe::bare(line);
    let now = (line.now)();
    scribe.decided(match found {
        Found::Ambiguous(waiting) | Found::These(waiting) => answer::ambiguous(&waiting, now),
        Found::None { last, others } => answer::nothing_pending(last.as_deref(), others, now),
    })
}

fn not_taken(scribe: &Scribe<'_>, refused: Refused) -> Response {
    match refused {
        Refused::Decided(last) => scribe.already_decided(last.as_deref()),
        Refused::Expired(ticket) => scribe.expired(&ticket),
        Refused::OneOfTwo => scribe.one_of_two(),
        same @ Refused::SamePerson => scribe.too_weak(&same.to_string()),
        weak @ Refused::TooWeak(_) => scribe.too_weak(&weak.to_string()),
        changed @ Refused::Changed(_) => scribe.refused(&format!("{changed}; ask for it again")),
        failed @ (Refused::Spent(_) | Refused::Store(_)) => {
            scribe.failed(exit::CONFIG, &failed.to_string())
        }
    }
}

fn no_second_factor(line: &Line) -> Response {
    Scribe::bare(line).refused(
        "a six-digit code was given, and no second factor is set up here; nothing was approved, reply with the word alone",
    )
}

/// What was not understood is neither repeated nor stored: it may be a password.
fn malformed(line: &Line, bytes: &[u8], fault: &Malformed) -> Response {
    Scribe::bare(line).malformed(
        bytes,
        answer::not_understood(&fault.to_string(), (line.now)()),
    )
}

/// No message could be read at all.
pub fn unreadable(line: &Line, fault: &str) -> Response {
    Scribe::bare(line).decided(answer::not_understood(fault, (line.now)()))
}

/// The answer where the log cannot even be opened: nothing may run without it.
pub fn unrecordable(fault: &audit::Error, now: DateTime<Utc>) -> Response {
    answer::unrecorded(fault, now)
}
