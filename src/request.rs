//! Bytes from stdin to a request or a reply; everything else is malformed.
//!
//! **Reads** the bytes it is given.
//! **Gives** [`Input`], [`Request`], [`Reply`], [`Code`], [`Factor`].
//! **Never** repeats in an error what it did not understand: it may be a password.

use std::time::Duration;

use serde::Deserialize;

use crate::shell;
use crate::shell::Script;
use crate::target::Name;

mod code;
mod fields;
mod reply;

pub use reply::Code;
pub use reply::Factor;
pub use reply::Reply;
pub use reply::Which;

/// One message: what somebody asks, or what a human answered.
#[derive(Debug)]
pub enum Input {
    /// Run this command there.
    Request(Request),
    /// Approve or deny what was asked.
    Reply(Reply),
}

/// What somebody asks for. Well formed, and not trusted.
#[derive(Debug)]
pub struct Request {
    target: Name,
    script: Script,
    requester: Option<String>,
    reason: Option<String>,
    incident: Option<String>,
    conversation: Option<String>,
    timeout: Option<Duration>,
    dry_run: bool,
}

/// The parts of a request as they stand in a JSON object. Keys are those of the wire.
#[derive(
    Debug, Default, Clone, PartialEq, Eq, Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The name of the target, as in the inventory.
    pub target: String,
    /// The command text, as a shell would take it.
    pub command: String,
    /// Who asks, by their own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Why they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Groups records into one report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Which chat asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Time limit of the run in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Judge only; run and ask nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// How large and how complete a message has to be.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one message.
    pub input_bytes: usize,
    /// Bytes of a reason.
    pub reason_bytes: usize,
    /// Bytes of `requester`, `incident` and `conversation`, each.
    pub name_bytes: usize,
    /// The longest time limit that a request may ask for.
    pub timeout_max: Duration,
    /// Limits of the command text.
    pub shell: shell::Limits,
}

