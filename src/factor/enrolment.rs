//! A new secret on its way to a phone: what is shown once, and whether it arrived.
//!
//! **Reads** nothing.
//! **Gives** [`Enrolment`], [`Tried`].
//! **Never** is good for anything before it is kept.

use std::fmt;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use super::Error;
use super::Name;
use super::REACH;
use super::RecoveryCodes;
use super::secret;
use super::secret::Secret;
use crate::request::Factor;

/// A secret and recovery codes that nobody has yet.
pub struct Enrolment {
    pub(super) secret: Secret,
    pub(super) recovery: RecoveryCodes,
}

/// What a first code from the phone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It is right, for this step of time.
    Right(i64),
    /// It is right for a clock that is so far ahead of ours, or behind it where it is negative.
    Off(TimeDelta),
    /// It is wrong.
    Wrong,
}

impl Enrolment {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn fresh() -> Result<Self, Error> {
        Ok(Self {
            secret: Secret::fresh()?,
            recovery: RecoveryCodes::fresh()?,
        })
    }

    /// The secret, in base32 (RFC 4648), for the enrolment alone.
    pub fn secret(&self) -> String {
        self.secret.to_base32()
    }

    /// The recovery codes.
    pub fn recovery(&self) -> &RecoveryCodes {
        &self.recovery
    }

    /// What a phone's app reads from the QR code: the secret, whose it is, on which machine, and
    /// how codes are made. The format is the one of Google Authenticator's wiki, "Key Uri Format".
    pub fn uri(&self, name: &Name, host: &str) -> String {
        let (account, secret) = (escaped(&format!("{name}@{host}")), self.secret());
        format!(
            "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period={}",
            secret::STEP
        )
    }

    /// Looks at the code that the phone shows now.
    pub fn tried(&self, factor: &Factor, now: DateTime<Utc>) -> Tried {
        let here = secret::step(now);
        let Some(digits) = factor.digits() else {
            return Tried::Wrong;
        };
        if let Some(step) = self.secret.last_step_of(digits, here, REACH) {
            return Tried::Right(step);
        }
        match self.secret.last_step_of(digits, here, FAR) {
            Some(step) => Tried::Off(TimeDelta::seconds((step - here) * secret::STEP)),
            None => Tried::Wrong,
        }
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// Everything but the unreserved characters of RFC 3986, and `@`, by its bytes.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~@".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// Who the phone says it is for.
const ISSUER: &str = "aiops";

/// How many steps away a code is looked for, to say how far a clock is off: ten minutes.
const FAR: i64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> Enrolment {
        Enrolment {
            secret: Secret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap(),
            recovery: RecoveryCodes::fresh().unwrap(),
        }
    }

    #[test]
    fn the_uri_is_what_phones_read() {
        let name = Name::parse("alice").unwrap();
        assert_eq!(
            rfc().uri(&name, "gateway"),
            "otpauth://totp/aiops:alice@gateway?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=aiops&algorithm=SHA1&digits=6&period=30"
        );
        assert!(
            rfc()
                .uri(&name, "a&secret=x/ü")
                .contains(":alice@a%26secret%3Dx%2F%C3%BC?")
        );
    }

    #[test]
    fn a_clock_that_is_off_is_told_from_a_wrong_code() {
        let code = Factor::parse("081804").unwrap();
        let shown = |off: i64| {
            let now = DateTime::from_timestamp(1_111_111_109 + off, 0).unwrap();
            rfc().tried(&code, now)
        };
        let step = 1_111_111_109 / 30;
        assert_eq!(shown(0), Tried::Right(step));
        assert_eq!(shown(30), Tried::Right(step));
        assert_eq!(shown(-30), Tried::Right(step));
        assert_eq!(shown(60), Tried::Off(TimeDelta::seconds(-60)));
        assert_eq!(shown(-600), Tried::Off(TimeDelta::seconds(600)));
        assert_eq!(shown(-630), Tried::Wrong);
        let recovery = Factor::parse("ABCDE-FGH23").unwrap();
        assert_eq!(rfc().tried(&recovery, DateTime::UNIX_EPOCH), Tried::Wrong);
    }

    #[test]
    fn it_does_not_show_itself() {
        assert_eq!(format!("{:?}", rfc()), "Enrolment(…)");
    }
}
