//! What became of a request before, in words.
//!
//! **Reads** the waiting room's memory.
//! **Gives** sentences about requests that wait no more.
//! **Never** decides.

use chrono::DateTime;
use chrono::Utc;

use super::Line;
use crate::approval::Answer;
use crate::approval::State;
use crate::approval::Ticket;
use crate::audit;
use crate::policy::Case;

/// What was said the last time that somebody answered the same on the same target, where it was no:
/// both sides should know.
pub(super) fn before(line: &Line, case: &Case) -> Option<String> {
    let asked = case.request().to_draft();
    let past = line.approvals.past().ok()?;
    let (state, ticket) = past.into_iter().find(|(_, ticket)| {
        let same = ticket.request.target == asked.target && ticket.request.command == asked.command;
        // What was taken back or ran out since does not make it unsaid.
        same && ticket.decided.is_some()
    })?;
    let answer = ticket.decided.as_ref()?;
    if state != State::Denied {
        return None;
    }
    let (at, because) = (audit::stamp(answer.at), because(answer));
    Some(format!("{} denied the same at {at}{because}", answer.by))
}

/// What became of a request that no longer waits.
pub(super) fn of(state: State, ticket: &Ticket, now: DateTime<Utc>) -> String {
    let what = format!(
        "The request with code {} on {}",
        ticket.code, ticket.request.target
    );
    if let Some(answer) = &ticket.decided {
        let word = if answer.approved {
            "approved"
        } else {
            "denied"
        };
        let at = audit::stamp(answer.at);
        let then = match state {
            State::Approved => "; it has not started yet",
            State::Running => "; it is running, or its end is not known",
            State::Done => "; it ran to its end",
            State::Failed => "; it did not run to its end",
            State::Pending | State::Denied | State::Expired | State::Cancelled => "",
        };
        let because = because(answer);
        return format!(
            "{what} was already {word} by {} at {at}{because}{then}.",
            answer.by
        );
    }
    if let Some(why) = &ticket.cancelled {
        return format!("{what} was taken back: {why}.");
    }
    match state {
        State::Cancelled => format!("{what} was taken back."),
        _ if now >= ticket.expires => {
            format!("{what} expired at {}.", audit::stamp(ticket.expires))
        }
        _ => format!("{what} was taken out of the waiting room by another answer."),
    }
}

fn because(answer: &Answer) -> String {
    answer
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"))
}
