//! Checkpoints: what the log is at one moment, signed, so that it can be compared later.
//!
//! **Reads** the log's newest records, the signing key, and how far the tree was built.
//! **Writes** `audit/checkpoints` and `audit/keys`; hands each checkpoint on to others.
//! **Gives** [`Settings`], [`make`], [`is_due`], [`Written`].
//! **Never** signs a log that does not continue what was signed before.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use super::AuditLog;
use super::Event;
use super::Files;
use super::Place;
use super::Record;
use super::tail;
use crate::evidence::key;
use crate::evidence::key::Keys;
use crate::evidence::note::Checkpoint;
use crate::evidence::note::CheckpointError;
use crate::evidence::note::NoteError;
use crate::evidence::note::Verifier;
use crate::evidence::tree;
use crate::evidence::tree::Range;
use crate::folder;
use crate::hex;
use crate::home::Home;
use crate::lock;

mod deliver;

pub use deliver::Receivers;

/// When checkpoints are made, and who gets them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the log, for a key that is not made yet; without it the name of this machine.
    pub origin: Option<String>,
    /// After so many records.
    pub records: u64,
    /// After so much time.
    pub every: Duration,
    /// How long to wait for locks.
    pub lock_wait: Duration,
    /// Who gets them.
    pub receivers: Receivers,
}

/// A checkpoint that was made, or none.
#[derive(Debug)]
pub struct Made {
    /// The signed note; none where nothing is new since the last one and everybody has that.
    pub note: Option<String>,
    /// Records that the newest checkpoint covers.
    pub size: u64,
    /// Who did not get it, and why.
    pub undelivered: Vec<String>,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    Folder(#[from] folder::Fault),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] super::Error),
    /// A file operation failed.
    #[error("cannot {verb} `{path}`: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no key.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// The log cannot be called what it is to be called.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log was signed before, and the key is gone.
    #[error(
        "the log was signed before, and its key `{0}` is gone: put it back, or say so with `aiops audit key rotate --lost`"
    )]
    KeyGone(String),
    /// Nothing could be signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It would take too long for a process whose caller waits.
    #[error("{0} records are not signed yet: run `aiops audit checkpoint`")]
    Behind(u64),
    /// Somebody else makes one.
    #[error("another process is making a checkpoint")]
    Locked,
    /// The log does not go on from what was signed.
    #[error(
        "the log does not continue what the last checkpoint signed: {0}; run `aiops audit verify`"
    )]
    Broken(String),
}

impl Error {
    fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { verb, path, source }
    }
}

/// How far the tree was built.
#[derive(Debug, Serialize, Deserialize)]
struct Built {
    /// The hash of the last record's line.
    sha256: String,
    /// Where the line behind it begins.
    next: Option<Place>,
    tree: Range,
}

/// Whether it is time for one, by the numbers of the records that were just written.
pub fn is_due(home: &Home, settings: &Settings, written: (u64, u64), now: DateTime<Utc>) -> bool {
    let (first, last) = written;
    if last / settings.records > first.saturating_sub(1) / settings.records {
        return true;
    }
    // What went wrong just now goes wrong again.
    let tried = [home.checkpoints(), home.checkpoint_trouble()];
    let moments = tried
        .iter()
        .filter_map(|path| fs::metadata(path).and_then(|facts| facts.modified()).ok());
    moments.max().is_none_or(|tried| {
        let age = (now - DateTime::<Utc>::from(tried)).to_std();
        age.is_ok_and(|age| age >= settings.every)
    })
}

/// How long somebody who makes a checkpoint may be held up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For somebody else who makes one.
    pub lock: Duration,
    /// Records that may have to be read for it.
    pub records: u64,
}

impl Patience {
    /// That of a process whose caller waits for its end.
    pub const LITTLE: Self = Self {
        lock: Duration::ZERO,
        records: 20_000,
    };

    /// That of somebody who came for it.
    pub fn of_person(lock: Duration) -> Self {
        Self {
            lock,
            records: u64::MAX,
        }
    }
}

