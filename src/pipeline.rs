//! The whole line: one message in, one answer out, and everything that was decided in the log.
//!
//! **Reads** nothing itself; every room does its own part.
//! **Gives** [`Line`], [`handle`].
//! **Never** answers what it did not first offer to the log.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::approval;
use crate::approval::Approvals;
use crate::approval::Facts;
use crate::approval::Putting;
use crate::approval::Told;
use crate::approval::Via;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::checkpoint;
use crate::authorize;
use crate::authorize::Authorized;
use crate::caller::Caller;
use crate::factor::Factors;
use crate::freeze::Brake;
use crate::freeze::Freezes;
use crate::grant::Grants;
use crate::grant::Spent;
use crate::policy::Allowed;
use crate::policy::Case;
use crate::policy::Judged;
use crate::policy::NeedsApproval;
use crate::policy::Policy;
use crate::redact::Redaction;
use crate::request;
use crate::request::Input;
use crate::request::Malformed;
use crate::request::Reply;
use crate::request::Request;
use crate::request::Which;
use crate::response::Response;
use crate::shell::Script;
use crate::ssh;
use crate::ssh::Hand;
use crate::ssh::LookUp;
use crate::status::Status;
use crate::status::exit;
use crate::target::Inventory;
use crate::target::Target;
use crate::target::Tier;
use crate::uptime::Moment;

mod answer;
mod history;
mod preview;
mod reply;
mod scribe;
mod standing;

pub use reply::Yes;
pub use reply::approve;
pub use reply::cancel;
pub use reply::deny;
pub use standing::NotGranted;
pub use standing::Wanted;
pub use standing::give;
pub use standing::may_be_granted;
pub use standing::revoke;

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
    /// What humans have granted in advance.
    pub grants: Grants,
    /// The approvers' codes.
    pub factors: Factors,
    /// Where everything is written down.
    pub log: AuditLog,
    /// When the log is signed.
    pub checkpoints: checkpoint::Settings,
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
    /// Since when the caller has had what it says.
    pub since: fn() -> Moment,
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
    /// Time limit of a command that shows the state before a human is asked.
    pub preview_timeout: Duration,
    /// Characters that are shown of what it prints.
    pub preview_chars: usize,
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
        Ok(Input::Reply(Reply::Approve { code, factor })) => approve(
            line,
            Yes {
                which: code.map_or(Which::Only, Which::Code),
                factor,
                via: Via::Stdin,
                reason: None,
            },
        ),
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
        Judged::Allowed(allowed) => {
            let limit = limit(line, allowed.case());
            run_allowed(line, scribe, allowed, limit)
        }
        Judged::NeedsApproval(needs) => run_granted(line, scribe, needs),
        Judged::Forbidden(forbidden) => scribe.rejected(forbidden.case().verdict()),
    }
}

/// Runs what the policy allows by itself.
fn run_allowed(line: &Line, scribe: Scribe<'_>, allowed: Allowed, limit: Duration) -> Response {
    let scribe = scribe.with_verdict(allowed.case().verdict());
    let hand = match ready(line, &scribe, allowed.case().target()) {
        Ok(hand) => hand,
        Err(answer) => return *answer,
    };
    let intent = scribe.intent(allowed.case(), limit);
    match authorize::by_rule(allowed, limit, intent, &line.log, &line.freezes) {
        Ok(authorized) => run(&scribe, hand, authorized),
        Err(fault) => scribe.unauthorized(&fault),
    }
}

/// The hand that reaches out to a target, as long as nobody freezes it.
fn ready(line: &Line, scribe: &Scribe<'_>, target: &Target) -> Result<Hand, Box<Response>> {
    let brake = Brake::new(line.freezes.clone(), target.name().clone());
    Hand::ready(line.ssh.clone(), brake).map_err(|fault| Box::new(scribe.unready(&fault)))
}

