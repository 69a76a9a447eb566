//! What a report needs of a record.
//!
//! **Reads** one line of the log.
//! **Gives** [`Link`], little and of every line; [`Noted`], all and of the lines that count.
//! **Never** refuses a record for an event, a status or a field that it does not know.

use std::borrow::Cow;

use serde::Deserialize;

use crate::approval::Earlier;
use crate::assurance::Assurance;
use crate::audit::FoundFacts;
use crate::audit::GrantUse;
use crate::audit::OutputFacts;
use crate::audit::SideFile;

/// What the chain and the selection need.
#[derive(Debug, Deserialize)]
pub(super) struct Link<'a> {
    #[serde(borrow)]
    pub(super) timestamp: Cow<'a, str>,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) prev: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) requester: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) incident: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) found: Option<FoundFacts>,
}

/// All that a report can tell of a record.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Noted {
    pub(super) timestamp: String,
    pub(super) seq: u64,
    pub(super) event: String,
    pub(super) request_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) risk: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) target: Option<String>,
    pub(super) command: Option<String>,
    pub(super) requester: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) stdout: Option<Cut>,
    pub(super) stderr: Option<Cut>,
    pub(super) message: Option<String>,
    pub(super) explanation: Option<String>,
    pub(super) host: Option<String>,
    pub(super) host_address: Option<String>,
    #[serde(default)]
    pub(super) host_key: Vec<String>,
    pub(super) sent: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) caller_uid: Option<u32>,
    pub(super) caller_through: Option<String>,
    pub(super) caller_disputed: Option<String>,
    pub(super) approver: Option<String>,
    pub(super) approver_uid: Option<u32>,
    pub(super) approver_via: Option<String>,
    pub(super) approver_factor: Option<String>,
    pub(super) approval_reason: Option<String>,
    pub(super) denial_reason: Option<String>,
    pub(super) self_approved: Option<bool>,
    #[serde(default)]
    pub(super) earlier_approvers: Vec<Earlier>,
    pub(super) needs: Option<String>,
    pub(super) grant: Option<GrantUse>,
    pub(super) preview_of: Option<String>,
    pub(super) assurance: Option<Assurance>,
    pub(super) digest: Option<String>,
    pub(super) incident: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) limit_s: Option<u64>,
    pub(super) duration_ms: Option<u64>,
    pub(super) waited_ms: Option<u64>,
    pub(super) signal: Option<i32>,
    pub(super) stdout_facts: Option<OutputFacts>,
    pub(super) stderr_facts: Option<OutputFacts>,
    pub(super) stdout_file: Option<SideFile>,
    pub(super) stderr_file: Option<SideFile>,
    pub(super) policy_before: Option<String>,
    pub(super) verifier_key: Option<String>,
}

/// An output, cut as soon as it is read: a report may hold thousands of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Cut {
    /// The text, or its two ends with a word between them about the rest.
    pub(super) text: String,
    /// Characters that are left out.
    pub(super) left_out: u64,
}

impl From<String> for Cut {
    fn from(text: String) -> Self {
        let count = text.chars().count();
        let Some(left_out) = count.checked_sub(HEAD + TAIL).filter(|left| *left > 0) else {
            return Self { text, left_out: 0 };
        };
        let head: String = text.chars().take(HEAD).collect();
        let tail: String = text.chars().skip(count - TAIL).collect();
        let gap = format!("[\u{2026} {left_out} characters are left out here \u{2026}]");
        Self {
            text: format!("{head}\n{gap}\n{tail}"),
            left_out: left_out as u64,
        }
    }
}

/// Characters of an output that are shown from its beginning, and from its end.
const HEAD: usize = 6_000;
const TAIL: usize = 2_000;

impl Link<'_> {
    /// The link of a line; none where the line is no record.
    pub(super) fn of(line: &[u8]) -> Option<Link<'_>> {
        serde_json::from_slice(line).ok()
    }

    /// Whether it says what the lines before it are, which are no records.
    pub(super) fn speaks_of_strange(&self) -> bool {
        matches!(&*self.event, "recovered" | "sealed")
    }
}

impl Noted {
    /// What can be told of a record of which only the link can be read.
    pub(super) fn bare(link: &Link<'_>) -> Self {
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Self {
            timestamp: link.timestamp.clone().into_owned(),
            seq: link.seq,
            event: link.event.clone().into_owned(),
            request_id: owned(&link.request_id),
            target: owned(&link.target),
            requester: owned(&link.requester),
            incident: owned(&link.incident),
            ..Self::default()
        }
    }

    /// The link of the record, without what only the chain needs.
    pub(super) fn link(&self) -> Link<'_> {
        fn borrowed(text: &Option<String>) -> Option<Cow<'_, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        Link {
            timestamp: Cow::Borrowed(&self.timestamp),
            seq: self.seq,
            prev: Cow::Borrowed(""),
            event: Cow::Borrowed(&self.event),
            request_id: borrowed(&self.request_id),
            target: borrowed(&self.target),
            requester: borrowed(&self.requester),
            incident: borrowed(&self.incident),
            found: None,
        }
    }

    /// Whether a human's answer stands in it. A grant carries the name of the one that gave it, and
    /// that was no answer to this request.
    pub(super) fn is_answered(&self) -> bool {
        self.approver.is_some() && !self.uses_grant()
    }

    /// Whether a grant stood in for an approval.
    pub(super) fn uses_grant(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.nth.is_some())
    }

    /// Whether it is a reply that found nothing waiting: it names what was decided before, which was
    /// not judged again. A request whose time was over has been judged.
    pub(super) fn is_stray_reply(&self) -> bool {
        self.status() == "expired" && self.risk.is_none()
    }

    /// The word of what became of it.
    pub(super) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or_default()
    }
}
