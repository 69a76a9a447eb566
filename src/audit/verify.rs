//! Reads the whole log and says whether it can be believed.
//!
//! **Reads** every segment from its first byte, checkpoints, keys, and what lies beside the log.
//! **Gives** [`verify`], [`Report`].
//! **Never** mends anything.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use super::Files;
use super::Outputs;
use super::checkpoint;
use super::files::Block;
use crate::evidence::note::Verifier;
use crate::home::Home;

mod follow;
mod resume;
pub(super) mod stack;
pub(super) mod sweep;
mod witness;

use follow::Follow;
pub use resume::Bookmark;
pub use resume::NotResumed;
use witness::Witness;

/// What is to be looked at, and whose word counts.
#[derive(Debug, Default)]
pub struct Asked {
    /// Keys that whoever asks vouches for. Without any, those that lie beside the log count.
    pub keys: Vec<Verifier>,
    /// Checkpoints that were kept elsewhere.
    pub checkpoints: Vec<String>,
    /// Where an earlier reading ended well.
    pub resume: Option<Bookmark>,
    /// Whether to leave out the files beside the log.
    pub skip_outputs: bool,
}

/// What was found in a log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Files that the log lies in.
    pub segments: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Records that are whole and in their place, with those that were verified before.
    pub records: u64,
    /// The number of the record after which this reading began; 0 where it began with the first.
    pub resumed_after: u64,
    /// Lines of another program before the first record, sealed by their hash.
    pub sealed_lines: u64,
    /// Lines that are no records (torn by a crash, or written by somebody else) and acknowledged
    /// by the record behind them.
    pub recovered: u64,
    /// Bytes behind the last line break: a write that is going on, or was torn by a crash.
    pub torn_bytes: u64,
    /// Texts beside the log that are what their records speak of.
    pub outputs: u64,
    /// The last record.
    pub last: Option<End>,
    /// What the checkpoints say.
    pub checkpoints: Signed,
    /// Everything that should not be, in order.
    pub damage: Vec<Damage>,
    /// Runs that were started and have no outcome.
    pub open: Vec<OpenIntent>,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// The number of the last record.
    pub seq: u64,
    /// The hash of its line.
    pub sha256: String,
    /// The root of the tree over all records, in base64; none where it cannot be told.
    pub root: Option<String>,
}

/// What is signed of a log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Signed {
    /// Checkpoints whose signature is good and whose tree is that of the log.
    pub good: u64,
    /// Records that the last of them covers.
    pub covered: u64,
    /// The keys that signed them, as `name+hash`.
    pub by: BTreeSet<String>,
    /// Whether whoever asked vouches for the keys; else the machine itself does.
    pub vouched: bool,
}

/// One thing that should not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The name of the file.
    pub file: String,
    /// Line in it, from 1; 0 where it is about all of it.
    pub line: u64,
    /// What kind of damage it is.
    pub kind: Kind,
    /// What is wrong with it.
    pub what: String,
}

/// Kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A line is not as it was written.
    Changed,
    /// Records are missing.
    Removed,
    /// A line was put in.
    Inserted,
    /// A record stands where it does not belong, or a second time.
    Moved,
    /// A line is no record, and no record acknowledges it.
    Strange,
    /// Records at the end are missing that were signed.
    CutOff,
    /// The log is sound in itself, and not the one that was signed.
    Rewritten,
    /// A checkpoint cannot be read, or its signature is not good.
    Signature,
    /// A text beside the log is missing, or is not what the record speaks of.
    Output,
    /// A run was started twice, or ended without a start.
    Run,
}

/// A run without an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// Number of the intent's record.
    pub seq: u64,
    /// When it was about to start.
    pub timestamp: String,
    /// Which request it was.
    pub request_id: Option<String>,
    /// On which target.
    pub target: Option<String>,
    /// Which command.
    pub command: Option<String>,
    /// Its time limit in seconds.
    pub limit_s: Option<u64>,
    /// Whether that limit and some more is not over yet, so that it may simply be going on.
    #[serde(default)]
    pub may_be_running: bool,
}

/// Why a log could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The log is not the one that was verified before.
    #[error(transparent)]
    NotResumed(#[from] NotResumed),
}

impl Unread {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

impl Report {
    /// Whether every line is what it should be. Open runs are told apart: they may be going on.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

impl OpenIntent {
    fn is_in_time(&self, now: DateTime<Utc>) -> bool {
        let limit = i64::try_from(self.limit_s.unwrap_or(0)).unwrap_or(i64::MAX / 2);
        let slack = TimeDelta::try_seconds(limit.saturating_add(RUN_SLACK));
        DateTime::parse_from_rfc3339(&self.timestamp)
            .ok()
            .zip(slack)
            .and_then(|(started, slack)| started.to_utc().checked_add_signed(slack))
            .is_some_and(|over| now < over)
    }
}

/// Reads a log from its first byte, or from where an earlier reading ended. `progress` is told how
/// many bytes were read. Gives the point to go on from, where all is well.
///
/// # Errors
///
/// A file cannot be read, or the log does not continue what was verified before.
pub fn verify(
    home: &Home,
    asked: Asked,
    now: DateTime<Utc>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Report, Option<Bookmark>), Unread> {
    let files = Files::of(home);
    let unread = || Unread::of(files.live());
    let outputs = (!asked.skip_outputs).then(|| Outputs::of(home));
    let notes = checkpoint::read(home).map_err(Unread::of(&home.checkpoints()))?;
    let known = checkpoint::known_keys(home).map_err(Unread::of(&home.audit_keys()))?;
    let witness = Witness::new(asked.keys, known, notes, asked.checkpoints);
    let mut follow = match asked.resume {
        Some(verified) => resume::go_on(verified, &files, witness, outputs)?,
        None => Follow::new(witness, outputs),
    };
    follow.report.segments = files.segments().map_err(unread())?.len() as u64;
    let blocks = files.blocks(follow.next, BLOCK).map_err(unread())?;
    thread::scope(|scope| {
        // The next block is read while one is looked at.
        let (give, take) = mpsc::sync_channel(1);
        scope.spawn(move || {
            for block in blocks {
                let failed = block.is_err();
                if give.send(block).is_err() || failed {
                    return;
                }
            }
        });
        for block in take {
            follow.block(&block?);
            progress(follow.report.bytes);
        }
        Ok(())
    })
    .map_err(unread())?;
    Ok(follow.finish(now))
}

/// Bytes of a log that are looked at together.
const BLOCK: usize = 16 << 20;

/// Seconds that connecting and ending may add to the time limit of a run.
const RUN_SLACK: i64 = 60;

#[cfg(test)]
mod tests;
