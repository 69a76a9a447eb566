//! The log: one record a line, each sealed to the one before it.
//!
//! **Reads** and **writes** `audit.jsonl`.
//! **Gives** [`AuditLog`], [`Receipt`], [`Record`].
//! **Never** creates the file, and never answers before the record is on disk.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;
use crate::lock;

mod record;
mod tail;
mod verify;

pub use record::Event;
pub use record::InputFacts;
pub use record::OutputFacts;
pub use record::Record;
pub use record::SCHEMA;
pub use record::stamp;
pub use verify::Damage;
pub use verify::OpenIntent;
pub use verify::Report;
pub use verify::verify;

/// What stands in `prev` of the first record of all.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Bounds of the log.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long to wait for the log's lock.
    pub lock_wait: Duration,
    /// Bytes of the longest line that is read back.
    pub line_bytes: usize,
}

impl Default for Limits {
    /// The bounds where no configuration could be read.
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(10),
            line_bytes: 64 << 20,
        }
    }
}

/// The log of one installation, open for appending.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    path: PathBuf,
    limits: Limits,
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
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
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
        let fault = if !facts.is_file() {
            Some("is not a regular file")
        } else if facts.mode() & 0o022 != 0 {
            Some("is writable by group or others; run `chmod 0640` on it")
        } else {
            None
        };
        match fault {
            Some(fault) => Err(Error::Unsafe {
                path: path.to_owned(),
                fault,
            }),
            None => Ok(Self {
                file,
                path: path.to_owned(),
                limits,
            }),
        }
    }

    /// Appends a record and syncs it to disk.
    ///
    /// Under the lock: find the last line, continue its number and its hash, write one line with
    /// one call. After the lock: sync, so that many writers share the waiting; a sync covers all
    /// that was written before it. A write that fails half-way is taken back; where even that
    /// fails, or the machine died, the next writer finds a torn line and says so in the log.
    pub fn append(&self, record: Record) -> Result<Receipt, Error> {
        if !lock::lock(&self.file, self.limits.lock_wait).map_err(self.failed("lock"))? {
            return Err(Error::Locked(self.limits.lock_wait));
        }
        let written = self.append_locked(record);
        let unlocked = self.file.unlock().map_err(self.failed("unlock"));
        let seq = written?;
        unlocked?;
        self.file.sync_data().map_err(self.failed("sync"))?;
        Ok(Receipt { seq })
    }

    fn append_locked(&self, record: Record) -> Result<u64, Error> {
        let end = tail::read(&self.file, self.limits.line_bytes).map_err(self.failed("read"))?;
        let mut next = Next {
            seq: 1,
            prev: GENESIS.to_owned(),
            length: end.length,
        };
        match end.last {
            tail::Last::Record { seq, hash } => {
                next.seq = seq + 1;
                next.prev = hash;
                if let Some(torn) = &end.torn {
                    self.write_all(b"\n", &mut next)?;
                    self.write(
                        Record::recovered(&record, torn.bytes, &torn.sha256),
                        &mut next,
                    )?;
                }
            }
            tail::Last::Foreign => {
                if end.torn.is_some() {
                    self.write_all(b"\n", &mut next)?;
                }
                // Somebody wrote behind our records: `verify` will name that line as damage, and
                // the chain goes on from the last record there is.
                let record_before = tail::last_record(&self.file, self.limits.line_bytes);
                if let Some((seq, hash)) = record_before.map_err(self.failed("read"))? {
                    next.seq = seq + 1;
                    next.prev = hash;
                    return self.write(record, &mut next);
                }
                let sealed = self.seal(next.length)?;
                next.prev.clone_from(&sealed.sha256);
                let seal = Record::sealed(&record, sealed.bytes, sealed.lines, &sealed.sha256);
                self.write(seal, &mut next)?;
            }
            tail::Last::Nothing => {}
        }
        self.write(record, &mut next)
    }

    /// Writes one record and moves on to the next.
    fn write(&self, mut record: Record, next: &mut Next) -> Result<u64, Error> {
        let seq = next.seq;
        record.seq = seq;
        record.prev = std::mem::take(&mut next.prev);
        let mut line = serde_json::to_vec(&record)
            .map_err(|error| self.failed("write")(io::Error::other(error)))?;
        next.prev = hex::of(&Sha256::digest(&line));
        next.seq = seq + 1;
        line.push(b'\n');
        self.write_all(&line, next)?;
        Ok(seq)
    }

    fn write_all(&self, bytes: &[u8], next: &mut Next) -> Result<(), Error> {
        if let Err(error) = (&self.file).write_all(bytes) {
            // The fault to report is the first one, whatever becomes of taking the rest back.
            let _ = self.file.set_len(next.length);
            return Err(self.failed("write")(error));
        }
        next.length += bytes.len() as u64;
        Ok(())
    }

    /// Hashes what another program left in this file, so that it cannot change unnoticed.
    fn seal(&self, length: u64) -> Result<Sealed, Error> {
        let mut hash = Sha256::new();
        let mut lines = 0;
        let mut at = 0;
        let mut buffer = vec![0; 64 * 1024];
        while at < length {
            let read = self
                .file
                .read_at(&mut buffer, at)
                .map_err(self.failed("read"))?;
            let rest = usize::try_from(length - at).unwrap_or(usize::MAX);
            let Some(bytes) = buffer
                .get(..read.min(rest))
                .filter(|bytes| !bytes.is_empty())
            else {
                break;
            };
            lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            hash.update(bytes);
            at += bytes.len() as u64;
        }
        Ok(Sealed {
            bytes: at,
            lines,
            sha256: hex::of(&hash.finalize()),
        })
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

/// What the next record continues.
struct Next {
    seq: u64,
    prev: String,
    length: u64,
}

struct Sealed {
    bytes: u64,
    lines: u64,
    sha256: String,
}

#[cfg(test)]
mod tests;
