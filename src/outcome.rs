//! What a run ended in, and its duty to be recorded.
//!
//! **Reads** nothing itself; the log is handed in.
//! **Gives** [`Outcome`], [`Transcript`], [`Executed`], [`Concluded`].
//! **Never** lets an outcome be answered before it was offered to the log.

use std::time::Duration;

use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Receipt;
use crate::audit::Record;
use crate::authorize::Authorized;
use crate::status::Status;

/// How a run ended. There is no error after the gate, only one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end.
    Exited {
        /// Its exit code; 128 + n by the shell's convention where signal n ended it.
        code: i32,
        /// The signal that ended it, where one did.
        signal: Option<i32>,
    },
    /// It ran into a limit and was ended on the target.
    TimedOut {
        /// Which limit.
        limit: Exceeded,
        /// Whether something of it is still alive there, as of another user's process group.
        still_running: bool,
    },
    /// It certainly never started.
    Unreachable {
        /// What is in the way.
        why: String,
        /// What helps.
        hint: String,
    },
    /// It started, and the connection went away: what became of it is unknown.
    Lost {
        /// How the connection went.
        why: String,
    },
    /// This program was told to stop and ended it.
    Interrupted {
        /// The signal that told so.
        signal: i32,
        /// Whether it had started at all.
        started: bool,
        /// Whether something of it is still alive on the target.
        still_running: bool,
    },
    /// An operator froze its target: it was not started, or it was ended.
    Frozen {
        /// Whether it had started at all.
        started: bool,
        /// Whether something of it is still alive on the target.
        still_running: bool,
        /// Who froze it, when and why, as far as it is known.
        why: String,
    },
}

/// A limit that a run went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Its time.
    Time(Duration),
    /// The bytes of output that are read at all.
    OutputBytes(u64),
}

/// One stream of output: the text that was kept, and the facts about all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// What was kept, with a visible mark where the middle was cut out.
    pub text: String,
    /// Bytes in all.
    pub bytes: u64,
    /// SHA-256 of all of them, in hexadecimal digits.
    pub sha256: String,
    /// Whether the text is not all of it.
    pub truncated: bool,
    /// Whether it was not UTF-8 and replacement characters stand in the text.
    pub not_utf8: bool,
}

/// What a run printed and how long it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// From the start of the connection to the end.
    pub duration: Duration,
}

/// A run that is over and not yet recorded.
#[derive(Debug)]
#[must_use = "a run has to be concluded: its outcome belongs into the log"]
pub struct Executed {
    authorized: Authorized,
    outcome: Outcome,
    transcript: Transcript,
}

/// A run whose outcome was offered to the log.
#[derive(Debug)]
pub struct Concluded {
    /// What ran.
    pub authorized: Authorized,
    /// How it ended.
    pub outcome: Outcome,
    /// What it printed.
    pub transcript: Transcript,
    /// The proof that the outcome is on disk, or why it is not.
    pub recorded: Result<Receipt, audit::Error>,
}

impl Executed {
    /// Puts an outcome to a run. Only the room that runs calls this.
    pub(crate) fn new(authorized: Authorized, outcome: Outcome, transcript: Transcript) -> Self {
        Self {
            authorized,
            outcome,
            transcript,
        }
    }

    /// Records the outcome as `record` writes it down.
    pub fn conclude(
        self,
        log: &AuditLog,
        record: impl FnOnce(&Authorized, &Outcome, &Transcript) -> Record,
    ) -> Concluded {
        let Self {
            authorized,
            outcome,
            transcript,
        } = self;
        let recorded = log.append(record(&authorized, &outcome, &transcript));
        Concluded {
            authorized,
            outcome,
            transcript,
            recorded,
        }
    }
}

