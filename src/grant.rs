//! Permissions given in advance: this command or rule, on this target, for this asker, for a while.
//!
//! **Reads** and **writes** the directory `runtime/grants`.
//! **Gives** [`Grants`], [`Grant`], [`Granted`].
//! **Never** covers what cannot be undone, and never a use more than was given.

use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::approval::Answer;
use crate::approval::Facts;
use crate::approval::Trust;
use crate::approval::Via;
use crate::approval::digest_over;
use crate::approval::digest_words;
use crate::approval::is_over;
use crate::caller;
use crate::caller::Caller;
use crate::policy::Case;
use crate::policy::NeedsApproval;
use crate::policy::Verdict;
use crate::request::Code;

mod store;

pub use store::Error;

/// Bounds of grants.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long one holds where its giver does not say.
    pub ttl: Duration,
    /// The longest that one may hold.
    pub ttl_max: Duration,
    /// The most uses that one may have.
    pub uses_max: u32,
    /// How many may hold at once.
    pub standing: usize,
    /// How long one that holds no more is remembered.
    pub keep: Duration,
    /// How long to wait for the lock of the directory.
    pub lock_wait: Duration,
    /// Bytes of one file.
    pub file_bytes: usize,
}

/// The grants of one installation.
#[derive(Debug)]
pub struct Grants {
    dir: PathBuf,
    limits: Limits,
}

/// What a grant covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covered {
    /// Exactly this command.
    Command(String),
    /// What this rule alone asks about.
    Rule(String),
}

/// One permission, as it lies on disk. It is no right: the request is judged first, and a use of the
/// grant has to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Version of this format.
    pub schema: u32,
    /// Its id.
    pub id: Uuid,
    /// The name people type.
    pub code: Code,
    /// What it covers.
    pub covers: Covered,
    /// The name of the target.
    pub target: String,
    /// Where the target was, as `user@address port N`.
    pub host: String,
    /// The host keys that were pinned for it.
    pub pins: Vec<String>,
    /// Unix user id of the one that may ask.
    pub asker_uid: u32,
    /// Unix name of the one that may ask.
    pub asker: String,
    /// How many uses it has in all.
    pub uses: u32,
    /// SHA-256 of the configuration it was given under.
    pub policy: String,
    /// When it was given.
    pub created: DateTime<Utc>,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// Who gave it, through what, what that is worth, and why.
    pub given: Answer,
    /// SHA-256 over all of it, in hexadecimal digits.
    pub digest: String,
}

/// A grant with what was used of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The grant.
    pub grant: Grant,
    /// How many of its uses are taken.
    pub used: u32,
}

/// One use of a grant, taken out of the store: good for one run of the request that it owns.
#[derive(Debug)]
pub struct Granted {
    asked: NeedsApproval,
    grant: Grant,
    nth: u32,
}

/// What came of looking for a grant.
#[derive(Debug)]
pub enum Spent {
    /// One covers it, and a use of it was taken.
    Use(Box<Granted>),
    /// None does.
    None(Box<NeedsApproval>),
}

impl Grants {
    /// Takes a directory as the store of grants.
    pub fn new(dir: PathBuf, limits: Limits) -> Self {
        Self { dir, limits }
    }

