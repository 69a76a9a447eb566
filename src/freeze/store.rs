//! The files of the freezes: there whole, or not there.
//!
//! **Reads** and **writes** `runtime/freeze`.
//! **Gives** the few file operations that a freeze is made of.
//! **Never** says that nothing is there where it could not look.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::Error;
use super::Extent;
use super::Freeze;
use super::Mark;
use crate::folder;
use crate::folder::Fault;
use crate::lock::Held;
use crate::target::Name;

fn file(dir: &Path, extent: &Extent) -> PathBuf {
    match extent {
        Extent::Everything => dir.join(EVERYTHING),
        Extent::Target(name) => dir.join(format!("{BEFORE}{name}{BEHIND}")),
    }
}

fn extent(file: &str) -> Option<Extent> {
    if file == EVERYTHING {
        return Some(Extent::Everything);
    }
    let name = file.strip_prefix(BEFORE)?.strip_suffix(BEHIND)?;
    Name::parse(name).ok().map(Extent::Target)
}

/// Makes the directory, for its owner alone.
pub(super) fn open_room(dir: &Path) -> Result<(), Error> {
    let there = dir.exists();
    folder::open(dir)?;
    match dir.parent() {
        Some(above) if !there => Ok(folder::sync(above)?),
        _ => Ok(()),
    }
}

/// Locks the room against other freezes and thaws. Whoever only looks needs no lock.
pub(super) fn lock(dir: &Path, wait: Duration) -> Result<Held, Error> {
    folder::lock(dir, wait)?.ok_or(Error::Locked(wait))
}

/// Looks for a mark. That something lies there counts, whatever it is: a link that leads nowhere
/// and a directory freeze as well as a file.
pub(super) fn look(dir: &Path, extent: &Extent) -> Result<Option<Freeze>, Error> {
    let path = file(dir, extent);
    if !lies_there(&path)? {
        return Ok(None);
    }
    let mark = match folder::read(&path, MARK_BYTES) {
        Ok(mark) => Some(mark),
        // It was lifted between the two looks.
        Err(fault) if fault.is_missing() && !lies_there(&path)? => return Ok(None),
        Err(_) => None,
    };
    Ok(Some(Freeze {
        extent: extent.clone(),
        mark,
    }))
}

fn lies_there(path: &Path) -> Result<bool, Error> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Fault::of("look for", path)(error).into()),
    }
}

/// What marks there are, the widest first.
pub(super) fn list(dir: &Path) -> Result<Vec<Extent>, Error> {
    let mut extents: Vec<Extent> = folder::names(dir, |name| extent(name).is_some())?
        .iter()
        .filter_map(|path| extent(path.file_name()?.to_str()?))
        .collect();
    extents.sort();
    Ok(extents)
}

/// Puts a mark where there is none. False where there is one.
pub(super) fn create(dir: &Path, extent: &Extent, mark: &Mark) -> Result<bool, Error> {
    let path = file(dir, extent);
    match folder::write(dir, mark)?.persist_noclobber(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Fault::of("create", &path)(error.error).into()),
    }
}

/// Puts a mark in the place of another. At no time there is none.
pub(super) fn replace(dir: &Path, extent: &Extent, mark: &Mark) -> Result<(), Error> {
    Ok(folder::replace(
        folder::write(dir, mark)?,
        &file(dir, extent),
    )?)
}

/// Takes a mark away.
pub(super) fn remove(dir: &Path, extent: &Extent) -> Result<(), Error> {
    Ok(folder::remove(&file(dir, extent))?)
}

/// Syncs a directory: what was made or removed in it outlives a crash of the machine.
pub(super) fn synced(dir: &Path) -> Result<(), Error> {
    Ok(folder::sync(dir)?)
}

/// The mark that freezes everything.
const EVERYTHING: &str = "all.json";

/// What stands before the name of a target in the name of its mark.
const BEFORE: &str = "target-";

/// What stands behind it.
const BEHIND: &str = ".json";

/// The most that is read of a mark: a reason of its greatest length, six bytes of JSON for one of
/// its own, and some company.
const MARK_BYTES: usize = 32 * 1024;
