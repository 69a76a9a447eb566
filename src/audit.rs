//! The log: one record a line, each sealed to the one before it.
//!
//! **Reads** and **writes** `audit.jsonl` and what stands beside it in `audit`.
//! **Gives** [`AuditLog`], [`Receipt`], [`Record`]; [`Files`] to read all of it.
//! **Never** creates the file, and never answers before the record is on disk.

use std::cell::Cell;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::IFlags;
use rustix::fs::ioctl_getflags;
use rustix::fs::ioctl_setflags;
use rustix::process::Resource;
use rustix::process::getrlimit;
use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;
use crate::home::Home;
use crate::lock;

pub mod checkpoint;
mod files;
mod head;
mod history;
mod outputs;
mod prove;
mod record;
mod rotate;
mod tail;
mod verify;

pub use files::Entries;
pub use files::Entry;
pub use files::Files;
pub use files::Place;
pub use files::Segment;
pub use history::Asked;
pub use history::History;
pub use outputs::Outputs;
pub use prove::Unproved;
pub use prove::prove;
pub use record::Event;
pub use record::FoundFacts;
pub use record::GrantUse;
pub use record::InputFacts;
pub use record::OutputFacts;
pub use record::Record;
pub use record::SCHEMA;
pub use record::SideFile;
pub use record::WouldHave;
pub use record::stamp;
pub use rotate::Rotation;
pub use verify::Asked as Verify;
pub use verify::Bookmark;
pub use verify::Damage;
pub use verify::Kind;
pub use verify::NotResumed;
pub use verify::OpenIntent;
pub use verify::Report;
pub use verify::Unread;
pub use verify::verify;

/// What stands in `prev` of the first record of all.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Bounds of the log.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long to wait for the log's lock.
    pub lock_wait: Duration,
    /// Bytes of the longest line that is written.
    pub line_bytes: usize,
    /// Bytes of the longest output that stands in a record; of a longer one only the ends do, and
    /// all of it lies beside the log.
    pub inline_bytes: usize,
    /// When a segment is full.
    pub rotation: Rotation,
}

impl Default for Limits {
    /// The bounds where no configuration could be read.
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(10),
            line_bytes: 64 << 20,
            inline_bytes: 16 << 10,
            // A log is not rotated by who does not know how.
            rotation: Rotation {
                bytes: u64::MAX,
                age: Duration::MAX,
            },
        }
    }
}

/// The log of one installation, open for appending.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    lock: File,
    path: PathBuf,
    files: Files,
    outputs: Outputs,
    limits: Limits,
    appended: Cell<Option<(u64, u64)>>,
}

/// Proof that a record is on disk. Only [`AuditLog::append`] makes one.
#[derive(Debug)]
pub struct Receipt {
    seq: u64,
}

