//! The proof that a record is in a log, for whoever has nothing but the log's key
//! (<https://c2sp.org/tlog-proof>).
//!
//! **Reads** nothing.
//! **Gives** [`Proof`].
//! **Never** believes what stands in it before [`Proof::verify`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Checkpoint;
use super::CheckpointError;
use super::Note;
use super::NoteError;
use super::Verifier;
use super::decimal;
use crate::evidence::tree;
use crate::evidence::tree::Hash;
use crate::evidence::tree::ProofError;

/// What the file begins with.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Bytes of the longest additional data in a proof.
pub const EXTRA_BYTES: usize = 64 << 20;

/// Hashes of the longest proof: one a level of the largest tree.
const HASHES: usize = 64;

/// A record's place in the tree, the way from there to the root, and a note that vouches for the
/// root. Kept in files that end in `.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    index: u64,
    extra: Option<Vec<u8>>,
    hashes: Vec<Hash>,
    checkpoint: Note,
}

/// Why a text is no proof, or one that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It does not begin as a proof does.
    #[error("a proof begins with the line `{HEADER}`")]
    Header,
    /// The additional data are not base64, or none, or too many.
    #[error("the line `extra` of the proof is not from 1 to {EXTRA_BYTES} bytes in base64")]
    Extra,
    /// The place of the record is missing.
    #[error("the proof has no line `index` with the number of a record, counted from 0")]
    Index,
    /// A line is no hash, or there are too many.
    #[error("the proof has not from 0 to {HASHES} lines of 32 bytes in base64, and an empty line")]
    Hashes,
    /// There is no note behind the proof.
    #[error("the checkpoint in the proof: {0}")]
    Note(#[from] NoteError),
    /// The note is no checkpoint that is to be believed.
    #[error("the checkpoint in the proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The way does not lead to the root.
    #[error(transparent)]
    Tree(#[from] ProofError),
}

impl Proof {
    /// A proof of the record at `index`, counted from zero. `checkpoint` is a signed note. `extra`
    /// is anything for the reader; nothing vouches for it.
    pub fn new(
        index: u64,
        extra: Option<Vec<u8>>,
        hashes: Vec<Hash>,
        checkpoint: &str,
    ) -> Result<Self, ProofFault> {
        if extra
            .as_ref()
            .is_some_and(|extra| extra.is_empty() || extra.len() > EXTRA_BYTES)
        {
            return Err(ProofFault::Extra);
        }
        if hashes.len() > HASHES {
            return Err(ProofFault::Hashes);
        }
        Ok(Self {
            index,
            extra,
            hashes,
            checkpoint: Note::parse(checkpoint)?,
        })
    }

    /// Reads a proof.
    pub fn parse(text: &str) -> Result<Self, ProofFault> {
        let (header, mut rest) = text.split_once('\n').ok_or(ProofFault::Header)?;
        if header != HEADER {
            return Err(ProofFault::Header);
        }
        let mut extra = None;
        if let Some(behind) = rest.strip_prefix("extra ") {
            let (base64, behind) = behind.split_once('\n').ok_or(ProofFault::Extra)?;
            // Refused before it is decoded: four characters stand for at most three bytes.
            if base64.len() / 4 > EXTRA_BYTES / 3 + 1 {
                return Err(ProofFault::Extra);
            }
            extra = Some(STANDARD.decode(base64).map_err(|_| ProofFault::Extra)?);
            rest = behind;
        }
        let behind = rest.strip_prefix("index ").ok_or(ProofFault::Index)?;
        let (index, mut rest) = behind.split_once('\n').ok_or(ProofFault::Index)?;
        let index = decimal(index).ok_or(ProofFault::Index)?;
        let mut hashes = Vec::new();
        loop {
            let (line, behind) = rest.split_once('\n').ok_or(ProofFault::Hashes)?;
            rest = behind;
            if line.is_empty() {
                break;
            }
            if hashes.len() == HASHES {
                return Err(ProofFault::Hashes);
            }
            hashes.push(Hash::from_base64(line).ok_or(ProofFault::Hashes)?);
        }
        Self::new(index, extra, hashes, rest)
    }

    /// Checks that a leaf is in a log whose key is one of these, at the place that the proof names.
    /// Gives the checkpoint that vouches for it.
    pub fn verify(&self, leaf: Hash, known: &[Verifier]) -> Result<Checkpoint, ProofFault> {
        let (checkpoint, _) = Checkpoint::believe(&self.checkpoint, known)?;
        tree::verify_inclusion(
            checkpoint.size(),
            self.index,
            leaf,
            &self.hashes,
            checkpoint.root(),
        )?;
        Ok(checkpoint)
    }

    /// The place of the record, counted from zero.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Additional data. Nothing vouches for them.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The hashes from the leaf's neighbour up to the root's child.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The checkpoint, not checked.
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }
}

impl fmt::Display for Proof {
    /// The proof as it is kept in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
