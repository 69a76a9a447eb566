//! How far the events were taken, in a file.
//!
//! **Reads** and **writes** one small file, which appears whole.
//! **Gives** [`Cursor`].
//! **Never** believes a file that speaks of another log.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::audit::Files;
use crate::audit::Place;
use crate::folder;
use crate::folder::Fault;
use crate::hex;
use crate::lock;
use crate::lock::Held;

/// The last record whose event was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of the bytes of its line.
    pub hash: String,
    /// Where its line begins.
    pub place: Place,
}

/// A cursor's file, which one process has for itself.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    folder: PathBuf,
    _lock: Held,
}

impl Cursor {
    /// Whether the record still stands in the log as it did.
    pub(super) fn is_of(&self, files: &Files) -> io::Result<bool> {
        let line = match files.line_at(self.place) {
            Ok(line) => line,
            Err(fault) if is_elsewhere(&fault) => return Ok(false),
            Err(fault) => return Err(fault),
        };
        Ok(hex::of(&Sha256::digest(&line)) == self.hash)
    }
}

impl Kept {
    /// Takes the file for this process; none where another one has it.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, Fault> {
        let path = std::path::absolute(path).map_err(Fault::of("find", path))?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut beside = path.clone().into_os_string();
        beside.push(".lock");
        let beside = PathBuf::from(beside);
        let lock = lock::take(&beside, LOCK_WAIT).map_err(Fault::of("lock", &beside))?;
        Ok(lock.map(|lock| Self {
            path,
            folder,
            _lock: lock,
        }))
    }

    /// What it says; none where there is no file yet.
    pub(super) fn read(&self) -> Result<Option<Cursor>, Fault> {
        match folder::read(&self.path, LARGEST) {
            Ok(cursor) => Ok(Some(cursor)),
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Writes another one in its place, and syncs it.
    pub(super) fn write(&self, cursor: &Cursor) -> Result<(), Fault> {
        let written = folder::write(&self.folder, cursor)?;
        folder::replace(written, &self.path)
    }
}

fn is_elsewhere(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}

/// Bytes of the largest cursor.
const LARGEST: usize = 4096;

/// How long another process may take to end.
const LOCK_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_one_processs_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cursor");
        let first = Kept::take(&path).unwrap().unwrap();
        assert!(Kept::take(&path).unwrap().is_none());
        drop(first);
        assert!(Kept::take(&path).unwrap().is_some());
    }

    #[test]
    fn what_was_written_is_read_and_nonsense_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cursor");
        let kept = Kept::take(&path).unwrap().unwrap();
        assert_eq!(kept.read().unwrap(), None);
        let cursor = Cursor {
            seq: 3,
            hash: "ab".to_owned(),
            place: Place {
                segment: 1,
                offset: 7,
            },
        };
        kept.write(&cursor).unwrap();
        assert_eq!(kept.read().unwrap(), Some(cursor));
        for text in ["", "{}", "{\"seq\":1", &"x".repeat(5000)] {
            std::fs::write(&path, text).unwrap();
            assert!(kept.read().is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_that_is_gone_or_another_one_is_not_the_cursors() {
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("live");
        let files = Files::new(&live, dir.path().join("old"));
        let line = format!(r#"{{"seq":1,"prev":"{}"}}"#, crate::audit::GENESIS);
        std::fs::write(&live, format!("{line}\n")).unwrap();
        let mut cursor = Cursor {
            seq: 1,
            hash: hex::of(&Sha256::digest(line.as_bytes())),
            place: Place {
                segment: 1,
                offset: 0,
            },
        };
        assert!(cursor.is_of(&files).unwrap());
        cursor.place.offset = 1;
        assert!(!cursor.is_of(&files).unwrap());
        cursor.place.offset = 1000;
        assert!(!cursor.is_of(&files).unwrap());
        cursor.place.segment = 9;
        assert!(!cursor.is_of(&files).unwrap());
        std::fs::write(&live, "").unwrap();
        cursor.place.segment = 1;
        assert!(!cursor.is_of(&files).unwrap());
    }
}
