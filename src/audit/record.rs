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

use super::Outputs;
use crate::approval::Earlier;
use crate::caller::Caller;
use crate::grant::Covered;
use crate::redact::Redaction;

/// Version of the record's format.
pub const SCHEMA: u32 = 2;

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Something was decided and nothing was started.
    #[default]
    Decision,
    /// A request waits for a human now.
    Request,
    /// A human answered, and nothing started by it: a no, or a yes that is not enough yet. A yes that
    /// starts a run stands in its intent.
    Approval,
    /// A run is about to start.
    Intent,
    /// A run has ended.
    Outcome,
    /// An operator froze or thawed everything, or one target.
    Freeze,
    /// Lines before this record are none: torn by a crash, or somebody else's. They stay there.
    Recovered,
    /// What another program left in this file, fixed by its hash.
    Sealed,
    /// Somebody who approves by a code from their phone was enrolled, removed or unlocked.
    Approver,
    /// A grant was given or ended.
    Grant,
    /// From here on another configuration judges.
    ConfigChanged,
    /// The key that signs checkpoints was made or exchanged.
    Key,
}

/// One record. Time comes first, so that log shippers find it; the fields of the lab's log are
/// always there.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
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
    /// The wire word of what became of it; `started` in an intent, `frozen` or `thawed` in a
    /// freeze, `granted` or `revoked` in a grant, `enrolled` and the like in an approver.
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
    /// What decided, command by command.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<String>,
    /// What would have been decided if nothing were only recorded, where it differs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub would_have: Option<WouldHave>,
    /// Where the target was, as `user@address port N`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// What the name of the target stood for when the run ended: an IP address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host_address: Option<String>,
    /// The host keys that are pinned for the target, as `SHA256:` fingerprints.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub host_key: Vec<String>,
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
    /// Whom sudo names as the caller where the process does not bear it out: not believed, and not
    /// taken for another person either.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller_disputed: Option<String>,
    /// The person that approved or denied; in `approver` the one that was enrolled or removed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver: Option<String>,
    /// The id of that user; none where it was a code that somebody else brought, who is the caller.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver_uid: Option<u32>,
    /// `stdin`, `command` or `client`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver_via: Option<String>,
    /// `totp` or `recovery`, where a code came with the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver_factor: Option<String>,
    /// Why it was approved, in the human's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval_reason: Option<String>,
    /// True where the one that approved is the one that asked, and configuration lets that pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub self_approved: Option<bool>,
    /// Everybody who approved before, where more than one have to, in the order of their answers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub earlier_approvers: Vec<Earlier>,
    /// What was demanded of the approval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs: Option<String>,
    /// The grant that this is about, or that stood in for an approval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant: Option<GrantUse>,
    /// The request that waits, where this only showed the state before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview_of: Option<String>,
    /// The person that approved first, where several have to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_approver: Option<String>,
    /// The id of that user; none where it was a code that somebody else brought.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_approver_uid: Option<u32>,
    /// Why it was denied, in the human's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denial_reason: Option<String>,
    /// What that approval was worth: `relayed`, `client`, `out_of_band` or `second_factor`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assurance: Option<crate::assurance::Assurance>,
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
    /// SHA-256 of the configuration that judged before, in `config_changed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy_before: Option<String>,
    /// How long the request had waited when a human answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waited_ms: Option<u64>,
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
    /// Where all of `stdout` lies, where the record holds only its ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stdout_file: Option<SideFile>,
    /// Where all of `stderr` lies, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stderr_file: Option<SideFile>,
    /// In `key`: what checks the signatures from here on, as a C2SP verifier key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verifier_key: Option<String>,
    /// Size and keyed hash of a message that was not understood.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input: Option<InputFacts>,
    /// In `recovered` and `sealed`: size and hash of what it speaks of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<FoundFacts>,
}

/// A grant, and which of its uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantUse {
    /// Its id.
    pub id: String,
    /// The name people type.
    pub code: String,
    /// The command or the rule that it covers.
    pub covers: Covered,
    /// SHA-256 over all of it.
    pub digest: String,
    /// Which use this is, from 1; none where the grant itself is told about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nth: Option<u32>,
    /// How many uses it has.
    pub of: u32,
}

/// A decision that was only recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WouldHave {
    /// `auto_allowed`, `approval_required` or `forbidden`.
    pub risk: String,
    /// The rule that would have decided.
    pub rule: String,
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

/// A text beside the log, in `audit/outputs`, compressed by zstd (RFC 8878).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SideFile {
    /// SHA-256 of the text, which is the name of its file.
    pub sha256: String,
    /// Bytes of the text.
    pub bytes: u64,
}

