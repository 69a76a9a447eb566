//! The key that checkpoints are signed with, and the file where it is kept.
//!
//! **Reads** and **writes** `runtime/audit.key`; random bytes come from the system.
//! **Gives** [`Keys`].
//! **Never** takes a key that others could have read, never makes two where two ask at once, and
//! never leaves a secret in memory that it has read.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::fchown;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;
use rustix::rand::getrandom;
use zeroize::Zeroizing;

use super::note::KeyError;
use super::note::Signer;
use super::note::Verifier;
use crate::folder;
use crate::folder::Fault;
use crate::lock;

/// Bytes of the longest file.
const FILE_BYTES: usize = 4096;

/// Keys that may wait for their last checkpoint. More mean that no checkpoint is made any more.
const RETIRING: usize = 7;

/// Bytes of the longest name of a log.
const ORIGIN_BYTES: usize = 200;

/// The key of a log, and keys before it that sign one more checkpoint, so that whoever trusted them
/// learns of the new one.
///
/// The file has one secret a line, in the form of [`Signer::parse`]: the key, then those that
/// retire. It is replaced as a whole, under a lock on its directory.
#[derive(Debug)]
pub struct Keys {
    path: PathBuf,
    current: Signer,
    retiring: Vec<Signer>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Others held the lock for too long.
    #[error("the lock of the signing key `{}` was not free within {wait:?}", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        wait: Duration,
    },
    /// The file is none that only its owner reads.
    #[error("the signing key `{}` {fault}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what helps.
        fault: &'static str,
    },
    /// The file holds something else.
    #[error("line {line} of the signing key `{}` is no key: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What is wrong with it. It never repeats what stands there.
        source: KeyError,
    },
    /// The file holds keys of two logs, or one key twice.
    #[error("line {line} of the signing key `{}` does not belong to the key before it", path.display())]
    Stranger {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// The log cannot have this name.
    #[error(
        "a log cannot be called this: write a name like `gw1.example.org/aiops`, of letters, \
         digits, `.`, `_`, `~` and `-`, with parts of a path behind `/`, at most {ORIGIN_BYTES} bytes"
    )]
    Origin,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// Nobody has signed with the keys that retire.
    #[error(
        "{RETIRING} keys wait for their last checkpoint already: make a checkpoint, then rotate"
    )]
    TooMany,
}

impl Keys {
    /// The keys in this file. Where there is no file, a key for the log of this name is made; a file
    /// that is there keeps the name it has.
    pub fn open(path: &Path, origin: &str, wait: Duration) -> Result<Self, Error> {
        if let Some(keys) = Self::read(path)? {
            return Ok(keys);
        }
        let _held = hold(path, wait)?;
        // Another process may have been first.
        if let Some(keys) = Self::read(path)? {
            return Ok(keys);
        }
        let keys = Self {
            path: path.to_owned(),
            current: fresh(origin)?,
            retiring: Vec::new(),
        };
        folder::publish(keys.write()?, path)?;
        Ok(keys)
    }