impl Outcome {
    /// What became of it, in the words of the wire.
    pub fn status(&self) -> Status {
        match self {
            Self::Exited { .. } => Status::Executed,
            Self::TimedOut { .. } => Status::TimedOut,
            Self::Unreachable { .. } => Status::Unreachable,
            Self::Lost { .. } => Status::Lost,
            Self::Interrupted { .. } | Self::Frozen { started: true, .. } => Status::Interrupted,
            Self::Frozen { started: false, .. } => Status::Rejected,
        }
    }

    /// The exit code of the command, where it has one.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The signal that ended the command, where one did.
    pub fn signal(&self) -> Option<i32> {
        match self {
            Self::Exited { signal, .. } => *signal,
            _ => None,
        }
    }

    /// What to say about it.
    pub fn message(&self) -> String {
        match self {
            Self::Exited { code: 0, .. } => "It ran and exited with code 0.".to_owned(),
            Self::Exited { code, signal: None } => format!("It ran and exited with code {code}."),
            Self::Exited {
                code,
                signal: Some(signal),
            } => {
                format!(
                    "It ran and exited with code {code}, which is a shell's way to say that signal {signal} ended it."
                )
            }
            Self::TimedOut {
                limit,
                still_running,
            } => {
                format!(
                    "It started and ran into its limit of {limit}. {}",
                    ended(*still_running)
                )
            }
            Self::Unreachable { why, hint } => format!("It never started: {why} ({hint})."),
            Self::Lost { why } => format!(
                "It started and the connection was lost ({why}). Whether it ran to its end is unknown: look at the target before asking again."
            ),
            Self::Interrupted {
                signal,
                started: false,
                ..
            } => {
                format!("This program was stopped by signal {signal} before the command started.")
            }
            Self::Interrupted {
                signal,
                still_running,
                ..
            } => {
                format!(
                    "This program was stopped by signal {signal}. {}",
                    ended(*still_running)
                )
            }
            Self::Frozen {
                started: false,
                why,
                ..
            } => format!("It never started: {why}."),
            Self::Frozen {
                still_running, why, ..
            } => format!(
                "It started and had to stop: {why}. {}",
                ended(*still_running)
            ),
        }
    }
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time(limit) => write!(f, "{} s", limit.as_secs_f64()),
            Self::OutputBytes(limit) => write!(f, "{limit} bytes of output"),
        }
    }
}

fn ended(still_running: bool) -> &'static str {
    if still_running {
        "Something of it is still running on the target: it could not be ended."
    } else {
        "It was ended on the target."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_says_so_in_plain_words() {
        let lost = Outcome::Lost {
            why: "the master is gone".to_owned(),
        };
        assert_eq!(lost.status(), Status::Lost);
        assert!(lost.message().contains("unknown"));
        assert_eq!(lost.exit_code(), None);
    }

    #[test]
    fn a_failing_command_was_executed() {
        let failed = Outcome::Exited {
            code: 1,
            signal: None,
        };
        assert_eq!(
            (failed.status(), failed.exit_code()),
            (Status::Executed, Some(1))
        );
    }

    #[test]
    fn what_could_not_be_ended_is_said() {
        let limit = Exceeded::Time(Duration::from_secs(60));
        let message = Outcome::TimedOut {
            limit,
            still_running: true,
        }
        .message();
        assert!(
            message.contains("60 s") && message.contains("still running"),
            "{message}"
        );
    }

    #[test]
    fn what_is_frozen_was_refused_before_the_start_and_interrupted_after_it() {
        let frozen = |started| Outcome::Frozen {
            started,
            still_running: started,
            why: "everything is frozen by alice".to_owned(),
        };
        let (never, ended) = (frozen(false), frozen(true));
        assert_eq!(
            (never.status(), ended.status()),
            (Status::Rejected, Status::Interrupted)
        );
        assert_eq!(
            never.message(),
            "It never started: everything is frozen by alice."
        );
        let message = ended.message();
        assert!(
            message.contains("by alice") && message.contains("still running"),
            "{message}"
        );
        assert_eq!((ended.exit_code(), ended.signal()), (None, None));
    }
}
