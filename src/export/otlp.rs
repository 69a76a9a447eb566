//! A record as a log record of the OpenTelemetry protocol, in JSON.
//!
//! **Reads** nothing; the format is the proto3 JSON of opentelemetry-proto 1.x as the OTLP specification has it:
//! keys in camel case, 64 bits as strings, ids in hexadecimal digits.
//! **Gives** [`of`], [`request`].
//! **Never** has an attribute of the semantic conventions mean something else: the rest is `aiops.*`.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Frame;
use super::event::Event;
use super::event::Severity;
use super::event::Verdict;

/// The event as one `LogRecord`.
pub(super) fn of(event: &Event, frame: &Frame) -> Value {
    let (severity, word) = severity(event.severity());
    let record = json!({
        "timeUnixNano": nanoseconds(event.at),
        "observedTimeUnixNano": nanoseconds(frame.observed),
        "severityNumber": severity,
        "severityText": word,
        "eventName": format!("aiops.{}", event.word()),
        "body": {"stringValue": event.sentence()},
        "attributes": attributes(event, frame),
    });
    match (record, event.trace()) {
        (Value::Object(mut record), Some(trace)) => {
            record.insert("traceId".to_owned(), json!(trace));
            Value::Object(record)
        }
        (record, _) => record,
    }
}

/// One `ExportLogsServiceRequest`.
pub(super) fn request(records: Vec<Value>, frame: &Frame) -> Value {
    let text = |key: &str, value: &str| attribute(key, &json!(value));
    json!({
        "resourceLogs": [{
            "resource": {"attributes": [
                text("service.name", "aiops"),
                text("service.version", frame.version),
                text("host.name", &frame.gateway),
            ]},
            "scopeLogs": [{
                "scope": {"name": "aiops.audit", "version": frame.version},
                "logRecords": records,
            }],
        }],
    })
}

fn attributes(event: &Event, frame: &Frame) -> Vec<Value> {
    let mut all = Vec::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.push(attribute(key, &value));
        }
    };
    let text = |name: &str| event.text(name).map(Value::from);
    let number = |name: &str| event.number(name).map(Value::from);
    put("log.record.uid", Some(json!(event.hash)));
    put("aiops.seq", Some(json!(event.seq)));
    put("aiops.hash", Some(json!(event.hash)));
    put(
        "process.command_line",
        event.command_line().map(Value::from),
    );
    put("process.exit.code", number("exit_code"));
    put(
        "process.user.name",
        event.host().map(|host| json!(host.user)),
    );
    let address = event
        .address()
        .or_else(|| event.host().map(|host| host.address));
    put("server.address", address.map(Value::from));
    put("server.port", event.host().map(|host| json!(host.port)));
    put(
        "network.protocol.name",
        event.is_of_a_run().then(|| json!("ssh")),
    );
    put("user.name", text("caller"));
    put(
        "user.id",
        event.number("caller_uid").map(|uid| json!(uid.to_string())),
    );
    put("security_rule.name", text("rule"));
    put("security_rule.category", text("risk"));
    put("security_rule.version", text("policy"));
    put(
        "security_rule.ruleset.name",
        event.text("rule").map(|_| json!("config.yml")),
    );
    let failed = event.verdict() == Some(Verdict::Failed);
    put("error.type", failed.then(|| text("status")).flatten());
    let line = if event.text("sent").is_some() {
        "sent"
    } else {
        "command"
    };
    let told: Vec<&str> = TOLD.iter().copied().chain([line]).collect();
    for (name, value) in event.rest(&told, frame.output_bytes) {
        put(&format!("aiops.{name}"), Some(value));
    }
    all
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": any(value)})
}

/// An `AnyValue`. A whole number is a string in JSON, since it has 64 bits; null is an empty value.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => json!({"intValue": whole.to_string()}),
            (None, Some(broken)) => json!({"doubleValue": broken}),
            (None, None) => json!({"stringValue": number.to_string()}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            let values: Vec<Value> = values.iter().map(any).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Object(values) => json!({"kvlistValue": {"values": pairs(values)}}),
    }
}

fn pairs(values: &Map<String, Value>) -> Vec<Value> {
    let pair = |(key, value): (&String, &Value)| attribute(key, value);
    values.iter().map(pair).collect()
}

/// Nanoseconds since 1970; a moment before that, or after 2262, is the unknown moment 0.
fn nanoseconds(at: chrono::DateTime<chrono::Utc>) -> String {
    at.timestamp_nanos_opt().unwrap_or(0).max(0).to_string()
}

/// `SeverityNumber`, and a word for it.
fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (9, "INFO"),
        Severity::Notice => (10, "INFO2"),
        Severity::Warning => (13, "WARN"),
        Severity::Error => (17, "ERROR"),
    }
}

/// Fields that stand elsewhere in the record, beside the line that ran.
const TOLD: &[&str] = &[
    "timestamp",
    "seq",
    "exit_code",
    "rule",
    "risk",
    "policy",
    "caller",
    "caller_uid",
];