/// Why nothing could be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {verb} the audit log `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The log.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The record was written, and nobody knows whether it is on disk.
    #[error("cannot sync record {seq} of the audit log `{}`: {source}", path.display())]
    NotSynced {
        /// The log.
        path: PathBuf,
        /// The number of the record.
        seq: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Others held the lock for too long.
    #[error("the lock of the audit log was not free within {0:?}")]
    Locked(Duration),
    /// The file is not one that only its owner writes.
    #[error("the audit log `{}` {fault}", path.display())]
    Unsafe {
        /// The log.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl AuditLog {
    /// Opens the log. It has to exist: setup makes it, so that a lost log is noticed.
    ///
    /// The lock is a file of its own beside the waiting room: whoever may read the log can lock it,
    /// and must not be able to stop its writers by that.
    pub fn open(home: &Home, limits: Limits) -> Result<Self, Error> {
        let path = &home.audit();
        let failed = |verb| {
            move |source| Error::Io {
                verb,
                path: path.to_owned(),
                source,
            }
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path)
            .map_err(failed("open"))?;
        let facts = file.metadata().map_err(failed("inspect"))?;
        let unlimited = getrlimit(Resource::Fsize).current.is_none();
        let fault = if !facts.is_file() {
            Some("is not a regular file")
        } else if facts.mode() & 0o022 != 0 {
            Some("is writable by group or others; run `chmod 0640` on it")
        } else if !unlimited {
            Some("cannot be trusted to grow: the caller limits the size of files (`ulimit -f`)")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(Error::Unsafe {
                path: path.to_owned(),
                fault,
            });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(home.audit_lock())
            .map_err(failed("open the lock of"))?;
        Ok(Self {
            file,
            lock,
            path: path.to_owned(),
            files: Files::of(home),
            outputs: Outputs::of(home),
            limits,
            appended: Cell::new(None),
        })
    }

    /// Appends a record and syncs it to disk.
    ///
    /// Under the lock: find the last record, continue its number and its hash, write with one call.
    /// After the lock: sync, so that many writers share the waiting; a sync covers all that was
    /// written before it. A write that fails half-way is taken back; where even that fails, or the
    /// machine died, the next writer finds what is left behind the last record and says so in the
    /// log, in the same one call.
    ///
    /// An output that is too long for a record is stored beside the log before all that.
    pub fn append(&self, mut record: Record) -> Result<Receipt, Error> {
        record.move_aside(&self.outputs, self.limits.inline_bytes);
        let seq = self.locked(|| self.append_locked(record))?;
        let first = self.appended.get().map_or(seq, |(first, _)| first);
        self.appended.set(Some((first, seq)));
        match self.file.sync_data() {
            Ok(()) => Ok(Receipt { seq }),
            Err(source) => Err(Error::NotSynced {
                path: self.path.clone(),
                seq,
                source,
            }),
        }
    }

    /// Does something while nobody else writes. Where that fails, its fault is the one to report.
    fn locked<T>(&self, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let wait = self.limits.lock_wait;
        if !lock::lock(&self.lock, wait).map_err(self.failed("lock"))? {
            return Err(Error::Locked(wait));
        }
        let done = act();
        let unlocked = self.lock.unlock().map_err(self.failed("unlock"));
        let done = done?;
        unlocked.map(|()| done)
    }

    fn append_locked(&self, record: Record) -> Result<u64, Error> {
        let mut end = tail::read(&self.file).map_err(self.failed("read"))?;
        let mut last = end.last.take();
        if last.as_ref().is_some_and(|last| last.end == end.length)
            && self
                .limits
                .rotation
                .is_due(&self.file, end.length, &record.timestamp)
                .map_err(self.failed("read"))?
            // A log that cannot be rotated grows on: `doctor` says so.
            && rotate::rotate(&self.files, &self.file).is_ok()
        {
            end.length = 0;
            last = last.map(|last| last.before_all());
        } else if last.is_none() {
            last = self.last_rotated().map_err(self.failed("read"))?;
        }
        let (mut next, from, begins) = match last {
            Some(last) => (Next::after(last.seq, last.hash), last.end, false),
            None => (Next::first(), 0, true),
        };
        if from < end.length {
            let found = self.strange(from, &mut next)?;
            if begins {
                next.prev.clone_from(&found.sha256);
                next.add(Record::sealed(&record, found), self.limits.line_bytes)
            } else {
                next.add(Record::recovered(&record, found), self.limits.line_bytes)
            }
            .map_err(self.failed("write"))?;
        }
        let seq = next.seq;
        next.add(record, self.limits.line_bytes)
            .map_err(self.failed("write"))?;
        if let Err(error) = (&self.file).write_all(&next.bytes) {
            // The fault to report is the first one, whatever becomes of taking the rest back.
            let _ = self.file.set_len(end.length);
            return Err(self.failed("write")(error));
        }
        Ok(seq)
    }

    /// The last record of the last segment that was rotated away, for a live file without any.
    fn last_rotated(&self) -> io::Result<Option<tail::Last>> {
        let Some(segment) = self.files.rotated()?.pop() else {
            return Ok(None);
        };
        let last = tail::read(&File::open(segment.path)?)?.last;
        Ok(last.map(tail::Last::before_all))
    }

    /// Hashes what stands behind the last record, so that it cannot change unnoticed. A last line
    /// without an end gets one.
    fn strange(&self, from: u64, next: &mut Next) -> Result<FoundFacts, Error> {
        let mut hash = Sha256::new();
        let mut found = FoundFacts {
            bytes: 0,
            lines: 0,
            sha256: String::new(),
        };
        let mut buffer = vec![0; 64 * 1024];
        let mut last = b'\n';
        loop {
            let at = from + found.bytes;
            let read = self
                .file
                .read_at(&mut buffer, at)
                .map_err(self.failed("read"))?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            found.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            found.bytes += bytes.len() as u64;
            last = bytes.last().copied().unwrap_or(last);
            hash.update(bytes);
        }
        if last != b'\n' {
            next.bytes.push(b'\n');
            hash.update(b"\n");
            found.lines += 1;
            found.bytes += 1;
        }
        found.sha256 = hex::of(&hash.finalize());
        Ok(found)
    }

    /// The number of the last record that is on disk, with all before it.
    ///
    /// # Errors
    ///
    /// The lock is not free, or the log cannot be read or synced.
    pub fn committed(&self) -> Result<Option<u64>, Error> {
        let last = self.locked(|| {
            let last = tail::read(&self.file).and_then(|end| match end.last {
                Some(last) => Ok(Some(last)),
                None => self.last_rotated(),
            });
            last.map_err(self.failed("read"))
        })?;
        self.file.sync_data().map_err(self.failed("sync"))?;
        Ok(last.map(|last| last.seq))
    }

    /// Begins a new segment now, whatever size and age say.
    ///
    /// # Errors
    ///
    /// The lock is not free, the log ends in something that is no record, or a file operation fails.
    pub fn rotate(&self) -> Result<(), Error> {
        self.locked(|| {
            let rotated = tail::read(&self.file).and_then(|end| match end.last {
                Some(last) if last.end == end.length => rotate::rotate(&self.files, &self.file),
                _ => Err(io::Error::other("it does not end with a whole record")),
            });
            rotated.map_err(self.failed("rotate"))
        })
    }

    /// As [`AuditLog::rotate`], also where the live file may only grow. Only root may lift that.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::rotate`], or the attribute cannot be changed.
    pub fn rotate_as_root(&self) -> Result<(), Error> {
        let flags = ioctl_getflags(&self.file).unwrap_or(IFlags::empty());
        if !flags.contains(IFlags::APPEND) {
            return self.rotate();
        }
        let set = |flags| ioctl_setflags(&self.file, flags).map_err(io::Error::from);
        set(flags - IFlags::APPEND)
            .map_err(self.failed("lift, as only root may, the attribute `a` of"))?;
        let rotated = self.rotate();
        let again = set(flags).map_err(self.failed("set the attribute `a` of"));
        rotated.and(again)
    }

    /// The numbers of the first and the last record that this process has appended; none where it
    /// has appended none.
    pub fn appended(&self) -> Option<(u64, u64)> {
        self.appended.get()
    }

    /// The last records as they stand in the file, for people.
    pub fn last_lines(path: &Path, count: usize) -> io::Result<Vec<u8>> {
        tail::last_lines(&File::open(path)?, count)
    }

    fn failed(&self, verb: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = self.path.clone();
        move |source| Error::Io { verb, path, source }
    }
}

impl Receipt {
    /// The number of the record in the log.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// What the next record continues, and the lines that are to be written.
struct Next {
    seq: u64,
    prev: String,
    bytes: Vec<u8>,
}

impl Next {
    fn first() -> Self {
        Self {
            seq: 1,
            prev: GENESIS.to_owned(),
            bytes: Vec::new(),
        }
    }

    fn after(seq: u64, hash: String) -> Self {
        Self {
            seq: seq + 1,
            prev: hash,
            bytes: Vec::new(),
        }
    }

    /// Adds one record and moves on to the next. One that is too long loses the middle of its
    /// output, and says so.
    fn add(&mut self, mut record: Record, limit: usize) -> io::Result<()> {
        record.seq = self.seq;
        record.prev = std::mem::take(&mut self.prev);
        let mut line = serde_json::to_vec(&record)?;
        while line.len() > limit && record.shorten() {
            line = serde_json::to_vec(&record)?;
        }
        self.prev = hex::of(&Sha256::digest(&line));
        self.seq += 1;
        self.bytes.extend_from_slice(&line);
        self.bytes.push(b'\n');
        Ok(())
    }
}

/// The longest line there may ever be, whatever the configuration says today: what a larger limit
/// let in has to be read back under a smaller one.
pub const LONGEST_LINE: usize = 1 << 30;

/// Makes a directory beside the log, and the one above it.
fn directory(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(dir)
}

/// The mode of what stands beside the log: its group are those who may read the log.
const READABLE: u32 = 0o640;

#[cfg(test)]
mod tests;
