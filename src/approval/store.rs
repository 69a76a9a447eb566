//! The files of the waiting room: created whole, spent by one rename.
//!
//! **Reads** and **writes** `runtime/approvals`: `<id>.<state>`, `<id>.yes-<person>`, `<id>.shown`.
//! **Gives** the few file operations that the room is made of, each with what a crash leaves.
//! **Never** overwrites a request that waits.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::Answer;
use super::Limits;
use super::State;
use super::Ticket;
use super::ticket::SCHEMA;
use crate::folder;
use crate::folder::Fault;
use crate::lock::Held;
use crate::request::Code;
use crate::request::Draft;
use crate::uptime::Mark;

/// Why the waiting room could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] Fault),
    /// Others held the lock for too long.
    #[error("the lock of the waiting room was not free in time")]
    Locked,
    /// Every code was given to some request a while ago.
    #[error("no code is free for a further request; those of old requests become free again")]
    NoCode,
    /// As many wait as may wait.
    #[error("{0} requests wait already; approve or deny some of them first")]
    Full(usize),
    /// As many of one caller wait as may wait.
    #[error(
        "{0} requests wait already that this caller asked for; approve, deny or cancel some of them first"
    )]
    FullOf(usize),
}

fn file(dir: &Path, id: &Uuid, state: State) -> PathBuf {
    dir.join(format!("{id}.{}", state.word()))
}

/// Locks the room. The lock is needed only to put: to count and to choose a free code.
pub(super) fn lock(dir: &Path, wait: Duration) -> Result<Held, Error> {
    folder::lock(dir, wait)?.ok_or(Error::Locked)
}

/// Draws codes until one was not given to any request that is remembered, and gives it away: who
/// still has a question before their eyes that has ended must not name another one by its code. A
/// code whose request was never put stays given away like the others.
pub(super) fn new_code(dir: &Path, mut draw: impl FnMut() -> Code) -> Result<Code, Error> {
    for _ in 0..MOST_DRAWS {
        let code = draw();
        if folder::make_once(&dir.join(format!("{code}{GIVEN}")), b"")? {
            return Ok(code);
        }
    }
    Err(Error::NoCode)
}

/// Writes a request that nobody can find yet.
pub(super) fn write(dir: &Path, ticket: &Ticket) -> Result<NamedTempFile, Error> {
    Ok(folder::write(dir, ticket)?)
}

/// Lets a written request be found.
pub(super) fn publish(dir: &Path, written: NamedTempFile, ticket: &Ticket) -> Result<(), Error> {
    Ok(folder::publish(
        written,
        &file(dir, &ticket.id, State::Pending),
    )?)
}

/// Adds to a request that waits no more what became of it. A crash before it leaves the request
/// spent, without a name beside it.
pub(super) fn note(dir: &Path, ticket: &Ticket, state: State) -> Result<(), Error> {
    let path = file(dir, &ticket.id, state);
    Ok(folder::replace(folder::write(dir, ticket)?, &path)?)
}

/// Keeps one person's yes beside the request, where more than one is needed. A later yes of the
/// same person takes the place of an earlier one.
pub(super) fn keep_voice(dir: &Path, id: &Uuid, answer: &Answer) -> Result<(), Error> {
    let path = dir.join(format!("{id}.{VOICE}{}", file_word(&answer.by)));
    Ok(folder::replace(folder::write(dir, answer)?, &path)?)
}

/// Every yes that lies beside the request, in the order in which they were given.
pub(super) fn voices(dir: &Path, id: &Uuid, limit: usize) -> Result<Vec<Answer>, Error> {
    let beginning = format!("{id}.{VOICE}");
    let mut answers = Vec::new();
    for path in folder::names(dir, |name| name.starts_with(&beginning))? {
        let answer: Answer = folder::read(&path, limit)?;
        answers.push(answer);
    }
    answers.sort_by(|a, b| (a.at, &a.by).cmp(&(b.at, &b.by)));
    Ok(answers)
}

/// A name as a part of a file's name: what is no letter, digit, `_`, `-` or `.` is written out.
fn file_word(name: &str) -> String {
    let mut word = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
            word.push(char::from(byte));
        } else {
            word.push_str(&format!("%{byte:02X}"));
        }
    }
    word
}

/// Notes when the request was first shown. It is lost in a crash, and then a word has to name the
/// request by its code.
pub(super) fn mark_shown(dir: &Path, id: &Uuid, mark: &Mark) -> Result<(), Error> {
    let path = dir.join(format!("{id}.{SHOWN}"));
    let text = serde_json::to_vec(mark)
        .map_err(|error| Fault::of("write", &path)(io::Error::other(error)))?;
    // It may have been shown before.
    folder::make_once(&path, &text)?;
    Ok(())
}

/// When the request was first shown; none where nobody noted it.
pub(super) fn shown(dir: &Path, id: &Uuid) -> Option<Mark> {
    folder::read(&dir.join(format!("{id}.{SHOWN}")), MARK_BYTES).ok()
}

/// Takes a request out of the room by renaming it. True for exactly one caller: for all others
/// the file is gone. The directory is synced before the answer, so that no crash can bring the
/// request back to be spent again.
pub(super) fn leave(dir: &Path, id: &Uuid, state: State) -> Result<bool, Error> {
    let gone = go(dir, id, State::Pending, state)?;
    if gone {
        folder::sync(dir)?;
    }
    Ok(gone)
}

