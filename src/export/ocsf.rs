//! A record as an event of the Open Cybersecurity Schema Framework.
//!
//! **Reads** nothing; the schema is version 1.8.0 of github.com/ocsf/ocsf-schema.
//! **Gives** [`of`].
//! **Never** leaves out what a class demands; what has no place in it is in `unmapped`.

use serde_json::Value;
use serde_json::json;

use super::Frame;
use super::event::Event;
use super::event::Kind;
use super::event::Severity;
use super::event::Verdict;

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// A class of events, and what happened in its words.
struct Class {
    uid: u32,
    name: &'static str,
    category: u32,
    category_name: &'static str,
    activity: u32,
    activity_name: &'static str,
}

/// The event as one JSON object.
pub(super) fn of(event: &Event, frame: &Frame) -> Value {
    let class = Class::of(event);
    let severity = severity(event.severity());
    let status = status(event.verdict());
    let type_uid = class.uid * 100 + class.activity;
    let mut whole = json!({
        "activity_id": class.activity,
        "activity_name": class.activity_name,
        "category_uid": class.category,
        "category_name": class.category_name,
        "class_uid": class.uid,
        "class_name": class.name,
        "type_uid": type_uid,
        "type_name": format!("{}: {}", class.name, class.activity_name),
        "severity_id": severity.0,
        "severity": severity.1,
        "status_id": status.0,
        "status": status.1,
        "time": event.at.timestamp_millis(),
        "message": event.sentence(),
        "metadata": metadata(event, frame),
        "raw_data_hash": {
            "algorithm_id": 3,
            "algorithm": "SHA-256",
            "value": event.hash,
        },
    });
    let Value::Object(parts) = &mut whole else {
        return whole;
    };
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parts.insert(name.to_owned(), value);
        }
    };
    put("status_code", event.text("status").map(Value::from));
    put("status_detail", event.text("message").map(Value::from));
    security_control(event, &mut put);
    match class.uid {
        PROCESS_ACTIVITY => {
            put("actor", Some(actor(event)));
            put("device", Some(device(event)));
            put("process", Some(process(event)));
            put("exit_code", event.number("exit_code").map(Value::from));
            put("duration", event.number("duration_ms").map(Value::from));
            put(
                "start_time",
                event.began().map(|at| json!(at.timestamp_millis())),
            );
            let ended = (event.kind == Kind::Outcome).then(|| json!(event.at.timestamp_millis()));
            put("end_time", ended);
        }
        SSH_ACTIVITY => {
            put("actor", Some(actor(event)));
            put("device", Some(device(event)));
            put("src_endpoint", Some(gateway(frame)));
            put("dst_endpoint", Some(endpoint(event)));
            put("duration", event.number("duration_ms").map(Value::from));
        }
        ENTITY_MANAGEMENT => {
            put("actor", Some(actor(event)));
            put("src_endpoint", Some(gateway(frame)));
            put("entity", Some(entity(event)));
        }
        EVENT_LOG_ACTIVITY => {
            put("log_name", Some(json!(LOG)));
            put("log_provider", Some(json!("aiops")));
        }
        _ => {
            put("actor", Some(actor(event)));
            put("src_endpoint", Some(gateway(frame)));
            put("api", Some(api(event)));
            put("resources", resources(event));
        }
    }
    let mut rest = event.rest(TOLD, frame.output_bytes);
    // Only these two classes have a place for the command.
    if class.uid != PROCESS_ACTIVITY
        && let Some(command) = event.command_line()
    {
        rest.insert("command".to_owned(), json!(command));
    }
    if class.uid != PROCESS_ACTIVITY && class.uid != SSH_ACTIVITY {
        let took = event.number("duration_ms").map(Value::from);
        rest.extend(took.map(|took| ("duration_ms".to_owned(), took)));
    }
    put(
        "unmapped",
        (!rest.is_empty()).then_some(Value::Object(rest)),
    );
    whole
}

