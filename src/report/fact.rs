//! The facts of a report.
//!
//! **Reads** nothing.
//! **Gives** [`Report`], whose JSON is published as a schema.
//! **Never** holds a fact without the record that proves it.

use schemars::JsonSchema;
use serde::Serialize;

use super::checkpoint::Checkpoints;
use super::moment::Moment;
use super::narrative::Narrative;
use super::selection::Selection;
use crate::assurance::Assurance;
use crate::audit::GrantUse;
use crate::audit::SideFile;

/// Version of the report's format.
pub const SCHEMA: u32 = 1;

/// One report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema: u32,
    /// When it was made: RFC 3339, UTC, milliseconds.
    pub made_at: String,
    /// The program that made it, with its version.
    pub made_by: String,
    /// Its title.
    pub title: String,
    /// What it was asked to be about.
    pub selection: Selection,
    /// From the first to the last record of it; none where no record of it is proven.
    pub period: Option<Period>,
    /// What is known of the log itself.
    pub log: LogFacts,
    /// Counts and times.
    pub figures: Figures,
    /// What only people can tell; empty.
    pub narrative: Narrative,
    /// The targets, by name.
    pub targets: Vec<Target>,
    /// Who asked.
    pub askers: Vec<Asker>,
    /// Who answered.
    pub approvers: Vec<Approver>,
    /// The configurations that judged.
    pub policies: Vec<Policy>,
    /// Each request from question to end, in the order of their first records.
    pub actions: Vec<Action>,
    /// What operators did, and what the log says of itself, in the period.
    pub happenings: Vec<Happening>,
    /// All of it in order, a line a step.
    pub timeline: Vec<Moment>,
    /// The records behind it, in order.
    pub evidence: Vec<Evidence>,
    /// Records that belong here and that nothing proves; what they say is left out everywhere else.
    pub unverified: Vec<Unverified>,
}

/// A record, and the hash by which it can be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cite {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of the bytes of its line, without the line break.
    pub sha256: String,
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Period {
    /// The first record's stamp.
    pub from: String,
    /// The last record's stamp.
    pub to: String,
    /// Milliseconds between the two; none where one is no moment.
    pub ms: Option<u64>,
}

/// What is known of the log.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct LogFacts {
    /// Whether nothing is wrong anywhere in it.
    pub whole: bool,
    /// Records that were read, all of them.
    pub records: u64,
    /// Files that it consists of.
    pub segments: u64,
    /// Its first record.
    pub first: Option<Cite>,
    /// Its last record. Nothing behind it seals it yet.
    pub last: Option<Cite>,
    /// Whether it begins with record 1. Otherwise older files of it are not here.
    pub from_genesis: bool,
    /// Lines of another program before the first record, sealed by their hash.
    pub sealed_lines: u64,
    /// Lines that are no records, and acknowledged by the record behind them.
    pub recovered_lines: u64,
    /// Bytes behind the last line break: a write that is going on, or was torn by a crash.
    pub torn_bytes: u64,
    /// How often the chain is broken.
    pub break_count: u64,
    /// Where it is broken; the first of them.
    pub breaks: Vec<Break>,
    /// What was signed of it, compared with what is there.
    pub checkpoints: Checkpoints,
}

/// A place where the log is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Break {
    /// The record before it.
    pub after: Option<u64>,
    /// The record at which it shows.
    pub at: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// How many of one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// The word.
    pub word: String,
    /// How many.
    pub count: u64,
}

/// Counts and times. Previews are counted apart, and nowhere else.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Figures {
    /// Requests.
    pub actions: u64,
    /// Commands that only showed the state before a question.
    pub previews: u64,
    /// Requests that were started.
    pub started: u64,
    /// By what became of them: the words of `state`.
    pub states: Vec<Count>,
    /// By how they were judged.
    pub risks: Vec<Count>,
    /// Requests that a human had to answer.
    pub asked: u64,
    /// Those of them that were answered with yes or no.
    pub answered: u64,
    /// Milliseconds from question to yes or no, the middle one.
    pub median_wait_ms: Option<u64>,
    /// The longest of those.
    pub longest_wait_ms: Option<u64>,
    /// Milliseconds that commands ran, all together.
    pub run_ms: u64,
    /// The first record of a request.
    pub first: Option<Cite>,
    /// The last record of a request.
    pub last: Option<Cite>,
    /// Other requests on the same targets in the same time, which this report is not about; 100,000 at
    /// most.
    pub others: u64,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Where it was reached, as `user@address port N`.
    pub hosts: Vec<String>,
    /// Requests for it.
    pub actions: u64,
    /// Those that were started.
    pub started: u64,
    /// The first record that names it.
    pub cite: Cite,
}

