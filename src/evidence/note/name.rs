//! What a key is called: a name and the first bytes of a hash.
//!
//! **Reads** nothing.
//! **Gives** [`KeyId`], [`KeyError`].
//! **Never** holds a name that could be taken for more than a name in the line where it stands.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hex;

/// Bytes of the longest name.
const NAME_BYTES: usize = 255;

/// The byte that stands for Ed25519 before a key or a seed.
pub(super) const ED25519: u8 = 1;

/// What tells keys apart: a name, and the first four bytes of a hash of name and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    name: String,
    hash: [u8; 4],
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Its parts are not there.
    #[error("it is not written as a key is: name, number and key with `+` between them")]
    Parts,
    /// The name cannot stand in a note.
    #[error(
        "the name of a key has from 1 to {NAME_BYTES} bytes, and no spaces, `+` or control characters"
    )]
    Name,
    /// The number is not eight digits.
    #[error("the number of a key is 8 small hexadecimal digits")]
    Hash,
    /// The number belongs to another name or key.
    #[error("the number does not belong to this name and key: one of the three was changed")]
    OtherKey,
    /// The key is not 33 bytes in base64.
    #[error("the last part of a key is 33 bytes in base64")]
    Bytes,
    /// The key is of a kind that is not known here.
    #[error("the key is not one of Ed25519")]
    Kind,
    /// The bytes are no point of the curve, or one that anybody can sign for.
    #[error("the key is none that only one person can sign for")]
    Weak,
}

impl KeyId {
    /// The name and number as they stand in a note.
    pub(super) fn new(name: &str, hash: [u8; 4]) -> Result<Self, KeyError> {
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES
            && !name
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '+');
        let name = name.to_owned();
        is_name.then_some(Self { name, hash }).ok_or(KeyError::Name)
    }

    /// What an Ed25519 key is called.
    pub(super) fn of(name: &str, public: &[u8; 32]) -> Result<Self, KeyError> {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(public)
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        Self::new(name, [a, b, c, d])
    }

    /// Reads `name+hash+base64`, and gives the 32 bytes behind the one for the kind. They may be a
    /// secret, and are wiped. Whether the number belongs to them is not looked at.
    pub(super) fn read(text: &str) -> Result<(Self, Zeroizing<[u8; 32]>), KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Parts)?;
        // Base64 has a `+` of its own, so the rest is one part.
        let (hash, base64) = rest.split_once('+').ok_or(KeyError::Parts)?;
        let id = Self::new(name, hex::read(hash.as_bytes()).ok_or(KeyError::Hash)?)?;
        if base64.len() != 44 {
            return Err(KeyError::Bytes);
        }
        let bytes = Zeroizing::new(STANDARD.decode(base64).map_err(|_| KeyError::Bytes)?);
        let (kind, key) = bytes.split_first().ok_or(KeyError::Bytes)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| KeyError::Bytes)?;
        if *kind != ED25519 {
            return Err(KeyError::Kind);
        }
        Ok((id, Zeroizing::new(*key)))
    }

    /// The name of the key, which is what its log is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the hash.
    pub fn hash(&self) -> [u8; 4] {
        self.hash
    }
}

impl fmt::Display for KeyId {
    /// `name+c74f20a3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.name, hex::of(&self.hash))
    }
}
