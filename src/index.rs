//! Questions to the log, answered fast: an index beside it, and the log itself wherever it is not
//! in the index yet.
//!
//! **Reads** the log, and `audit/index.sqlite`; **writes** only the latter.
//! **Gives** [`Query`], [`search()`], [`count`], [`Tally`], [`update()`].
//! **Never** shows what the index says: every hit is read again from the log and compared.

use std::io;
use std::path::PathBuf;

use crate::audit::Files;
use crate::home::Home;

#[cfg(feature = "search")]
mod build;
#[cfg(feature = "search")]
mod column;
mod dictionary;
#[cfg(feature = "search")]
mod find;
mod noted;
mod query;
#[cfg(feature = "search")]
mod reread;
mod search;
#[cfg(feature = "search")]
mod store;
mod tally;
mod term;
#[cfg(feature = "search")]
mod update;

#[cfg(test)]
#[cfg(feature = "search")]
mod tests;

pub use noted::Noted;
pub use query::Facet;
pub use query::Query;
pub use search::Answer;
pub use search::Differs;
pub use search::Hit;
pub use search::count;
pub use search::search;
pub use search::stats;
pub use tally::Command;
pub use tally::Day;
pub use tally::Needless;
pub use tally::Stats;
pub use tally::Tally;
pub use tally::Waits;
pub use term::Term;
#[cfg(feature = "search")]
pub use update::Progress;
#[cfg(feature = "search")]
pub use update::Updated;
#[cfg(feature = "search")]
pub use update::update;

/// What is searched: a log, and the index beside it.
#[derive(Debug, Clone)]
pub struct Searched {
    /// The log.
    pub files: Files,
    /// The file of the index.
    pub index: PathBuf,
    /// Bytes of the log that may be read into the index before a question is answered.
    pub catch_up: u64,
}

impl Searched {
    /// The log of an installation.
    pub fn of(home: &Home) -> Self {
        Self {
            files: Files::of(home),
            index: home.index(),
            catch_up: CATCH_UP,
        }
    }
}

/// Bytes of the log that are read into the index without being asked for it: some 200,000 records, and
/// a few seconds.
pub const CATCH_UP: u64 = 128 << 20;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("cannot read the log: {0}")]
    Log(#[source] io::Error),
    /// The index cannot be used.
    #[error("cannot use the index `{}`: {why}", path.display())]
    Index {
        /// Its file.
        path: PathBuf,
        /// What is wrong, in words.
        why: String,
    },
    /// Somebody else brings it up to date.
    #[error("another process is bringing the index up to date")]
    Busy,
    /// What was asked for cannot be searched for.
    #[error("{0}")]
    Question(String),
    /// Whoever reads the answer stopped reading.
    #[error("cannot print: {0}")]
    Out(#[source] io::Error),
}
