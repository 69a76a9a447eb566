//! The secret that a phone and this machine share, and the codes that both make of the time.
//!
//! **Reads** nothing; random bytes come from the system.
//! **Gives** [`Secret`], [`step`].
//! **Never** shows itself in `Debug`, and never stops comparing early.

use std::fmt;

use chrono::DateTime;
use chrono::Utc;
use rustix::rand::GetRandomFlags;
use rustix::rand::getrandom;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use totp_rs::Builder;
use totp_rs::Totp;

use super::Error;

/// Seconds that a code is shown. Phones know no other number.
pub(super) const STEP: i64 = 30;

/// Bytes of a secret, as RFC 4226 section 4 recommends.
const LENGTH: usize = 20;

/// The number of the step that a moment lies in (RFC 6238, section 4.2).
pub(super) fn step(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP)
}

/// One phone's secret: SHA-1, six digits, 30 seconds (RFC 6238). It is wiped from memory when it is
/// dropped.
#[derive(Clone)]
pub(super) struct Secret(Totp);

impl Secret {
    /// A new one, of the system's randomness.
    pub(super) fn fresh() -> Result<Self, Error> {
        let bytes: [u8; LENGTH] = random()?;
        Self::of(totp_rs::Secret::from(bytes)).ok_or(Error::Random)
    }

    fn of(secret: totp_rs::Secret) -> Option<Self> {
        let builder = Builder::new().with_secret(secret).with_skew(0);
        builder.build().ok().map(Self)
    }

    pub(super) fn parse(base32: &str) -> Option<Self> {
        Self::of(totp_rs::Secret::try_from_base32(base32).ok()?)
    }

    /// The secret as people type it into a phone.
    pub(super) fn to_base32(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The last step, of those at most `reach` away from `step`, whose code this is. All of them
    /// are compared, whichever is right.
    pub(super) fn last_step_of(&self, digits: &str, step: i64, reach: i64) -> Option<i64> {
        (step - reach..=step + reach).fold(None, |found, step| {
            if self.shows(digits, step) {
                Some(step)
            } else {
                found
            }
        })
    }

    /// `totp-rs` compares in constant time.
    fn shows(&self, digits: &str, step: i64) -> bool {
        u64::try_from(step * STEP).is_ok_and(|time| self.0.check(digits, time).is_some())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_base32())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no secret"))
    }
}

/// Bytes of the system's randomness.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    match getrandom(&mut bytes[..], GetRandomFlags::empty()) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(Error::Random),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret is `12345678901234567890` in ASCII.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let secret = Secret::parse(SECRET).unwrap();
        // Six digits are the last six of the eight in the table.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = step(DateTime::from_timestamp(seconds, 0).unwrap());
            assert_eq!(secret.last_step_of(code, now, 0), Some(now), "{seconds}");
            assert_eq!(secret.last_step_of(code, now + 1, 0), None, "{seconds}");
            assert_eq!(secret.last_step_of(code, now - 1, 1), Some(now));
            assert_eq!(secret.last_step_of(code, now + 1, 1), Some(now));
            assert_eq!(secret.last_step_of(code, now - 2, 1), None);
            assert_eq!(secret.last_step_of(code, now + 2, 1), None);
        }
    }

    #[test]
    fn before_1970_there_are_no_codes() {
        let secret = Secret::parse(SECRET).unwrap();
        let now = step(DateTime::from_timestamp(-1, 0).unwrap());
        assert_eq!(now, -1);
        assert_eq!(secret.last_step_of("755224", now, 0), None);
        assert_eq!(secret.last_step_of("755224", now, 1), Some(0));
    }

    #[test]
    fn a_fresh_secret_is_long_and_another_one_each_time() {
        let (one, other) = (Secret::fresh().unwrap(), Secret::fresh().unwrap());
        assert_eq!(one.to_base32().len(), 32);
        assert_ne!(one.to_base32(), other.to_base32());
    }

    #[test]
    fn what_is_short_or_no_base32_is_no_secret_and_is_not_repeated() {
        for text in ["", "GEZDGNBV", "gezdgnbvgy3tqojqgezdgnbvgy3tqoj!", "ä"] {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
        let shown = serde_json::from_str::<Secret>("\"hunter2\"").unwrap_err();
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
        assert_eq!(format!("{:?}", Secret::parse(SECRET).unwrap()), "Secret(…)");
    }
}
