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
use crate::request::Malformed;
use crate::response::Response;
use crate::response::Status;
use crate::response::Waiting;
use crate::response::exit;
use crate::visible;

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
pub(super) fn nothing_pending(last: Option<&Ticket>, now: DateTime<Utc>) -> Response {
    let Some(ticket) = last else {
        return Response::new(Status::Expired, "Nothing is waiting for an answer.", now);
    };
    let message = format!("Nothing is waiting for that answer. {}", history(ticket));
    Response::new(Status::Expired, message, now).of_ticket(ticket)
}

/// What became of a request that no longer waits.
pub(super) fn history(ticket: &Ticket) -> String {
    let what = format!(
        "The last such request (code {}, `{}` on {})",
        ticket.code,
        visible::line(&ticket.request.command),
        ticket.request.target
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
        None => format!(
            "{what} expired at {} or is being decided.",
            audit::stamp(ticket.expires)
        ),
    }
}

/// A message that was not understood, with one that would be.
pub(super) fn malformed(fault: &Malformed, now: DateTime<Utc>) -> Response {
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
    let denied = answers
        .iter()
        .filter(|answer| answer.status == Status::Denied)
        .count();
    match answers.pop() {
        Some(last) if !several => last,
        Some(last) => {
            let message = format!("{denied} requests were denied. Nothing ran.");
            let mut answer = Response::new(Status::Denied, message, now);
            answer.audit_seq = last.audit_seq;
            answer
        }
        None => nothing_pending(None, now),
    }
}