impl Class {
    fn of(event: &Event) -> Self {
        let process = |activity, name| {
            let class = (PROCESS_ACTIVITY, "Process Activity");
            Self::new(class, (1, "System Activity"), activity, name)
        };
        let ssh = |activity, name| {
            let class = (SSH_ACTIVITY, "SSH Activity");
            Self::new(class, (4, "Network Activity"), activity, name)
        };
        let api = |activity, name| {
            let class = (API_ACTIVITY, "API Activity");
            Self::new(class, (6, "Application Activity"), activity, name)
        };
        let entity = |activity, name| {
            let class = (ENTITY_MANAGEMENT, "Entity Management");
            Self::new(class, (3, "Identity & Access Management"), activity, name)
        };
        let log = |activity, name| {
            let class = (EVENT_LOG_ACTIVITY, "Event Log Activity");
            Self::new(class, (1, "System Activity"), activity, name)
        };
        match (event.kind, event.status()) {
            (Kind::Intent, _) => process(1, "Launch"),
            (Kind::Outcome, "unreachable") => ssh(4, "Fail"),
            (Kind::Outcome, _) => process(2, "Terminate"),
            (Kind::Approver, "enrolled") => entity(6, "Enroll"),
            (Kind::Approver, "removed") => entity(7, "Unenroll"),
            (Kind::Approver, "unlocked") => entity(8, "Enable"),
            (Kind::Approver, _) => entity(3, "Update"),
            (Kind::Recovered | Kind::Sealed, _) => log(99, "Other"),
            (Kind::Decision, "judged") => api(2, "Read"),
            (Kind::Decision, "denied" | "cancelled" | "expired") => api(3, "Update"),
            (Kind::Decision | Kind::Request, _) | (Kind::Grant, "granted") => api(1, "Create"),
            (Kind::Grant, "revoked") => api(4, "Delete"),
            (Kind::Approval | Kind::Freeze | Kind::Grant, _)
            | (Kind::ConfigChanged | Kind::Key, _) => api(3, "Update"),
            (Kind::Other, _) => api(99, "Other"),
        }
    }

