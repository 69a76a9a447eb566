//! The secret half of a key: what notes are signed with.
//!
//! **Reads** nothing.
//! **Gives** [`Signer`].
//! **Never** shows itself in `Debug`, and never stays in memory behind its last use.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::KeyError;
use super::KeyId;
use super::Verifier;
use super::name::ED25519;

/// How the text of a secret key begins, so that nobody takes it for a public one.
const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that notes are signed with. It is wiped from memory when it is dropped.
///
/// Written `PRIVATE+KEY+name+hash+base64`, the base64 that of a byte 1 and the seed of an Ed25519
/// key (RFC 8032): the form of Go's package `golang.org/x/mod/sumdb/note`.
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

impl Signer {
    /// The key of this name that a seed stands for.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier::new(name, key.verifying_key().as_bytes())?;
        Ok(Self { verifier, key })
    }

    /// Reads `PRIVATE+KEY+name+hash+base64`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let public = text.strip_prefix(PRIVATE).ok_or(KeyError::Parts)?;
        let (id, seed) = KeyId::read(public)?;
        let signer = Self::from_seed(id.name(), &seed)?;
        if *signer.id() != id {
            return Err(KeyError::OtherKey);
        }
        Ok(signer)
    }

    /// The secret as text, to be kept where nobody else reads it.
    pub fn secret(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([ED25519; 33]);
        let (_, seed) = bytes.split_at_mut(1);
        seed.copy_from_slice(self.key.as_bytes());
        let base64 = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        // All at once, so that no shorter copy is left behind by a text that grew.
        Zeroizing::new([PRIVATE, &self.id().to_string(), "+", &base64].concat())
    }

    /// The name and the number.
    pub fn id(&self) -> &KeyId {
        self.verifier.id()
    }

    /// What its signatures are checked with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The Ed25519 signature of a text.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, …)", self.id())
    }
}
