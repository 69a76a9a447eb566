//! What became of a message, in the words of the wire.
//!
//! **Reads** nothing.
//! **Gives** [`Status`], [`exit`].
//! **Never** has two words for one thing.

use schemars::JsonSchema;
use serde::Serialize;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran to its end.
    Executed,
    /// Nothing ran; a human has to decide.
    ApprovalRequested,
    /// A human said no.
    Denied,
    /// The one that asked wants it no more, or nobody can approve it any more.
    Cancelled,
    /// Policy refuses.
    Rejected,
    /// A bare word while several wait.
    Ambiguous,
    /// Nothing waits, or not any more.
    Expired,
    /// It ran into a limit and was ended on the target.
    TimedOut,
    /// It certainly never started.
    Unreachable,
    /// It started, and its outcome is unknown.
    Lost,
    /// This program was stopped by a signal, and ended it.
    Interrupted,
    /// Judged only, as asked for by `dry_run`.
    Judged,
    /// The message was not understood, or names an unknown target.
    Invalid,
    /// This installation cannot answer: its configuration, its log, or a bug.
    #[default]
    Error,
}

/// Exit codes by kind.
pub mod exit {
    /// Answered.
    pub const ANSWERED: u8 = 0;
    /// Something was found that is worth a look.
    pub const FOUND: u8 = 1;
    /// The message, or the command line, was not understood.
    pub const INVALID: u8 = 2;
    /// Refused.
    pub const REFUSED: u8 = 3;
    /// The configuration cannot be used.
    pub const CONFIG: u8 = 4;
    /// The log cannot be written.
    pub const AUDIT: u8 = 5;
    /// The target was not reached, or not to the end.
    pub const TARGET: u8 = 6;
    /// A bug of ours.
    pub const BUG: u8 = 70;
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::ApprovalRequested => "approval_requested",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Ambiguous => "ambiguous",
            Self::Expired => "expired",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Interrupted => "interrupted",
            Self::Judged => "judged",
            Self::Invalid => "invalid",
            Self::Error => "error",
        }
    }

    /// The exit code that goes with it; an error's own kind overrides it.
    pub fn exit(self) -> u8 {
        match self {
            Self::Executed
            | Self::ApprovalRequested
            | Self::Denied
            | Self::Cancelled
            | Self::Judged => exit::ANSWERED,
            Self::Rejected | Self::Ambiguous | Self::Expired => exit::REFUSED,
            Self::TimedOut | Self::Unreachable | Self::Lost | Self::Interrupted => exit::TARGET,
            Self::Invalid => exit::INVALID,
            Self::Error => exit::BUG,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_one_that_is_written() {
        for status in [
            Status::Executed,
            Status::ApprovalRequested,
            Status::Denied,
            Status::Cancelled,
            Status::Rejected,
            Status::Ambiguous,
            Status::Expired,
            Status::TimedOut,
            Status::Unreachable,
            Status::Lost,
            Status::Interrupted,
            Status::Judged,
            Status::Invalid,
            Status::Error,
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
    }
}