/// Makes a checkpoint of all records there are, writes it down and hands it on.
///
/// A key that is not known yet is announced in the log first, so that its own checkpoint covers
/// that record.
///
/// # Errors
///
/// See [`Error`]; then nothing is signed.
pub fn make(
    home: &Home,
    log: &AuditLog,
    settings: &Settings,
    now: DateTime<Utc>,
    patience: Patience,
) -> Result<Made, Error> {
    let path = home.checkpoint_lock();
    let held = lock::take(&path, patience.lock).map_err(Error::io("lock", &path))?;
    let _held = held.ok_or(Error::Locked)?;
    super::directory(&home.evidence()).map_err(Error::io("create", &home.evidence()))?;
    let mut keys = keys(home, settings)?;
    announce(home, log, &keys, now)?;
    let mut built = match folder::read::<Built>(&home.audit_tree(), TREE_BYTES) {
        Ok(built) => built,
        Err(fault) if fault.is_missing() => Built {
            sha256: super::GENESIS.to_owned(),
            next: None,
            tree: Range::new(),
        },
        Err(fault) => return Err(fault.into()),
    };
    let before = built.tree.size();
    let signed = signed(home, &keys)?;
    grow(home, log, &mut built, signed, patience.records)?;
    let size = built.tree.size();
    let is_new = size != before || keys.is_rotating();
    // Who did not get the last one gets it now.
    if size == 0 || !is_new && trouble(home).is_none() {
        return Ok(Made {
            note: None,
            size,
            undelivered: Vec::new(),
        });
    }
    let checkpoint = Checkpoint::new(keys.origin(), size, built.tree.root())?;
    let note = checkpoint.sign(&keys.signers())?;
    if is_new {
        let path = home.checkpoints();
        append_note(&path, &note).map_err(Error::io("write", &path))?;
        keys.retired(settings.lock_wait)?;
        let written = folder::write(&home.runtime(), &built)?;
        folder::replace(written, &home.audit_tree())?;
    }
    let undelivered = settings.receivers.deliver(&checkpoint, &note);
    Ok(Made {
        note: Some(note),
        size,
        undelivered,
    })
}

/// Exchanges the key that signs. The next checkpoint is signed by both; where the key before is
/// `lost`, by the new one alone, and whoever checks has to be told of it in another way.
///
/// # Errors
///
/// See [`Error`].
pub fn rotate_key(
    home: &Home,
    log: &AuditLog,
    settings: &Settings,
    now: DateTime<Utc>,
    lost: bool,
) -> Result<Verifier, Error> {
    if lost && !home.audit_key().exists() {
        let known = known_keys(home).map_err(Error::io("read", &home.audit_keys()))?;
        let origin = known.last().map(|key| key.id().name().to_owned());
        let origin = origin.unwrap_or_else(own_origin);
        let keys = Keys::open(&home.audit_key(), &origin, settings.lock_wait)?;
        announce(home, log, &keys, now)?;
        return Ok(keys.current().verifier().clone());
    }
    let mut keys = keys(home, settings)?;
    announce(home, log, &keys, now)?;
    keys.rotate(settings.lock_wait)?;
    announce(home, log, &keys, now)?;
    Ok(keys.current().verifier().clone())
}

/// The keys that sign. One is made only for a log that was never signed: where a key is known and its
/// secret is gone, somebody has to say so.
fn keys(home: &Home, settings: &Settings) -> Result<Keys, Error> {
    let path = home.audit_key();
    if let Some(keys) = Keys::read(&path)? {
        return Ok(keys);
    }
    if home.audit_keys().exists() {
        return Err(Error::KeyGone(path.display().to_string()));
    }
    let origin = settings.origin.clone().unwrap_or_else(own_origin);
    Ok(Keys::open(&path, &origin, settings.lock_wait)?)
}

