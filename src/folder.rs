//! A folder of small files that appear whole or not at all.
//!
//! **Reads** and **writes** files in a directory that only this user may enter.
//! **Gives** the few operations that the runtime directory is made of, each with what a crash leaves.
//! **Never** shows a file that is half written.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::lock;
use crate::lock::Held;

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} `{}`: {source}", path.display())]
pub struct Fault {
    /// What was tried.
    pub verb: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Fault {
    /// Says of an error what was tried on what.
    pub fn of(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { verb, path, source }
    }

    /// Whether the file is not there.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Makes the directory, for its owner alone. One that is there already stays as it is.
pub fn open(dir: &Path) -> Result<(), Fault> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(Fault::of("create", dir)),
    }
}

/// Writes a file under a temporary name, and syncs it: nobody can find it yet, and a crash leaves at
/// most that file, which [`forget`] removes.
pub fn write(dir: &Path, content: &impl Serialize) -> Result<NamedTempFile, Fault> {
    let mut text = serde_json::to_vec(content)
        .map_err(|error| Fault::of("write", dir)(io::Error::other(error)))?;
    text.push(b'\n');
    write_bytes(dir, &text)
}

/// [`write()`] for what is not JSON. The file is its owner's alone.
pub fn write_bytes(dir: &Path, bytes: &[u8]) -> Result<NamedTempFile, Fault> {
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(dir)
        .map_err(Fault::of("create a file in", dir))?;
    temporary
        .write_all(bytes)
        .map_err(Fault::of("write a file in", dir))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(Fault::of("sync a file in", dir))?;
    Ok(temporary)
}

/// Lets a written file be found under a name that nothing has yet. Where the directory cannot be
/// synced, it is taken back.
pub fn publish(written: NamedTempFile, path: &Path) -> Result<(), Fault> {
    written
        .persist_noclobber(path)
        .map_err(|error| Fault::of("create", path)(error.error))?;
    sync(parent(path)).inspect_err(|_| {
        // The fault to report is the first one.
        let _ = fs::remove_file(path);
    })
}

/// Lets a written file take the place of whatever has its name. After a crash one of the two is
/// there.
pub fn replace(written: NamedTempFile, path: &Path) -> Result<(), Fault> {
    written
        .persist(path)
        .map_err(|error| Fault::of("write", path)(error.error))?;
    sync(parent(path))
}

/// Makes a file that nobody else has made. True for exactly one caller.
pub fn make_once(path: &Path, content: &[u8]) -> Result<bool, Fault> {
    let made = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(mut file) => file
            .write_all(content)
            .map(|()| true)
            .map_err(Fault::of("write", path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Fault::of("create", path)(error)),
    }
}

/// Gives a file another name. False where it is not there: then somebody else was first.
pub fn rename(from: &Path, to: &Path) -> Result<bool, Fault> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Fault::of("rename", from)(error)),
    }
}

/// Locks a directory, which is made where it is not there. None if the lock was not free in time.
pub fn lock(dir: &Path, wait: Duration) -> Result<Option<Held>, Fault> {
    open(dir)?;
    let path = dir.join("lock");
    lock::take(&path, wait).map_err(Fault::of("lock", &path))
}

/// Takes a file away, if it is there; after this it stays away.
pub fn remove(path: &Path) -> Result<(), Fault> {
    take_away(path)?;
    sync(parent(path))
}

