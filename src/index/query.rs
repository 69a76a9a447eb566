//! A question to the log.
//!
//! **Reads** nothing.
//! **Gives** [`Query`], [`Facet`].
//! **Never** answers by itself what only the log can: it says of one record whether it is meant.

use std::borrow::Cow;

use sha2::Digest as _;
use sha2::Sha256;

use super::Noted;
use super::Term;
use super::dictionary;

/// A question: everything that is said has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Words and phrases that have to be in its texts.
    pub terms: Vec<Term>,
    /// For each field that is named, the values of which it has to have one. A value that ends in `*`
    /// stands for all that begin so.
    pub facets: Vec<(Facet, Vec<String>)>,
    /// The request it belongs to.
    pub request: Option<String>,
    /// Not before this, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Before this, likewise.
    pub until: Option<i64>,
}

/// A field whose values are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    /// `event`.
    Event,
    /// `status`.
    Status,
    /// `risk`.
    Risk,
    /// `rule`.
    Rule,
    /// `target`.
    Target,
    /// `requester`.
    Requester,
    /// `incident`.
    Incident,
    /// `approver`.
    Approver,
}

impl Facet {
    /// All of them, in the order in which they stand in the index.
    pub const ALL: [Self; 8] = [
        Self::Event,
        Self::Status,
        Self::Risk,
        Self::Rule,
        Self::Target,
        Self::Requester,
        Self::Incident,
        Self::Approver,
    ];

    /// Its value in a record.
    pub fn of<'a>(self, noted: &'a Noted<'_>) -> Option<&'a str> {
        let value = match self {
            Self::Event => return Some(&noted.event),
            Self::Status => &noted.status,
            Self::Risk => &noted.risk,
            Self::Rule => &noted.rule,
            Self::Target => &noted.target,
            Self::Requester => &noted.requester,
            Self::Incident => &noted.incident,
            Self::Approver => &noted.approver,
        };
        value.as_deref()
    }
}

impl Query {
    /// Whether a record is meant.
    pub fn matches(&self, noted: &Noted<'_>) -> bool {
        self.is_in_time(noted.millis())
            && self.facets.iter().all(|(facet, wanted)| {
                facet
                    .of(noted)
                    .is_some_and(|value| wanted.iter().any(|wanted| is_value(wanted, value)))
            })
            && self
                .request
                .as_deref()
                .is_none_or(|wanted| noted.request_id.as_deref() == Some(wanted))
            && self.has_terms(noted)
    }

    /// Whether a moment is in the time that is meant.
    pub(super) fn is_in_time(&self, millis: i64) -> bool {
        self.since.is_none_or(|since| millis >= since)
            && self.until.is_none_or(|until| millis < until)
    }

    fn has_terms(&self, noted: &Noted<'_>) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        let words = noted.words();
        self.terms.iter().all(|term| term.is_in(&words))
    }
}

/// Whether a value is the one that is wanted.
pub(super) fn is_value(wanted: &str, value: &str) -> bool {
    let value: Cow<'_, str> = dictionary::bounded(value);
    match wanted.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning),
        None => *value == *dictionary::bounded(wanted),
    }
}

/// Eight bytes that stand for the id of a request; 0 where it has none.
pub(super) fn request(id: Option<&str>) -> u64 {
    id.map_or(0, |id| first_bytes(&Sha256::digest(id)).max(1))
}

/// The first eight bytes of a hash.
pub(super) fn first_bytes(hash: &[u8]) -> u64 {
    let first = hash.first_chunk::<8>();
    first.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