/// A name for the log of this machine.
fn own_origin() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    Some(format!("{name}/aiops"))
        .filter(|origin| key::is_origin(origin))
        .unwrap_or_else(|| "localhost/aiops".to_owned())
}

/// Keeps for `doctor` why there is no checkpoint or who did not get it, and gives it back.
///
/// # Errors
///
/// The fault that is kept.
pub fn remember(home: &Home, made: Result<Made, Error>, now: DateTime<Utc>) -> Result<Made, Error> {
    let trouble = match &made {
        // Somebody else is at it, and will tell.
        Err(Error::Locked) => return made,
        Err(fault) => vec![fault.to_string()],
        Ok(none) if none.note.is_none() => return made,
        Ok(made) => made.undelivered.clone(),
    };
    let path = home.checkpoint_trouble();
    // Where even this cannot be written down, the file system says so to everybody.
    let _ = if trouble.is_empty() {
        folder::remove(&path)
    } else {
        let told = Trouble {
            at: super::stamp(now),
            what: trouble,
        };
        folder::write(&home.runtime(), &told).and_then(|written| folder::replace(written, &path))
    };
    made
}

/// What went wrong with the last checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trouble {
    /// When.
    pub at: String,
    /// What, one sentence each.
    pub what: Vec<String>,
}

/// What went wrong with the last checkpoint; none where nothing did.
pub fn trouble(home: &Home) -> Option<Trouble> {
    folder::read(&home.checkpoint_trouble(), TREE_BYTES).ok()
}

/// Says in the log, and beside it, which key signs. What is beside it already was said.
fn announce(home: &Home, log: &AuditLog, keys: &Keys, now: DateTime<Utc>) -> Result<(), Error> {
    let path = home.audit_keys();
    let failed = |verb| Error::io(verb, &path);
    let known = known_keys(home).map_err(failed("read"))?;
    let current = keys.current().verifier();
    if known.contains(current) {
        return Ok(());
    }
    let mut record = Record::new(Event::Key, now);
    record.status = Some("announced".to_owned());
    record.message = Some("checkpoints are signed by this key from here on".to_owned());
    record.verifier_key = Some(current.to_string());
    log.append(record)?;
    super::directory(&home.evidence()).map_err(failed("write"))?;
    append(&path, &format!("{current}\n")).map_err(failed("write"))
}

/// The newest checkpoint that a key of this log signed: after a crash it may know of more than what
/// is kept of the tree.
fn signed(home: &Home, keys: &Keys) -> Result<Option<Checkpoint>, Error> {
    let path = home.checkpoints();
    let written = read(home).map_err(Error::io("read", &path))?;
    let mut known = known_keys(home).map_err(Error::io("read", &home.audit_keys()))?;
    known.extend(keys.verifiers());
    let mut newest = written.iter().rev();
    Ok(newest.find_map(|note| Some(Checkpoint::open(&note.text, &known).ok()?.0)))
}

