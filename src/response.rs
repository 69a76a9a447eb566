//! The JSON object on stdout.
//!
//! **Reads** nothing.
//! **Gives** [`Response`], [`Waiting`], [`block`].
//! **Never** says more than one thing, and never grows over the client's limit.

use chrono::DateTime;
use chrono::Utc;
use schemars::JsonSchema;
use serde::Serialize;

use crate::approval::Ticket;
use crate::assurance::Assurance;
use crate::audit;
use crate::policy::Verdict;
use crate::request::Draft;
use crate::status::Status;

mod fit;
mod prompt;

pub(crate) use fit::cut;
pub use prompt::block;
pub use prompt::command_lines;
pub use prompt::whole;

/// One answer. The first ten fields are always there.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Response {
    /// What became of it.
    pub status: Status,
    /// `auto_allowed`, `approval_required`, `forbidden`, or null where nothing was judged.
    pub risk: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The command as it was received.
    pub command: Option<String>,
    /// Who asked, by their own account.
    pub requester: Option<String>,
    /// Why, by their own account.
    pub reason: Option<String>,
    /// What to tell a person.
    pub message: String,
    /// When this was answered: RFC 3339, UTC, milliseconds.
    pub timestamp: String,
    /// Number of the record in the log; null where nothing could be recorded.
    pub audit_seq: Option<u64>,
    /// Version of this format.
    pub schema: u32,
    /// The same in all records of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What decided, command by command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Id of the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
    /// The four characters that name the request in a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When the request stops waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Digest of everything that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The assurance demanded of the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Assurance>,
    /// All that is demanded of the approval, in words, where it is more than one answer of that
    /// assurance, or where one was not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demand: Option<String>,
    /// What a human said the last time the same was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The grant that stood in for an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<audit::GrantUse>,
    /// The block to show a person, unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The person that approved or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// Why it was denied, in the human's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial_reason: Option<String>,
    /// Exit code of the command on the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the command, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What it printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// What it printed as errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// True where `stdout` or `stderr` is not all of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    /// Facts about the unmodified standard output, where the text is not all of it or not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_facts: Option<audit::OutputFacts>,
    /// Facts about the unmodified standard error, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_facts: Option<audit::OutputFacts>,
    /// Every simple command that would run, where it was judged only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<CommandView>>,
    /// The requests that wait, where a reply could mean several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Vec<Waiting>>,
    /// Exit code of this program.
    #[serde(skip)]
    pub exit: u8,
    /// The waiting request that this shows whole.
    #[serde(skip)]
    pub shows: Option<uuid::Uuid>,
}

/// One simple command: its words, null where a value cannot be known beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CommandView {
    /// The words.
    pub argv: Vec<Option<String>>,
}

impl CommandView {
    /// Every simple command that would run.
    pub fn all(verdict: &Verdict) -> Vec<Self> {
        verdict.commands().map(|argv| Self { argv }).collect()
    }
}

/// One waiting request in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waiting {
    /// The four characters that name it in a reply.
    pub code: String,
    /// Id of the approval.
    pub approval_id: String,
    /// The target's name.
    pub target: String,
    /// The command; a long one ends in a mark that says how much is missing.
    pub command: String,
    /// Who asked, by their own account.
    pub requester: Option<String>,
    /// Why, by their own account.
    pub reason: Option<String>,
    /// When it stops waiting.
    pub expires_at: String,
    /// The first twelve characters of the digest of everything that was shown.
    pub digest: String,
    /// The assurance demanded of the approval.
    pub needs: Assurance,
    /// All that is demanded, in words, where it is more than one answer of that assurance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demand: Option<String>,
}

/// Version of the answer's format.
const SCHEMA: u32 = 1;

/// The message of every request for approval, word for word as the lab's.
pub const APPROVAL_REQUIRED: &str = "Approval required. Reply Approve or Deny.";

impl Response {
    /// An answer that says nothing but its status and message yet.
    pub fn new(status: Status, message: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            status,
            message: message.into(),
            timestamp: audit::stamp(now),
            schema: SCHEMA,
            exit: status.exit(),
            ..Self::default()
        }
    }

    /// An error of this installation, with the exit code of its kind.
    pub fn error(exit: u8, message: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            exit,
            ..Self::new(Status::Error, message, now)
        }
    }

    /// The same answer about this request.
    pub fn about(mut self, request: &Draft) -> Self {
        self.target = Some(request.target.clone());
        self.command = Some(request.command.clone());
        self.requester.clone_from(&request.requester);
        self.reason.clone_from(&request.reason);
        self
    }

    /// The same answer about this approval.
    pub fn of_ticket(mut self, ticket: &Ticket) -> Self {
        self = self.about(&ticket.request);
        self.approval_id = Some(ticket.id.to_string());
        self.code = Some(ticket.code.to_string());
        self.digest = Some(ticket.digest.clone());
        if let Some(decided) = &ticket.decided {
            self.decided_by = Some(decided.by.clone());
            self.decided_at = Some(audit::stamp(decided.at));
            if !decided.approved {
                self.denial_reason.clone_from(&decided.reason);
            }
        }
        self
    }

    /// Whether the whole answer has at most `limit` characters as it is.
    pub fn fits(&self, limit: usize) -> bool {
        fit::length(self) <= limit
    }

    /// The answer as the one line that is printed, at most `limit` characters long: output, lists
    /// and at last the message are cut to fit, each with a mark, and the JSON never.
    pub fn to_line(mut self, limit: usize) -> String {
        fit::fit(&mut self, limit);
        // Only strings, numbers and lists of them: this cannot fail.
        serde_json::to_string(&self).unwrap_or_default()
    }
}

impl Waiting {
    /// What a list says of a waiting request.
    pub fn new(ticket: &Ticket) -> Self {
        Self {
            code: ticket.code.to_string(),
            approval_id: ticket.id.to_string(),
            target: ticket.request.target.clone(),
            command: fit::shortened(&ticket.request.command, LISTED_COMMAND),
            requester: ticket.request.requester.clone(),
            reason: ticket
                .request
                .reason
                .as_deref()
                .map(|why| fit::shortened(why, LISTED_COMMAND)),
            expires_at: audit::stamp(ticket.expires),
            digest: ticket.digest_words().to_owned(),
            needs: ticket.demand.level,
            demand: ticket.demand.is_quorum().then(|| ticket.demand.to_string()),
        }
    }
}

/// Characters of a command in a list of several.
const LISTED_COMMAND: usize = 240;

#[cfg(test)]
mod tests;