/// Renames a request from one state to the next; false where it is not in the first. Not synced:
/// behind an answer the name only tells what the log proves.
pub(super) fn go(dir: &Path, id: &Uuid, from: State, to: State) -> Result<bool, Error> {
    Ok(folder::rename(&file(dir, id, from), &file(dir, id, to))?)
}

/// Reads one request.
pub(super) fn read(dir: &Path, id: &Uuid, state: State, limit: usize) -> Result<Ticket, Error> {
    Ok(folder::read(&file(dir, id, state), limit)?)
}

/// Reads all requests that wait. One that vanishes meanwhile was spent; one that another version
/// of this program put does not count, see [`take_foreign`]; one that cannot
/// be read is an error, since skipping it would make another one look like the only one. It stops
/// being one when the file is `old`: then its time is over whatever it says.
pub(super) fn pending(dir: &Path, limit: usize, old: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
    let mut tickets = Vec::new();
    let waits = |name: &str| of_a_request(name) == Some(State::Pending.word());
    for path in folder::names(dir, waits)? {
        match folder::read(&path, limit) {
            Ok(ticket) => tickets.push(ticket),
            Err(fault) if fault.is_missing() => {}
            Err(_) if folder::changed_before(&path, old) => {}
            Err(_) if foreign(&path, limit).is_some() => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(tickets)
}

/// Takes out of the room what another version of this program put, and gives what those files say
/// of the request: nobody can say any more what it showed.
pub(super) fn take_foreign(dir: &Path, limit: usize) -> Result<Vec<Option<Draft>>, Error> {
    let mut taken = Vec::new();
    let waits = |name: &str| of_a_request(name) == Some(State::Pending.word());
    for path in folder::names(dir, waits)? {
        let Some(ticket) = foreign(&path, limit) else {
            continue;
        };
        if !folder::rename(&path, &path.with_extension(State::Cancelled.word()))? {
            continue;
        }
        let request = ticket.get("request").cloned().unwrap_or_default();
        taken.push(serde_json::from_value(request).ok());
    }
    Ok(taken)
}

/// What stands in a file of another version.
fn foreign(path: &Path, limit: usize) -> Option<Value> {
    let ticket: Value = folder::read(path, limit).ok()?;
    let schema = ticket.get("schema").and_then(Value::as_u64)?;
    (schema != u64::from(SCHEMA)).then_some(ticket)
}

/// Reads all requests that do not wait any more and were changed since `since`, each with where it
/// stands; what cannot be read is left out, since it only explains.
pub(super) fn past(
    dir: &Path,
    limit: usize,
    since: DateTime<Utc>,
) -> Result<Vec<(State, Ticket)>, Error> {
    let ended = |name: &str| of_a_request(name).and_then(State::past).is_some();
    let mut known: BTreeMap<Uuid, State> = BTreeMap::new();
    // What is renamed while a directory is listed may not be in the list under either name. It
    // cannot hide from two lists.
    for _ in 0..2 {
        for path in folder::names(dir, ended)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let parts = name.and_then(|name| name.split_once('.'));
            if let Some((id, state)) = parts
                && let (Ok(id), Some(state)) = (Uuid::try_parse(id), State::past(state))
            {
                known.insert(id, state);
            }
        }
    }
    let found = known.into_iter().filter_map(|(id, state)| {
        // It may have gone on to its next state since it was listed.
        let states = [state].into_iter().chain(State::all_past());
        states.into_iter().find_map(|state| {
            let path = file(dir, &id, state);
            if folder::changed_before(&path, since) {
                return None;
            }
            Some((state, folder::read(&path, limit).ok()?))
        })
    });
    Ok(found.collect())
}

/// Removes what is older than it has to be kept, and the oldest of what is more than has to be: an
/// assistant that asks all day must not make everybody's question slow. No request waits longer than
/// that either: `config` sees to it.
pub(super) fn forget(dir: &Path, now: DateTime<Utc>, limits: &Limits) -> Result<(), Error> {
    let code = |name: &str| name.strip_suffix(GIVEN).and_then(Code::parse).is_some();
    let past = |name: &str| of_a_request(name).and_then(State::past).is_some();
    let ours = |name: &str| of_a_request(name).is_some() || code(name);
    folder::forget(dir, now, limits.keep_decided, ours)?;
    folder::keep_newest(dir, limits.remembered, past)?;
    folder::keep_newest(dir, limits.remembered + limits.pending, code)?;
    Ok(())
}

/// What stands behind the id in the name of a file that belongs to a request.
fn of_a_request(name: &str) -> Option<&str> {
    let (id, suffix) = name.split_once('.')?;
    Uuid::try_parse(id).is_ok().then_some(suffix)
}

/// The last part of the name of the file that keeps a code from being given again.
const GIVEN: &str = ".code";

/// How often a code is drawn. There are half a million, so few draws are enough as long as a tenth
/// of them is free.
const MOST_DRAWS: usize = 100;

/// What stands between the id and the person in the name of a file that holds one yes of several.
const VOICE: &str = "yes-";

/// The last part of the name of the file that says when a request was first shown.
const SHOWN: &str = "shown";

/// Bytes of that file.
const MARK_BYTES: usize = 1024;
