//! The public half of a key: what signatures are checked with.
//!
//! **Reads** nothing.
//! **Gives** [`Verifier`].
//! **Never** takes a key that anybody could sign for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signature;
use ed25519_dalek::VerifyingKey;

use super::KeyError;
use super::KeyId;
use super::name::ED25519;

/// A key that signatures are checked with, written `name+hash+base64`: what is given to those who
/// are to trust it. The hash is [`KeyId::hash`], the base64 that of a byte 1 and the Ed25519 key
/// (RFC 8032).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(super) id: KeyId,
    key: VerifyingKey,
}

impl Verifier {
    /// A key of this name.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Weak)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let id = KeyId::of(name, public)?;
        Ok(Self { id, key })
    }

    /// Reads `name+hash+base64`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (id, public) = KeyId::read(text)?;
        let verifier = Self::new(id.name(), &public)?;
        if verifier.id != id {
            return Err(KeyError::OtherKey);
        }
        Ok(verifier)
    }

    /// The name and the number.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The 32 bytes of the Ed25519 key.
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether these bytes are this key's signature of the text, by the stricter of the readings
    /// that RFC 8032 leaves open: what holds here holds everywhere.
    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }
}

impl fmt::Display for Verifier {
    /// `name+hash+base64`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519][..], self.key.as_bytes()].concat();
        write!(f, "{}+{}", self.id, STANDARD.encode(bytes))
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}
