//! One record of the log, as the mappings see it.
//!
//! **Reads** the bytes of one line.
//! **Gives** [`Event`]: what it tells, how it ended, how grave it is, and every field by its name.
//! **Never** refuses a record for a field or a word that is newer than this program.

use chrono::DateTime;
use chrono::Utc;
use serde_json::Map;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use super::cut;
use crate::hex;

/// One record.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its number in the log.
    pub seq: u64,
    /// SHA-256 of the bytes of its line: what `prev` of the next record holds.
    pub hash: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it tells.
    pub kind: Kind,
    fields: Map<String, Value>,
}

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something was decided and nothing was started.
    Decision,
    /// A request waits for a human.
    Request,
    /// A human answered, and nothing started by it.
    Approval,
    /// A run is about to start.
    Intent,
    /// A run has ended.
    Outcome,
    /// Something was frozen or thawed.
    Freeze,
    /// A grant was given or ended.
    Grant,
    /// Somebody who approves was enrolled, removed or unlocked.
    Approver,
    /// Another configuration judges.
    ConfigChanged,
    /// The key that signs was made or exchanged.
    Key,
    /// Lines before it are no records.
    Recovered,
    /// Lines before it are another program's.
    Sealed,
    /// Something that this version has no name for.
    Other,
}

/// Whether what was asked for happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did.
    Done,
    /// It did not, or it failed.
    Failed,
    /// Nobody knows yet, or ever.
    Unknown,
}

/// How much a person should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All in order.
    Info,
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Worth a look now.
    Error,
}

/// Where a target was: `user@address port N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host<'a> {
    pub(super) user: &'a str,
    pub(super) address: &'a str,
    pub(super) port: u16,
}

impl Event {
    /// Reads a line; none where it is no record of this program.
    pub fn read(line: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let word = fields.get("event")?.as_str()?;
        let kind = Kind::of(word);
        let seq = fields.get("seq")?.as_u64()?;
        let prev = fields.get("prev")?.as_str()?;
        let at = fields.get("timestamp")?.as_str()?;
        let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
        if prev.len() != 64 || !prev.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        Some(Self {
            seq,
            hash: hex::of(&Sha256::digest(line)),
            at,
            kind,
            fields,
        })
    }

    /// A field that is a text, and not an empty one.
    pub fn text(&self, name: &str) -> Option<&str> {
        let text = self.fields.get(name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// A field that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name)?.as_i64()
    }

    /// A field of whatever type; none where it is null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A text inside a field that is an object.
    pub(super) fn inside(&self, name: &str, part: &str) -> Option<&str> {
        self.fields.get(name)?.get(part)?.as_str()
    }

    /// The word of the log for what it tells.
    pub fn word(&self) -> &str {
        self.text("event").unwrap_or("-")
    }

    /// The word of the log for what became of it.
    pub fn status(&self) -> &str {
        self.text("status").unwrap_or_default()
    }

    /// Both words: `decision.rejected`. It names the kind of an event in every format.
    pub fn action(&self) -> String {
        match self.text("status") {
            Some(status) => format!("{}.{status}", self.word()),
            None => self.word().to_owned(),
        }
    }

    /// What ran or would run: the line that was sent where it is another one than was asked for.
    pub(super) fn command_line(&self) -> Option<&str> {
        self.text("sent").or_else(|| self.text("command"))
    }

    /// Whether it is told about a run.
    pub(super) fn is_of_a_run(&self) -> bool {
        matches!(self.kind, Kind::Intent | Kind::Outcome)
    }

    /// Where the target was, if it says so in the form this program writes.
    pub(super) fn host(&self) -> Option<Host<'_>> {
        let (user, rest) = self.text("host")?.split_once('@')?;
        let (address, port) = rest.rsplit_once(" port ")?;
        let port = port.parse().ok()?;
        Some(Host {
            user,
            address,
            port,
        })
    }

    /// The IP address of the target, where one is known.
    pub(super) fn address(&self) -> Option<&str> {
        let is_address = |text: &&str| text.parse::<std::net::IpAddr>().is_ok();
        self.text("host_address")
            .filter(is_address)
            .or_else(|| self.host().map(|host| host.address).filter(is_address))
    }

