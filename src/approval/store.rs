//! The files of the waiting room: created whole, spent by one rename.
//!
//! **Reads** and **writes** `runtime/approvals/<id>.<state>`.
//! **Gives** the few file operations that the room is made of, each with what a crash leaves.
//! **Never** overwrites a request that waits.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Answer;
use super::Ticket;
use crate::lock;

/// Where a request stands, or what a file is to it; the last part of its file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Approved,
    Denied,
    Expired,
    /// Not the request itself: the first of two answers that it needs, beside it.
    Seconded,
}

impl State {
    fn suffix(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Seconded => "seconded",
        }
    }
}

/// Why the waiting room could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {verb} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others held the lock for too long.
    #[error("the lock of the waiting room was not free in time")]
    Locked,
    /// As many wait as may wait.
    #[error("{0} requests wait already; approve or deny some of them first")]
    Full(usize),
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { verb, path, source }
}

fn file(dir: &Path, id: &Uuid, state: State) -> PathBuf {
    dir.join(format!("{id}.{}", state.suffix()))
}

/// Makes the directory, for its owner alone.
pub(super) fn open_room(dir: &Path) -> Result<(), Error> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(failed("create", dir)),
    }
}

/// Locks the room. The lock is needed only to put: to count and to choose a free code.
pub(super) fn lock(dir: &Path, wait: Duration) -> Result<lock::Held, Error> {
    open_room(dir)?;
    let path = dir.join("lock");
    lock::take(&path, wait)
        .map_err(failed("lock", &path))?
        .ok_or(Error::Locked)
}

/// Lets a written request be found. Where the directory cannot be synced, it is taken back.
pub(super) fn publish(
    dir: &Path,
    written: tempfile::NamedTempFile,
    ticket: &Ticket,
) -> Result<(), Error> {
    let path = file(dir, &ticket.id, State::Pending);
    written
        .persist_noclobber(&path)
        .map_err(|error| failed("create", &path)(error.error))?;
    synced(dir).inspect_err(|_| {
        // The fault to report is the first one.
        let _ = fs::remove_file(&path);
    })
}

/// Adds the answer to a spent request. A crash before it leaves the request spent, without a name
/// beside it.
pub(super) fn note(dir: &Path, ticket: &Ticket, state: State) -> Result<(), Error> {
    let path = file(dir, &ticket.id, state);
    write(dir, ticket)?
        .persist(&path)
        .map_err(|error| failed("write", &path)(error.error))?;
    Ok(())
}

/// Writes a request under a temporary name, and syncs it: nobody can find it yet, and a crash leaves
/// at most that file, which [`forget`] removes.
pub(super) fn write(
    dir: &Path,
    content: &impl Serialize,
) -> Result<tempfile::NamedTempFile, Error> {
    let mut text = serde_json::to_vec(content)
        .map_err(|error| failed("write", dir)(io::Error::other(error)))?;
    text.push(b'\n');
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(dir)
        .map_err(failed("create a file in", dir))?;
    temporary
        .write_all(&text)
        .map_err(failed("write a file in", dir))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(failed("sync a file in", dir))?;
    Ok(temporary)
}

/// Keeps the first of two answers beside the request. Only one process can: the others are given
/// the answer that was first.
pub(super) fn second(
    dir: &Path,
    id: &Uuid,
    answer: &Answer,
    limit: usize,
) -> Result<Option<Answer>, Error> {
    let path = file(dir, id, State::Seconded);
    match write(dir, answer)?.persist_noclobber(&path) {
        Ok(_) => synced(dir).map(|()| None),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => read_file(&path, limit)
            .map(Some)
            .map_err(failed("read", &path)),
        Err(error) => Err(failed("create", &path)(error.error)),
    }
}

/// Takes a request out of the room by renaming it. True for exactly one caller: for all others
/// the file is gone. The directory is synced before the answer, so that no crash can bring the
/// request back to be spent again.
pub(super) fn leave(dir: &Path, id: &Uuid, state: State) -> Result<bool, Error> {
    let from = file(dir, id, State::Pending);
    match fs::rename(&from, file(dir, id, state)) {
        Ok(()) => synced(dir).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("rename", &from)(error)),
    }
}

/// Reads one request.
pub(super) fn read(dir: &Path, id: &Uuid, state: State, limit: usize) -> Result<Ticket, Error> {
    let path = file(dir, id, state);
    read_file(&path, limit).map_err(failed("read", &path))
}

/// Reads all requests that wait. One that vanishes meanwhile was spent; one that cannot be read is
/// an error, since skipping it would make another one look like the only one. It stops being one
/// when the file is `old`: then its time is over whatever it says.
pub(super) fn pending(dir: &Path, limit: usize, old: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
    let mut tickets = Vec::new();
    for path in files(dir, &[State::Pending])? {
        match read_file(&path, limit) {
            Ok(ticket) => tickets.push(ticket),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) if changed_before(&path, old) => {}
            Err(error) => return Err(failed("read", &path)(error)),
        }
    }
    Ok(tickets)
}

fn changed_before(path: &Path, moment: DateTime<Utc>) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|facts| facts.modified());
    changed.is_ok_and(|changed| DateTime::<Utc>::from(changed) < moment)
}

/// Reads all requests that had their answer or outlived their time; what cannot be read is left
/// out, since it only explains.
pub(super) fn decided(dir: &Path, limit: usize) -> Result<Vec<Ticket>, Error> {
    let paths = files(dir, &[State::Approved, State::Denied, State::Expired])?;
    Ok(paths
        .iter()
        .filter_map(|path| read_file(path, limit).ok())
        .collect())
}

/// Removes what is older than it has to be kept, and temporary files of processes that died. No
/// request waits longer than that either: `config` sees to it.
pub(super) fn forget(dir: &Path, now: DateTime<Utc>, keep: Duration) -> Result<(), Error> {
    let old = now - chrono::TimeDelta::from_std(keep).unwrap_or(chrono::TimeDelta::MAX);
    let mut paths = files(
        dir,
        &[
            State::Pending,
            State::Approved,
            State::Denied,
            State::Expired,
            State::Seconded,
        ],
    )?;
    paths.extend(temporaries(dir)?);
    for path in paths.iter().filter(|path| changed_before(path, old)) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn files(dir: &Path, states: &[State]) -> Result<Vec<PathBuf>, Error> {
    let ours = |name: &str| {
        name.split_once('.').is_some_and(|(id, suffix)| {
            Uuid::try_parse(id).is_ok() && states.iter().any(|state| state.suffix() == suffix)
        })
    };
    names(dir, ours)
}

fn temporaries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    names(dir, |name| name.starts_with(TEMPORARY))
}

fn names(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", dir)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("list", dir))?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn read_file<T: DeserializeOwned>(path: &Path, limit: usize) -> io::Result<T> {
    let mut text = Vec::new();
    // A pipe under this name must not make anybody wait.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    file.take(limit as u64 + 1).read_to_end(&mut text)?;
    if text.len() > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    serde_json::from_slice(&text).map_err(io::Error::other)
}

fn synced(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("sync", dir))
}

/// How the names of files begin that are not yet whole.
const TEMPORARY: &str = ".new-";
