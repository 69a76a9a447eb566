//! Answers that need no record of a request: their words, and nothing else.
//!
//! **Reads** nothing.
//! **Gives** one function an answer.
//! **Never** decides.

use chrono::DateTime;
use chrono::Utc;

use super::history;
use crate::approval::Doubt;
use crate::approval::Pending;
use crate::approval::State;
use crate::approval::Ticket;
use crate::audit;
use crate::request::EXAMPLE_REPLY;
use crate::request::EXAMPLE_REQUEST;
use crate::response::Response;
use crate::response::Waiting;
use crate::status::Status;
use crate::status::exit;

/// The reply names none, and it is not clear which is meant.
pub(super) fn ambiguous(waiting: &[Pending], doubt: &Doubt, now: DateTime<Utc>) -> Response {
    let codes: Vec<String> = waiting
        .iter()
        .map(|pending| format!("`Approve {}`", pending.ticket().code))
        .collect();
    let codes = codes.join(" or ");
    let why = match doubt {
        Doubt::Several => format!(
            "{} requests wait and the word does not say which",
            waiting.len()
        ),
        Doubt::Unseen => {
            "a request came while the word was on its way, so it may not have been meant".to_owned()
        }
        Doubt::Ended(past) => format!(
            "the word may have been meant for another request, which ended a moment ago ({})",
            history::of(past.0, &past.1, now).trim_end_matches('.')
        ),
    };
    let why = uppercased(&why);
    let message = format!("{why}. Nothing ran. Reply with a code: {codes}.");
    let mut answer = Response::new(Status::Ambiguous, message, now);
    answer.pending = Some(
        waiting
            .iter()
            .map(|pending| Waiting::new(pending.ticket()))
            .collect(),
    );
    answer
}

fn uppercased(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// No request waits under that name.
pub(super) fn nothing_pending(
    last: Option<&(State, Ticket)>,
    others: usize,
    now: DateTime<Utc>,
) -> Response {
    let mut message = match others {
        0 => "Nothing is waiting for an answer.".to_owned(),
        1 => "No request with that code is waiting; one other is.".to_owned(),
        _ => format!("No request with that code is waiting; {others} others are."),
    };
    if let Some((state, ticket)) = last {
        message = format!("{message} {}", history::of(*state, ticket, now));
    }
    let answer = Response::new(Status::Expired, message, now);
    match last {
        Some((_, ticket)) => answer.of_ticket(ticket),
        None => answer,
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

/// One answer for one request that was denied or taken back, or for all of them.
pub(super) fn of_many(mut answers: Vec<Response>, several: bool, now: DateTime<Utc>) -> Response {
    let failed = answers
        .iter()
        .position(|answer| answer.status == Status::Error);
    if let Some(failed) = failed {
        return answers.swap_remove(failed);
    }
    let done = |answer: &&Response| matches!(answer.status, Status::Denied | Status::Cancelled);
    let done: Vec<&Response> = answers.iter().filter(done).collect();
    if let (true, Some(last)) = (several, done.last()) {
        let word = match last.status {
            Status::Denied => "were denied",
            _ => "were taken back",
        };
        let message = format!("{} requests {word}. Nothing ran.", done.len());
        return Response {
            risk: last.risk.clone(),
            audit_seq: last.audit_seq,
            decided_by: last.decided_by.clone(),
            decided_at: last.decided_at.clone(),
            denial_reason: last.denial_reason.clone(),
            ..Response::new(last.status, message, now)
        };
    }
    answers
        .pop()
        .unwrap_or_else(|| nothing_pending(None, 0, now))
}
