//! Codes as they are drawn and written to files.
//!
//! **Reads** the system's randomness.
//! **Gives** [`Code::random`], and a code as one JSON string.
//! **Never** takes a text from a file for a code that nobody could type.

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use uuid::Uuid;

use super::Code;

impl Code {
    /// Draws a code. The loop ends because a version-4 UUID gives new random bytes each time.
    pub fn random() -> Self {
        loop {
            let [a, b, c, d, ..] = *Uuid::new_v4().as_bytes();
            if let Some(code) = Self::from_random([a, b, c, d]) {
                return code;
            }
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a code"))
    }
}
