//! A record as an event of the Elastic Common Schema.
//!
//! **Reads** nothing; the schema is `generated/ecs/ecs_flat.yml` of github.com/elastic/ecs.
//! **Gives** [`of`].
//! **Never** uses a field of the schema for something else: what has no place there is below `aiops`.

use chrono::DateTime;
use chrono::Utc;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Frame;
use super::event::Event;
use super::event::Kind;
use super::event::Severity;
use super::event::Verdict;
use crate::audit::stamp;

/// The version of the schema.
const VERSION: &str = "8.12.0";

/// The event as one JSON object.
pub(super) fn of(event: &Event, frame: &Frame) -> Value {
    let mut whole = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            set(&mut whole, name, value);
        }
    };
    let text = |name: &str| event.text(name).map(Value::from);
    put("@timestamp", Some(json!(stamp(event.at))));
    put("ecs.version", Some(json!(VERSION)));
    put("message", Some(json!(event.sentence())));
    let (category, types) = categories(event);
    put("event.kind", Some(json!("event")));
    put("event.category", Some(json!([category])));
    put("event.type", Some(json!(types)));
    put("event.action", Some(json!(event.action())));
    put("event.outcome", outcome(event).map(Value::from));
    put("event.severity", Some(json!(severity(event.severity()))));
    put("event.code", Some(json!(event.word())));
    put("event.dataset", Some(json!("aiops.audit")));
    put("event.module", Some(json!("aiops")));
    put("event.provider", Some(json!("aiops")));
    put("event.id", Some(json!(event.hash)));
    put("event.hash", Some(json!(event.hash)));
    put("event.sequence", Some(json!(event.seq)));
    put("event.reason", text("explanation"));
    put("event.duration", nanoseconds(event).map(Value::from));
    let (start, end) = span(event);
    put("event.start", start.map(|at| json!(stamp(at))));
    put("event.end", end.map(|at| json!(stamp(at))));
    put("observer.vendor", Some(json!("aiops")));
    put("observer.product", Some(json!("aiops")));
    put("observer.type", Some(json!("executor")));
    put("observer.version", Some(json!(frame.version)));
    put("observer.hostname", Some(json!(frame.gateway)));
    put(
        "process.command_line",
        event.command_line().map(Value::from),
    );
    put(
        "process.exit_code",
        event.number("exit_code").map(Value::from),
    );
    put("host.name", text("target"));
    put("host.ip", event.address().map(|address| json!([address])));
    put("user.name", text("caller"));
    put(
        "user.id",
        event.number("caller_uid").map(|uid| json!(uid.to_string())),
    );
    put(
        "user.effective.name",
        event.host().map(|host| json!(host.user)),
    );
    if event.kind == Kind::Approver {
        put("user.target.name", text("approver"));
    }
    put("rule.id", text("rule"));
    put("rule.name", text("rule"));
    put("rule.category", text("risk"));
    put("rule.version", text("policy"));
    put(
        "rule.ruleset",
        event.text("rule").map(|_| json!("config.yml")),
    );
    put("trace.id", event.trace().map(Value::from));
    put(
        "error.type",
        (outcome(event) == Some("failure"))
            .then(|| text("status"))
            .flatten(),
    );
    put("related.user", list(&event.people()));
    put(
        "related.hosts",
        event.text("target").map(|target| json!([target])),
    );
    put("related.hash", list(&hashes(event)));
    for (label, name) in LABELS {
        put(&format!("labels.{label}"), text(name));
    }
    put(
        "labels.grant_id",
        event.inside("grant", "id").map(Value::from),
    );
    let line = if event.text("sent").is_some() {
        "sent"
    } else {
        "command"
    };
    let told: Vec<&str> = TOLD.iter().copied().chain([line]).collect();
    let rest = event.rest(&told, frame.output_bytes);
    put("aiops", Some(Value::Object(rest)));
    Value::Object(whole)
}

/// `event.category` and `event.type`, in a pair that the schema expects.
fn categories(event: &Event) -> (&'static str, Vec<&'static str>) {
    match (event.kind, event.status()) {
        (Kind::Intent, _) => ("process", vec!["start"]),
        // It never began.
        (Kind::Outcome, "unreachable") => ("process", vec!["info"]),
        (Kind::Outcome, _) => ("process", vec!["end"]),
        (Kind::Decision | Kind::Approval, "rejected" | "denied") => ("api", vec!["denied"]),
        (Kind::Decision | Kind::Approval, "executed" | "approved") => ("api", vec!["allowed"]),
        (Kind::Grant, "granted") => ("configuration", vec!["creation"]),
        (Kind::Grant, "revoked") => ("configuration", vec!["deletion"]),
        (Kind::Freeze | Kind::Grant | Kind::ConfigChanged | Kind::Key, _) => {
            ("configuration", vec!["change"])
        }
        (Kind::Approver, "enrolled") => ("iam", vec!["creation", "user"]),
        (Kind::Approver, "removed") => ("iam", vec!["deletion", "user"]),
        (Kind::Approver, "rejected") => ("iam", vec!["info", "user"]),
        (Kind::Approver, _) => ("iam", vec!["change", "user"]),
        (Kind::Recovered | Kind::Sealed, _) => ("file", vec!["info"]),
        (Kind::Decision | Kind::Request | Kind::Approval | Kind::Other, _) => ("api", vec!["info"]),
    }
}

fn outcome(event: &Event) -> Option<&'static str> {
    Some(match event.verdict()? {
        Verdict::Done => "success",
        Verdict::Failed => "failure",
        Verdict::Unknown => "unknown",
    })
}

/// The numbers are those of OCSF.
fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Notice => 2,
        Severity::Warning => 3,
        Severity::Error => 4,
    }
}

fn nanoseconds(event: &Event) -> Option<i64> {
    event.number("duration_ms")?.checked_mul(1_000_000)
}

fn span(event: &Event) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    match event.kind {
        Kind::Intent => (Some(event.at), None),
        Kind::Outcome => (event.began(), Some(event.at)),
        _ => (None, None),
    }
}

fn hashes(event: &Event) -> Vec<&str> {
    let facts = ["stdout_facts", "stderr_facts", "input", "found"];
    let facts = facts.map(|name| event.inside(name, "sha256"));
    let mut hashes = vec![event.hash.as_str()];
    hashes.extend(facts.into_iter().flatten());
    hashes.extend(event.text("policy"));
    hashes
}

fn list(texts: &[&str]) -> Option<Value> {
    (!texts.is_empty()).then(|| json!(texts))
}

/// Puts a value where its dotted name says.
fn set(whole: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            whole.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let below = whole
                .entry(first)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                set(below, rest, value);
            }
        }
    }
}

/// Words to group events by, and the field that each comes from.
const LABELS: [(&str, &str); 4] = [
    ("request_id", "request_id"),
    ("approval_id", "approval_id"),
    ("incident", "incident"),
    ("conversation", "conversation"),
];

/// Fields that stand elsewhere in the event, beside the line that ran.
const TOLD: &[&str] = &[
    "timestamp",
    "seq",
    "event",
    "request_id",
    "approval_id",
    "incident",
    "conversation",
    "rule",
    "risk",
    "policy",
    "target",
    "exit_code",
    "duration_ms",
    "caller",
    "caller_uid",
    "explanation",
];