/// The Unix user that called, which is proven, unlike `requester`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Caller {
    /// The user's name.
    pub user: String,
    /// The user's id.
    pub uid: Option<u32>,
    /// `sudo` or `direct`.
    pub through: Option<String>,
    /// Whom sudo named where the process did not bear it out.
    pub disputed: Option<String>,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Asker {
    /// Who, by their own account: a claim.
    pub claims: Option<String>,
    /// Who called, known from Unix.
    pub caller: Option<Caller>,
    /// Requests.
    pub actions: u64,
    /// The first record.
    pub cite: Cite,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Approver {
    /// The person.
    pub name: String,
    /// The Unix id; none where a code came through somebody else.
    pub uid: Option<u32>,
    /// `stdin`, `command` or `client`.
    pub via: Option<String>,
    /// `totp` or `recovery`, where a code came with the answer.
    pub factor: Option<String>,
    /// What the answers were worth.
    pub assurance: Option<Assurance>,
    /// How often yes.
    pub approved: u64,
    /// How often no.
    pub denied: u64,
    /// Answers that were not enough or came too late.
    pub without_effect: u64,
    /// The first record.
    pub cite: Cite,
}

/// A configuration that judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Policy {
    /// SHA-256 of it.
    pub sha256: String,
    /// The first record that it judged.
    pub first: Cite,
    /// The last one.
    pub last: Cite,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It ran and exited with 0.
    Succeeded,
    /// It ran and exited otherwise.
    Failed,
    /// It ran into its time limit.
    TimedOut,
    /// It was ended from here.
    Interrupted,
    /// It started, and its end is unknown.
    Lost,
    /// It never started, because the target was not reached.
    Unreachable,
    /// It was started, and the log holds no outcome.
    Running,
    /// It waits for a human, as far as the log knows.
    Waiting,
    /// A human said no.
    Denied,
    /// Policy, a limit, a freeze refused.
    Refused,
    /// Nobody answered in time.
    Expired,
    /// It was a reply, and nothing waited for it.
    NothingWaited,
    /// It was taken back.
    Cancelled,
    /// It was judged only.
    Judged,
    /// The message was not understood, or could mean several.
    NotUnderstood,
    /// The installation could not answer.
    Error,
    /// The log says something that this version does not know.
    Unknown,
}

/// One request from question to end.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Action {
    /// Its id.
    pub request_id: String,
    /// The request that waits, where this only showed the state before it.
    pub preview_of: Option<String>,
    /// What became of it.
    pub state: State,
    /// The wire's word of it.
    pub status: String,
    /// The target.
    pub target: Option<String>,
    /// Where the target was.
    pub host: Option<String>,
    /// The IP address that was reached.
    pub host_address: Option<String>,
    /// The host keys that were pinned, as `SHA256:` fingerprints.
    pub host_key: Vec<String>,
    /// The command, secrets taken out.
    pub command: Option<String>,
    /// The command line that was sent, where it differs.
    pub sent: Option<String>,
    /// Who asked, by their own account: a claim.
    pub requester: Option<String>,
    /// Why, by their own account: a claim.
    pub reason: Option<String>,
    /// Which chat asked.
    pub conversation: Option<String>,
    /// Which incident.
    pub incident: Option<String>,
    /// Who called, known from Unix.
    pub caller: Option<Caller>,
    /// How it was judged.
    pub risk: Option<String>,
    /// By which rule.
    pub rule: Option<String>,
    /// What decided, command by command.
    pub explanation: Option<String>,
    /// What was demanded of the approval.
    pub needs: Option<String>,
    /// SHA-256 of what was shown to the human.
    pub digest: Option<String>,
    /// When it was asked: the stamp of its first record.
    pub asked_at: String,
    /// When it began to wait for a human.
    pub waits_from: Option<String>,
    /// When a human's yes or no ended that.
    pub answered_at: Option<String>,
    /// Milliseconds between the two.
    pub waited_ms: Option<u64>,
    /// Every answer, also those that were not enough.
    pub answers: Vec<Answer>,
    /// The grant that stood in for an approval.
    pub grant: Option<GrantUsed>,
    /// When it was about to start.
    pub started_at: Option<String>,
    /// Its time limit in seconds.
    pub limit_s: Option<u64>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long it ran.
    pub duration_ms: Option<u64>,
    /// The command's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What was said about its end, or why nothing ran.
    pub message: Option<String>,
    /// Its standard output.
    pub stdout: Option<Printed>,
    /// Its standard error.
    pub stderr: Option<Printed>,
    /// Its records, in order.
    pub records: Vec<Cite>,
    /// Records of it that nothing proves; what they say is not here.
    pub unverified_records: u64,
}

