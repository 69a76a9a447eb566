//! An incident report: what the log can prove of one incident, and room for what people know of it.
//!
//! **Reads** the lines of a log, through [`Source`].
//! **Gives** [`gather()`], [`Report`], and its three forms: [`markdown()`], [`html()`], and JSON by
//! serde.
//! **Never** states a fact that stands in a record which the chain does not prove.

mod action;
mod axis;
mod chain;
mod checkpoint;
mod escape;
mod fact;
mod figure;
mod gather;
mod happening;
mod html;
mod lane;
mod markdown;
mod moment;
mod narrative;
mod noted;
mod picture;
mod selection;
mod span;
mod step;

pub use checkpoint::Checkpoints;
pub use checkpoint::Signed;
pub use fact::Action;
pub use fact::Answer;
pub use fact::Approver;
pub use fact::Asker;
pub use fact::Break;
pub use fact::Caller;
pub use fact::Cite;
pub use fact::Count;
pub use fact::Evidence;
pub use fact::Figures;
pub use fact::GrantUsed;
pub use fact::Happening;
pub use fact::LogFacts;
pub use fact::Period;
pub use fact::Policy;
pub use fact::Printed;
pub use fact::Report;
pub use fact::SCHEMA;
pub use fact::State;
pub use fact::Target;
pub use fact::Unverified;
pub use gather::Error;
pub use gather::Given;
pub use gather::gather;
pub use html::html;
pub use markdown::markdown;
pub use moment::Kind;
pub use moment::Moment;
pub use moment::Piece;
pub use narrative::Item;
pub use narrative::Narrative;
pub use selection::Selection;

use std::io;

/// One line of a log.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its bytes, without the line break.
    pub bytes: Vec<u8>,
    /// Whether its line break is not there.
    pub torn: bool,
    /// Which file of the log it stands in: the number of that file's first record.
    pub segment: u64,
}

/// All lines of one log in order.
pub type Lines<'a> = Box<dyn Iterator<Item = io::Result<Line>> + 'a>;

/// A log that can be read from its beginning, more than once.
pub trait Source {
    /// Its lines, oldest first.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn lines(&self) -> io::Result<Lines<'_>>;
}

#[cfg(test)]
mod sample;
#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests may fail loudly")]
mod tests;
