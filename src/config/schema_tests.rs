use super::tests::EXAMPLE;
use super::tests::built;
use super::tree::Tree;
use super::*;

/// The file as an editor sees it.
fn as_json(text: &str) -> serde_json::Value {
    serde_yaml::from_str(text).unwrap()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

#[test]
fn the_schema_takes_the_example() {
    let found: Vec<String> = validator()
        .iter_errors(&as_json(EXAMPLE))
        .map(|fault| format!("{} {fault}", fault.instance_path()))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_schema_takes_the_labs_nesting() {
    let mut nested = as_json(EXAMPLE);
    let file = nested.as_object_mut().unwrap();
    let lists = ["auto_allowed", "approval_required", "forbidden"];
    let mut policy: serde_json::Map<_, _> = lists
        .iter()
        .map(|list| ((*list).to_owned(), file.remove(*list).unwrap()))
        .collect();
    policy.insert("unknown_default".to_owned(), "reject".into());
    file.insert("policy".to_owned(), policy.into());
    assert!(validator().is_valid(&nested));
    nested["policy"]["mode"] = "lab".into();
    assert!(!validator().is_valid(&nested));
}

/// Each line is a file: whether the program can read it, and the schema says the same.
const FILES: &[(bool, &str)] = &[
    (true, "mode: production"),
    (false, "mode: Lab"),
    (false, "mode:"),
    (false, "modus: lab"),
    (true, "unknown_default: reject"),
    (true, "unknown_default:"),
    (false, "unknown_default: ask"),
    (false, "targets:"),
    (true, "targets: {}"),
    (false, "targets: []"),
    (false, "targets: {a: b}"),
    (false, "targets: {a: }"),
    (false, "targets: {a: {port: 22}}"),
    (true, "targets: {a: {host: b}}"),
    (
        true,
        "targets: {a: {ip: 192.0.2.1, username: x, port: 22, tier: lab, groups: [g], enforcement: audit}}",
    ),
    (false, "targets: {a: {host: b, ip: c}}"),
    (false, "targets: {a: {host: [b]}}"),
    (false, "targets: {a: {host: }}"),
    (false, "targets: {a: {host: b, port: 70000}}"),
    (false, "targets: {a: {host: b, port: ssh}}"),
    (true, "targets: {a: {host: b, port: }}"),
    (true, "targets: {a: {host: b, tier: }}"),
    (false, "targets: {a: {host: b, groups: }}"),
    (false, "targets: {a: {host: b, tier: staging}}"),
    (false, "targets: {a: {host: b, enforcement: }}"),
    (false, "targets: {a: {host: b, groups: g}}"),
    (true, "fragments: {a: b}"),
    (false, "fragments:"),
    (false, "fragments: [a]"),
    (true, "fragments: {a: [b]}"),
    (false, "fragments: {a: [[b]]}"),
    (true, "forbidden:"),
    (true, "forbidden: []"),
    (true, "forbidden: [a, {pattern: b}, {pattern: [c, d]}]"),
    (true, "forbidden: [{pattern: [1, true]}]"),
    (false, "forbidden: a"),
    (false, "forbidden: [1]"),
    (false, "forbidden: [true]"),
    (false, "forbidden: [~]"),
    (false, "forbidden: [[a]]"),
    (false, "forbidden: [{id: a}]"),
    (false, "forbidden: [{pattern: }]"),
    (false, "forbidden: [{pattern: 5}]"),
    (false, "forbidden: [{pattern: a, reason: b}]"),
    (
        true,
        "forbidden: [{pattern: a, id: , why: , sudo: , needs: , timeout: }]",
    ),
    (
        true,
        "forbidden: [{pattern: a, id: 5, why: true, match: [true, 1.5]}]",
    ),
    (false, "forbidden: [{pattern: a, targets: }]"),
    (false, "forbidden: [{pattern: a, groups: }]"),
    (false, "forbidden: [{pattern: a, tiers: }]"),
    (false, "forbidden: [{pattern: a, match: }]"),
    (false, "forbidden: [{pattern: a, not_match: }]"),
    (false, "forbidden: [{pattern: a, match: b}]"),
    (false, "forbidden: [{pattern: a, match: [~]}]"),
    (false, "forbidden: [{pattern: a, match: [[b]]}]"),
    (
        true,
        "auto_allowed: [{pattern: a, sudo: allowed, tiers: [lab, production], enforcement: audit}]",
    ),
    (false, "auto_allowed: [{pattern: a, sudo: true}]"),
    (false, "auto_allowed: [{pattern: a, tiers: lab}]"),
    (false, "auto_allowed: [{pattern: a, tiers: [test]}]"),
    (false, "auto_allowed: [{pattern: a, enforcement: }]"),
    (
        true,
        "approval_required: [{pattern: a, needs: second_factor, irreversible: true, timeout: 10m}]",
    ),
    (false, "approval_required: [{pattern: a, needs: two}]"),
    (
        true,
        "approval_required: [{pattern: a, ttl: 5m, preview: b, approvals: {min: 2, all_of: [c, '%d'], any_of: []}}]",
    ),
    (
        true,
        "approval_required: [{pattern: a, ttl: , preview: , approvals: {min: }}, {pattern: b, approvals: , preview: [c, d]}]",
    ),
    (false, "approval_required: [{pattern: a, ttl: 5 minutes}]"),
    (false, "approval_required: [{pattern: a, preview: 5}]"),
    (false, "approval_required: [{pattern: a, preview: {b: c}}]"),
    (false, "approval_required: [{pattern: a, preview: [[b]]}]"),
    (false, "approval_required: [{pattern: a, approvals: 2}]"),
    (
        false,
        "approval_required: [{pattern: a, approvals: {all_of: b}}]",
    ),
    (
        false,
        "approval_required: [{pattern: a, approvals: {any_of: }}]",
    ),
    (
        false,
        "approval_required: [{pattern: a, approvals: {needs: relayed}}]",
    ),
    (true, "targets: {a: {host: b, needs: out_of_band}}"),
    (
        true,
        "targets: {a: {host: b, needs: , approvals: {min: 3, any_of: ['%x']}}}",
    ),
    (false, "targets: {a: {host: b, needs: two}}"),
    (false, "targets: {a: {host: b, approvals: [c]}}"),
    (true, "approvals: {min: 2, all_of: [], any_of: [a]}"),
    (false, "approvals: {all_of: }"),
    (false, "approvals: {min: two}"),
    (false, "approval_required: [{pattern: a, irreversible: 1}]"),
    (false, "approval_required: [{pattern: a, irreversible: }]"),
    (
        false,
        "approval_required: [{pattern: a, timeout: 10 minutes}]",
    ),
    (true, "policy: {auto_allowed: [a], unknown_default: reject}"),
    (true, "policy:"),
    (false, "policy: []"),
    (false, "policy: {limits: {}}"),
    (
        true,
        "limits: {timeout: 15, message: 64KiB, output: 256, timeout_max: }",
    ),
    (false, "limits:"),
    (false, "limits: {timeouts: 15m}"),
    (false, "limits: {timeout: 64kB}"),
    (false, "limits: {timeout: -1}"),
    (false, "limits: {timeout: 1.5}"),
    (false, "limits: {timeout: true}"),
    (false, "limits: {timeout: [15m]}"),
    (
        true,
        "approvals: {needs: out_of_band, ttl: 15m, pending: 20}",
    ),
    (false, "approvals:"),
    (false, "approvals: {needs: human}"),
    (true, "ssh: {user: a, program: b, path: c, persist: 10 min}"),
    (true, "ssh: {user: , persist: }"),
    (false, "ssh: {key: x}"),
    (false, "ssh:"),
    (
        true,
        "checkpoints: {origin: gw1/aiops, records: 10, every: 1m, journald: false, syslog: true, command: [a, b], command_wait: 5}",
    ),
    (false, "checkpoints:"),
    (false, "checkpoints: {key: x}"),
    (false, "checkpoints: {journald: maybe}"),
    (false, "checkpoints: {command: a}"),
    (true, "redact: [{id: a, pattern: b, keywords: [c]}]"),
    (false, "redact:"),
    (false, "redact: [{id: a}]"),
    (false, "redact: [a]"),
    (false, "redact: [{id: a, pattern: b, keywords: }]"),
    (true, "redact_off: [cookie]"),
    (false, "redact_off:"),
    (false, "redact_off: cookie"),
    (false, "redact_off: [{id: cookie}]"),
    (true, "client_markers: [a]"),
    (true, "client_markers:"),
    (false, "client_markers: a"),
    (false, "[]"),
    (false, "lab"),
];

#[test]
fn the_schema_takes_what_the_program_reads_and_nothing_else() {
    let schema = validator();
    let mut wrong = Vec::new();
    for (good, text) in FILES {
        let read = serde_yaml::from_str::<yaml::Raw>(text).is_ok();
        let valid = schema.is_valid(&as_json(text));
        // What is told where the program stops has to agree with that too.
        let silent = walk::faults(text, &Tree::parse(text).unwrap()).is_empty();
        if read != *good || valid != *good || silent != *good {
            wrong.push(format!(
                "{text}: expected {good}, read {read}, valid {valid}, silent {silent}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_schema_keeps_to_the_units_and_ranges_of_numbers() {
    let schema = validator();
    for (good, text) in [
        (true, "limits: {timeout: 86400}"),
        (false, "limits: {timeout: 0}"),
        (false, "limits: {timeout: 86401}"),
        (false, "limits: {timeout: 64KiB}"),
        (false, "limits: {output: 15m}"),
        (true, "limits: {output: 4 MiB}"),
        (false, "limits: {output: 255}"),
        (true, "approvals: {min: 10}"),
        (false, "approvals: {min: 0}"),
        (false, "approvals: {min: 11}"),
        (false, "approvals: {min: 5m}"),
        (true, "approval_required: [{pattern: a, ttl: 60}]"),
        (false, "approval_required: [{pattern: a, ttl: 59}]"),
        (false, "approval_required: [{pattern: a, ttl: 86401}]"),
        (false, "approval_required: [{pattern: a, ttl: 2KiB}]"),
    ] {
        assert_eq!(schema.is_valid(&as_json(text)), good, "{text}");
        assert_eq!(
            built(&format!("{{{text}, mode: lab}}")).is_ok(),
            good && !text.contains("86400"),
            "{text}"
        );
    }
}

/// The keys of an object as the program reads it, from what it says about one that it does not know.
fn known_keys(before: &str, behind: &str) -> Vec<String> {
    let text = format!("{before}{{no_such_key: 1}}{behind}");
    let fault = serde_yaml::from_str::<yaml::Raw>(&text)
        .unwrap_err()
        .to_string();
    let first = fault.lines().next().unwrap();
    let (_, known) = first.split_once("expected one of ").unwrap();
    known
        .split(", ")
        .map(|key| key.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn every_key_that_the_program_reads_is_in_the_schema_and_described() {
    let schema = schema();
    for (pointer, before, behind) in [
        ("", "", ""),
        ("/properties/policy", "policy: ", ""),
        (
            "/properties/targets/additionalProperties",
            "targets: {a: ",
            "}",
        ),
        (
            "/properties/auto_allowed/items/anyOf/1",
            "auto_allowed: [",
            "]",
        ),
        (
            "/properties/approval_required/items/anyOf/1",
            "approval_required: [",
            "]",
        ),
        (
            "/properties/policy/properties/forbidden/items/anyOf/1",
            "forbidden: [",
            "]",
        ),
        (
            "/properties/targets/additionalProperties/properties/approvals",
            "targets: {a: {host: b, approvals: ",
            "}}",
        ),
        (
            "/properties/approval_required/items/anyOf/1/properties/approvals",
            "approval_required: [{pattern: a, approvals: ",
            "}]",
        ),
        ("/properties/limits", "limits: ", ""),
        ("/properties/approvals", "approvals: ", ""),
        ("/properties/ssh", "ssh: ", ""),
        ("/properties/redact/items", "redact: [", "]"),
    ] {
        let object = schema.pointer(pointer).unwrap();
        assert_eq!(object["additionalProperties"], false, "{pointer}");
        let properties = object["properties"].as_object().unwrap();
        let mut listed: Vec<&String> = properties.keys().collect();
        let known = known_keys(before, behind);
        let mut known: Vec<&String> = known.iter().collect();
        listed.sort();
        known.sort();
        assert_eq!(listed, known, "{pointer}");
        for (key, about) in properties {
            assert!(
                about["description"].as_str().unwrap().ends_with('.'),
                "{key}"
            );
        }
    }
}

#[test]
fn the_numbers_of_the_table_are_those_of_their_keys() {
    fn look(section: &str, keys: &[shape::Key]) {
        for key in keys {
            match key.shape {
                shape::Shape::Number(limit) => {
                    assert_eq!(limit.key, format!("{section}.{}", key.name));
                    let text = |number| format!("{{{section}: {{{}: {number}}}}}", key.name);
                    let fine = |number| {
                        !faults_or_none(&text(number))
                            .iter()
                            .any(|fault| fault.contains("has to be between"))
                    };
                    assert!(fine(limit.least) && fine(limit.most), "{}", limit.key);
                    assert!(!fine(limit.most + 1), "{}", limit.key);
                }
                shape::Shape::Keys(keys) => look(key.name, keys),
                _ => {}
            }
        }
    }
    look("", shape::FILE);
}

fn faults_or_none(text: &str) -> Vec<String> {
    match built(text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(Fault::to_string).collect(),
    }
}
