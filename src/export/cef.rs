//! A record as a line of the Common Event Format.
//!
//! **Reads** nothing; the format is the "ArcSight Common Event Format, Implementation Standard", version 0.
//! **Gives** [`of`].
//! **Never** lets a text from outside end a field or a line: control characters are written out.

use super::Frame;
use super::cut;
use super::event::Event;
use super::event::Severity;
use super::event::Verdict;
use crate::visible;

/// The event as one line of at most `most` bytes: where it would be longer, its longest fields lose
/// their ends, and a mark says so.
pub(super) fn of(event: &Event, frame: &Frame, most: usize) -> String {
    let mut longest = LONGEST_FIELD;
    let mut line = with(event, frame, longest);
    while line.len() > most && longest > SHORTEST_FIELD {
        longest = (longest / 2).max(SHORTEST_FIELD);
        line = with(event, frame, longest);
    }
    line
}

fn with(event: &Event, frame: &Frame, longest: usize) -> String {
    let mut line = String::from("CEF:0");
    for part in [
        "aiops",
        "aiops",
        frame.version,
        &event.action(),
        &name(event),
        severity(event.severity()),
    ] {
        line.push('|');
        line.push_str(&in_header(part));
    }
    line.push('|');
    let mut extension = Extension {
        line,
        empty: true,
        longest,
    };
    fill(&mut extension, event, frame);
    extension.line
}

fn fill(line: &mut Extension, event: &Event, frame: &Frame) {
    line.put("rt", 20, Some(&event.at.timestamp_millis().to_string()));
    line.put("externalId", 40, Some(&event.seq.to_string()));
    line.named("cs6", "recordHash", 4000, Some(&event.hash));
    line.put("cat", 1023, Some(event.word()));
    line.put("act", 63, event.text("status"));
    line.put("outcome", 63, outcome(event));
    line.put("dvchost", 100, Some(&frame.gateway));
    line.put("dhost", 1023, event.text("target"));
    let (six, four): (Vec<&str>, Vec<&str>) = event
        .address()
        .into_iter()
        .partition(|text| text.contains(':'));
    line.put("dst", 15, four.first().copied());
    line.named("c6a3", "Destination IPv6 Address", 45, six.first().copied());
    if let Some(host) = event.host() {
        line.put("duser", 1023, Some(host.user));
        line.put("dpt", 5, Some(&host.port.to_string()));
    }
    line.put("suser", 1023, event.text("caller"));
    let uid = event.number("caller_uid").map(|uid| uid.to_string());
    line.put("suid", 1023, uid.as_deref());
    line.put("reason", 1023, event.text("reason"));
    line.put("msg", 1023, event.text("message"));
    line.named("cs1", "command", 4000, event.command_line());
    line.named("cs2", "approvalId", 4000, event.text("approval_id"));
    line.named("cs3", "rule", 4000, event.text("rule"));
    line.named("cs4", "requestId", 4000, event.text("request_id"));
    line.named("cs5", "approver", 4000, event.text("approver"));
    let number = |name| event.number(name).map(|number: i64| number.to_string());
    line.named("cn1", "exitCode", 20, number("exit_code").as_deref());
    line.named("cn2", "durationMs", 20, number("duration_ms").as_deref());
    line.named("cn3", "waitedMs", 20, number("waited_ms").as_deref());
    line.named("flexString1", "requester", 1023, event.text("requester"));
    line.named("flexString2", "risk", 1023, event.text("risk"));
    let began = event.began().map(|at| at.timestamp_millis().to_string());
    line.put("start", 20, began.as_deref());
}

/// What a person reads in a list: no text from outside is in it.
fn name(event: &Event) -> String {
    event.action().replace(['.', '_'], " ")
}

/// From 0 to 10; 0 to 3 is low, 4 to 6 medium, 7 and 8 high.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "1",
        Severity::Notice => "3",
        Severity::Warning => "5",
        Severity::Error => "8",
    }
}

fn outcome(event: &Event) -> Option<&'static str> {
    Some(match event.verdict()? {
        Verdict::Done => "success",
        Verdict::Failed => "failure",
        Verdict::Unknown => "unknown",
    })
}

/// In the header `|` and `\` are escaped, and there are no lines.
fn in_header(text: &str) -> String {
    escaped(&visible::line(text), '|')
}

fn escaped(text: &str, special: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' || c == special {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The line so far.
struct Extension {
    line: String,
    /// Whether the next field is the first one.
    empty: bool,
    /// Bytes of a field, whatever the format lets it have.
    longest: usize,
}

impl Extension {
    /// A field of at most so many bytes before it is escaped, the mark of a cut included.
    fn put(&mut self, key: &str, most: usize, value: Option<&str>) {
        let Some(value) = value else { return };
        if !std::mem::take(&mut self.empty) {
            self.line.push(' ');
        }
        let most = most.min(self.longest);
        let shown = visible::line(value);
        let shown = if shown.len() > most {
            cut::text(&shown, most.saturating_sub(cut::MARK.len()))
        } else {
            shown
        };
        self.line.push_str(key);
        self.line.push('=');
        self.line.push_str(&escaped(&shown, '='));
    }

    /// A field that the format leaves to whoever writes it, with its label.
    fn named(&mut self, key: &str, label: &str, most: usize, value: Option<&str>) {
        if value.is_some() {
            self.put(key, most, value);
            self.put(&format!("{key}Label"), 1023, Some(label));
        }
    }
}

/// Bytes of the longest field that the format knows.
const LONGEST_FIELD: usize = 4000;

/// A hash keeps its length.
const SHORTEST_FIELD: usize = 64;
