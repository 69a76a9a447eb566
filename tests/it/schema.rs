//! Every answer and every record keeps to the published schema.

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;

fn schema(lab: &Lab, of: &str) -> jsonschema::Validator {
    let printed = lab.run(&["schema", of], "");
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[track_caller]
fn keeps_to(schema: &jsonschema::Validator, value: &Value) {
    let faults: Vec<String> = schema
        .iter_errors(value)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?} in {value}");
}

#[test]
fn answers_and_records_of_every_kind_keep_to_their_schema() {
    let mut lab = lab!();
    let response = schema(&lab, "response");
    let record = schema(&lab, "record");
    let mut answers = vec![
        lab.ask("hostname"),
        lab.ask("mkfs /dev/sda"),
        lab.ask("touch a"),
        lab.ask("touch b"),
        lab.send("Approve"),
        lab.send("Deny all"),
        lab.send("Approve"),
        lab.send("nonsense"),
    ];
    let mut dry = request("touch a");
    dry["dry_run"] = true.into();
    answers.push(lab.send(dry.to_string()));
    lab.run(&["freeze", "--reason", "smoke"], "");
    answers.push(lab.ask("hostname"));
    lab.run(&["thaw"], "");
    lab.sshd.stop();
    answers.push(lab.ask("hostname"));
    for answer in &answers {
        keeps_to(&response, &answer.json);
    }
    // What the contract calls always present is demanded.
    for key in [
        "status",
        "risk",
        "target",
        "command",
        "requester",
        "reason",
        "message",
        "timestamp",
        "audit_seq",
        "schema",
    ] {
        let mut less = answers[0].json.clone();
        less.as_object_mut().unwrap().remove(key);
        assert!(!response.is_valid(&less), "{key} may be missing");
    }
    for line in lab.log() {
        keeps_to(&record, &line);
    }
}

#[test]
fn the_schema_of_a_request_takes_what_the_program_takes() {
    let lab = lab!();
    let schema = schema(&lab, "request");
    keeps_to(&schema, &request("hostname"));
    for wrong in [
        r#"{"command":"id"}"#,
        r#"{"target":"a","command":5}"#,
        r#"{"target":"a","command":"id","user":"root"}"#,
    ] {
        assert!(
            !schema.is_valid(&serde_json::from_str(wrong).unwrap()),
            "{wrong}"
        );
    }
}

#[test]
fn the_schema_of_the_configuration_takes_the_example_and_no_unknown_key() {
    let lab = lab!();
    let schema = schema(&lab, "config");
    let example = include_str!("../../config.example.yml");
    let mut example: Value = serde_yaml::from_str(example).unwrap();
    keeps_to(&schema, &example);
    example["auto_alowed"] = Value::Array(Vec::new());
    assert!(!schema.is_valid(&example));
}