    /// The keys in this file. None where there is no file.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = read(path)? else {
            return Ok(None);
        };
        let line_is = |line, source| Error::Line {
            path: path.to_owned(),
            line,
            source,
        };
        let text = std::str::from_utf8(&text).map_err(|_| line_is(1, KeyError::Parts))?;
        let mut keys: Vec<Signer> = Vec::with_capacity(1 + RETIRING);
        for (at, line) in text.split_terminator('\n').enumerate() {
            let key = Signer::parse(line).map_err(|source| line_is(at + 1, source))?;
            let fits = keys
                .iter()
                .all(|other| other.id() != key.id() && other.id().name() == key.id().name());
            if !fits || at > RETIRING {
                return Err(Error::Stranger {
                    path: path.to_owned(),
                    line: at + 1,
                });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(line_is(1, KeyError::Parts));
        }
        let current = keys.remove(0);
        if !is_origin(current.id().name()) {
            return Err(line_is(1, KeyError::Name));
        }
        Ok(Some(Self {
            path: path.to_owned(),
            current,
            retiring: keys,
        }))
    }

    /// The name of the log, which is that of its keys and stands in every checkpoint.
    pub fn origin(&self) -> &str {
        self.current.id().name()
    }

    /// What the next checkpoint is to be signed with: the key, then those that retire with it.
    pub fn signers(&self) -> Vec<&Signer> {
        std::iter::once(&self.current)
            .chain(&self.retiring)
            .collect()
    }

    /// The key that stays.
    pub fn current(&self) -> &Signer {
        &self.current
    }

    /// What the signatures of [`Keys::signers`] are checked with.
    pub fn verifiers(&self) -> Vec<Verifier> {
        self.signers()
            .iter()
            .map(|signer| signer.verifier().clone())
            .collect()
    }

    /// Whether keys wait for their last checkpoint.
    pub fn is_rotating(&self) -> bool {
        !self.retiring.is_empty()
    }

    /// Makes a new key, and lets the one before it retire with the next checkpoint.
    pub fn rotate(&mut self, wait: Duration) -> Result<(), Error> {
        let _held = hold(&self.path, wait)?;
        let mut now = self.again()?;
        if now.retiring.len() >= RETIRING {
            return Err(Error::TooMany);
        }
        let new = fresh(now.origin())?;
        let old = std::mem::replace(&mut now.current, new);
        now.retiring.insert(0, old);
        folder::replace(now.write()?, &self.path)?;
        *self = now;
        Ok(())
    }

    /// Says that a checkpoint with all the signatures of [`Keys::signers`] is on disk: the keys that
    /// were retiring are forgotten. One that began to retire in the meantime stays.
    pub fn retired(&mut self, wait: Duration) -> Result<(), Error> {
        if self.retiring.is_empty() {
            return Ok(());
        }
        let _held = hold(&self.path, wait)?;
        let mut now = self.again()?;
        let before = now.retiring.len();
        now.retiring
            .retain(|key| !self.retiring.iter().any(|gone| gone.id() == key.id()));
        if now.retiring.len() != before {
            folder::replace(now.write()?, &self.path)?;
        }
        *self = now;
        Ok(())
    }

    /// What the file holds by now.
    fn again(&self) -> Result<Self, Error> {
        let gone = || Fault::of("read", &self.path)(io::ErrorKind::NotFound.into());
        Ok(Self::read(&self.path)?.ok_or_else(gone)?)
    }

    /// The file under a temporary name. It belongs to whom its directory belongs to, so that root
    /// does not take it away from the user who signs.
    fn write(&self) -> Result<tempfile::NamedTempFile, Error> {
        let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        for signer in self.signers() {
            text.extend_from_slice(signer.secret().as_bytes());
            text.push(b'\n');
        }
        let dir = directory(&self.path);
        let written = folder::write_bytes(dir, &text)?;
        let owner = dir.metadata().map_err(Fault::of("inspect", dir))?;
        let ours = written
            .as_file()
            .metadata()
            .map_err(Fault::of("inspect a file in", dir))?;
        if (ours.uid(), ours.gid()) != (owner.uid(), owner.gid()) && ours.uid() == 0 {
            fchown(written.as_file(), Some(owner.uid()), Some(owner.gid()))
                .map_err(Fault::of("give away a file in", dir))?;
        }
        Ok(written)
    }
}

/// A key of the system's randomness.
fn fresh(origin: &str) -> Result<Signer, Error> {
    if !is_origin(origin) {
        return Err(Error::Origin);
    }
    let mut seed = Zeroizing::new([0; 32]);
    match getrandom(&mut seed[..], GetRandomFlags::empty()) {
        Ok(32) => Signer::from_seed(origin, &seed).map_err(|_| Error::Origin),
        _ => Err(Error::Random),
    }
}

/// Whether a log can be called this: a name of a host, and parts of a path.
pub fn is_origin(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c))
    };
    name.len() <= ORIGIN_BYTES && name.split('/').all(is_part)
}

/// Locks the directory itself: only its owner can open it, and a file for the lock would have to
/// belong to somebody.
fn hold(path: &Path, wait: Duration) -> Result<File, Error> {
    let dir = directory(path);
    let file = File::open(dir).map_err(Fault::of("open", dir))?;
    if !lock::lock(&file, wait).map_err(Fault::of("lock", dir))? {
        let path = path.to_owned();
        return Err(Error::Locked { path, wait });
    }
    Ok(file)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}

/// The bytes of the file, which are wiped. None where there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let unsafe_by = |fault| {
        let path = path.to_owned();
        Err(Error::Unsafe { path, fault })
    };
    // A pipe must not make anybody wait, and a link may lead to what others read.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed())
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return unsafe_by("is a link; put the file itself there");
        }
        opened => opened.map_err(Fault::of("open", path))?,
    };
    let facts = file.metadata().map_err(Fault::of("inspect", path))?;
    if !facts.is_file() {
        return unsafe_by("is not a regular file");
    }
    if facts.mode() & 0o077 != 0 {
        return unsafe_by(
            "is open to group or others: whoever read it can sign for this log; run `chmod 0600` \
             on it, and make a new key",
        );
    }
    // All the room at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; FILE_BYTES + 1]);
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room).map_err(Fault::of("read", path))? {
            0 => break,
            read => length += read,
        }
    }
    if length > FILE_BYTES {
        return unsafe_by("is longer than keys are");
    }
    bytes.truncate(length);
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
