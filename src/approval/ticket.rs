//! What lies in a file of the waiting room: the request as it was shown, and later its answer.
//!
//! **Reads** nothing.
//! **Gives** [`Ticket`], [`Answer`], [`First`].
//! **Never** is a right to run anything.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::assurance::Assurance;
use crate::caller::Caller;
use crate::policy::NeedsApproval;
use crate::request::Code;
use crate::request::Draft;
use crate::shell::Script;
use crate::target::Target;

/// One request in the waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Version of this format.
    pub schema: u32,
    /// The approval's id, and the id of the request that asked first.
    pub id: Uuid,
    /// The name people type.
    #[serde(with = "code")]
    pub code: Code,
    /// The request itself.
    pub request: Draft,
    /// Where it would run, as `user@address port N`.
    pub host: String,
    /// The rule that demanded a human.
    pub rule: Option<String>,
    /// What that rule says for itself.
    pub why: Option<String>,
    /// Whether a rule says that it cannot be undone.
    #[serde(default)]
    pub irreversible: bool,
    /// The assurance demanded when it was put.
    pub needs: Assurance,
    /// Unix user id of the one that asked.
    pub caller_uid: u32,
    /// Unix name of the one that asked.
    pub caller: String,
    /// When it was put.
    pub created: DateTime<Utc>,
    /// When its time is over.
    pub expires: DateTime<Utc>,
    /// A number nobody can guess, so that no two digests are alike.
    pub nonce: Uuid,
    /// SHA-256 over everything that was shown, in hexadecimal digits.
    pub digest: String,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Answer>,
}

/// A human's answer and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Unix user id of the one that answered.
    pub uid: u32,
    /// Unix name of the one that answered.
    pub by: String,
    /// The way the answer came.
    pub via: Via,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was a yes.
    pub approved: bool,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who said yes before, where two have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<First>,
}

/// Who was the first of two to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Unix user id.
    pub uid: u32,
    /// Unix name.
    pub by: String,
}

/// The way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A word on stdin.
    Stdin,
    /// `aiops approve` or `aiops deny`.
    Command,
}

impl Via {
    /// The word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Command => "command",
        }
    }
}

impl Answer {
    /// An answer of this caller.
    pub fn new(
        caller: &Caller,
        via: Via,
        at: DateTime<Utc>,
        approved: bool,
        reason: Option<String>,
    ) -> Self {
        Self {
            uid: caller.uid,
            by: caller.user.clone(),
            via,
            at,
            approved,
            reason,
            after: None,
        }
    }

    /// The same answer as the second of two.
    pub(super) fn second_to(self, first: &Answer) -> Self {
        let after = Some(First {
            uid: first.uid,
            by: first.by.clone(),
        });
        Self { after, ..self }
    }

    /// What this answer is worth for this request: a yes counts as out of band only when the one
    /// that gave it is another user than the one that asked and came by the command for people, and
    /// as more than that when another such user said so before.
    pub fn assurance(&self, ticket: &Ticket) -> Assurance {
        let another = |uid| uid != ticket.caller_uid;
        match (self.via, &self.after) {
            (Via::Command, Some(first))
                if another(self.uid) && another(first.uid) && self.uid != first.uid =>
            {
                Assurance::SecondFactor
            }
            (Via::Command, _) if another(self.uid) => Assurance::OutOfBand,
            (Via::Command | Via::Stdin, _) => Assurance::Relayed,
        }
    }
}

impl Ticket {
    pub(super) fn new(
        asked: &NeedsApproval,
        id: Uuid,
        caller: &Caller,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Self {
        let verdict = asked.case().verdict();
        Self {
            schema: 1,
            id,
            code: free_code(&[]),
            request: asked.case().request().to_draft(),
            host: asked.case().target().host().to_string(),
            rule: verdict.rule().map(str::to_owned),
            why: verdict.why().map(str::to_owned),
            irreversible: verdict.is_irreversible(),
            needs: verdict.needs(),
            caller_uid: caller.uid,
            caller: caller.user.clone(),
            created: now,
            expires: now + ttl,
            nonce: Uuid::new_v4(),
            digest: String::new(),
            decided: None,
        }
    }

    /// The same request by the same caller for the same place, under the same demands.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        self.request == other.request
            && self.caller_uid == other.caller_uid
            && self.host == other.host
            && self.needs == other.needs
            && self.rule == other.rule
    }

    pub(super) fn with_free_code(self, taken: &[&Code]) -> Self {
        Self {
            code: free_code(taken),
            ..self
        }
    }

    /// With the digest of everything in it, and of what will be sent where.
    pub(super) fn sealed(mut self, target: &Target, script: &Script) -> Self {
        self.digest = self.digest_for(target, script);
        self
    }

    /// Whether its time is over. One from the future is over too: the clock was set back, and
    /// nobody can say how long it has waited.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires || now < self.created - chrono::TimeDelta::seconds(CLOCK_STEP)
    }

    /// The first characters of the digest, for people to compare.
    pub fn digest_words(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// When it was answered, or put where it was not.
    pub fn decided_at(&self) -> DateTime<Utc> {
        self.decided
            .as_ref()
            .map_or(self.created, |decision| decision.at)
    }

    /// SHA-256 over a list of fields, each led by its length in eight bytes, so that no two lists
    /// give the same bytes: this ticket as it lies on disk (but for the digest and the answer),
    /// where it would go now, and the bytes that would be sent now.
    pub(super) fn digest_for(&self, target: &Target, script: &Script) -> String {
        let bare = Self {
            digest: String::new(),
            decided: None,
            ..self.clone()
        };
        let fields = [
            "aiops approval 1".to_owned(),
            serde_json::to_string(&bare).unwrap_or_default(),
            target.name().to_string(),
            target.host().to_string(),
            script.to_send().into_owned(),
        ];
        let mut hash = Sha256::new();
        for field in &fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        crate::hex::of(&hash.finalize())
    }
}

/// Draws codes until one is free. Among the few that wait at once, a handful of draws is enough;
/// the loop ends because a version-4 UUID gives new random bytes each time.
fn free_code(taken: &[&Code]) -> Code {
    loop {
        let [a, b, c, d, ..] = *Uuid::new_v4().as_bytes();
        match Code::from_random([a, b, c, d]) {
            Some(code) if !taken.contains(&&code) => return code,
            _ => {}
        }
    }
}

mod code {
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serializer;

    use crate::request::Code;

    pub(super) fn serialize<S: Serializer>(code: &Code, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(code.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Code, D::Error> {
        let text = String::deserialize(from)?;
        Code::parse(&text).ok_or_else(|| serde::de::Error::custom("not a code"))
    }
}

/// Seconds that a clock may step back without a waiting request being taken for one from the
/// future.
const CLOCK_STEP: i64 = 60;
