//! The log for others: every record as an event of a published format, sent where it is wanted.
//!
//! **Reads** the log, a cursor, and certificates; never the configuration.
//! **Gives** [`Event`], [`Format`], [`Destination`], [`Courier`].
//! **Never** stands in the way of a run, and never moves its cursor before the events were taken.

use chrono::DateTime;
use chrono::Utc;

mod cef;
mod courier;
mod cursor;
mod cut;
mod destination;
mod ecs;
mod event;
mod file;
#[cfg(feature = "export")]
mod http;
mod ocsf;
mod otlp;
mod parcel;
mod patience;
mod road;
mod socket;
mod syslog;
#[cfg(feature = "export")]
mod tls;

pub use courier::Beginning;
pub use courier::Courier;
pub use courier::Error;
pub use courier::Notice;
pub use courier::Plan;
pub use courier::Tally;
pub use cursor::Cursor;
pub use destination::Destination;
pub use destination::Transport;
pub use event::Event;
pub use event::Kind;
pub use event::Severity;
pub use event::Verdict;
pub use parcel::Parcel;
pub use parcel::Wrap;
pub use road::Options;
pub use road::Road;
pub use syslog::facility;

/// What the events are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Elastic Common Schema, one JSON object an event.
    Ecs,
    /// Open Cybersecurity Schema Framework, one JSON object an event.
    Ocsf,
    /// ArcSight Common Event Format.
    Cef,
    /// The syslog protocol of RFC 5424.
    Rfc5424,
    /// The OpenTelemetry protocol in JSON, one request a batch.
    Otlp,
}

impl Format {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Rfc5424 => "rfc5424",
            Self::Otlp => "otlp",
        }
    }
}

/// What a mapping has to know beside the record: the same record in the same frame gives the same
/// event.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The name of the machine that this program runs on.
    pub gateway: String,
    /// The version of this program.
    pub version: &'static str,
    /// The number behind the `@` of the structured data: a private enterprise number of IANA.
    pub enterprise: u32,
    /// The syslog facility, from 0 to 23.
    pub facility: u8,
    /// Bytes of each output of a command to pass on; 0 passes on its size and hash alone.
    pub output_bytes: usize,
    /// When the record was read.
    pub observed: DateTime<Utc>,
}

impl Frame {
    /// The number that RFC 5612 keeps for examples: nobody's, and the default.
    pub const EXAMPLE_ENTERPRISE: u32 = 32473;

    /// `authpriv` of RFC 5424.
    pub const AUTHPRIV: u8 = 10;
}

#[cfg(test)]
mod line_tests;

#[cfg(test)]
mod paper_tests;

#[cfg(test)]
mod schema_tests;

#[cfg(test)]
mod tests;