fn take_away(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Fault::of("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Reads a file of at most `limit` bytes.
pub fn read<T: DeserializeOwned>(path: &Path, limit: usize) -> Result<T, Fault> {
    let failed = |error| Fault::of("read", path)(error);
    let mut text = Vec::new();
    // A pipe under this name must not make anybody wait.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    file.take(limit as u64 + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() > limit {
        let what = format!("it is larger than {limit} bytes");
        return Err(failed(io::Error::other(what)));
    }
    serde_json::from_slice(&text).map_err(|error| failed(io::Error::other(error)))
}

/// The files whose names are wanted; none where there is no directory.
pub fn names(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Fault> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Fault::of("list", dir)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Fault::of("list", dir))?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Whether a file was last written, named or renamed before a moment.
pub fn changed_before(path: &Path, moment: DateTime<Utc>) -> bool {
    let Ok(facts) = fs::symlink_metadata(path) else {
        return false;
    };
    let nanos = |nanos: i64| u32::try_from(nanos).unwrap_or(0);
    let written = DateTime::from_timestamp(facts.mtime(), nanos(facts.mtime_nsec()));
    let named = DateTime::from_timestamp(facts.ctime(), nanos(facts.ctime_nsec()));
    written.max(named).is_some_and(|changed| changed < moment)
}

/// Removes those of the named files that are older than they have to be kept, and temporary files
/// of processes that died.
pub fn forget(
    dir: &Path,
    now: DateTime<Utc>,
    keep: Duration,
    ours: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    let old = now - TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    let paths = names(dir, |name| name.starts_with(TEMPORARY) || ours(name))?;
    for path in paths.iter().filter(|path| changed_before(path, old)) {
        take_away(path)?;
    }
    Ok(())
}

/// Removes the oldest of the named files until there are no more than `most`.
pub fn keep_newest(dir: &Path, most: usize, ours: impl Fn(&str) -> bool) -> Result<(), Fault> {
    let mut paths = names(dir, ours)?;
    let Some(over) = paths.len().checked_sub(most).filter(|over| *over > 0) else {
        return Ok(());
    };
    paths.sort_by_cached_key(|path| {
        fs::symlink_metadata(path)
            .and_then(|facts| facts.modified())
            .ok()
    });
    for path in paths.iter().take(over) {
        take_away(path)?;
    }
    Ok(())
}

/// Removes the temporary files of processes that died. Only for whoever knows that nobody else is
/// writing one now.
pub fn sweep(dir: &Path) -> Result<(), Fault> {
    for path in names(dir, |name| name.starts_with(TEMPORARY))? {
        remove(&path)?;
    }
    Ok(())
}

/// Sees to it that what was made, renamed or removed in a directory outlives a crash.
pub fn sync(dir: &Path) -> Result<(), Fault> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(Fault::of("sync", dir))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// How the names of files begin that are not yet whole.
const TEMPORARY: &str = ".new-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let written = write(dir.path(), &"one").unwrap();
        assert!(read::<String>(&path, 100).unwrap_err().is_missing());
        publish(written, &path).unwrap();
        assert_eq!(read::<String>(&path, 100).unwrap(), "one");
        let again = write(dir.path(), &"two").unwrap();
        assert!(publish(again, &path).is_err());
        assert_eq!(read::<String>(&path, 100).unwrap(), "one");
        replace(write(dir.path(), &"two").unwrap(), &path).unwrap();
        assert_eq!(read::<String>(&path, 100).unwrap(), "two");
    }

    #[test]
    fn what_is_too_large_or_no_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "\"0123456789\"").unwrap();
        assert!(read::<String>(&path, 11).is_err());
        assert!(read::<String>(&path, 12).is_ok());
        assert!(read::<String>(dir.path(), 100).is_err());
        let fault = read::<u32>(&path, 100).unwrap_err();
        assert!(!fault.is_missing(), "{fault}");
    }

    #[test]
    fn only_the_newest_are_kept_where_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        for (age, name) in ["a", "b", "c", "d", "other"].iter().enumerate() {
            let file = File::create(dir.path().join(name)).unwrap();
            let age = Duration::from_secs(100 - age as u64);
            file.set_modified(std::time::SystemTime::now() - age)
                .unwrap();
        }
        keep_newest(dir.path(), 2, |name| name != "other").unwrap();
        let mut left = names(dir.path(), |_| true).unwrap();
        left.sort();
        assert_eq!(left, ["c", "d", "other"].map(|name| dir.path().join(name)));
    }

    #[test]
    fn only_what_is_old_and_ours_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ours", "others", ".new-x"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let hour = Duration::from_secs(3600);
        forget(dir.path(), Utc::now(), hour, |name| name == "ours").unwrap();
        assert_eq!(names(dir.path(), |_| true).unwrap().len(), 3);
        let later = Utc::now() + TimeDelta::hours(2);
        forget(dir.path(), later, hour, |name| name == "ours").unwrap();
        assert_eq!(
            names(dir.path(), |_| true).unwrap(),
            [dir.path().join("others")]
        );
    }
}