/// Lets the tree grow by the records that are on disk now. It has to become what was signed.
fn grow(
    home: &Home,
    log: &AuditLog,
    built: &mut Built,
    signed: Option<Checkpoint>,
    most: u64,
) -> Result<(), Error> {
    let end = log.committed()?;
    let size = built.tree.size();
    let last = end.unwrap_or(0);
    let signed = signed.filter(|signed| signed.size() >= size);
    let size = signed.as_ref().map_or(size, Checkpoint::size);
    let is_signed = |tree: &Range| match &signed {
        Some(signed) if signed.size() == tree.size() && signed.root() != tree.root() => {
            let what = format!("its first {} records are others", signed.size());
            Err(Error::Broken(what))
        }
        _ => Ok(()),
    };
    is_signed(&built.tree)?;
    if last < size {
        let what = format!("it had {size} records and has {last}");
        return Err(Error::Broken(what));
    }
    if last == built.tree.size() {
        return Ok(());
    }
    let behind = last - built.tree.size();
    if behind > most {
        return Err(Error::Behind(behind));
    }
    let live = home.audit();
    let failed = |verb| Error::io(verb, &live);
    let entries = Files::of(home)
        .entries(built.next)
        .map_err(failed("read"))?;
    for entry in entries {
        let entry = entry.map_err(failed("read"))?;
        let Some(known) = tail::known(&entry.line).filter(|_| !entry.torn) else {
            continue;
        };
        let number = built.tree.size() + 1;
        let before = if number == 1 {
            // What stands before the first record of all is for `verify` to say.
            known.prev.clone()
        } else {
            built.sha256.clone()
        };
        if known.seq != number || known.prev != before {
            return Err(Error::Broken(format!(
                "record {number} should follow, and what follows is record {}",
                known.seq
            )));
        }
        let hash = tree::record_hash(&entry.line);
        built.tree.push(tree::leaf(&hash));
        built.sha256 = hex::of(&hash);
        built.next = Some(entry.next());
        is_signed(&built.tree)?;
        if number == last {
            return Ok(());
        }
    }
    let size = built.tree.size();
    Err(Error::Broken(format!("it ends after record {size}")))
}

/// One checkpoint as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The line where it begins, from 1.
    pub line: u64,
    /// The note.
    pub text: String,
}

/// All checkpoints beside the log; none where there is no file. What is no whole note comes as it
/// stands there.
///
/// # Errors
///
/// The file cannot be read.
pub fn read(home: &Home) -> io::Result<Vec<Written>> {
    match fs::read(home.checkpoints()) {
        Ok(text) => Ok(notes(&String::from_utf8_lossy(&text))),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// The notes in a text, one behind the other with an empty line between them.
pub fn notes(text: &str) -> Vec<Written> {
    let (mut notes, rest) = whole_notes(text);
    if !rest.is_empty() {
        let before = text.len() - rest.len();
        let before = text.get(..before).unwrap_or_default();
        notes.push(Written {
            line: before.lines().count() as u64 + 1,
            text: rest.to_owned(),
        });
    }
    notes
}

/// Every note that is followed by an empty line, and what stands behind the last one.
fn whole_notes(text: &str) -> (Vec<Written>, &str) {
    let mut notes = Vec::new();
    let mut rest = text;
    let mut note: Option<Written> = None;
    let mut signed = false;
    let mut read = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        read += line.len();
        if line == "\n" && signed {
            notes.extend(note.take());
            rest = text.get(read..).unwrap_or_default();
            signed = false;
            continue;
        }
        let note = note.get_or_insert_with(|| Written {
            line: number as u64 + 1,
            text: String::new(),
        });
        note.text.push_str(line);
        signed = line.starts_with('—');
    }
    (notes, rest)
}

/// The keys that lie beside the log, in the order in which they signed.
///
/// # Errors
///
/// The file cannot be read, or a line is no key.
pub fn known_keys(home: &Home) -> io::Result<Vec<Verifier>> {
    let text = match fs::read_to_string(home.audit_keys()) {
        Ok(text) => text,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let key = |line: &str| Verifier::parse(line).map_err(io::Error::other);
    text.lines().map(key).collect()
}

/// Appends a note. What a crash left of an earlier one, which nobody was told of, is taken away.
fn append_note(path: &Path, note: &str) -> io::Result<()> {
    // Bytes that are no text are none of ours, and stay.
    if let Ok(text) = fs::read_to_string(path) {
        let torn = whole_notes(&text).1.len();
        if torn > 0 {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len((text.len() - torn) as u64)?;
        }
    }
    append(path, &format!("{note}\n"))
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(super::READABLE)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(super::READABLE))?;
    let length = file.metadata()?.len();
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // Half a line would be taken for damage. The fault to report is the first one.
        let _ = file.set_len(length);
    })?;
    file.sync_all()?;
    let dir = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    File::open(dir)?.sync_all()
}

/// Bytes of the longest file that tells how far the tree was built.
const TREE_BYTES: usize = 64 * 1024;