    /// Bounds of grants.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets a grant hold. It is recorded by `tell` before anybody can use it; where that fails it
    /// does not hold.
    pub fn put<T, E>(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
        tell: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let _lock = store::lock(&self.dir, self.limits.lock_wait)?;
        store::forget(&self.dir, now, self.limits.keep)?;
        if self.standing(now)?.len() >= self.limits.standing {
            return Err(Error::Full(self.limits.standing));
        }
        let written = store::write(&self.dir, grant)?;
        match tell() {
            Ok(told) => store::publish(&self.dir, written, &grant.id).map(|()| Ok(told)),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Every grant that holds and has uses left, the oldest first.
    pub fn standing(&self, now: DateTime<Utc>) -> Result<Vec<Standing>, Error> {
        let mut standing = Vec::new();
        for grant in store::all(&self.dir, self.limits.file_bytes)? {
            if grant.is_over(now) {
                continue;
            }
            let used = store::used(&self.dir, &grant.id)?;
            if used < grant.uses {
                standing.push(Standing { grant, used });
            }
        }
        standing.sort_by_key(|standing| standing.grant.created);
        Ok(standing)
    }

    /// Ends a grant. False where it was ended before. No use of it is taken after this answers.
    pub fn revoke(&self, grant: &Grant) -> Result<bool, Error> {
        store::revoke(&self.dir, &grant.id)
    }

    /// Looks for a grant that covers what was asked, and takes one use of it. The use is on disk
    /// before this answers, so that a crash loses it and never gives it twice.
    pub fn spend(
        &self,
        asked: NeedsApproval,
        facts: &Facts<'_>,
        caller: &Caller,
        trust: &Trust,
        now: DateTime<Utc>,
    ) -> Result<Spent, Error> {
        if asked.case().verdict().is_irreversible() || !store::any(&self.dir)? {
            return Ok(Spent::None(Box::new(asked)));
        }
        for Standing { grant, .. } in self.standing(now)? {
            if !grant.covers(asked.case(), facts, caller) || !grant.is_believed(&asked, trust) {
                continue;
            }
            if let Some(nth) = store::take_use(&self.dir, &grant.id, grant.uses)? {
                let granted = Granted { asked, grant, nth };
                return Ok(Spent::Use(Box::new(granted)));
            }
        }
        Ok(Spent::None(Box::new(asked)))
    }
}

impl Grant {
    /// A grant of `covers` at this moment.
    pub fn new(
        covers: Covered,
        facts: &Facts<'_>,
        asker: &Caller,
        (uses, ttl): (u32, Duration),
        given: Answer,
    ) -> Self {
        let created = given.at;
        let sealed = Self {
            schema: SCHEMA,
            id: Uuid::now_v7(),
            code: Code::random(),
            covers,
            target: facts.target.name().to_string(),
            host: facts.target.host().to_string(),
            pins: facts.pins.to_vec(),
            asker_uid: asker.uid,
            asker: asker.user.clone(),
            uses,
            policy: facts.policy.to_owned(),
            created,
            expires: created + ttl,
            given,
            digest: String::new(),
        };
        let digest = sealed.digest_now();
        Self { digest, ..sealed }
    }

    fn digest_now(&self) -> String {
        let bare = Self {
            digest: String::new(),
            ..self.clone()
        };
        let fields = [
            "aiops grant 1".to_owned(),
            serde_json::to_string(&bare).unwrap_or_default(),
        ];
        digest_over(&fields)
    }

    /// The first characters of the digest, for people to compare.
    pub fn digest_words(&self) -> &str {
        digest_words(&self.digest)
    }

    /// Whether its time is over; one from the future is over too.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        is_over(self.created, self.expires, now)
    }

    /// Whether it speaks of this request, and nothing has changed since it was given.
    fn covers(&self, case: &Case, facts: &Facts<'_>, caller: &Caller) -> bool {
        let spoken = match &self.covers {
            Covered::Command(command) => command == case.request().script().text(),
            Covered::Rule(rule) => case.verdict().asks_only_by() == Some(rule.as_str()),
        };
        spoken
            && self.digest == self.digest_now()
            && self.policy == facts.policy
            && self.target == facts.target.name().as_str()
            && self.host == facts.target.host().to_string()
            && self.pins == facts.pins
            && self.asker_uid == caller.uid
    }

    /// Whether what its giver said is enough for what is asked now, and the giver is still one to be
    /// believed.
    fn is_believed(&self, asked: &NeedsApproval, trust: &Trust) -> bool {
        let worth = asked
            .case()
            .verdict()
            .demand()
            .met_by(&[self.given.voice()], &caller::is_member);
        let by_unix = self.given.via == Via::Command;
        let counts = self.given.level() >= crate::assurance::Assurance::OutOfBand;
        let still = !by_unix || !counts || caller::is_member(&self.given.by, &trust.group);
        worth.is_ok() && still
    }
}

/// Why a grant cannot be given for what a verdict says.
pub fn refusal(verdict: &Verdict) -> Option<&'static str> {
    match verdict.decision() {
        crate::policy::Decision::Allow => {
            Some("it runs without asking, so nothing has to be granted")
        }
        crate::policy::Decision::Forbid => Some("the policy refuses it, and no grant lifts that"),
        crate::policy::Decision::RequireApproval if verdict.is_irreversible() => {
            Some("it cannot be undone, and that is approved each time")
        }
        crate::policy::Decision::RequireApproval => None,
    }
}

impl Granted {
    /// The grant.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Which of its uses this is, from 1.
    pub fn nth(&self) -> u32 {
        self.nth
    }

    /// What was judged.
    pub fn case(&self) -> &Case {
        self.asked.case()
    }

    pub(crate) fn into_case(self) -> Case {
        self.asked.into_case()
    }
}

/// Version of the file's format.
const SCHEMA: u32 = 1;
