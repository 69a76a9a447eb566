//! The files of the freezes: there whole, or not there.
//!
//! **Reads** and **writes** `runtime/freeze`.
//! **Gives** the few file operations that a freeze is made of.
//! **Never** says that nothing is there where it could not look.

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

use super::Error;
use super::Extent;
use super::Freeze;
use super::Mark;
use crate::lock;
use crate::target::Name;

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { verb, path, source }
}

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
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => dir.parent().map_or(Ok(()), synced),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("create", dir)(error)),
    }
}

/// Locks the room against other freezes and thaws. Whoever only looks needs no lock.
pub(super) fn lock(dir: &Path, wait: Duration) -> Result<lock::Held, Error> {
    let path = dir.join("lock");
    lock::take(&path, wait)
        .map_err(failed("lock", &path))?
        .ok_or(Error::Locked(wait))
}

/// Looks for a mark. That something lies there counts, whatever it is: a link that leads nowhere
/// and a directory freeze as well as a file.
pub(super) fn look(dir: &Path, extent: &Extent) -> Result<Option<Freeze>, Error> {
    let path = file(dir, extent);
    if !lies_there(&path)? {
        return Ok(None);
    }
    let mark = match read_file(&path) {
        Ok(mark) => Some(mark),
        // It was lifted between the two looks.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !lies_there(&path)? => {
            return Ok(None);
        }
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
        Err(error) => Err(failed("look for", path)(error)),
    }
}

/// What marks there are, the widest first.
pub(super) fn list(dir: &Path) -> Result<Vec<Extent>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", dir)(error)),
    };
    let mut extents = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("list", dir))?.file_name();
        extents.extend(name.to_str().and_then(extent));
    }
    extents.sort();
    Ok(extents)
}

/// Puts a mark where there is none. False where there is one.
pub(super) fn create(dir: &Path, extent: &Extent, mark: &Mark) -> Result<bool, Error> {
    let path = file(dir, extent);
    match write(dir, mark)?.persist_noclobber(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("create", &path)(error.error)),
    }
}

/// Puts a mark in the place of another. At no time there is none.
pub(super) fn replace(dir: &Path, extent: &Extent, mark: &Mark) -> Result<(), Error> {
    let path = file(dir, extent);
    write(dir, mark)?
        .persist(&path)
        .map_err(|error| failed("write", &path)(error.error))?;
    Ok(())
}

/// Takes a mark away.
pub(super) fn remove(dir: &Path, extent: &Extent) -> Result<(), Error> {
    let path = file(dir, extent);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", &path)(error))
        }
        _ => synced(dir),
    }
}

/// Writes a mark under a temporary name, and syncs it: it freezes nothing yet, and a crash leaves
/// at most that file, which nobody looks at.
fn write(dir: &Path, mark: &Mark) -> Result<tempfile::NamedTempFile, Error> {
    let mut text =
        serde_json::to_vec(mark).map_err(|error| failed("write", dir)(io::Error::other(error)))?;
    text.push(b'\n');
    let mut temporary = tempfile::Builder::new()
        .prefix(".new-")
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

fn read_file(path: &Path) -> io::Result<Mark> {
    let mut text = Vec::new();
    // A pipe under this name must not make anybody wait.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    file.take(MARK_BYTES).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// Syncs a directory: what was made or removed in it outlives a crash of the machine.
pub(super) fn synced(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("sync", dir))
}

/// The mark that freezes everything.
const EVERYTHING: &str = "all.json";

/// What stands before the name of a target in the name of its mark.
const BEFORE: &str = "target-";

/// What stands behind it.
const BEHIND: &str = ".json";

/// The most that is read of a mark: a reason of its greatest length, six bytes of JSON for one of
/// its own, and some company.
const MARK_BYTES: u64 = 32 * 1024;