    /// When the run began, where it has ended.
    pub(super) fn began(&self) -> Option<DateTime<Utc>> {
        let took = self
            .number("duration_ms")
            .filter(|_| self.kind == Kind::Outcome)?;
        self.at
            .checked_sub_signed(chrono::TimeDelta::try_milliseconds(took)?)
    }

    /// The request as a trace: a UUID without its hyphens has the form of a W3C trace id.
    pub(super) fn trace(&self) -> Option<String> {
        let id = uuid::Uuid::try_parse(self.text("request_id")?).ok()?;
        (!id.is_nil()).then(|| id.simple().to_string())
    }

    /// Everybody it names, each once: who called, who approved, who approved before.
    pub(super) fn people(&self) -> Vec<&str> {
        let before = self
            .fields
            .get("earlier_approvers")
            .and_then(Value::as_array);
        let before = before.into_iter().flatten();
        let before = before.filter_map(|one| one.get("by").and_then(Value::as_str));
        let mut people = Vec::new();
        let named = ["caller", "approver", "first_approver"].map(|name| self.text(name));
        for name in named.into_iter().flatten().chain(before) {
            if !people.contains(&name) {
                people.push(name);
            }
        }
        people
    }

    /// Whether what was asked for happened; none where nothing was asked for.
    pub fn verdict(&self) -> Option<Verdict> {
        let status = self.status();
        Some(match (self.kind, status) {
            (Kind::Recovered | Kind::Sealed | Kind::Other, _) => return None,
            (Kind::Intent | Kind::Request, _) | (_, "approval_requested" | "lost") => {
                Verdict::Unknown
            }
            (Kind::Outcome, "executed") => match self.number("exit_code") {
                Some(0) => Verdict::Done,
                Some(_) => Verdict::Failed,
                None => Verdict::Unknown,
            },
            (_, "executed" | "judged" | "approved") => Verdict::Done,
            (
                Kind::Outcome | Kind::Decision | Kind::Approval,
                "timed_out" | "unreachable" | "interrupted" | "rejected" | "denied" | "cancelled"
                | "ambiguous" | "expired" | "invalid" | "error",
            )
            | (_, "rejected") => Verdict::Failed,
            (Kind::Outcome | Kind::Decision | Kind::Approval, _) => Verdict::Unknown,
            _ => Verdict::Done,
        })
    }

    /// How much a person should care.
    pub fn severity(&self) -> Severity {
        let status = self.status();
        let by_status = match (self.kind, status) {
            (Kind::Intent, _) | (_, "judged") => Severity::Info,
            (_, "executed") => match self.number("exit_code") {
                Some(0) => Severity::Info,
                _ => Severity::Notice,
            },
            (Kind::Decision, "rejected") if self.text("risk") == Some("forbidden") => {
                Severity::Error
            }
            (Kind::Approver, "rejected") | (_, "lost" | "error" | "frozen") => Severity::Error,
            (_, "rejected" | "denied" | "timed_out" | "unreachable" | "interrupted")
            | (_, "thawed" | "granted")
            | (Kind::Approver | Kind::ConfigChanged | Kind::Key | Kind::Recovered, _) => {
                Severity::Warning
            }
            _ => Severity::Notice,
        };
        // Somebody who approved their own request, or who may be somebody else.
        let doubtful = self.value("caller_disputed").is_some()
            || self.value("self_approved") == Some(&Value::Bool(true));
        by_status.max(if doubtful {
            Severity::Warning
        } else {
            Severity::Info
        })
    }

    /// One sentence for a person, raw: texts from outside are in it as they are.
    pub(super) fn sentence(&self) -> String {
        let mut said = self.action();
        if let Some(command) = self.text("command") {
            let shown = cut::text(command, SENTENCE_COMMAND);
            said.push_str(&format!(" `{shown}`"));
        }
        if let Some(target) = self.text("target") {
            said.push_str(&format!(" on {target}"));
        }
        if let Some(by) = self.text("approver").or_else(|| self.text("caller")) {
            said.push_str(&format!(" by {by}"));
        }
        if let Some(message) = self.text("message") {
            said.push_str(": ");
            said.push_str(message);
        }
        said
    }

