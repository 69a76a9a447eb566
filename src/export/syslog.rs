//! A record as a message of the syslog protocol (RFC 5424).
//!
//! **Reads** nothing.
//! **Gives** [`of`], [`around`], [`framed`], [`facility`].
//! **Never** lets a text from outside end a parameter, an element or a line.

use super::Frame;
use super::cut;
use super::event::Event;
use super::event::Severity;
use crate::audit::stamp;
use crate::visible;

/// The event as one message of at most `most` bytes: header, structured data, and a sentence.
///
/// What is too long loses the end of its sentence first and then the ends of its longest
/// parameters; each cut leaves a mark.
pub(super) fn of(event: &Event, frame: &Frame, most: usize) -> String {
    let header = header(event, frame);
    let mut longest = LONGEST_PARAMETER;
    let mut data = structured(event, frame, longest);
    while header.len() + 1 + data.len() > most && longest > SHORTEST_PARAMETER {
        longest /= 2;
        data = structured(event, frame, longest);
    }
    let start = format!("{header} {data}");
    let sentence = event.sentence();
    let sentence = visible::line(&sentence);
    let room = most.saturating_sub(start.len() + 1 + BOM.len());
    let sentence = if sentence.len() <= room {
        sentence
    } else if room > cut::MARK.len() {
        cut::text(&sentence, room - cut::MARK.len())
    } else {
        return start;
    };
    format!("{start} {BOM}{sentence}")
}

/// Another format's text as a message without structured data; `write` is told how many of the
/// `most` bytes are left for it. It is `MSG-ANY`: without a byte order mark, which its readers do not
/// expect in front of theirs.
pub(super) fn around(
    event: &Event,
    frame: &Frame,
    most: usize,
    write: impl FnOnce(usize) -> String,
) -> String {
    let start = format!("{} - ", header(event, frame));
    let text = write(most.saturating_sub(start.len()));
    start + &text
}

/// A message as it goes over a stream: its length in bytes, a blank, the message (RFC 6587 3.4.1,
/// RFC 5425 4.3).
pub(super) fn framed(message: &str) -> String {
    format!("{} {message}", message.len())
}

fn header(event: &Event, frame: &Frame) -> String {
    let priority = u16::from(frame.facility) * 8 + severity(event.severity());
    let host = printable(&frame.gateway, 255);
    let kind = printable(event.word(), 32);
    format!("<{priority}>1 {} {host} aiops - {kind}", stamp(event.at))
}

fn structured(event: &Event, frame: &Frame, longest: usize) -> String {
    let mut data = format!("[aiops@{}", frame.enterprise);
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let shown = visible::line(value);
            let value = cut::text(&shown, longest);
            data.push_str(&format!(" {name}=\"{}\"", in_parameter(&value)));
        }
    };
    let number = |name| event.number(name).map(|number: i64| number.to_string());
    put("seq", Some(&event.seq.to_string()));
    put("event", Some(event.word()));
    put("status", event.text("status"));
    put("risk", event.text("risk"));
    put("rule", event.text("rule"));
    put("target", event.text("target"));
    put("address", event.address());
    put("command", event.command_line());
    put("exitCode", number("exit_code").as_deref());
    put("durationMs", number("duration_ms").as_deref());
    put("caller", event.text("caller"));
    put("callerUid", number("caller_uid").as_deref());
    put("requester", event.text("requester"));
    put("reason", event.text("reason"));
    put("approver", event.text("approver"));
    put("assurance", event.text("assurance"));
    put("requestId", event.text("request_id"));
    put("approvalId", event.text("approval_id"));
    put("incident", event.text("incident"));
    put("policy", event.text("policy"));
    data.push_str(&format!(
        " hash=\"{}\"][origin software=\"aiops\" swVersion=\"{}\"]",
        event.hash,
        in_parameter(&visible::line(frame.version))
    ));
    data
}

/// RFC 5424 6.3.3: `"`, `\` and `]` are escaped.
fn in_parameter(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A part of the header: printable ASCII without blanks, `-` where nothing is left.
fn printable(text: &str, most: usize) -> String {
    let part: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .take(most)
        .collect();
    if part.is_empty() {
        "-".to_owned()
    } else {
        part
    }
}

fn severity(severity: Severity) -> u16 {
    match severity {
        Severity::Info => 6,
        Severity::Notice => 5,
        Severity::Warning => 4,
        Severity::Error => 3,
    }
}

/// The number of a facility by its usual name; none where there is no such facility.
pub fn facility(name: &str) -> Option<u8> {
    let number = FACILITIES.iter().position(|known| *known == name)?;
    u8::try_from(number).ok()
}

/// RFC 5424 6.2.1, in order; the names are those of syslog.conf(5).
const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// Says that the text is UTF-8 (RFC 5424 6.4).
const BOM: &str = "\u{feff}";

/// Bytes of one parameter.
const LONGEST_PARAMETER: usize = 4096;

const SHORTEST_PARAMETER: usize = 16;
