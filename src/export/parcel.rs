//! The events of one batch, written for where they go.
//!
//! **Reads** nothing.
//! **Gives** [`Parcel`], [`Wrap`].
//! **Never** does anything with them.

use super::Format;
use super::Frame;
use super::cef;
use super::cut;
use super::ecs;
use super::event::Event;
use super::ocsf;
use super::otlp;
use super::syslog;

/// The events of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// One text a message, without a line break: an event each, or in OTLP all of them.
    pub messages: Vec<String>,
}

/// What stands around an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// Nothing: it is a line, or the body of a request.
    Bare,
    /// It is a syslog message of at most so many bytes.
    Syslog(usize),
}

impl Parcel {
    /// Writes events.
    pub fn of(format: Format, wrap: Wrap, events: &[Event], frame: &Frame) -> Self {
        let messages = match format {
            Format::Otlp => {
                let records = events.iter().map(|event| otlp::of(event, frame)).collect();
                vec![cut::json(&otlp::request(records, frame))]
            }
            _ => events
                .iter()
                .map(|event| message(format, wrap, event, frame))
                .collect(),
        };
        Self { messages }
    }
}

fn message(format: Format, wrap: Wrap, event: &Event, frame: &Frame) -> String {
    let bare = |most| match format {
        Format::Cef => cef::of(event, frame, most),
        Format::Rfc5424 => syslog::of(event, frame, most),
        Format::Ecs => cut::shrunk(ecs::of(event, frame), "aiops", most),
        Format::Ocsf => cut::shrunk(ocsf::of(event, frame), "unmapped", most),
        Format::Otlp => String::new(),
    };
    match wrap {
        Wrap::Bare => bare(usize::MAX),
        Wrap::Syslog(most) if format == Format::Rfc5424 => bare(most),
        Wrap::Syslog(most) => syslog::around(event, frame, most, bare),
    }
}
