//! Where a request stands.
//!
//! **Reads** nothing.
//! **Gives** [`State`].
//! **Never** goes back: each state has those that may follow it.

/// Where a request stands; the last part of its file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits for an answer.
    Pending,
    /// A human said yes, and nothing has started yet.
    Approved,
    /// Its intent is on disk.
    Running,
    /// It ran to its end.
    Done,
    /// It was approved, and did not run, or not to its end.
    Failed,
    /// A human said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// It was taken back, or cannot be approved any more.
    Cancelled,
}

impl State {
    /// The state of this name, where it is one in which a request waits no more.
    pub(super) fn past(word: &str) -> Option<Self> {
        PAST.into_iter().find(|state| state.word() == word)
    }

    /// Every state in which a request waits no more, each before those that may follow it.
    pub(super) fn all_past() -> impl Iterator<Item = Self> {
        PAST.into_iter()
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Every state in which a request waits no more.
const PAST: [State; 7] = [
    State::Approved,
    State::Running,
    State::Done,
    State::Failed,
    State::Denied,
    State::Expired,
    State::Cancelled,
];
