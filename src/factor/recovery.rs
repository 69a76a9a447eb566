//! Codes on paper for a day without the phone, each good once.
//!
//! **Reads** nothing; random bytes come from the system.
//! **Gives** [`RecoveryCodes`], [`struct@Hash`].
//! **Never** keeps a code: only its SHA-256, of more than 48 random bits.

use std::hint::black_box;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::Error;
use super::secret::random;
use crate::hex;
use crate::request::Factor;

/// How many a person is given.
pub(super) const COUNT: usize = 10;

/// New recovery codes, to be shown once. Not printed by `Debug`.
#[derive(Debug)]
pub struct RecoveryCodes(Vec<Factor>);

impl RecoveryCodes {
    /// New ones, of the system's randomness.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn fresh() -> Result<Self, Error> {
        let mut codes = Vec::with_capacity(COUNT);
        while codes.len() < COUNT {
            codes.extend(Factor::recovery_from_random(&random::<32>()?));
        }
        Ok(Self(codes))
    }

    /// The codes as people type them: `XXXXX-XXXXX`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Factor::recovery)
    }

    pub(super) fn hashes(&self) -> Vec<Hash> {
        self.iter().map(Hash::of).collect()
    }
}

/// SHA-256 of a code in capitals, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hash(String);

impl Hash {
    pub(super) fn of(code: &str) -> Self {
        Self(hex::of(&Sha256::digest(code.as_bytes())))
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digit = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text))
        } else {
            Err("no hash")
        }
    }
}

/// Whether this one is among them. All of them are compared to their last character.
pub(super) fn holds(hashes: &[Hash], wanted: &Hash) -> bool {
    hashes
        .iter()
        .fold(false, |found, hash| found | same(hash, wanted))
}

fn same(one: &Hash, other: &Hash) -> bool {
    let pairs = one.0.bytes().zip(other.0.bytes());
    let different = pairs.fold(0, |different, (one, other)| {
        black_box(different | (one ^ other))
    });
    one.0.len() == other.0.len() && different == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_codes_are_given_and_all_are_different() {
        let codes = RecoveryCodes::fresh().unwrap();
        let different: std::collections::BTreeSet<&str> = codes.iter().collect();
        assert_eq!(different.len(), COUNT);
        for code in codes.iter() {
            assert_eq!(Factor::parse(code).unwrap().recovery(), Some(code));
        }
        assert!(!format!("{codes:?}").contains(codes.iter().next().unwrap()));
    }

    #[test]
    fn a_code_is_among_its_hashes_and_no_other_is() {
        let codes = RecoveryCodes::fresh().unwrap();
        let hashes = codes.hashes();
        for code in codes.iter() {
            assert!(holds(&hashes, &Hash::of(code)));
        }
        assert!(!holds(&hashes, &Hash::of("ABCDE-FGH23")));
        assert!(!holds(&[], &Hash::of("ABCDE-FGH23")));
    }

    #[test]
    fn what_is_no_hash_is_not_read_as_one() {
        for text in ["", "ab", &"A".repeat(64), &"0".repeat(65), &"g".repeat(64)] {
            assert!(Hash::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