/// One human's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// `approved`, `denied`, `too_weak` or `too_late`.
    pub answer: String,
    /// The person.
    pub by: String,
    /// The Unix id; none where a code came through somebody else.
    pub uid: Option<u32>,
    /// `stdin`, `command` or `client`.
    pub via: Option<String>,
    /// `totp` or `recovery`, where a code came with it.
    pub factor: Option<String>,
    /// What it was worth.
    pub assurance: Option<Assurance>,
    /// Why, in the human's words.
    pub reason: Option<String>,
    /// When.
    pub at: String,
    /// Whether the one that answered is the one that asked.
    pub self_approved: bool,
    /// The record.
    pub cite: Cite,
}

/// A grant that stood in for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrantUsed {
    /// The grant, and which of its uses.
    #[serde(flatten)]
    pub grant: GrantUse,
    /// Who gave it.
    pub given_by: Option<String>,
    /// What that was worth.
    pub assurance: Option<Assurance>,
}

/// One stream of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Printed {
    /// The text as the record has it, secrets taken out; the middle is left out where it is long.
    pub text: String,
    /// Characters of the record's text that are left out here.
    pub left_out: u64,
    /// Bytes of the unmodified stream.
    pub bytes: Option<u64>,
    /// SHA-256 of the unmodified stream.
    pub sha256: Option<String>,
    /// Whether the record's own text is not all of it.
    pub truncated: bool,
    /// Where all of it lies beside the log, where the record holds only its ends.
    pub file: Option<SideFile>,
    /// The record.
    pub cite: Cite,
}

/// Something that is no request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Happening {
    /// When.
    pub at: String,
    /// The record's event.
    pub event: String,
    /// The record's status.
    pub status: Option<String>,
    /// The target, where it is about one.
    pub target: Option<String>,
    /// Who did it, known from Unix.
    pub caller: Option<Caller>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What the record says.
    pub message: Option<String>,
    /// The grant, where it is about one.
    pub grant: Option<GrantUse>,
    /// SHA-256 of the configuration that was in force.
    pub policy: Option<String>,
    /// SHA-256 of the one before, where it was exchanged.
    pub policy_before: Option<String>,
    /// What checks signatures from there on, where the key was exchanged.
    pub verifier_key: Option<String>,
    /// The record.
    pub cite: Cite,
}

/// A record that this report rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    /// Its number and hash.
    #[serde(flatten)]
    pub cite: Cite,
    /// Its stamp.
    pub at: String,
    /// Its event.
    pub event: String,
    /// The number of the first record of the file that it stands in.
    pub segment: u64,
}

/// A record that belongs here and that nothing proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unverified {
    /// The number that it claims, and its hash.
    #[serde(flatten)]
    pub cite: Cite,
    /// The number of the first record of the file that it stands in.
    pub segment: u64,
}

impl Cite {
    /// The first digits of the hash, as people compare them.
    pub fn short(&self) -> &str {
        self.sha256.get(..SHORT).unwrap_or(&self.sha256)
    }
}

/// Digits of a hash that are shown in a line.
const SHORT: usize = 12;

impl State {
    /// In words for a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "ran, exit code 0",
            Self::Failed => "ran, other exit code",
            Self::TimedOut => "ended by its time limit",
            Self::Interrupted => "ended from the gateway",
            Self::Lost => "started, end unknown",
            Self::Unreachable => "target not reached",
            Self::Running => "started, no outcome in the log",
            Self::Waiting => "waits for a human",
            Self::Denied => "denied by a human",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::NothingWaited => "a reply when nothing waited",
            Self::Cancelled => "taken back",
            Self::Judged => "judged only",
            Self::NotUnderstood => "not understood",
            Self::Error => "error",
            Self::Unknown => "unknown to this version",
        }
    }

    /// The word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
            Self::Unreachable => "unreachable",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::NothingWaited => "nothing_waited",
            Self::Cancelled => "cancelled",
            Self::Judged => "judged",
            Self::NotUnderstood => "not_understood",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    /// Whether its end is still to come, as far as the log knows.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Lost)
    }
}

impl Action {
    /// Whether it was started.
    pub fn is_started(&self) -> bool {
        self.started_at.is_some()
    }

    /// Whether it only showed the state before a question.
    pub fn is_preview(&self) -> bool {
        self.preview_of.is_some()
    }
}
