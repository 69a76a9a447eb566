//! What is looked at in a line of the log.
//!
//! **Reads** the bytes of a line.
//! **Gives** [`Noted`].
//! **Never** asks for more than that it is a record: what this version does not know is passed over.

use std::borrow::Cow;

use chrono::DateTime;
use serde::Deserialize;

use super::term;

/// What is needed of a record; the rest of the line is passed over.
#[derive(Debug, Deserialize)]
pub struct Noted<'a> {
    /// When it was written, RFC 3339.
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    /// Its number.
    pub seq: u64,
    /// The hash of the line before. Other programs' lines have none.
    #[serde(borrow)]
    pub prev: Cow<'a, str>,
    /// What it tells, as a word; a later version may know more of them.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// What became of it.
    #[serde(borrow, default)]
    pub status: Option<Cow<'a, str>>,
    /// How it was judged.
    #[serde(borrow, default)]
    pub risk: Option<Cow<'a, str>>,
    /// The rule that decided.
    #[serde(borrow, default)]
    pub rule: Option<Cow<'a, str>>,
    /// The target's name.
    #[serde(borrow, default)]
    pub target: Option<Cow<'a, str>>,
    /// The command.
    #[serde(borrow, default)]
    pub command: Option<Cow<'a, str>>,
    /// Who asked.
    #[serde(borrow, default)]
    pub requester: Option<Cow<'a, str>>,
    /// Why.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
    /// What was said about it.
    #[serde(borrow, default)]
    pub message: Option<Cow<'a, str>>,
    /// What decided, command by command.
    #[serde(borrow, default)]
    pub explanation: Option<Cow<'a, str>>,
    /// What it printed.
    #[serde(borrow, default)]
    pub stdout: Option<Cow<'a, str>>,
    /// What it printed as errors.
    #[serde(borrow, default)]
    pub stderr: Option<Cow<'a, str>>,
    /// The request it belongs to.
    #[serde(borrow, default)]
    pub request_id: Option<Cow<'a, str>>,
    /// Which incident it belongs to.
    #[serde(borrow, default)]
    pub incident: Option<Cow<'a, str>>,
    /// Who called.
    #[serde(borrow, default)]
    pub caller: Option<Cow<'a, str>>,
    /// Who approved or denied.
    #[serde(borrow, default)]
    pub approver: Option<Cow<'a, str>>,
    /// Exit code of the command.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// How long the request had waited for a human.
    #[serde(default)]
    pub waited_ms: Option<u64>,
}

impl<'a> Noted<'a> {
    /// Reads a line. None where it is no record of this program.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        let noted: Self = serde_json::from_slice(line).ok()?;
        (noted.prev.len() == crate::audit::GENESIS.len()).then_some(noted)
    }

    /// Milliseconds since 1970; 0 where the record names no moment.
    pub fn millis(&self) -> i64 {
        DateTime::parse_from_rfc3339(&self.timestamp).map_or(0, |at| at.timestamp_millis())
    }

    /// The words that can be searched for, text after text, with a mark between two texts that no
    /// phrase can cross.
    pub(super) fn words(&self) -> Vec<String> {
        let texts = [
            &self.command,
            &self.reason,
            &self.message,
            &self.rule,
            &self.explanation,
            &self.stdout,
            &self.stderr,
        ];
        let mut words = Vec::new();
        for text in texts.into_iter().flatten() {
            term::read(text, &mut words);
        }
        words
    }
}
