//! Writes one request's records and the answers that belong to them.
//!
//! **Reads** the line's clock.
//! **Gives** [`Scribe`]; `run` has the part that follows a run.
//! **Never** answers with an `audit_seq` that is not on disk.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use super::Line;
use super::answer;
use super::history;
use crate::approval::Answer;
use crate::approval::Denial;
use crate::approval::Pending;
use crate::approval::State;
use crate::approval::Ticket;
use crate::assurance::Assurance;
use crate::assurance::Missing;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::GrantUse;
use crate::audit::InputFacts;
use crate::audit::Receipt;
use crate::audit::Record;
use crate::audit::WouldHave;
use crate::freeze::Frozen;
use crate::grant::Covered;
use crate::grant::Grant;
use crate::policy::Decision;
use crate::policy::Verdict;
use crate::request::Draft;
use crate::request::Request;
use crate::response;
use crate::response::CommandView;
use crate::response::Response;
use crate::ssh;
use crate::status::Status;
use crate::status::exit;

mod run;

/// What is known of one request while it walks the line.
#[derive(Debug, Clone)]
pub(super) struct Scribe<'a> {
    line: &'a Line,
    id: Uuid,
    draft: Option<Draft>,
    ticket: Option<Ticket>,
    decision: Option<Answer>,
    grant: Option<GrantUse>,
    preview_of: Option<Uuid>,
    risk: Option<&'static str>,
    rule: Option<String>,
    explanation: Option<String>,
    would_have: Option<WouldHave>,
}

impl<'a> Scribe<'a> {
    /// For a message that is about no request of its own.
    pub(super) fn bare(line: &'a Line) -> Self {
        Self {
            line,
            id: Uuid::now_v7(),
            draft: None,
            ticket: None,
            decision: None,
            grant: None,
            preview_of: None,
            risk: None,
            rule: None,
            explanation: None,
            would_have: None,
        }
    }

    /// For a new request.
    pub(super) fn new(line: &'a Line, request: &Request) -> Self {
        Self {
            draft: Some(request.to_draft()),
            ..Self::bare(line)
        }
    }

    /// For a request that waited.
    pub(super) fn of_ticket(line: &'a Line, ticket: &Ticket) -> Self {
        Self {
            id: ticket.id,
            draft: Some(ticket.request.clone()),
            ticket: Some(ticket.clone()),
            risk: Some(Decision::RequireApproval.risk()),
            rule: ticket.rule.clone(),
            ..Self::bare(line)
        }
    }

    /// With what the policy said.
    pub(super) fn with_verdict(self, verdict: &Verdict) -> Self {
        Self {
            risk: Some(verdict.decision().risk()),
            rule: verdict.rule().map(str::to_owned),
            explanation: Some(verdict.explanation()).filter(|text| !text.is_empty()),
            would_have: verdict.would_have().map(|would| WouldHave {
                risk: would.decision.risk().to_owned(),
                rule: would.rule.clone(),
            }),
            ..self
        }
    }

    /// With a human's answer.
    pub(super) fn with_decision(self, decision: &Answer) -> Self {
        Self {
            decision: Some(decision.clone()),
            ..self
        }
    }

    /// With the use of a grant.
    pub(super) fn with_grant(self, grant: &Grant, nth: u32) -> Self {
        let used = GrantUse {
            id: grant.id.to_string(),
            code: grant.code.to_string(),
            covers: grant.covers.clone(),
            digest: grant.digest.clone(),
            nth: Some(nth),
            of: grant.uses,
        };
        Self {
            decision: Some(grant.given.clone()),
            grant: Some(used),
            ..self
        }
    }

    /// For a command that shows the state before a human is asked about another one.
    pub(super) fn previewing(self, asked: Uuid) -> Self {
        Self {
            preview_of: Some(asked),
            ..self
        }
    }

