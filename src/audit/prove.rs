//! A proof that one record is in the log, which is checked without the log.
//!
//! **Reads** the log up to the newest checkpoint that covers the record, and checkpoints.
//! **Gives** [`prove`].
//! **Never** proves a record of a log that is not the one that was signed.

use std::collections::HashMap;
use std::io;

use super::Files;
use super::checkpoint;
use super::tail;
use super::verify::stack::Stack;
use super::verify::sweep;
use crate::evidence::note::Checkpoint;
use crate::evidence::note::CheckpointError;
use crate::evidence::note::Note;
use crate::evidence::note::Proof;
use crate::evidence::note::ProofFault;
use crate::evidence::tree;
use crate::evidence::tree::Hash;
use crate::evidence::tree::ProofError;
use crate::home::Home;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum Unproved {
    /// A file cannot be read.
    #[error("cannot read the log: {0}")]
    Io(#[from] io::Error),
    /// Nothing was signed that covers the record.
    #[error("no checkpoint covers record {0} yet; make one with `aiops audit checkpoint`")]
    Uncovered(u64),
    /// The checkpoint cannot be read.
    #[error("the newest checkpoint cannot be read: {0}; run `aiops audit verify`")]
    Checkpoint(#[from] CheckpointError),
    /// The log is not the one that was signed.
    #[error("the log is not the one that was signed, or is damaged: run `aiops audit verify`")]
    Damaged,
    /// The proof would be too large, or there is no such record.
    #[error(transparent)]
    Proof(#[from] ProofFault),
    /// There is no such record.
    #[error(transparent)]
    Record(#[from] ProofError),
}

/// Proves that the record of this number is in the log that the newest checkpoint signed. The line of
/// the record goes with the proof.
///
/// # Errors
///
/// See [`Unproved`].
pub fn prove(home: &Home, seq: u64) -> Result<Proof, Unproved> {
    let newest = checkpoint::read(home)?
        .pop()
        .ok_or(Unproved::Uncovered(seq))?;
    let note = Note::parse(&newest.text).map_err(CheckpointError::from)?;
    let signed = Checkpoint::parse(note.text())?;
    let size = signed.size();
    let index = match seq.checked_sub(1) {
        Some(index) if index < size => index,
        _ => return Err(Unproved::Uncovered(seq)),
    };
    // First only asked what is needed, then the log is read once.
    let mut wanted = Vec::new();
    let dry = tree::proof(size, index, |level, number| {
        wanted.push((level, number));
        Ok::<_, io::Error>(Hash([0; 32]))
    });
    dry.map_err(of_tree)?;
    let mut reading = Reading::new(size, &wanted);
    let line = reading.read(&Files::of(home), seq)?;
    let hashes = tree::proof(size, index, |level, number| {
        let found = reading.found.get(&(level, number)).copied();
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    })
    .map_err(of_tree)?;
    let leaf = tree::leaf_of_line(&line);
    if tree::verify_inclusion(size, index, leaf, &hashes, signed.root()).is_err() {
        return Err(Unproved::Damaged);
    }
    Ok(Proof::new(index, Some(line), hashes, &newest.text)?)
}

fn of_tree(fault: tree::Unproved<io::Error>) -> Unproved {
    match fault {
        tree::Unproved::Impossible(fault) => Unproved::Record(fault),
        tree::Unproved::Source(_) => Unproved::Damaged,
    }
}

/// The log, read for the roots of a few subtrees.
struct Reading {
    size: u64,
    /// The first leaf behind each of them, and before the first one, in order.
    cuts: Vec<u64>,
    /// Level and number of the subtree that ends at a cut.
    ends: HashMap<u64, (u32, u64)>,
    open: Stack,
    begun: u64,
    found: HashMap<(u32, u64), Hash>,
}

impl Reading {
    fn new(size: u64, wanted: &[(u32, u64)]) -> Self {
        let mut cuts = vec![size];
        let mut ends = HashMap::new();
        for (level, number) in wanted {
            let begin = number << level;
            let end = begin + (1 << level);
            cuts.extend([begin, end]);
            ends.insert(end, (*level, *number));
        }
        cuts.sort_unstable();
        cuts.dedup();
        Self {
            size,
            cuts,
            ends,
            open: Stack::new(0),
            begun: 0,
            found: HashMap::new(),
        }
    }

    /// Reads all that was signed, and gives the line of one record.
    fn read(&mut self, files: &Files, seq: u64) -> Result<Vec<u8>, Unproved> {
        let mut wanted = None;
        for block in files.blocks(None, BLOCK)? {
            let block = block?;
            let before = self.open.end();
            match sweep::sweep(&block.bytes, &self.cuts) {
                Some(swept) if swept.first().is_none_or(|first| first.first == before + 1) => {
                    let stacks = swept.iter().flat_map(|sweep| &sweep.pieces);
                    for stack in stacks {
                        for (level, root) in stack.items() {
                            self.open.push(*level, *root);
                        }
                        self.reached();
                    }
                }
                _ => self.read_each(&block.bytes)?,
            }
            if wanted.is_none() && self.open.end() >= seq {
                let mut records = block
                    .bytes
                    .split(|byte| *byte == b'\n')
                    .filter(|line| tail::known(line).is_some_and(|known| known.seq == seq));
                wanted = records.next().map(<[u8]>::to_vec);
            }
            if self.open.end() >= self.size {
                break;
            }
        }
        wanted.ok_or(Unproved::Damaged)
    }

    fn read_each(&mut self, bytes: &[u8]) -> Result<(), Unproved> {
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(known) = tail::known(line) else {
                continue;
            };
            if known.seq != self.open.end() + 1 {
                return Err(Unproved::Damaged);
            }
            self.open.push(0, tree::leaf_of_line(line));
            self.reached();
        }
        Ok(())
    }

    /// Keeps the root that is whole at a cut.
    fn reached(&mut self) {
        let end = self.open.end();
        if self.cuts.binary_search(&end).is_err() {
            return;
        }
        if let (Some(name), [(level, root)]) = (self.ends.get(&end), self.open.items())
            && self.begun == name.1 << name.0
            && *level == name.0
        {
            self.found.insert(*name, *root);
        }
        self.begun = end;
        self.open = Stack::new(end);
    }
}

/// Bytes of a log that are looked at together.
const BLOCK: usize = 16 << 20;
