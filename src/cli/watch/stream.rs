//! What waits, for programs: one JSON object a line for each change.
//!
//! **Reads** the waiting room.
//! **Gives** [`stream`].
//! **Never** reads standard input, and never decides anything.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::io::Errno;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::super::Stop;
use super::super::World;
use super::super::people::Listed;
use super::LOOK;
use super::sight::Sight;
use crate::approval::State;
use crate::approval::Ticket;
use crate::status::exit;

/// One request that began or ceased to wait.
#[derive(Serialize)]
struct Change {
    event: &'static str,
    #[serde(flatten)]
    listed: Listed,
}

/// Prints what waits now, and then each change, until nobody reads any more.
pub(super) fn stream(world: &World, mut sight: Sight, out: &mut dyn Write) -> Result<u8, Stop> {
    let mut told: BTreeMap<Uuid, Ticket> = BTreeMap::new();
    let mut troubles = Vec::new();
    loop {
        sight.look(world);
        let seen = sight.seen();
        let mut lines = Vec::new();
        if seen.troubles != troubles {
            troubles.clone_from(&seen.troubles);
            let errors = troubles.iter().map(|what| json!({"error": what}));
            lines.extend(errors.map(|error| error.to_string()));
        }
        let new = |(_, ticket): &&(State, Ticket)| !told.contains_key(&ticket.id);
        let new: Vec<_> = seen.waiting.iter().filter(new).cloned().collect();
        let waits = |id: &Uuid| seen.waiting.iter().any(|(_, ticket)| ticket.id == *id);
        let gone: Vec<Uuid> = told.keys().filter(|id| !waits(id)).copied().collect();
        for id in gone {
            if let Some(ticket) = told.remove(&id) {
                let (state, ticket) = ended(&sight, ticket, world);
                lines.push(line("gone", &(state, ticket))?);
            }
        }
        for one in new {
            lines.push(line("waiting", &one)?);
            told.insert(one.1.id, one.1);
        }
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        if !still_read(LOOK)? {
            return Ok(exit::ANSWERED);
        }
    }
}

fn line(event: &'static str, one: &(State, Ticket)) -> Result<String, Stop> {
    let listed = Listed::new(one);
    Ok(serde_json::to_string(&Change { event, listed }).map_err(io::Error::other)?)
}

/// What became of a request that waits no more. One whose time is over may lie there still, and
/// one that nobody remembers was taken away.
fn ended(sight: &Sight, ticket: Ticket, world: &World) -> (State, Ticket) {
    for _ in 0..NAME_LOOKS {
        match sight.stands(&ticket.id) {
            // Whoever decided writes its name a moment later.
            Some((_, named)) if named.decided.is_none() && named.ended.is_none() => {
                std::thread::sleep(LOOK / NAME_LOOKS);
            }
            Some(found) => return found,
            None => break,
        }
    }
    match sight.stands(&ticket.id) {
        Some(found) => found,
        None if ticket.is_over((world.now)()) => (State::Expired, ticket),
        None => (State::Cancelled, ticket),
    }
}

/// Waits for the next look. False where nobody reads standard output any more.
pub(in crate::cli) fn still_read(look: Duration) -> io::Result<bool> {
    let timeout = Timespec {
        tv_sec: i64::try_from(look.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(look.subsec_nanos()),
    };
    let output = io::stdout();
    match poll(
        &mut [PollFd::new(&output, PollFlags::empty())],
        Some(&timeout),
    ) {
        Ok(ready) => Ok(ready == 0),
        Err(Errno::INTR) => Ok(true),
        Err(fault) => Err(fault.into()),
    }
}

/// How often the name of whoever decided is looked for.
const NAME_LOOKS: u32 = 10;
