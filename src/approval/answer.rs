//! A human's answer: who gave it, through what, and what it is worth by itself.
//!
//! **Reads** nothing; the facts are handed in.
//! **Gives** [`Answer`], [`Giver`], [`Trust`], [`Via`].
//! **Never** takes a name from a message: it is the caller's, or that of the approver whose code
//! it was.

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::assurance::Assurance;
use crate::assurance::Voice;
use crate::assurance::together;
use crate::caller::Caller;
use crate::factor::Verified;

/// The way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A word on stdin.
    Stdin,
    /// `aiops approve`, `aiops deny` or `aiops watch`.
    Command,
    /// A question that the client that asked put to its own human.
    Client,
}

impl Via {
    /// The word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Command => "command",
            Self::Client => "client",
        }
    }
}

/// The approvers' group where the configuration names none; setup makes it.
pub const APPROVERS: &str = "aiops-approvers";

/// What is believed of answers, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The Unix group of the approvers.
    pub group: String,
    /// Whether the one that asked may be the one that approves.
    pub self_approval: bool,
    /// What an approver's code is worth that somebody else brings.
    pub relayed_code: Assurance,
}

/// Who gives an answer, in facts that nobody can write into a message.
#[derive(Debug, Clone, Copy)]
pub struct Giver<'a> {
    /// The Unix user that called.
    pub caller: &'a Caller,
    /// The way the answer came.
    pub via: Via,
    /// The approver whose code came with it.
    pub verified: Option<&'a Verified>,
    /// Whether the caller belongs to the group of the approvers.
    pub is_approver: bool,
}

/// Who asked.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The Unix user id.
    pub uid: u32,
    /// The Unix name.
    pub name: &'a str,
    /// Who it may have been all the same.
    pub disputed: Option<&'a str>,
}

/// A human's answer and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who answered: the caller, or the approver whose code it was.
    pub by: String,
    /// The Unix user id of the caller that brought the answer.
    pub uid: u32,
    /// The way the answer came.
    pub via: Via,
    /// What it is worth by itself.
    level: Assurance,
    /// Whether it is worth that because the caller belongs to the approvers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) as_member: bool,
    /// Whether the caller only brought another person's code.
    #[serde(default, skip_serializing_if = "is_false")]
    relayed: bool,
    /// `totp` or `recovery`, where a code came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// Whether the one that answered is the one that asked, and configuration lets that pass.
    #[serde(default, skip_serializing_if = "is_false")]
    pub self_approved: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was a yes.
    pub approved: bool,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who said yes before, where several have to, in the order of their answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Earlier>,
}

/// Somebody who said yes before the last one did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Earlier {
    /// The person.
    pub by: String,
    /// The Unix user id of that person; none where a code came through somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// `stdin`, `command` or `client`.
    pub via: String,
    /// `totp` or `recovery`, where a code came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// What it was worth by itself.
    pub assurance: Assurance,
    /// RFC 3339, UTC, milliseconds.
    pub at: String,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Giver<'_> {
    /// The person.
    pub fn person(&self) -> &str {
        self.verified
            .map_or(self.caller.user.as_str(), Verified::person)
    }

    /// Whether this is who asked.
    pub fn asked(&self, asker: &Asker<'_>) -> bool {
        let person = self.person();
        let same_user = self.verified.is_none() && self.caller.uid == asker.uid;
        // Where it is not known for certain who came, nobody profits from the doubt.
        let may_be = |name: &str| {
            person.eq_ignore_ascii_case(name)
                || self.verified.is_none() && self.caller.disputed.as_deref() == Some(name)
        };
        same_user || may_be(asker.name) || asker.disputed.is_some_and(may_be)
    }

    /// Whether the person is another one than the caller, who only brings their code.
    fn is_relayed(&self) -> bool {
        self.person() != self.caller.user
    }

    /// Whether the caller is an approver and answers by themselves: what a client says of its human
    /// is no word of the user that the client runs as.
    fn is_an_approvers_own(&self) -> bool {
        self.is_approver && self.via != Via::Client
    }

    /// What a yes of this giver is worth, whoever asked.
    fn worth(&self, trust: &Trust) -> Assurance {
        match (self.verified, self.is_an_approvers_own()) {
            (Some(_), true) if !self.is_relayed() => Assurance::SecondFactor,
            (Some(_), _) => trust.relayed_code,
            (None, true) => Assurance::OutOfBand,
            (None, false) if self.via == Via::Client => Assurance::Client,
            (None, false) => Assurance::Relayed,
        }
    }

    /// What a yes of this giver is worth for what `asker` asked, and whether it is worth that only
    /// because one may approve what one asked.
    pub fn level(&self, asker: &Asker<'_>, trust: &Trust) -> (Assurance, bool) {
        let worth = self.worth(trust);
        if worth < Assurance::OutOfBand || !self.asked(asker) {
            return (worth, false);
        }
        if trust.self_approval {
            return (worth, true);
        }
        (Assurance::Relayed, false)
    }
}

impl Answer {
    /// A yes.
    pub fn yes(
        giver: &Giver<'_>,
        asker: &Asker<'_>,
        trust: &Trust,
        at: DateTime<Utc>,
        reason: Option<String>,
    ) -> Self {
        let (level, self_approved) = giver.level(asker, trust);
        Self {
            by: giver.person().to_owned(),
            uid: giver.caller.uid,
            via: giver.via,
            level,
            as_member: giver.is_an_approvers_own() && !giver.is_relayed(),
            relayed: giver.is_relayed(),
            factor: giver
                .verified
                .map(|verified| verified.kind().word().to_owned()),
            self_approved,
            at,
            approved: true,
            reason,
            after: Vec::new(),
        }
    }

    /// A no; it needs to be worth nothing.
    pub fn no(caller: &Caller, via: Via, at: DateTime<Utc>, reason: Option<String>) -> Self {
        Self {
            by: caller.user.clone(),
            uid: caller.uid,
            via,
            level: Assurance::Relayed,
            as_member: false,
            relayed: false,
            factor: None,
            self_approved: false,
            at,
            approved: false,
            reason,
            after: Vec::new(),
        }
    }

    /// What it is worth by itself.
    pub fn level(&self) -> Assurance {
        self.level
    }

    /// The Unix user id of the one that answered; none where a code came through somebody else.
    pub fn own_uid(&self) -> Option<u32> {
        (!self.relayed).then_some(self.uid)
    }

    /// As one voice among several.
    pub fn voice(&self) -> Voice<'_> {
        Voice {
            person: &self.by,
            level: self.level,
        }
    }

    /// What the answer and those before it are worth together.
    pub fn assurance(&self) -> Assurance {
        let before = self.after.iter().map(|earlier| Voice {
            person: &earlier.by,
            level: earlier.assurance,
        });
        let voices: Vec<Voice<'_>> = before.chain([self.voice()]).collect();
        together(&voices).unwrap_or(self.level)
    }

    /// The same answer as the last of several.
    pub(super) fn behind(self, others: &[Answer]) -> Self {
        let after = others.iter().map(Answer::earlier).collect();
        Self { after, ..self }
    }

    fn earlier(&self) -> Earlier {
        Earlier {
            by: self.by.clone(),
            uid: self.own_uid(),
            via: self.via.word().to_owned(),
            factor: self.factor.clone(),
            assurance: self.level,
            at: self.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            reason: self.reason.clone(),
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
