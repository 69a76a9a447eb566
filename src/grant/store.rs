//! The files of grants: written whole, used up by files that can be made once.
//!
//! **Reads** and **writes** `runtime/grants`: `<id>.grant`, `<id>.used-<n>`, `<id>.revoked`.
//! **Gives** the few file operations that grants are made of.
//! **Never** lets two processes take the same use.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use super::Grant;
use crate::folder;
use crate::folder::Fault;
use crate::lock::Held;

/// Why grants could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] Fault),
    /// Others held the lock for too long.
    #[error("the lock of the grants was not free in time")]
    Locked,
    /// As many hold as may hold.
    #[error("{0} grants hold already; revoke some of them first")]
    Full(usize),
}

pub(super) fn lock(dir: &Path, wait: Duration) -> Result<Held, Error> {
    folder::lock(dir, wait)?.ok_or(Error::Locked)
}

/// Whether there is any grant at all: without one nothing is read.
pub(super) fn any(dir: &Path) -> Result<bool, Error> {
    Ok(!folder::names(dir, |name| name.ends_with(GRANT))?.is_empty())
}

pub(super) fn write(dir: &Path, grant: &Grant) -> Result<tempfile::NamedTempFile, Error> {
    Ok(folder::write(dir, grant)?)
}

pub(super) fn publish(
    dir: &Path,
    written: tempfile::NamedTempFile,
    id: &Uuid,
) -> Result<(), Error> {
    Ok(folder::publish(written, &file(dir, id))?)
}

/// Reads all grants. One that cannot be read covers nothing.
pub(super) fn all(dir: &Path, limit: usize) -> Result<Vec<Grant>, Error> {
    let paths = folder::names(dir, |name| name.ends_with(GRANT))?;
    Ok(paths
        .iter()
        .filter_map(|path| folder::read(path, limit).ok())
        .collect())
}

/// How many uses are taken.
pub(super) fn used(dir: &Path, id: &Uuid) -> Result<u32, Error> {
    let beginning = format!("{id}.{USED}");
    let taken = folder::names(dir, |name| name.starts_with(&beginning))?.len();
    Ok(u32::try_from(taken).unwrap_or(u32::MAX))
}

/// Takes one use: the first whose file this process makes. None where all are taken, or where the
/// grant was revoked meanwhile.
pub(super) fn take_use(dir: &Path, id: &Uuid, uses: u32) -> Result<Option<u32>, Error> {
    for nth in 1..=uses {
        if folder::make_once(&dir.join(format!("{id}.{USED}{nth}")), b"")? {
            folder::sync(dir)?;
            // A revocation that answered before this counts; one that comes later is too late.
            return Ok(file(dir, id).exists().then_some(nth));
        }
    }
    Ok(None)
}

pub(super) fn revoke(dir: &Path, id: &Uuid) -> Result<bool, Error> {
    let ended = folder::rename(&file(dir, id), &dir.join(format!("{id}.revoked")))?;
    if ended {
        folder::sync(dir)?;
    }
    Ok(ended)
}

/// Removes what is older than it has to be remembered.
pub(super) fn forget(dir: &Path, now: DateTime<Utc>, keep: Duration) -> Result<(), Error> {
    let of_a_grant = |name: &str| {
        name.split_once('.')
            .is_some_and(|(id, _)| Uuid::try_parse(id).is_ok())
    };
    Ok(folder::forget(dir, now, keep, of_a_grant)?)
}

fn file(dir: &Path, id: &Uuid) -> PathBuf {
    dir.join(format!("{id}{GRANT}"))
}

const GRANT: &str = ".grant";
const USED: &str = "used-";