/// Size and keyed hash of a message that was not understood: it is never stored itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InputFacts {
    /// Bytes that were read of it.
    pub bytes: u64,
    /// HMAC-SHA256 of those with the key of this installation: a bare hash of a mistyped password
    /// could be guessed. None where there is no key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hmac: Option<String>,
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
            event,
            ..Self::default()
        }
    }

    /// An empty record of an event, with who called.
    pub fn called_by(caller: &Caller, event: Event, at: DateTime<Utc>) -> Self {
        Self {
            caller: Some(caller.user.clone()),
            caller_uid: Some(caller.uid),
            caller_through: Some(caller.through.word().to_owned()),
            caller_disputed: caller.disputed.clone(),
            ..Self::new(event, at)
        }
    }

    /// The same record with secrets taken out of every text that came from outside.
    pub fn redacted(mut self, redaction: &Redaction) -> Self {
        for text in [
            &mut self.target,
            &mut self.command,
            &mut self.sent,
            &mut self.explanation,
            &mut self.requester,
            &mut self.reason,
            &mut self.stdout,
            &mut self.stderr,
            &mut self.message,
            &mut self.incident,
            &mut self.conversation,
            &mut self.denial_reason,
            &mut self.approval_reason,
        ]
        .into_iter()
        .flatten()
        {
            *text = redaction.apply(text);
        }
        if let Some(GrantUse {
            covers: Covered::Command(command),
            ..
        }) = &mut self.grant
        {
            *command = redaction.apply(command);
        }
        for earlier in &mut self.earlier_approvers {
            earlier.reason = earlier.reason.take().map(|why| redaction.apply(&why));
        }
        self
    }

    /// Puts each output that is longer than `limit` bytes beside the log, and keeps its ends. Where
    /// that cannot be done the ends are kept all the same: an outcome has to be told.
    pub(super) fn move_aside(&mut self, outputs: &Outputs, limit: usize) {
        for (text, facts, file) in [
            (
                &mut self.stdout,
                &mut self.stdout_facts,
                &mut self.stdout_file,
            ),
            (
                &mut self.stderr,
                &mut self.stderr_facts,
                &mut self.stderr_file,
            ),
        ] {
            let Some(text) = text.as_mut().filter(|text| text.len() > limit) else {
                continue;
            };
            *file = outputs.store(text).ok();
            let place = match file {
                Some(file) => format!("all of it is in audit/outputs/{}.zst", file.sha256),
                None => "it could not be stored beside the log".to_owned(),
            };
            *text = ends(text, limit, &place);
            if let Some(facts) = facts {
                facts.truncated = true;
            }
        }
    }

    /// Takes the middle out of the longer output. False where there is none left to cut.
    pub(super) fn shorten(&mut self) -> bool {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let (text, facts) = if length(&self.stdout) >= length(&self.stderr) {
            (&mut self.stdout, &mut self.stdout_facts)
        } else {
            (&mut self.stderr, &mut self.stderr_facts)
        };
        let Some(text) = text.as_mut().filter(|text| text.len() > SHORTEST_OUTPUT) else {
            return false;
        };
        *text = ends(text, text.len() / 8, "the record would be too long");
        if let Some(facts) = facts {
            facts.truncated = true;
        }
        true
    }

    /// The note about lines that are no records behind our last one, made at the time of `next`.
    pub(super) fn recovered(next: &Self, found: FoundFacts) -> Self {
        let what = "what stands between this record and the one before it is no record: it was torn by a crash and never acknowledged, or written by somebody else";
        Self::note(Event::Recovered, next, found, what)
    }

    /// The note that another program's lines stand before, made at the time of `next`.
    pub(super) fn sealed(next: &Self, found: FoundFacts) -> Self {
        let what =
            "the lines before this one are no records of this program; their hash seals them";
        Self::note(Event::Sealed, next, found, what)
    }

    fn note(event: Event, next: &Self, found: FoundFacts, what: &str) -> Self {
        Self {
            timestamp: next.timestamp.clone(),
            schema: SCHEMA,
            event,
            found: Some(found),
            message: Some(what.to_owned()),
            ..Self::default()
        }
    }
}

/// The two ends of a text, together about `bytes` long, with a word about the rest between them.
fn ends(text: &str, bytes: usize, why: &str) -> String {
    let head = text
        .get(..text.floor_char_boundary(bytes / 2))
        .unwrap_or_default();
    let tail = text
        .get(text.ceil_char_boundary(text.len().saturating_sub(bytes / 2))..)
        .unwrap_or_default();
    let left = text.len() - head.len() - tail.len();
    format!("{head}\n[… {left} bytes are left out: {why} …]\n{tail}")
}

/// Bytes of output that are left alone when a record has to become shorter.
const SHORTEST_OUTPUT: usize = 256;