/// Why a message could not be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// Nothing but white space arrived.
    #[error("the message is empty")]
    Empty,
    /// More bytes than allowed.
    #[error("the message is longer than {0} bytes")]
    TooLong(usize),
    /// Not UTF-8 text.
    #[error("the message is not UTF-8 (byte {0} is the first that is wrong)")]
    NotUtf8(usize),
    /// JSON does not parse.
    #[error("the message is not one JSON object ({what}, line {line} column {column})")]
    NotJson {
        /// What the JSON parser missed, in words of ours.
        what: &'static str,
        /// Line in the message, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
    },
    /// Neither a JSON object nor a reply.
    #[error("the message is neither a JSON object nor a reply")]
    Neither,
    /// A key nobody knows.
    #[error("unknown key{}; known keys: {}", .0.as_deref().map(|key| format!(" `{key}`")).unwrap_or_default(), KNOWN_KEYS.join(", "))]
    UnknownKey(Option<String>),
    /// A key given twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// A key that has to be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value of the wrong type.
    #[error("`{key}` has to be {expected}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What its value has to be.
        expected: &'static str,
    },
    /// A text that is empty where it may not be.
    #[error("`{0}` is empty")]
    Blank(&'static str),
    /// A text over its limit.
    #[error("`{key}` is longer than {limit} bytes")]
    FieldTooLong {
        /// The key.
        key: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// A control character in a text.
    #[error("`{key}` holds the control character U+{character:04X}")]
    Control {
        /// The key.
        key: &'static str,
        /// The code point.
        character: u32,
    },
    /// A target name that cannot be one.
    #[error("`target` is no target name: {0}")]
    Target(#[from] crate::target::BadName),
    /// A time limit outside the configured range.
    #[error("`timeout` has to be between 1 and {0} seconds")]
    Timeout(u64),
    /// A reply with something behind it that is not part of one.
    #[error("the reply is not understood: {0}")]
    Reply(&'static str),
}

/// The keys of a request.
pub const KNOWN_KEYS: [&str; 8] = [
    "target",
    "command",
    "requester",
    "reason",
    "incident",
    "conversation",
    "timeout",
    "dry_run",
];

/// A request that is right, to show to whoever sent one that is not.
pub const EXAMPLE_REQUEST: &str = r#"{"target":"srv1","command":"systemctl status nginx","requester":"hermes","reason":"nginx does not answer"}"#;

/// A reply that is right.
pub const EXAMPLE_REPLY: &str = "Approve 7K3Q";

impl Input {
    /// Reads one message.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        if bytes.len() > limits.input_bytes {
            return Err(Malformed::TooLong(limits.input_bytes));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Malformed::NotUtf8(error.valid_up_to() + 1))?;
        let text = text.trim_matches(BLANKS);
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        if text.starts_with('{') {
            return Request::from_draft(fields::parse(text)?, limits).map(Self::Request);
        }
        Reply::parse(text, limits).map(Self::Reply)
    }
}

impl Request {
    /// Checks the parts of a request, from the wire or from the waiting room.
    pub fn from_draft(draft: Draft, limits: &Limits) -> Result<Self, Malformed> {
        let name = |key, text: Option<String>| short(key, text, limits.name_bytes, false);
        let target = Name::parse(draft.target.trim_matches(BLANKS))?;
        let command = short(
            "command",
            Some(draft.command),
            limits.shell.command_bytes,
            true,
        )?
        .ok_or(Malformed::Blank("command"))?;
        let requester = name("requester", draft.requester)?;
        let reason = short("reason", draft.reason, limits.reason_bytes, true)?;
        let longest = limits.timeout_max.as_secs();
        if draft
            .timeout
            .is_some_and(|seconds| seconds == 0 || seconds > longest)
        {
            return Err(Malformed::Timeout(longest));
        }
        Ok(Self {
            target,
            script: Script::parse(&command, &limits.shell),
            requester,
            reason,
            incident: name("incident", draft.incident)?,
            conversation: name("conversation", draft.conversation)?,
            timeout: draft.timeout.map(Duration::from_secs),
            dry_run: draft.dry_run.unwrap_or(false),
        })
    }

    /// The parts again, to keep them for later.
    pub fn to_draft(&self) -> Draft {
        Draft {
            target: self.target.to_string(),
            command: self.script.text().to_owned(),
            requester: self.requester.clone(),
            reason: self.reason.clone(),
            incident: self.incident.clone(),
            conversation: self.conversation.clone(),
            timeout: self.timeout.map(|limit| limit.as_secs()),
            dry_run: self.dry_run.then_some(true),
        }
    }

    /// What is missing of who asks and why, where both are demanded.
    pub fn missing_origin(&self) -> Option<Malformed> {
        match (&self.requester, &self.reason) {
            (None, _) => Some(Malformed::Missing("requester")),
            (_, None) => Some(Malformed::Missing("reason")),
            _ => None,
        }
    }

    /// The machine it is for.
    pub fn target(&self) -> &Name {
        &self.target
    }

    /// The command, parsed.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The time limit asked for.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether it is to be judged only.
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }
}

/// White space around a message.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Checks why somebody decides, in their own words, wherever it was said.
///
/// # Errors
///
/// It is longer than a reason may be, or is more than one line of text.
pub fn reason(text: Option<String>, limits: &Limits) -> Result<Option<String>, Malformed> {
    short("reason", text, limits.reason_bytes, false)
}

/// Checks a text: none at all for nothing but blanks, no control characters, no more bytes than
/// its limit. Lines and tabs are allowed where text of several `lines` makes sense.
fn short(
    key: &'static str,
    text: Option<String>,
    limit: usize,
    lines: bool,
) -> Result<Option<String>, Malformed> {
    let Some(text) = text.filter(|text| !text.trim_matches(BLANKS).is_empty()) else {
        return Ok(None);
    };
    if text.len() > limit {
        return Err(Malformed::FieldTooLong { key, limit });
    }
    let control = |c: &char| c.is_control() && !(lines && matches!(c, '\n' | '\t'));
    match text.chars().find(control) {
        Some(character) => Err(Malformed::Control {
            key,
            character: u32::from(character),
        }),
        None => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests;
