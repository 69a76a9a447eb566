//! Text with signatures, the claims that are written so, and the keys they are checked with
//! (<https://c2sp.org/signed-note>).
//!
//! **Reads** nothing.
//! **Gives** [`Note`], [`sign`], [`Verified`], [`Checkpoint`], [`Proof`], [`Verifier`], [`Signer`].
//! **Never** takes a text for signed because it looks so, and never overlooks that a signature of a
//! known key is wrong.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

mod checkpoint;
mod name;
mod proof;
mod signer;
mod verifier;

pub use checkpoint::Checkpoint;
pub use checkpoint::CheckpointError;
pub use name::KeyError;
pub use name::KeyId;
pub use proof::EXTRA_BYTES;
pub use proof::Proof;
pub use proof::ProofFault;
pub use signer::Signer;
pub use verifier::Verifier;

/// Bytes of the longest note that is read or made. Sixteen signatures of the longest kind that is
/// in use leave room for a text.
pub const NOTE_BYTES: usize = 256 << 10;

/// Signatures that a note may have. The format asks for at least 16.
pub const SIGNATURES: usize = 100;

/// What a line of a signature begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A text and signatures that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature as it stands in a note.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    key: KeyId,
    bytes: Vec<u8>,
}

/// Why a text is no note, or not one to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is longer than a note may be.
    #[error("the note is longer than {NOTE_BYTES} bytes")]
    TooLong,
    /// It holds what no text of a note may hold.
    #[error("the note holds a control character other than line breaks")]
    Control,
    /// The text does not end with a line break.
    #[error("the text of the note does not end with a line break")]
    Unended,
    /// No empty line stands between a text and signatures.
    #[error("the note has no text and signatures with an empty line between them")]
    Unsplit,
    /// A line is no signature.
    #[error("line {0} behind the text of the note is no signature")]
    NoSignature(usize),
    /// There are too many or none.
    #[error("the note has {0} signatures; from 1 to {SIGNATURES} can be")]
    Signatures(usize),
    /// Nobody who is known has signed.
    #[error("no known key has signed the note")]
    Unknown,
    /// A known key has not signed this.
    #[error("the signature of the key {0} is wrong")]
    Wrong(KeyId),
    /// Two different keys have one name and number.
    #[error("there are two keys {0}; remove the one that is not trusted")]
    Ambiguous(KeyId),
}

/// A text and who of the known ones signed it. Only [`Note::verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    text: String,
    by: Vec<KeyId>,
}

impl Verified {
    /// The text, with the line break at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The keys whose signatures were checked and are right, each once.
    pub fn by(&self) -> &[KeyId] {
        &self.by
    }
}

impl Note {
    /// Reads a note. Nothing is checked of what it says.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(is_forbidden) {
            return Err(NoteError::Control);
        }
        // The text keeps the first of the two line breaks.
        let (text, rest) = note.rsplit_once("\n\n").ok_or(NoteError::Unsplit)?;
        let lines = rest.strip_suffix('\n').ok_or(NoteError::Unsplit)?;
        let count = lines.split('\n').count();
        if count > SIGNATURES {
            return Err(NoteError::Signatures(count));
        }
        let mut signatures = Vec::with_capacity(count);
        for (at, line) in lines.split('\n').enumerate() {
            let signature = Signature::parse(line).ok_or(NoteError::NoSignature(at + 1))?;
            signatures.push(signature);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// The text, with the line break at its end. Not to be believed: [`Verified::text`] is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The keys that are said to have signed.
    pub fn claimed(&self) -> impl Iterator<Item = &KeyId> {
        self.signatures.iter().map(|signature| &signature.key)
    }

    /// Checks the signatures of the known keys; those of others are passed over. At least one has to
    /// be there, and none may be wrong.
    pub fn verify(&self, known: &[Verifier]) -> Result<Verified, NoteError> {
        let mut by: Vec<KeyId> = Vec::new();
        for signature in &self.signatures {
            let mut ours = known.iter().filter(|key| *key.id() == signature.key);
            let Some(key) = ours.next() else { continue };
            if ours.any(|other| other != key) {
                return Err(NoteError::Ambiguous(signature.key.clone()));
            }
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::Wrong(signature.key.clone()));
            }
            if !by.contains(&signature.key) {
                by.push(signature.key.clone());
            }
        }
        if by.is_empty() {
            return Err(NoteError::Unknown);
        }
        let text = self.text.clone();
        Ok(Verified { text, by })
    }
}

impl fmt::Display for Note {
    /// The note as it was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            write!(f, "{signature}")?;
        }
        Ok(())
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = STANDARD.decode(base64).ok()?;
        let (hash, bytes) = decoded.split_first_chunk::<4>()?;
        let key = KeyId::new(name, *hash).ok()?;
        (!bytes.is_empty()).then(|| Self {
            key,
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key.hash()[..], &self.bytes].concat();
        writeln!(f, "{DASH}{} {}", self.key.name(), STANDARD.encode(bytes))
    }
}

/// Signs a text, which has to end with a line break, with each of these keys.
pub fn sign(text: &str, signers: &[&Signer]) -> Result<String, NoteError> {
    if text.chars().any(is_forbidden) {
        return Err(NoteError::Control);
    }
    if !text.ends_with('\n') {
        return Err(NoteError::Unended);
    }
    if signers.is_empty() || signers.len() > SIGNATURES {
        return Err(NoteError::Signatures(signers.len()));
    }
    let signatures = signers.iter().map(|signer| Signature {
        key: signer.id().clone(),
        bytes: signer.sign(text.as_bytes()).to_vec(),
    });
    let note = Note {
        text: text.to_owned(),
        signatures: signatures.collect(),
    };
    let note = note.to_string();
    if note.len() > NOTE_BYTES {
        return Err(NoteError::TooLong);
    }
    Ok(note)
}

/// Whether the format forbids a character everywhere.
fn is_forbidden(c: char) -> bool {
    c < ' ' && c != '\n'
}

/// Reads a number that is written in one way only: digits, and no zero before others.
fn decimal(digits: &str) -> Option<u64> {
    let canonical = digits == "0" || !digits.starts_with('0');
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && only_digits)
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests;
