//! What a human said: `Approve` or `Deny`, and to which request.
//!
//! **Reads** one line of text.
//! **Gives** [`Reply`], [`Code`], [`Factor`].
//! **Never** takes a word for a yes that is not exactly `Approve`.

use std::fmt;

use super::Limits;
use super::Malformed;

/// A human's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Run what was shown.
    Approve {
        /// Which request; none while there is only one.
        code: Option<Code>,
        /// What the person's phone showed, or one of their recovery codes.
        factor: Option<Factor>,
    },
    /// Do not run it.
    Deny {
        /// Which request, or all.
        which: Which,
        /// Why, for whoever asked.
        reason: Option<String>,
    },
}

/// Which requests a denial is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The only one there is.
    Only,
    /// The one with this code.
    Code(Code),
    /// Every one.
    All,
}

/// The short name of a waiting request, as people type it: four characters from an alphabet
/// without look-alikes, at least one digit and one letter, so that no English word is a code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(String);

/// The characters of a code: no `0 O`, `1 I L`, `U V`.
const ALPHABET: &[u8; 29] = b"23456789ABCDEFGHJKMNPQRSTWXYZ";

/// How many characters there are to choose from.
#[expect(clippy::cast_possible_truncation, reason = "29 is no large number")]
const ALPHABET_LENGTH: u8 = ALPHABET.len() as u8;

/// How many characters a code has.
const CODE_LENGTH: usize = 4;

impl Code {
    /// Reads a code in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.to_ascii_uppercase();
        let digit = code.bytes().any(|b| b.is_ascii_digit());
        let letter = code.bytes().any(|b| b.is_ascii_alphabetic());
        let ours = code.len() == CODE_LENGTH && code.bytes().all(|b| ALPHABET.contains(&b));
        (ours && digit && letter).then_some(Self(code))
    }

    /// Makes a code of random bytes, or none where they give no digit or no letter.
    pub fn from_random(bytes: [u8; CODE_LENGTH]) -> Option<Self> {
        let pick = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
        let code: Vec<u8> = bytes.into_iter().filter_map(pick).collect();
        Self::parse(std::str::from_utf8(&code).ok()?)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What only one person has: six digits that their phone shows now, or a recovery code of theirs.
/// Not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor(Said);

#[derive(Clone, PartialEq, Eq)]
enum Said {
    /// Six digits.
    Digits(String),
    /// `XXXXX-XXXXX`, in capitals.
    Recovery(String),
}

/// How many characters stand on each side of the dash of a recovery code: ten of 29, of which at
/// least one is a digit and one a letter, are more than 48 bits.
const RECOVERY_HALF: usize = 5;

impl Factor {
    /// Reads six digits, or a recovery code in any letter case. A recovery code is longer than a
    /// [`Code`] and has a dash in its middle, so that neither is ever taken for the other.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return Some(Self(Said::Digits(text.to_owned())));
        }
        let code = text.to_ascii_uppercase();
        let (front, back) = code.split_once('-')?;
        let whole = [front, back]
            .iter()
            .all(|half| half.len() == RECOVERY_HALF && half.bytes().all(|b| ALPHABET.contains(&b)));
        let digit = code.bytes().any(|b| b.is_ascii_digit());
        let letter = code.bytes().any(|b| b.is_ascii_alphabetic());
        (whole && digit && letter).then_some(Self(Said::Recovery(code)))
    }

    /// Makes a recovery code of random bytes, each character as likely as any other, or none where
    /// they are too few or give no digit or no letter.
    pub(crate) fn recovery_from_random(bytes: &[u8]) -> Option<Self> {
        let even = u8::MAX - u8::MAX % ALPHABET_LENGTH;
        let pick = |byte: &u8| ALPHABET.get(usize::from(byte % ALPHABET_LENGTH)).copied();
        let picked = bytes.iter().filter(|byte| **byte < even).filter_map(pick);
        let mut code: Vec<u8> = picked.take(2 * RECOVERY_HALF).collect();
        if code.len() < 2 * RECOVERY_HALF {
            return None;
        }
        code.insert(RECOVERY_HALF, b'-');
        Self::parse(std::str::from_utf8(&code).ok()?)
    }

    /// The six digits, where it is these.
    pub(crate) fn digits(&self) -> Option<&str> {
        match &self.0 {
            Said::Digits(digits) => Some(digits),
            Said::Recovery(_) => None,
        }
    }

    /// The recovery code, in capitals, where it is one.
    pub(crate) fn recovery(&self) -> Option<&str> {
        match &self.0 {
            Said::Recovery(code) => Some(code),
            Said::Digits(_) => None,
        }
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Factor(…)")
    }
}

impl Reply {
    pub(super) fn parse(text: &str, limits: &Limits) -> Result<Self, Malformed> {
        let mut words = text
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default();
        let approve = first.eq_ignore_ascii_case("approve");
        if !approve && !first.eq_ignore_ascii_case("deny") {
            return Err(Malformed::Neither);
        }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(Malformed::Reply("it has to be one line"));
        }
        let words: Vec<&str> = words.collect();
        if approve {
            Self::approval(&words)
        } else {
            Self::denial(&words, limits)
        }
    }

    fn approval(words: &[&str]) -> Result<Self, Malformed> {
        let (code, factor) = match words {
            [] => (None, None),
            [word] => (Code::parse(word), Factor::parse(word)),
            [code, factor] => match (Code::parse(code), Factor::parse(factor)) {
                (Some(code), Some(factor)) => (Some(code), Some(factor)),
                _ => return Err(Malformed::Reply(BEHIND_APPROVE)),
            },
            _ => return Err(Malformed::Reply(BEHIND_APPROVE)),
        };
        if !words.is_empty() && code.is_none() && factor.is_none() {
            let all = words.iter().any(|word| word.eq_ignore_ascii_case("all"));
            return Err(Malformed::Reply(if all { NOT_ALL } else { BEHIND_APPROVE }));
        }
        Ok(Self::Approve { code, factor })
    }

    fn denial(words: &[&str], limits: &Limits) -> Result<Self, Malformed> {
        let (which, why) = match words {
            [all, why @ ..] if all.eq_ignore_ascii_case("all") => (Which::All, why),
            [first, why @ ..] => match Code::parse(first) {
                Some(code) => (Which::Code(code), why),
                None if looks_like_a_code(first) => return Err(Malformed::Reply(NO_CODE)),
                None => (Which::Only, words),
            },
            [] => (Which::Only, words),
        };
        // What proves a yes needs no place in a no, and may be good for one still: it is not kept.
        let is_secret = |(place, word): (usize, &str)| {
            Factor::parse(word).is_some_and(|code| place == 0 || code.recovery().is_some())
        };
        let why: Vec<&str> = why
            .iter()
            .enumerate()
            .filter(|(place, word)| !is_secret((*place, word)))
            .map(|(_, word)| *word)
            .collect();
        let reason = super::reason(Some(why.join(" ")), limits)?;
        Ok(Self::Deny { which, reason })
    }
}

/// A mistyped code must not become the first word of a reason, and deny another request.
fn looks_like_a_code(word: &str) -> bool {
    word.len() == CODE_LENGTH
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && word.bytes().any(|b| b.is_ascii_digit())
}

const NO_CODE: &str = "the word behind `Deny` looks like a code and is none";
const BEHIND_APPROVE: &str = "behind `Approve` only the four-character code of a request and a code from a phone (six digits, or a recovery code like `ABCDE-FGH23`) may stand, in this order";
const NOT_ALL: &str = "there is no `Approve all`; approve each request by its code";