    /// Every field that was not told elsewhere, by its name in the log. Outputs are cut, or left out
    /// where none are wanted: their size and hash are in `stdout_facts` and `stderr_facts`.
    pub(super) fn rest(&self, told: &[&str], output_bytes: usize) -> Map<String, Value> {
        let mut rest = Map::new();
        for (name, value) in &self.fields {
            let is_output = name == "stdout" || name == "stderr";
            let empty = value.is_null() || value.as_str() == Some("");
            if empty || told.contains(&name.as_str()) || (is_output && output_bytes == 0) {
                continue;
            }
            let value = match value {
                Value::String(text) if is_output => {
                    Value::String(cut::text(text, output_bytes).into_owned())
                }
                value => value.clone(),
            };
            rest.insert(name.clone(), value);
        }
        rest
    }
}

impl Kind {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "decision" => Self::Decision,
            "request" => Self::Request,
            "approval" => Self::Approval,
            "intent" => Self::Intent,
            "outcome" => Self::Outcome,
            "freeze" => Self::Freeze,
            "grant" => Self::Grant,
            "approver" => Self::Approver,
            "config_changed" => Self::ConfigChanged,
            "key" => Self::Key,
            "recovered" => Self::Recovered,
            "sealed" => Self::Sealed,
            _ => Self::Other,
        }
    }
}

/// Bytes of a command in a sentence.
const SENTENCE_COMMAND: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(more: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-23T09:14:03.512Z","seq":7,"prev":"{}","event":"outcome"{more}}}"#,
            "0".repeat(64)
        )
    }

    fn event(more: &str) -> Event {
        Event::read(line(more).as_bytes()).unwrap()
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in [
            "",
            "{}",
            "null",
            "[1]",
            "{\"seq\":1}",
            &line("").replace("\"seq\":7", "\"seq\":\"7\""),
            &line("").replace("\"seq\":7", "\"seq\":-7"),
            &line("").replace("2026", "the year"),
            &line("").replace("\"0", "\"x"),
            &line("").replace("\"event\":\"outcome\"", "\"event\":3"),
            &line("").replace('}', ""),
        ] {
            assert!(Event::read(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn its_hash_is_of_the_bytes_as_they_stand_in_the_log() {
        let spaced = line("").replace(":7,", ": 7,");
        let hash = hex::of(&Sha256::digest(spaced.as_bytes()));
        assert_eq!(Event::read(spaced.as_bytes()).unwrap().hash, hash);
    }

    #[test]
    fn a_field_of_an_unexpected_type_is_passed_on_and_not_understood() {
        let event = event(r#","command":["ls"],"exit_code":"0","status":"executed""#);
        assert_eq!(event.text("command"), None);
        assert_eq!(event.verdict(), Some(Verdict::Unknown));
        assert_eq!(event.rest(&[], 0)["command"], serde_json::json!(["ls"]));
    }

    #[test]
    fn an_event_of_a_later_version_is_told_all_the_same() {
        let later = line(r#","status":"x","new_field":{"a":1}"#).replace("outcome", "teleport");
        let event = Event::read(later.as_bytes()).unwrap();
        assert_eq!(
            (event.kind, event.action().as_str()),
            (Kind::Other, "teleport.x")
        );
        assert_eq!(event.severity(), Severity::Notice);
        assert_eq!(event.rest(&[], 0)["new_field"]["a"], 1);
    }

    #[test]
    fn a_host_of_another_form_is_no_host() {
        let host = |text: &str| {
            let event = event(&format!(r#","host":"{text}""#));
            event
                .host()
                .map(|host| (host.address.to_owned(), host.port))
        };
        assert_eq!(host("a@::1 port 22"), Some(("::1".to_owned(), 22)));
        for bad in [
            "",
            "a",
            "a@b",
            "a@b port",
            "a@b port x",
            "b port 22",
            "a@b port 70000",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn outputs_are_left_out_unless_they_are_wanted() {
        let event = event(r#","stdout":"0123456789","stderr":"x""#);
        assert!(event.rest(&[], 0).get("stdout").is_none());
        let some = event.rest(&[], 4);
        assert!(some["stdout"].as_str().unwrap().starts_with("0123"));
        assert!(some["stdout"].as_str().unwrap().ends_with(cut::MARK));
        assert_eq!(some["stderr"], "x");
    }

    #[test]
    fn who_approved_their_own_request_is_worth_a_look() {
        let run = r#","status":"executed","exit_code":0"#;
        assert_eq!(event(run).severity(), Severity::Info);
        let own = event(&format!("{run},\"self_approved\":true"));
        assert_eq!(own.severity(), Severity::Warning);
    }
}