    /// The id in all records of this request.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The log.
    pub(super) fn log(&self) -> &'a AuditLog {
        &self.line.log
    }

    fn now(&self) -> DateTime<Utc> {
        (self.line.now)()
    }

    // Answers that are recorded as decisions.

    /// Records a decision and gives its answer a number.
    pub(super) fn decided(&self, mut answer: Response) -> Response {
        answer.request_id = Some(self.id.to_string());
        let record = self.decision_record(&answer);
        self.recorded(record, answer)
    }

    /// The request was to be judged only.
    pub(super) fn judged(self, verdict: &Verdict) -> Response {
        let scribe = self.with_verdict(verdict);
        let mut answer = scribe.about(Status::Judged, verdict.message());
        answer.commands = Some(CommandView::all(verdict));
        scribe.decided(answer)
    }

    /// Policy refuses.
    pub(super) fn rejected(self, verdict: &Verdict) -> Response {
        let scribe = self.with_verdict(verdict);
        scribe.decided(scribe.about(Status::Rejected, verdict.message()))
    }

    /// Something other than a rule refuses.
    pub(super) fn refused(&self, why: &str) -> Response {
        self.decided(self.about(Status::Rejected, format!("Nothing ran: {why}.")))
    }

    /// An operator froze the target, or nobody can know whether one did.
    pub(super) fn frozen(&self, frozen: &Frozen) -> Response {
        self.not_thawed(frozen, "")
    }

    /// The same of a request that goes on waiting.
    pub(super) fn still_frozen(&self, frozen: &Frozen) -> Response {
        self.not_thawed(frozen, " The request is still waiting.")
    }

    fn not_thawed(&self, frozen: &Frozen, more: &str) -> Response {
        let message = format!("Nothing ran: {frozen}.{more}");
        let answer = match frozen {
            Frozen::Held(_) => self.about(Status::Rejected, message),
            Frozen::Unknown(_) => self.told(Response::error(exit::CONFIG, message, self.now())),
        };
        self.decided(answer)
    }

    /// The approval is too weak, and the request goes on waiting.
    pub(super) fn too_weak(&self, why: &str) -> Response {
        let message = format!(
            "Nothing ran: {why}. The request is still waiting{}.",
            self.what_helps()
        );
        let answer = self.about(Status::Rejected, message);
        self.decided(self.demanding(answer))
    }

    /// The approval counts, and the request goes on waiting for more.
    pub(super) fn not_yet(&self, missing: &Missing) -> Response {
        let by = self.decision.as_ref().map_or("", |first| first.by.as_str());
        let message = format!(
            "Nothing ran yet: {by} approved it, and {missing}. It is still waiting{}.",
            self.what_helps()
        );
        let mut answer = self.demanding(self.about(Status::ApprovalRequested, message));
        answer.code = self.ticket.as_ref().map(|ticket| ticket.code.to_string());
        self.decided(answer)
    }

    /// How an answer is given that counts as a person's.
    fn what_helps(&self) -> String {
        let Some(ticket) = &self.ticket else {
            return String::new();
        };
        let (code, needs) = (&ticket.code, ticket.demand.level);
        let trust = self.line.approvals.trust();
        let by_reply = if trust.relayed_code >= needs.min(Assurance::OutOfBand) {
            format!(", or replies `Approve {code}` with a six-digit code from the phone")
        } else {
            String::new()
        };
        let how_many = if needs >= Assurance::SecondFactor {
            "; it takes two of them, or one who gives a code on the gateway (`--factor`)"
        } else {
            ""
        };
        format!(
            ": an approver (group `{}`) runs `sudo -u aiopsexec /opt/aiops/aiops approve {code}` on the gateway{by_reply}{how_many}",
            trust.group
        )
    }

    fn demanding(&self, mut answer: Response) -> Response {
        if let Some(ticket) = &self.ticket {
            answer.needs = Some(ticket.demand.level);
            answer.demand = Some(ticket.demand.to_string());
        }
        answer
    }

    /// The request waits for a human now: the answer, not yet recorded.
    pub(super) fn waiting(&self, pending: &Pending, now: DateTime<Utc>) -> Response {
        let ticket = pending.ticket();
        let mut answer = self.about(Status::ApprovalRequested, response::APPROVAL_REQUIRED);
        answer = answer.of_ticket(ticket);
        answer.expires_at = Some(audit::stamp(ticket.expires));
        answer.needs = Some(ticket.demand.level);
        answer.demand = ticket.demand.is_quorum().then(|| ticket.demand.to_string());
        answer.previous.clone_from(&ticket.before);
        answer.prompt = Some(response::block(ticket, now));
        answer.shows = Some(ticket.id);
        answer
    }

    /// A human said no.
    pub(super) fn denied(&self, denial: &Denial) -> Response {
        let ticket = denial.ticket();
        let message = format!(
            "Denied: the request with code {} on {}. Nothing ran.",
            ticket.code, ticket.request.target
        );
        let mut answer = self.about(Status::Denied, message);
        answer.denial_reason.clone_from(&denial.decision().reason);
        self.decided(answer.of_ticket(ticket))
    }

    /// Somebody else's answer was first.
    pub(super) fn already_decided(&self, last: Option<&(State, Ticket)>) -> Response {
        let now = self.now();
        let answer = match last {
            Some((state, ticket)) => {
                let message = history::of(*state, ticket, now);
                Response::new(Status::Expired, message, now).of_ticket(ticket)
            }
            None => self.about(Status::Expired, "It was already decided. Nothing ran."),
        };
        self.decided(answer)
    }

    /// Its time was over.
    pub(super) fn expired(&self, ticket: &Ticket) -> Response {
        let message = format!(
            "The request expired at {}. Nothing ran; ask for it again.",
            audit::stamp(ticket.expires)
        );
        self.decided(self.about(Status::Expired, message))
    }

    /// It was taken back.
    pub(super) fn cancelled(&self, ticket: &Ticket) -> Response {
        let why = ticket.cancelled.as_deref().unwrap_or("nobody wants it");
        let message = format!("Taken back: {why}. Nothing ran.");
        self.decided(self.about(Status::Cancelled, message))
    }

    /// Another version of this program put it.
    pub(super) fn foreign(self, request: Option<Draft>) -> Response {
        let scribe = Self {
            draft: request,
            ..self
        };
        let message = "Taken back: another version of this program put it, and nobody can say any more what it showed. Nothing ran; ask for it again.";
        scribe.decided(scribe.about(Status::Cancelled, message))
    }

    /// A grant was given or ended.
    pub(super) fn grant_record(
        &self,
        status: &str,
        grant: &Grant,
        said: &str,
    ) -> Result<Receipt, audit::Error> {
        let mut record = self.clone().with_grant(grant, 0).record(Event::Grant);
        if let Some(used) = &mut record.grant {
            used.nth = None;
        }
        record.status = Some(status.to_owned());
        record.target = Some(grant.target.clone());
        record.host = Some(grant.host.clone());
        if let Covered::Command(command) = &grant.covers {
            record.command = Some(command.clone());
        }
        record.digest = Some(grant.digest.clone());
        record.message = Some(said.to_owned());
        self.line.log.append(self.clean(record))
    }

    /// A message that was not understood: its size and keyed hash, never itself.
    pub(super) fn malformed(&self, bytes: &[u8], answer: Response) -> Response {
        let mut record = self.decision_record(&answer);
        record.input = Some(InputFacts {
            bytes: bytes.len() as u64,
            hmac: self.line.redaction.key().hash(bytes),
        });
        self.recorded(record, answer)
    }

    /// This installation cannot do it.
    pub(super) fn failed(&self, exit: u8, why: &str) -> Response {
        let message = format!("Nothing ran: {why}.");
        let answer = self.told(Response::error(exit, message, self.now()));
        self.decided(answer)
    }

    /// This machine cannot reach out to any target.
    pub(super) fn unready(&self, fault: &ssh::Error) -> Response {
        self.failed(exit::CONFIG, &format!("{fault} ({})", fault.hint()))
    }

    /// A decision could not be recorded, so nothing ran.
    fn unrecorded(&self, fault: &audit::Error) -> Response {
        self.told(answer::unrecorded(fault, self.now()))
    }

    // What all of them share.

    /// An answer about this request, not yet recorded.
    pub(super) fn about(&self, status: Status, message: impl Into<String>) -> Response {
        self.told(Response::new(status, message, self.now()))
    }

    /// The answer with everything that is known of the request.
    fn told(&self, mut answer: Response) -> Response {
        if let Some(ticket) = &self.ticket {
            answer = answer.of_ticket(ticket);
            answer.code = None;
        } else if let Some(draft) = &self.draft {
            answer = answer.about(draft);
        }
        if let Some(decision) = &self.decision {
            answer.decided_by = Some(decision.by.clone());
            answer.decided_at = Some(audit::stamp(decision.at));
        }
        answer.grant.clone_from(&self.grant);
        answer.request_id = Some(self.id.to_string());
        answer.risk = self.risk.map(str::to_owned);
        answer.rule.clone_from(&self.rule);
        answer.explanation.clone_from(&self.explanation);
        answer
    }

    /// Nothing of a secret reaches the log, whichever text it stands in.
    fn clean(&self, record: Record) -> Record {
        record.redacted(&self.line.redaction)
    }

    fn recorded(&self, record: Record, mut answer: Response) -> Response {
        match self.line.log.append(self.clean(record)) {
            Ok(receipt) => {
                answer.audit_seq = Some(receipt.seq());
                answer
            }
            Err(fault) => self.unrecorded(&fault),
        }
    }

    fn decision_record(&self, answer: &Response) -> Record {
        let mut record = self.record(self.event_of(answer));
        record.status = Some(answer.status.word().to_owned());
        record.message = Some(answer.message.clone());
        record.denial_reason.clone_from(&answer.denial_reason);
        record.approval_id.clone_from(&answer.approval_id);
        record.digest.clone_from(&answer.digest);
        if record.command.is_none() {
            record.target.clone_from(&answer.target);
            record.command.clone_from(&answer.command);
            record.requester.clone_from(&answer.requester);
            record.reason.clone_from(&answer.reason);
        }
        record
    }

    /// What an answer is that nothing was started by.
    fn event_of(&self, answer: &Response) -> Event {
        match &self.decision {
            // The giver of a grant decided long ago.
            Some(_) if self.grant.is_none() => Event::Approval,
            None if answer.status == Status::ApprovalRequested => Event::Request,
            _ => Event::Decision,
        }
    }

    fn record(&self, event: Event) -> Record {
        let line = self.line;
        let mut record = Record::called_by(&line.caller, event, self.now());
        record.request_id = Some(self.id.to_string());
        record.risk = self.risk.map(str::to_owned);
        record.rule.clone_from(&self.rule);
        record.explanation.clone_from(&self.explanation);
        record.would_have.clone_from(&self.would_have);
        record.policy = Some(line.policy_digest.clone());
        if let Some(draft) = &self.draft {
            record.target = Some(draft.target.clone());
            record.command = Some(draft.command.clone());
            record.requester.clone_from(&draft.requester);
            record.reason.clone_from(&draft.reason);
            record.incident.clone_from(&draft.incident);
            record.conversation.clone_from(&draft.conversation);
        }
        if let Some(ticket) = &self.ticket {
            record.approval_id = Some(ticket.id.to_string());
            record.digest = Some(ticket.digest.clone());
            record.needs = Some(ticket.demand.to_string());
        }
        if let Some(decision) = &self.decision {
            record.approver = Some(decision.by.clone());
            record.approver_uid = decision.own_uid();
            record.approver_via = Some(decision.via.word().to_owned());
            record.approver_factor.clone_from(&decision.factor);
            if decision.approved {
                record.approval_reason.clone_from(&decision.reason);
                record.self_approved = decision.self_approved.then_some(true);
            }
            if let Some(first) = decision.after.first() {
                record.first_approver = Some(first.by.clone());
                record.first_approver_uid = first.uid;
            }
            record.earlier_approvers.clone_from(&decision.after);
            record.assurance = Some(decision.assurance());
            if let Some(ticket) = &self.ticket {
                record.waited_ms = whole_milliseconds(decision.at - ticket.created);
            }
        }
        record.grant.clone_from(&self.grant);
        record.preview_of = self.preview_of.map(|id| id.to_string());
        record
    }
}

/// Milliseconds, unless the clock was set back.
fn whole_milliseconds(time: TimeDelta) -> Option<u64> {
    u64::try_from(time.num_milliseconds()).ok()
}
