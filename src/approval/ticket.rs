//! What lies in a file of the waiting room: the request as it was shown, and later its answer.
//!
//! **Reads** nothing.
//! **Gives** [`Ticket`], [`Preview`].
//! **Never** is a right to run anything.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use super::Answer;
use super::Asker;
use super::Facts;
use super::Putting;
use super::digest;
use crate::assurance::Demand;
use crate::policy::NeedsApproval;
use crate::request::Code;
use crate::request::Draft;

/// Version of the file's format.
pub(super) const SCHEMA: u32 = 2;

/// One request in the waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Version of this format.
    pub schema: u32,
    /// The approval's id, and the id of the request that asked first.
    pub id: Uuid,
    /// The name people type.
    pub code: Code,
    /// The request itself.
    pub request: Draft,
    /// Where it would run, as `user@address port N`.
    pub host: String,
    /// The rule that demanded a human.
    pub rule: Option<String>,
    /// What that rule says for itself.
    pub why: Option<String>,
    /// What decided, command by command.
    pub explanation: String,
    /// Whether a rule says that it cannot be undone.
    pub irreversible: bool,
    /// What was demanded of the answers when it was put.
    pub demand: Demand,
    /// What reading commands showed of the state before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<Preview>,
    /// That somebody said no to the same before, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// SHA-256 of the configuration that judged it.
    pub policy: String,
    /// Unix user id of the one that asked.
    pub caller_uid: u32,
    /// Unix name of the one that asked.
    pub caller: String,
    /// Who may have been the one that asked all the same; see `Caller::disputed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed: Option<String>,
    /// When it was put.
    pub created: DateTime<Utc>,
    /// When its time is over.
    pub expires: DateTime<Utc>,
    /// A number nobody can guess, so that no two digests are alike.
    pub nonce: Uuid,
    /// SHA-256 over everything that was shown and would run, in hexadecimal digits.
    pub digest: String,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Answer>,
    /// When it stopped waiting without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// Why it was taken back, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<String>,
}

/// What a reading command showed before anybody was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// The command.
    pub command: String,
    /// What became of it, in one sentence.
    pub outcome: String,
    /// What it printed, secrets taken out and every odd character written out; a cut says so.
    pub output: String,
}

impl Ticket {
    pub(super) fn new(asked: &NeedsApproval, putting: &Putting<'_>, facts: &Facts<'_>) -> Self {
        let verdict = asked.case().verdict();
        Self {
            schema: SCHEMA,
            id: putting.id,
            code: Code::random(),
            request: asked.case().request().to_draft(),
            host: facts.target.host().to_string(),
            rule: verdict.rule().map(str::to_owned),
            why: verdict.why().map(str::to_owned),
            explanation: verdict.explanation(),
            irreversible: verdict.is_irreversible(),
            demand: verdict.demand().clone(),
            previews: putting.previews.clone(),
            before: putting.before.clone(),
            policy: facts.policy.to_owned(),
            caller_uid: putting.caller.uid,
            caller: putting.caller.user.clone(),
            disputed: putting.caller.disputed.clone(),
            created: putting.now,
            expires: putting.now + putting.ttl,
            nonce: Uuid::new_v4(),
            digest: String::new(),
            decided: None,
            ended: None,
            cancelled: None,
        }
    }

    /// The same request by the same caller.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        self.request == other.request && self.caller_uid == other.caller_uid
    }

    pub(super) fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// With the digest of everything in it, and of what will be sent where.
    pub(super) fn sealed(mut self, facts: &Facts<'_>) -> Self {
        self.digest = digest::of(&self, facts);
        self
    }

    /// Whether it still comes down to what was shown.
    pub(super) fn is_what_was_shown(&self, facts: &Facts<'_>) -> bool {
        self.digest == digest::of(self, facts)
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        is_over(self.created, self.expires, now)
    }

    /// The first characters of the digest, for people to compare.
    pub fn digest_words(&self) -> &str {
        digest::words(&self.digest)
    }

    /// Who asked.
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            uid: self.caller_uid,
            name: &self.caller,
            disputed: self.disputed.as_deref(),
        }
    }

    /// Whether it says how it stopped waiting. The file of one that did says so a moment later, or
    /// never, where whoever ended it died in between.
    pub(super) fn is_noted(&self) -> bool {
        self.decided.is_some() || self.ended.is_some()
    }

    /// When it stopped waiting; when it was put, where it did not.
    pub fn ended_at(&self) -> DateTime<Utc> {
        let decided = self.decided.as_ref().map(|decision| decision.at);
        decided.or(self.ended).unwrap_or(self.created)
    }
}

/// Whether the time of something is over. What comes from the future is over too: the clock was set
/// back, and nobody can say how long it has lasted.
pub fn is_over(created: DateTime<Utc>, expires: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now >= expires || now < created - TimeDelta::seconds(CLOCK_STEP)
}

/// Seconds that a clock may step back without anything being taken for what comes from the future.
const CLOCK_STEP: i64 = 60;