    fn new(
        (uid, name): (u32, &'static str),
        (category, category_name): (u32, &'static str),
        activity: u32,
        activity_name: &'static str,
    ) -> Self {
        Self {
            uid,
            name,
            category,
            category_name,
            activity,
            activity_name,
        }
    }
}

fn severity(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Notice => (2, "Low"),
        Severity::Warning => (3, "Medium"),
        Severity::Error => (4, "High"),
    }
}

fn status(verdict: Option<Verdict>) -> (u8, &'static str) {
    match verdict {
        Some(Verdict::Done) => (1, "Success"),
        Some(Verdict::Failed) => (2, "Failure"),
        Some(Verdict::Unknown) | None => (0, "Unknown"),
    }
}

fn metadata(event: &Event, frame: &Frame) -> Value {
    let schema = event.number("schema").map(|schema| schema.to_string());
    object([
        ("version", Some(json!(VERSION))),
        (
            "product",
            Some(json!({
                "name": "aiops",
                "vendor_name": "aiops",
                "version": frame.version,
            })),
        ),
        ("profiles", Some(json!(["security_control", "host"]))),
        ("log_name", Some(json!(LOG))),
        ("log_provider", Some(json!("aiops"))),
        ("uid", Some(json!(event.hash))),
        ("sequence", Some(json!(event.seq))),
        ("event_code", Some(json!(event.action()))),
        ("original_time", event.text("timestamp").map(Value::from)),
        ("correlation_uid", event.text("request_id").map(Value::from)),
        ("log_version", schema.map(Value::from)),
    ])
}

/// The profile `security_control`: what was decided, and by which rule.
fn security_control(event: &Event, put: &mut impl FnMut(&str, Option<Value>)) {
    let (action, action_name, disposition, disposition_name) = match (event.kind, event.status()) {
        (Kind::Outcome, "executed") | (Kind::Intent, _) => (1, "Allowed", 1, "Allowed"),
        (Kind::Approval, "approved") => (1, "Allowed", 8, "Approved"),
        (_, "denied") => (2, "Denied", 25, "Rejected"),
        (Kind::Decision | Kind::Approval | Kind::Approver, "rejected") => {
            (2, "Denied", 2, "Blocked")
        }
        (_, "approval_requested") | (Kind::Request, _) => (3, "Observed", 14, "Delayed"),
        (_, "error") => (2, "Denied", 27, "Error"),
        (Kind::Decision, "invalid" | "expired" | "cancelled" | "ambiguous") => {
            (2, "Denied", 16, "No Action")
        }
        _ => (3, "Observed", 17, "Logged"),
    };
    put("action_id", Some(json!(action)));
    put("action", Some(json!(action_name)));
    put("disposition_id", Some(json!(disposition)));
    put("disposition", Some(json!(disposition_name)));
    put(
        "firewall_rule",
        event
            .text("rule")
            .map(|rule| json!({"uid": rule, "name": rule, "category": event.text("risk").unwrap_or("-")})),
    );
    put(
        "policy",
        event
            .text("policy")
            .map(|policy| json!({"uid": policy, "name": "config.yml"})),
    );
}

fn actor(event: &Event) -> Value {
    let uid = event.number("caller_uid").map(|uid| uid.to_string());
    let user = |caller| object([("name", Some(json!(caller))), ("uid", uid.map(Value::from))]);
    object([
        (
            "app_name",
            Some(json!(event.text("requester").unwrap_or("aiops"))),
        ),
        ("user", event.text("caller").map(user)),
    ])
}

/// The target. Its class says a server, whatever it is: nobody asked it.
fn device(event: &Event) -> Value {
    let name = event.text("target").unwrap_or("-");
    object([
        ("type_id", Some(json!(1))),
        ("type", Some(json!("Server"))),
        ("name", Some(json!(name))),
        ("hostname", Some(json!(name))),
        ("ip", event.address().map(Value::from)),
    ])
}

fn endpoint(event: &Event) -> Value {
    let name = event.text("target").unwrap_or("-");
    object([
        ("name", Some(json!(name))),
        ("hostname", Some(json!(name))),
        ("ip", event.address().map(Value::from)),
        ("port", event.host().map(|host| json!(host.port))),
    ])
}

fn gateway(frame: &Frame) -> Value {
    json!({"name": frame.gateway, "hostname": frame.gateway})
}

/// The process on the target. Its number is not known here; the request stands for it.
fn process(event: &Event) -> Value {
    let uid = event.text("request_id").unwrap_or(&event.hash);
    object([
        ("uid", Some(json!(uid))),
        ("cmd_line", event.command_line().map(Value::from)),
        ("user", event.host().map(|host| json!({"name": host.user}))),
    ])
}

fn api(event: &Event) -> Value {
    let uid = event.text("request_id").unwrap_or(&event.hash);
    json!({
        "operation": event.action(),
        "service": {"name": "aiops"},
        "request": {"uid": uid},
    })
}

fn resources(event: &Event) -> Option<Value> {
    let target = event.text("target")?;
    Some(json!([{"name": target, "hostname": target, "type": "target"}]))
}

fn entity(event: &Event) -> Value {
    let name = event.text("approver").unwrap_or("-");
    json!({"type_id": 2, "type": "User", "name": name, "user": {"name": name}})
}

/// An object of those parts that are there.
fn object<const N: usize>(parts: [(&str, Option<Value>); N]) -> Value {
    let there = parts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

const PROCESS_ACTIVITY: u32 = 1007;
const EVENT_LOG_ACTIVITY: u32 = 1008;
const ENTITY_MANAGEMENT: u32 = 3004;
const SSH_ACTIVITY: u32 = 4007;
const API_ACTIVITY: u32 = 6003;

const LOG: &str = "audit.jsonl";

/// Fields that stand elsewhere in the event.
const TOLD: &[&str] = &[
    "timestamp",
    "schema",
    "seq",
    "event",
    "request_id",
    "status",
    "rule",
    "policy",
    "target",
    "command",
    "sent",
    "message",
    "exit_code",
    "duration_ms",
    "requester",
    "caller",
    "caller_uid",
];
