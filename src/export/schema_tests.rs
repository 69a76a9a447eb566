//! ECS, OCSF and OTLP, compared with what was published.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use serde_json::Map;
use serde_json::Value;

use super::tests::corpus;
use super::tests::samples;
use super::tests::written;
use super::*;

fn facts(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(corpus(name)).unwrap()).unwrap()
}

fn event_of(format: Format, event: &Event) -> Value {
    serde_json::from_str(&written(format, Wrap::Bare, event)).unwrap()
}

/// Every leaf by its dotted name; below a name in `closed` nothing is looked at.
pub(super) fn leaves(value: &Value, closed: &[&str]) -> BTreeMap<String, Value> {
    fn walk(value: &Value, name: &str, closed: &[&str], into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(parts) if !closed.contains(&name) => {
                for (part, value) in parts {
                    let below = if name.is_empty() {
                        part.clone()
                    } else {
                        format!("{name}.{part}")
                    };
                    walk(value, &below, closed, into);
                }
            }
            value => drop(into.insert(name.to_owned(), value.clone())),
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", closed, &mut found);
    found
}

fn is_of_ecs(kind: &str, value: &Value) -> bool {
    match kind {
        "keyword" | "wildcard" | "match_only_text" => value.is_string(),
        "long" => value.is_i64(),
        "date" => value
            .as_str()
            .is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        "ip" => value
            .as_str()
            .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "object" => value
            .as_object()
            .is_some_and(|labels| labels.values().all(Value::is_string)),
        _ => false,
    }
}

#[test]
fn every_field_of_an_ecs_event_is_one_of_the_schema_and_of_its_type() {
    let facts = facts("ecs.json");
    for event in samples() {
        let whole = event_of(Format::Ecs, &event);
        let fields = leaves(&whole, &["aiops", "labels"]);
        for (name, value) in &fields {
            if name == "aiops" {
                continue;
            }
            let fact = &facts["fields"][name];
            let kind = fact["type"]
                .as_str()
                .unwrap_or_else(|| panic!("no field {name}"));
            let values = match value {
                Value::Array(values) if fact["array"] == true => values.clone(),
                value => {
                    assert_ne!(fact["array"], true, "{name} is a list");
                    vec![value.clone()]
                }
            };
            assert!(!values.is_empty(), "{name}");
            for value in values {
                assert!(is_of_ecs(kind, &value), "{name} is no {kind}: {value}");
                if let Some(allowed) = facts["allowed"][name].as_array() {
                    assert!(allowed.contains(&value), "{name}: {value}");
                }
            }
        }
        for name in facts["required"].as_array().unwrap() {
            assert!(fields.contains_key(name.as_str().unwrap()));
        }
        assert_eq!(fields["ecs.version"], facts["version"]);
    }
}

#[test]
fn every_category_of_an_ecs_event_has_types_that_are_expected_of_it() {
    let facts = facts("ecs.json");
    for event in samples() {
        let whole = event_of(Format::Ecs, &event);
        for category in whole["event"]["category"].as_array().unwrap() {
            let expected = facts["expected_types"][category.as_str().unwrap()].as_array();
            for kind in whole["event"]["type"].as_array().unwrap() {
                assert!(expected.unwrap().contains(kind), "{category} {kind}");
            }
        }
    }
}

/// What is wrong with an object by the facts of its class or of its kind of object.
fn ocsf_faults(
    facts: &Value,
    about: &Value,
    value: &Map<String, Value>,
    profiles: &[Value],
) -> Vec<String> {
    let mut faults = Vec::new();
    let attributes = about["attributes"].as_object().unwrap();
    let holds = |fact: &Value| match fact["profiles"].as_array() {
        None => true,
        Some(needed) => needed.iter().any(|profile| profiles.contains(profile)),
    };
    for (name, fact) in attributes {
        if fact["requirement"] == "required" && holds(fact) && !value.contains_key(name) {
            faults.push(format!("{name} is demanded"));
        }
    }
    let some = about["constraints"]["at_least_one"].as_array();
    let is_there = |name: &Value| value.contains_key(name.as_str().unwrap());
    if some.is_some_and(|some| !some.iter().any(is_there)) {
        faults.push(format!("one of {some:?} is demanded"));
    }
    for (name, value) in value {
        let Some(fact) = attributes.get(name) else {
            faults.push(format!("there is no {name}"));
            continue;
        };
        if !holds(fact) {
            faults.push(format!("{name} is of a profile that is not named"));
        }
        let values = match value {
            Value::Array(values) if fact["array"] == true => values.iter().collect(),
            value if fact["array"] != true => vec![value],
            _ => {
                faults.push(format!("{name} is a list"));
                continue;
            }
        };
        for value in values {
            let kind = fact["base"].as_str().or(fact["type"].as_str()).unwrap();
            let good = match kind {
                "string_t" => value.is_string(),
                "integer_t" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
                "long_t" => value.is_i64(),
                "boolean_t" => value.is_boolean(),
                "object_t" => value.is_object(),
                _ => false,
            };
            if !good {
                faults.push(format!("{name} is no {kind}: {value}"));
            }
            if fact["type"] == "ip_t"
                && value.as_str().unwrap().parse::<std::net::IpAddr>().is_err()
            {
                faults.push(format!("{name} is no address: {value}"));
            }
            if fact["type"] != "string_t"
                && let Some(known) = fact["enum"].as_object()
                && !known.contains_key(&value.to_string())
            {
                faults.push(format!("{name} has no value {value}"));
            }
            if let Some(object) = fact["object"].as_str().filter(|object| *object != "object") {
                let about = &facts["objects"][object];
                let below = ocsf_faults(facts, about, value.as_object().unwrap(), profiles);
                faults.extend(below.into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }
    faults
}

#[test]
fn every_ocsf_event_is_one_of_its_class() {
    let facts = facts("ocsf.json");
    for event in samples() {
        let whole = event_of(Format::Ocsf, &event);
        let class = &facts["classes"][whole["class_uid"].to_string()];
        assert_eq!(whole["class_name"], class["name"]);
        assert_eq!(whole["category_name"], class["category"]);
        let profiles = whole["metadata"]["profiles"].as_array().unwrap();
        let faults = ocsf_faults(&facts, class, whole.as_object().unwrap(), profiles);
        assert_eq!(faults, Vec::<String>::new(), "{whole}");
        assert_eq!(whole["metadata"]["version"], facts["version"]);
        let uid =
            whole["class_uid"].as_u64().unwrap() * 100 + whole["activity_id"].as_u64().unwrap();
        assert_eq!(whole["type_uid"], uid);
    }
}

#[test]
fn every_number_of_an_ocsf_event_has_its_own_word() {
    let facts = facts("ocsf.json");
    let pairs = [
        ("activity_id", "activity_name"),
        ("severity_id", "severity"),
        ("status_id", "status"),
        ("action_id", "action"),
        ("disposition_id", "disposition"),
        ("type_uid", "type_name"),
    ];
    for event in samples() {
        let whole = event_of(Format::Ocsf, &event);
        let class = &facts["classes"][whole["class_uid"].to_string()];
        for (number, word) in pairs {
            let known = &class["attributes"][number]["enum"];
            assert_eq!(known[whole[number].to_string()], whole[word], "{number}");
        }
        for (object, number) in [("device", "device"), ("entity", "managed_entity")] {
            if let Some(value) = whole.get(object) {
                let known = &facts["objects"][number]["attributes"]["type_id"]["enum"];
                assert_eq!(known[value["type_id"].to_string()], value["type"]);
            }
        }
    }
}

#[test]
fn a_missing_a_wrong_and_an_unknown_attribute_of_ocsf_would_be_seen() {
    let facts = facts("ocsf.json");
    let good = event_of(Format::Ocsf, &samples()[2]);
    let class = &facts["classes"]["1007"];
    let faults = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        let profiles = bad["metadata"]["profiles"].as_array().unwrap().clone();
        ocsf_faults(&facts, class, bad.as_object().unwrap(), &profiles).len()
    };
    assert_eq!(faults(&|_| {}), 0);
    assert!(faults(&|bad| drop(bad.as_object_mut().unwrap().remove("time"))) > 0);
    assert!(faults(&|bad| bad["time"] = "now".into()) > 0);
    assert!(faults(&|bad| bad["activity_id"] = 42.into()) > 0);
    assert!(faults(&|bad| bad["colour"] = "red".into()) > 0);
    assert!(faults(&|bad| bad["process"]["uid"] = Value::Null) > 0);
    assert!(faults(&|bad| bad["metadata"]["profiles"] = Value::Array(Vec::new())) > 0);
}

pub(super) fn text_of(value: &AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn otlp_is_read_by_the_definitions_of_the_protocol_without_loss() {
    let events = samples();
    let body = Parcel::of(Format::Otlp, Wrap::Bare, &events, &super::tests::frame());
    assert_eq!(body.messages.len(), 1);
    let request: ExportLogsServiceRequest = serde_json::from_str(&body.messages[0]).unwrap();
    assert_eq!(request.resource_logs.len(), 1);
    let resource = request.resource_logs[0].resource.as_ref().unwrap();
    let named: Vec<&str> = resource
        .attributes
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(named, ["service.name", "service.version", "host.name"]);
    let scope = &request.resource_logs[0].scope_logs[0];
    assert_eq!(scope.scope.as_ref().unwrap().name, "aiops.audit");
    assert_eq!(scope.log_records.len(), events.len());
    for (record, event) in scope.log_records.iter().zip(&events) {
        let at = u64::try_from(event.at.timestamp_nanos_opt().unwrap()).unwrap();
        assert_eq!(record.time_unix_nano, at);
        assert_eq!(record.observed_time_unix_nano, 1_800_000_000_000_000_000);
        assert!(SeverityNumber::try_from(record.severity_number).is_ok());
        assert_eq!(record.event_name, format!("aiops.{}", event.word()));
        assert_eq!(text_of(record.body.as_ref().unwrap()), event.sentence());
        assert_eq!(
            record.trace_id.len(),
            if event.trace().is_some() { 16 } else { 0 }
        );
        let keys: BTreeSet<&str> = record
            .attributes
            .iter()
            .map(|one| one.key.as_str())
            .collect();
        assert_eq!(keys.len(), record.attributes.len(), "a key twice: {keys:?}");
        let text = |key: &str| {
            let found = record.attributes.iter().find(|one| one.key == key);
            found.map(|one| text_of(one.value.as_ref().unwrap()))
        };
        assert_eq!(text("aiops.seq"), Some(event.seq.to_string()));
        assert_eq!(text("aiops.hash").as_ref(), Some(&event.hash));
        assert_eq!(
            text("process.command_line").as_deref(),
            event.command_line()
        );
        assert_eq!(
            text("process.exit.code"),
            event.number("exit_code").map(|code: i64| code.to_string())
        );
        let approver = text("aiops.approver");
        assert_eq!(approver.as_deref(), event.text("approver"));
    }
}

#[test]
fn otlp_has_its_keys_in_camel_case_and_its_64_bits_as_strings() {
    let body = written(Format::Otlp, Wrap::Bare, &samples()[2]);
    let body: Value = serde_json::from_str(&body).unwrap();
    let record = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert!(record["timeUnixNano"].is_string() && record["observedTimeUnixNano"].is_string());
    assert!(record["severityNumber"].is_u64());
    assert_eq!(record["traceId"].as_str().unwrap().len(), 32);
    let attributes = record["attributes"].as_array().unwrap();
    let seq = attributes
        .iter()
        .find(|one| one["key"] == "aiops.seq")
        .unwrap();
    assert_eq!(seq["value"]["intValue"], "3");
}
