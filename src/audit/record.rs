//! One line of the log.
//!
//! **Reads** nothing.
//! **Gives** [`Record`], [`Event`].
//! **Never** leaves out a field that the lab's log had.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// Version of the record's format.
pub const SCHEMA: u32 = 1;

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Something was decided and nothing was started.
    Decision,
    /// A run is about to start.
    Intent,
    /// A run has ended.
    Outcome,
    /// A torn line before this record was found and left where it stands.
    Recovered,
    /// What another program left in this file, fixed by its hash.
    Sealed,
}

/// One record. Time comes first, so that log shippers find it; the fields of the lab's log are
/// always there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// RFC 3339, UTC, milliseconds.
    pub timestamp: String,
    /// Version of this format.
    pub schema: u32,
    /// Number of the record, from 1, without gaps.
    pub seq: u64,
    /// SHA-256 of the bytes of the line before, without its line break.
    pub prev: String,
    /// What it tells.
    pub event: Event,
    /// The same in all records of one request.
    pub request_id: Option<String>,
    /// The approval this belongs to.
    pub approval_id: Option<String>,
    /// The wire word of what became of it; `started` in an intent.
    pub status: Option<String>,
    /// `auto_allowed`, `approval_required` or `forbidden`; null where nothing was judged.
    pub risk: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The command as it was asked for, secrets taken out.
    pub command: Option<String>,
    /// Who asked, by their own account.
    pub requester: Option<String>,
    /// Why, by their own account.
    pub reason: Option<String>,
    /// Exit code of the command on the target.
    pub exit_code: Option<i32>,
    /// What it printed, secrets taken out, cut in the middle where it is long.
    pub stdout: Option<String>,
    /// What it printed as errors, likewise.
    pub stderr: Option<String>,
    /// What was said about it.
    pub message: Option<String>,
    /// Where the target was, as `user@address port N`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// The command line that was sent, where it is not `command` itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<String>,
    /// The Unix user that called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller: Option<String>,
    /// The id of that user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller_uid: Option<u32>,
    /// `sudo` or `direct`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller_through: Option<String>,
    /// The Unix user that approved or denied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver: Option<String>,
    /// The id of that user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver_uid: Option<u32>,
    /// `stdin` or `command`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver_via: Option<String>,
    /// What that approval was worth: `relayed` or `out_of_band`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assurance: Option<crate::approval::Needs>,
    /// Digest of what was shown for approval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// Groups records into one report.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incident: Option<String>,
    /// Which chat asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversation: Option<String>,
    /// SHA-256 of the configuration that judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<String>,
    /// Time limit of the run in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_s: Option<u64>,
    /// How long the run took.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_ms: Option<u64>,
    /// The signal that ended the command, where one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<i32>,
    /// Size and hash of the unmodified standard output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stdout_facts: Option<OutputFacts>,
    /// Size and hash of the unmodified standard error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stderr_facts: Option<OutputFacts>,
    /// Size and hash of a message that was not understood.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input: Option<InputFacts>,
    /// In `recovered` and `sealed`: size and hash of what it speaks of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<FoundFacts>,
}

/// Size and hash of one stream of output.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OutputFacts {
    /// Bytes in all.
    pub bytes: u64,
    /// SHA-256 of all of them.
    pub sha256: String,
    /// Whether the text in the record is not all of it.
    pub truncated: bool,
    /// Whether it was not UTF-8 and the text shows replacement characters.
    pub not_utf8: bool,
}

/// Size and hash of a message that was not understood: it is never stored itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InputFacts {
    /// Bytes that were read of it.
    pub bytes: u64,
    /// SHA-256 of those.
    pub sha256: String,
}

/// Size and hash of something found in the log itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FoundFacts {
    /// Bytes.
    pub bytes: u64,
    /// Lines, where it is more than a part of one.
    pub lines: u64,
    /// SHA-256.
    pub sha256: String,
}

/// A moment as the wire and the log write it: RFC 3339, UTC, milliseconds.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Record {
    /// An empty record of an event; `seq` and `prev` are filled when it is appended.
    pub fn new(event: Event, at: DateTime<Utc>) -> Self {
        Self {
            timestamp: stamp(at),
            schema: SCHEMA,
            seq: 0,
            prev: String::new(),
            event,
            request_id: None,
            approval_id: None,
            status: None,
            risk: None,
            rule: None,
            target: None,
            command: None,
            requester: None,
            reason: None,
            exit_code: None,
            stdout: None,
            stderr: None,
            message: None,
            host: None,
            sent: None,
            caller: None,
            caller_uid: None,
            caller_through: None,
            approver: None,
            approver_uid: None,
            approver_via: None,
            assurance: None,
            digest: None,
            incident: None,
            conversation: None,
            policy: None,
            limit_s: None,
            duration_ms: None,
            signal: None,
            stdout_facts: None,
            stderr_facts: None,
            input: None,
            found: None,
        }
    }

    /// The note that a torn line was found, made at the time of `next`.
    pub(super) fn recovered(next: &Self, bytes: u64, sha256: &str) -> Self {
        Self {
            message: Some(
                "the line before this one was torn by a crash and was never acknowledged"
                    .to_owned(),
            ),
            ..Self::note(
                Event::Recovered,
                next,
                FoundFacts {
                    bytes,
                    lines: 1,
                    sha256: sha256.to_owned(),
                },
            )
        }
    }

    /// The note that another program's lines stand before, made at the time of `next`.
    pub(super) fn sealed(next: &Self, bytes: u64, lines: u64, sha256: &str) -> Self {
        Self {
            message: Some(
                "the lines before this one are no records of this program; their hash seals them"
                    .to_owned(),
            ),
            ..Self::note(
                Event::Sealed,
                next,
                FoundFacts {
                    bytes,
                    lines,
                    sha256: sha256.to_owned(),
                },
            )
        }
    }

    fn note(event: Event, next: &Self, found: FoundFacts) -> Self {
        let mut note = Self::new(event, DateTime::UNIX_EPOCH);
        note.timestamp.clone_from(&next.timestamp);
        note.found = Some(found);
        note
    }
}
