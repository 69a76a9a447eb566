//! What the screen says, before it is broken into rows.
//!
//! **Reads** nothing.
//! **Gives** [`count`], [`title`], [`body`], [`ended`], [`KEYS`].
//! **Never** says that nothing waits where nobody could look.

use super::layout::View;
use super::sight::Seen;
use crate::approval::State;
use crate::approval::Ticket;
use crate::response;
use crate::visible;

/// How many wait.
pub(super) fn count(seen: &Seen) -> String {
    match seen.waiting.len() {
        _ if seen.is_blind => "cannot look".to_owned(),
        0 => "nothing waits".to_owned(),
        1 => "1 waits".to_owned(),
        more => format!("{more} wait"),
    }
}

/// What the rule above the selected request says.
pub(super) fn title(view: &View<'_>, skipped: usize) -> String {
    let waiting = &view.seen.waiting;
    let what = match view.choice.of(waiting) {
        _ if view.help => "keys".to_owned(),
        Some((at, ticket)) => format!("{} of {}: {}", at + 1, waiting.len(), ticket.code),
        None if waiting.is_empty() => String::new(),
        None => format!("none of {} selected", waiting.len()),
    };
    if skipped > 0 {
        format!("{what}, {skipped} lines above")
    } else {
        what
    }
}

/// The selected request whole, or what there is to say in its place.
pub(super) fn body(view: &View<'_>) -> String {
    let Seen { waiting, past, .. } = view.seen;
    if view.help {
        HELP.to_owned()
    } else if let Some((_, ticket)) = view.choice.of(waiting) {
        response::whole(ticket, view.now)
    } else if let Some(id) = view.choice.lost() {
        let found = past.iter().find(|(_, ticket)| ticket.id == id);
        let what = found.map_or_else(
            || "What was selected waits no more.".to_owned(),
            |(state, ticket)| format!("It waits no more: {}", ended(*state, ticket)),
        );
        let more = "\nAn arrow key selects another one.";
        format!("{what}{}", if waiting.is_empty() { "" } else { more })
    } else if view.seen.is_blind {
        "Nobody can know what waits.".to_owned()
    } else {
        "Nothing waits for a human.".to_owned()
    }
}

/// What became of a request, on one line.
pub(super) fn ended(state: State, ticket: &Ticket) -> String {
    let by = ticket.decided.as_ref().map(|answer| {
        let verb = if answer.approved && state != State::Approved {
            ", approved"
        } else {
            ""
        };
        format!("{verb} by {}", visible::line(&answer.by))
    });
    format!(
        "{}  {} {}{}  {}: {}",
        ticket.ended_at().format("%H:%M:%S"),
        ticket.code,
        state.word(),
        by.unwrap_or_default(),
        visible::line(&ticket.request.target),
        visible::line(&ticket.request.command)
    )
}

/// The keys, on one line.
pub(super) const KEYS: &str = "a approve  d deny  f freeze  j/k select  space more  ? help  q quit";

/// The same where there is little room.
pub(super) const SHORT_KEYS: &str = "a yes d no f freeze j/k sp ? help q";

/// The keys, explained.
const HELP: &str = include_str!("help.txt");