/// What a human granted in advance runs; everything else waits for one.
fn run_granted(line: &Line, scribe: Scribe<'_>, needs: NeedsApproval) -> Response {
    let scribe = scribe.with_verdict(needs.case().verdict());
    let target = needs.case().target().clone();
    let script = needs.case().request().script().clone();
    let pins = ssh::pins(&line.ssh.known_hosts, target.host());
    let facts = facts(line, &target, &pins, &script);
    let trust = line.approvals.trust();
    let spent = line
        .grants
        .spend(needs, &facts, &line.caller, trust, (line.now)());
    let granted = match spent {
        Ok(Spent::Use(granted)) => granted,
        Ok(Spent::None(needs)) => return wait_for_human(line, scribe, &needs, &facts),
        Err(fault) => return scribe.failed(exit::CONFIG, &fault.to_string()),
    };
    let scribe = scribe.with_grant(granted.grant(), granted.nth());
    let hand = match ready(line, &scribe, &target) {
        Ok(hand) => hand,
        Err(answer) => return *answer,
    };
    let confirmed = authorize::confirm_grant(*granted);
    let limit = limit(line, confirmed.case());
    let intent = scribe.intent(confirmed.case(), limit);
    match authorize::by_human(confirmed, limit, intent, &line.log, &line.freezes) {
        Ok(authorized) => run(&scribe, hand, authorized),
        Err(fault) => scribe.unauthorized(&fault),
    }
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
    let address = LookUp::of(authorized.case().target().host());
    let executed = hand.run(authorized);
    let concluded = executed.conclude(scribe.log(), |run, outcome, transcript| {
        scribe.outcome(run, outcome, transcript, address.found())
    });
    scribe.concluded(concluded)
}

/// What a request comes down to at this moment.
fn facts<'a>(
    line: &'a Line,
    target: &'a Target,
    pins: &'a [String],
    script: &'a Script,
) -> Facts<'a> {
    Facts {
        target,
        pins,
        script,
        policy: &line.policy_digest,
    }
}

/// The request can be found only after its record is on disk, and only if the whole of it can be
/// shown.
fn wait_for_human(
    line: &Line,
    scribe: Scribe<'_>,
    needs: &NeedsApproval,
    facts: &Facts<'_>,
) -> Response {
    let now = (line.now)();
    sweep(line, now);
    let verdict = needs.case().verdict();
    let limits = line.approvals.limits();
    let mut putting = Putting {
        id: scribe.id(),
        caller: &line.caller,
        now,
        ttl: verdict.ttl().unwrap_or(limits.ttl),
        previews: Vec::new(),
        before: history::before(line, needs.case()),
    };
    if !verdict.previews().is_empty() {
        match line.approvals.would_join(needs, facts, &putting) {
            Ok(true) => {}
            Ok(false) => match preview::all(line, needs.case(), scribe.id()) {
                Ok(previews) => putting.previews = previews,
                Err(stopped) => return *stopped,
            },
            Err(fault) => return scribe.failed(exit::CONFIG, &fault.to_string()),
        }
        // Looking took its time.
        putting.now = (line.now)();
    }
    let now = putting.now;
    let put = line.approvals.put(needs, facts, &putting, |pending| {
        let answer = scribe.waiting(pending, now);
        if !answer.fits(line.limits.answer_chars) {
            return Told::Withheld(scribe.refused("it is too long to be shown whole to a human"));
        }
        let answer = scribe.decided(answer);
        if answer.audit_seq.is_some() {
            Told::Recorded(answer)
        } else {
            Told::Withheld(answer)
        }
    });
    match put {
        Ok(put) => {
            for ticket in &put.outdated {
                Scribe::of_ticket(line, ticket).cancelled(ticket);
            }
            put.told
        }
        Err(
            full
            @ (approval::Error::Full(_) | approval::Error::FullOf(_) | approval::Error::NoCode),
        ) => scribe.refused(&full.to_string()),
        Err(fault) => scribe.failed(exit::CONFIG, &fault.to_string()),
    }
}

/// Records what nobody answered in time. A room that cannot be swept is found by whoever needs it.
fn sweep(line: &Line, now: DateTime<Utc>) {
    for ticket in line.approvals.sweep(now).unwrap_or_default() {
        Scribe::of_ticket(line, &ticket).expired(&ticket);
    }
    for request in line.approvals.sweep_foreign().unwrap_or_default() {
        Scribe::bare(line).foreign(request);
    }
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
