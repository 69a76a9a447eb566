//! Where a reading of the log ended well, and how the next one goes on from there.
//!
//! **Reads** one line of the log.
//! **Gives** [`Bookmark`], which whoever verifies keeps for themselves.
//! **Never** believes more than that the line at that place is still the same: what stands before it
//! may have been changed since, which only a reading from the beginning finds.

use std::io;

use serde::Deserialize;
use serde::Serialize;

use super::OpenIntent;
use super::follow::Follow;
use super::follow::Last;
use super::witness::Witness;
use crate::audit::Files;
use crate::audit::Outputs;
use crate::audit::Place;
use crate::evidence::tree;
use crate::evidence::tree::Range;
use crate::hex;

/// The end of a log that was found whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookmark {
    /// Version of this format.
    schema: u32,
    /// The number of the last record.
    seq: u64,
    /// The hash of its line.
    sha256: String,
    /// Where it begins.
    last: Place,
    /// Where the line behind it begins.
    next: Place,
    /// The name of its file, and lines that were read of it.
    file: String,
    line: u64,
    records: u64,
    sealed_lines: u64,
    recovered: u64,
    /// The tree over all records so far.
    tree: Range,
    /// Runs without an outcome so far.
    open: Vec<OpenIntent>,
    /// The keys that are trusted by now, as verifier keys.
    keys: Vec<String>,
    /// Keys that were announced and that nobody has signed for yet, with the numbers of the records.
    #[serde(default)]
    announced: Vec<(u64, String)>,
    /// Whether somebody vouched for the keys.
    #[serde(default)]
    vouched: bool,
}

/// Why a reading cannot go on where an earlier one ended.
#[derive(Debug, thiserror::Error)]
pub enum NotResumed {
    /// The state was not written by this version.
    #[error("the state is not of a form that this version writes; verify from the beginning")]
    Unknown,
    /// Nobody vouched for the keys before.
    #[error(
        "what was verified before was not vouched for by a given key; verify from the beginning"
    )]
    NotVouched,
    /// A checkpoint that was handed in is of what was read before.
    #[error(
        "the given checkpoint of {0} records is of what was verified before; verify from the beginning"
    )]
    Passed(u64),
    /// The line is another one, or gone.
    #[error(
        "record {seq} is not what was verified before: the log was changed or cut there ({why}); verify from the beginning"
    )]
    Changed {
        /// The record.
        seq: u64,
        /// What stands there.
        why: String,
    },
}

pub(super) fn go_on(
    verified: Bookmark,
    files: &Files,
    mut witness: Witness,
    outputs: Option<Outputs>,
) -> Result<Follow, NotResumed> {
    let hash = hex::read::<32>(verified.sha256.as_bytes());
    let (Some(hash), SCHEMA) = (hash, verified.schema) else {
        return Err(NotResumed::Unknown);
    };
    if witness.is_vouched() && !verified.vouched {
        return Err(NotResumed::NotVouched);
    }
    let seq = verified.seq;
    let changed = |why: String| NotResumed::Changed { seq, why };
    let line = files
        .line_at(verified.last)
        .map_err(|fault: io::Error| changed(fault.to_string()))?;
    if tree::record_hash(&line) != hash {
        return Err(changed("its hash is another one".to_owned()));
    }
    witness.trust(&verified.keys);
    for (seq, key) in &verified.announced {
        witness.announced(*seq, key);
    }
    if let Some(size) = witness.pass(seq) {
        return Err(NotResumed::Passed(size));
    }
    let mut follow = Follow::new(witness, outputs);
    follow.report.resumed_after = seq;
    follow.report.records = verified.records;
    follow.report.sealed_lines = verified.sealed_lines;
    follow.report.recovered = verified.recovered;
    follow.next = Some(verified.next);
    follow.file.clone_from(&verified.file);
    follow.line = verified.line;
    follow.last = Some(Last {
        seq,
        hash,
        place: verified.last,
        file: verified.file,
        line: verified.line,
    });
    follow.tree = verified.tree;
    follow.reached(seq);
    let open = verified.open.into_iter();
    follow.open = open
        .filter_map(|open| Some((open.request_id.clone()?, open)))
        .collect();
    Ok(follow)
}

impl Follow {
    /// The point to go on from, where everything so far is well.
    pub(super) fn verified(&self) -> Option<Bookmark> {
        let last = self.last.as_ref().filter(|_| self.report.is_whole())?;
        let mut open: Vec<_> = self.open.values().cloned().collect();
        open.sort_by_key(|open| open.seq);
        Some(Bookmark {
            schema: SCHEMA,
            seq: last.seq,
            sha256: hex::of(&last.hash),
            last: last.place,
            next: self.next?,
            file: last.file.clone(),
            line: self.line,
            records: self.report.records,
            sealed_lines: self.report.sealed_lines,
            recovered: self.report.recovered,
            tree: self.tree.clone(),
            open,
            keys: self.witness.trusted(),
            announced: self.witness.waiting_keys(),
            vouched: self.witness.is_vouched(),
        })
    }
}

/// Version of the state's format.
const SCHEMA: u32 = 1;
