//! One hash of the tree.
//!
//! **Reads** nothing.
//! **Gives** [`struct@Hash`], in hexadecimal digits for people and in base64 for the formats.
//! **Never** takes one hash for two texts: what is not written as we write it is refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::hex;

/// A SHA-256 hash in the tree: of a leaf, or of what stands above two others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// In 64 small hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::of(&self.0)
    }

    /// Reads 64 small hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<Self> {
        hex::read(digits.as_bytes()).map(Self)
    }

    /// In base64 (RFC 4648, section 4), 44 characters.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads 44 characters of base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        if text.len() != 44 {
            return None;
        }
        let bytes = STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_base64(&text)
            .ok_or_else(|| serde::de::Error::custom("expected 32 bytes in base64"))
    }
}
