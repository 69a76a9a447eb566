//! What a log claims to be: its name, its number of records, and the root over them
//! (<https://c2sp.org/tlog-checkpoint>).
//!
//! **Reads** nothing.
//! **Gives** [`Checkpoint`].
//! **Never** takes one from a note that the log's own key has not signed.

use std::fmt;

use super::Note;
use super::NoteError;
use super::Signer;
use super::Verified;
use super::Verifier;
use super::decimal;
use super::is_forbidden;
use super::sign;
use crate::evidence::tree::Hash;

/// Bytes of the longest text of a checkpoint.
const TEXT_BYTES: usize = 1024;

/// The head of a log. As text: three lines, each with a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// Why a text is no checkpoint, or not one to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no note, or nobody known has signed it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is longer than a checkpoint is.
    #[error("the checkpoint is longer than {TEXT_BYTES} bytes")]
    TooLong,
    /// There are more or fewer than three lines.
    #[error("a checkpoint is three lines: the name of the log, the number of records, the root")]
    Lines,
    /// The log has no name.
    #[error("the first line of the checkpoint is no name of a log")]
    Origin,
    /// The second line is no number.
    #[error("the second line of the checkpoint is no number of records")]
    Size,
    /// The third line is no hash.
    #[error("the third line of the checkpoint is not 32 bytes in base64")]
    Root,
    /// A known key signed for another log.
    #[error("the checkpoint of the log is not signed by a key of the log's own name")]
    Foreign,
}

impl Checkpoint {
    /// The head of the log of this name. The name has to fit on a line.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if origin.len() > TEXT_BYTES / 2 {
            return Err(CheckpointError::TooLong);
        }
        if origin.is_empty() || origin.chars().any(|c| is_forbidden(c) || c == '\n') {
            return Err(CheckpointError::Origin);
        }
        let origin = origin.to_owned();
        Ok(Self { origin, size, root })
    }

    /// Reads the text of a checkpoint, without signatures. Lines behind the third are refused: no
    /// log of this program writes any, and nobody could check what they say.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        if text.len() > TEXT_BYTES {
            return Err(CheckpointError::TooLong);
        }
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).ok_or(CheckpointError::Root)?;
        Self::new(origin, size, root)
    }

    /// Reads a signed checkpoint, and believes it only if a known key of the name that it bears
    /// signed it. Other known keys may have signed it too.
    pub fn open(note: &str, known: &[Verifier]) -> Result<(Self, Verified), CheckpointError> {
        Self::believe(&Note::parse(note)?, known)
    }

    /// [`Checkpoint::open`] for a note that was read already.
    pub fn believe(note: &Note, known: &[Verifier]) -> Result<(Self, Verified), CheckpointError> {
        let verified = note.verify(known)?;
        let checkpoint = Self::parse(verified.text())?;
        if !verified
            .by()
            .iter()
            .any(|key| key.name() == checkpoint.origin)
        {
            return Err(CheckpointError::Foreign);
        }
        Ok((checkpoint, verified))
    }

    /// The checkpoint as a note with these signatures.
    pub fn sign(&self, signers: &[&Signer]) -> Result<String, NoteError> {
        sign(&self.to_string(), signers)
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many records the log has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    pub fn root(&self) -> Hash {
        self.root
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.to_base64();
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}
