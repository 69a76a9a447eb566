//! Answers that need no record of a request: their words, and nothing else.
//!
//! **Reads** nothing.
//! **Gives** one function an answer.
//! **Never** decides.

use chrono::DateTime;
use chrono::Utc;

use crate::approval::Pending;
use crate::approval::Ticket;
use crate::audit;
use crate::request::EXAMPLE_REPLY;
use crate::request::EXAMPLE_REQUEST;
use crate::response::Response;
use crate::response::Waiting;
use crate::status::Status;
use crate::status::exit;

/// Several requests wait and the reply names none.
pub(super) fn ambiguous(waiting: &[Pending], now: DateTime<Utc>) -> Response {
    let codes: Vec<String> = waiting
        .iter()
        .map(|pending| format!("`Approve {}`", pending.ticket().code))
        .collect();
    let message = format!(
        "{} requests wait and the word does not say which. Nothing ran. Reply with a code: {}.",
        waiting.len(),
        codes.join(" or ")
    );
    let mut answer = Response::new(Status::Ambiguous, message, now);
    answer.pending = Some(
        waiting
            .iter()
            .map(|pending| Waiting::new(pending.ticket()))
            .collect(),
    );
    answer
}

/// No request waits under that name.
pub(super) fn nothing_pending(
    last: Option<&Ticket>,
    others: usize,
    now: DateTime<Utc>,
) -> Response {
    let mut message = match others {
        0 => "Nothing is waiting for an answer.".to_owned(),
        1 => "No request with that code is waiting; one other is.".to_owned(),
        _ => format!("No request with that code is waiting; {others} others are."),
    };
    if let Some(ticket) = last {
        message = format!("{message} {}", history(ticket, now));
    }
    let answer = Response::new(Status::Expired, message, now);
    match last {
        Some(ticket) => answer.of_ticket(ticket),
        None => answer,
    }
}

/// What became of a request that no longer waits.
pub(super) fn history(ticket: &Ticket, now: DateTime<Utc>) -> String {
    let what = format!(
        "The request with code {} on {}",
        ticket.code, ticket.request.target
    );
    match &ticket.decided {
        Some(decided) => {
            let word = if decided.approved {
                "approved"
            } else {
                "denied"
            };
            format!(
                "{what} was already {word} by {} at {}.",
                decided.by,
                audit::stamp(decided.at)
            )
        }
        None if now >= ticket.expires => {
            format!("{what} expired at {}.", audit::stamp(ticket.expires))
        }
        None => format!("{what} was taken out of the waiting room by another answer."),
    }
}

/// A message that was not understood, with one that would be.
pub(super) fn not_understood(fault: &str, now: DateTime<Utc>) -> Response {
    let message = format!(
        "Not understood: {fault}. Send one JSON object like {EXAMPLE_REQUEST} or one reply like `{EXAMPLE_REPLY}`."
    );
    Response::new(Status::Invalid, message, now)
}

/// The log cannot be written, so nothing may run.
pub(super) fn unrecorded(fault: &audit::Error, now: DateTime<Utc>) -> Response {
    let message = format!("Nothing ran, because it could not be recorded: {fault}.");
    Response::error(exit::AUDIT, message, now)
}

/// One answer for one denial, or for all of them.
pub(super) fn of_denials(
    mut answers: Vec<Response>,
    several: bool,
    now: DateTime<Utc>,
) -> Response {
    let failed = answers
        .iter()
        .position(|answer| answer.status == Status::Error);
    if let Some(failed) = failed {
        return answers.swap_remove(failed);
    }
    let denied: Vec<&Response> = answers
        .iter()
        .filter(|answer| answer.status == Status::Denied)
        .collect();
    if let (true, Some(last)) = (several, denied.last()) {
        let message = format!("{} requests were denied. Nothing ran.", denied.len());
        return Response {
            risk: last.risk.clone(),
            audit_seq: last.audit_seq,
            decided_by: last.decided_by.clone(),
            decided_at: last.decided_at.clone(),
            denial_reason: last.denial_reason.clone(),
            ..Response::new(Status::Denied, message, now)
        };
    }
    answers
        .pop()
        .unwrap_or_else(|| nothing_pending(None, 0, now))
}
