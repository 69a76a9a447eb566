//! `docs/export.md` names every field that is written, and no other one.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::line_tests::cef;
use super::line_tests::syslog;
use super::schema_tests::leaves;
use super::tests::samples;
use super::tests::written;
use super::*;

/// The names in the first column of a section's tables.
fn named(section: &str) -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/export.md");
    let paper = fs::read_to_string(path).unwrap();
    let heading = format!("\n### {section}\n");
    let (_, rest) = paper.split_once(&heading).unwrap();
    let text = rest.split("\n##").next().unwrap();
    let mut names = BTreeSet::new();
    let mut is_of_fields = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            is_of_fields = false;
        }
        if ["| Field |", "| Attribute |", "| Key |", "| Parameter |"]
            .iter()
            .any(|head| line.starts_with(head))
        {
            is_of_fields = true;
        } else if is_of_fields && let Some(name) = line.strip_prefix("| `") {
            let fresh = names.insert(name.split('`').next().unwrap().to_owned());
            assert!(fresh, "{line} twice");
        }
    }
    names
}

fn of_json(format: Format, closed: &[&str]) -> BTreeSet<String> {
    let fields = |event: &Event| {
        let whole: Value = serde_json::from_str(&written(format, Wrap::Bare, event)).unwrap();
        leaves(&whole, closed).into_keys()
    };
    samples().iter().flat_map(fields).collect()
}

#[test]
fn the_paper_names_every_field_that_is_written_and_no_other() {
    assert_eq!(named("ECS"), of_json(Format::Ecs, &["aiops"]));
    assert_eq!(named("OCSF"), of_json(Format::Ocsf, &["unmapped"]));
    let keys = samples().iter().fold(BTreeSet::new(), |mut keys, event| {
        keys.extend(cef(&written(Format::Cef, Wrap::Bare, event)).1.into_keys());
        keys
    });
    let keys = keys.into_iter().filter(|key| !key.ends_with("Label"));
    assert_eq!(named("CEF"), keys.collect());
    let names = samples().iter().fold(BTreeSet::new(), |mut names, event| {
        let text = written(Format::Rfc5424, Wrap::Bare, event);
        let mut elements = syslog(&text).elements;
        names.extend(elements.remove("aiops@32473").unwrap().into_keys());
        names
    });
    assert_eq!(named("RFC 5424"), names);
}

#[test]
fn the_paper_names_every_attribute_of_otlp_that_is_no_field_by_its_own_name() {
    let mut keys = BTreeSet::new();
    for event in samples() {
        let whole: Value =
            serde_json::from_str(&written(Format::Otlp, Wrap::Bare, &event)).unwrap();
        let record = &whole["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        for attribute in record["attributes"].as_array().unwrap() {
            let key = attribute["key"].as_str().unwrap();
            let own = key.strip_prefix("aiops.");
            if own.is_none_or(|own| event.value(own).is_none() || own == "seq") {
                keys.insert(key.to_owned());
            }
        }
    }
    assert_eq!(named("OTLP"), keys);
}
