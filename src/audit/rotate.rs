//! Rotation: the live file is copied into a segment of its own, and then emptied.
//!
//! **Reads** and **writes** the live file and the directory of segments, under the log's lock.
//! **Gives** [`Rotation`], [`rotate`].
//! **Never** empties a file before its copy is on disk and the same.
//!
//! The directory of the live file belongs to root, so the file cannot be renamed; and writers that
//! have it open go on writing to it. A crash between the two steps leaves a copy that is the
//! beginning of the live file: readers know it by its number, and the next rotation replaces it.

use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::fchown;
use std::path::Path;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use rustix::fs::IFlags;
use rustix::fs::ioctl_getflags;
use sha2::Digest as _;
use sha2::Sha256;

use super::files;
use super::files::Files;
use super::head::Head;

/// When a segment is full.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Bytes of a segment, after which the next one begins.
    pub bytes: u64,
    /// Age of its first record, after which the next one begins.
    pub age: Duration,
}

impl Rotation {
    /// Whether the live file, of that length, is due at the time of the next record.
    pub(super) fn is_due(&self, live: &File, length: u64, now: &str) -> io::Result<bool> {
        if length == 0 {
            return Ok(false);
        }
        if length >= self.bytes {
            return Ok(true);
        }
        let mut beginning = [0; 64];
        let read = live.read_at(&mut beginning, 0)?;
        let beginning = beginning.get(..read).unwrap_or_default();
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
        let began = Head::timestamp(beginning).and_then(time);
        let age = TimeDelta::from_std(self.age).unwrap_or(TimeDelta::MAX);
        Ok(began
            .zip(time(now))
            .is_some_and(|(began, now)| now.signed_duration_since(began) >= age))
    }
}

/// Copies the live file into a segment and empties it. Only for whoever holds the log's lock, and
/// only where the file ends with a whole record.
///
/// # Errors
///
/// Something could not be done; then the live file is as it was.
pub(super) fn rotate(files: &Files, live: &File) -> io::Result<()> {
    let path = files.live();
    // The system lets nobody empty such a file, and copying it again and again is of no use.
    if ioctl_getflags(live).is_ok_and(|flags| flags.contains(IFlags::APPEND)) {
        let what = "it may only grow (attribute `a`); run `aiops audit rotate` as root";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    let first = files::first_number(live)?.ok_or_else(|| io::Error::other("it holds no record"))?;
    let target = files.rotated_path(first);
    let dir = target.parent().unwrap_or_else(|| Path::new("."));
    super::directory(dir)?;
    forget_unfinished(dir)?;
    let mut copy = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(dir)?;
    let mut source = File::open(path)?;
    let written = io::copy(&mut source, copy.as_file_mut())?;
    let facts = live.metadata()?;
    if written != facts.len() {
        return Err(io::Error::other("the copy is not as long as the file"));
    }
    let mode = Permissions::from_mode(facts.mode() & 0o777);
    copy.as_file().set_permissions(mode)?;
    let ours = copy.as_file().metadata()?;
    if (ours.uid(), ours.gid()) != (facts.uid(), facts.gid()) {
        fchown(copy.as_file(), Some(facts.uid()), Some(facts.gid()))?;
    }
    copy.as_file_mut().flush()?;
    copy.as_file().sync_all()?;
    if hash(&mut source)? != hash(copy.as_file_mut())? {
        return Err(io::Error::other("the copy differs from the file"));
    }
    copy.persist(&target).map_err(|fault| fault.error)?;
    File::open(dir)?.sync_all()?;
    live.set_len(0)?;
    // Where this fails and the machine dies, the file is as it was or empty, and both are sound; the
    // next record is synced with it.
    let _ = live.sync_all();
    Ok(())
}

/// Takes away the copies that a crash left unfinished: nobody makes one without the log's lock.
fn forget_unfinished(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(UNFINISHED.as_bytes())
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What the name of a copy begins with until it is whole.
const UNFINISHED: &str = ".new-";

fn hash(file: &mut File) -> io::Result<[u8; 32]> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hash.finalize().into());
        };
        hash.update(bytes);
    }
}
