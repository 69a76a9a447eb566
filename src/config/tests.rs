use super::*;
use crate::assurance::Assurance;

const EXAMPLE: &str = include_str!("../../config.example.yml");

fn built(text: &str) -> Result<Config, Vec<Fault>> {
    let raw = yaml::parse(text).map_err(|fault| vec![fault])?;
    let (config, faults) = build::build(raw, &Home::new("/opt/aiops"), String::new());
    if faults.is_empty() {
        Ok(config)
    } else {
        Err(faults)
    }
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    built(text)
        .unwrap_err()
        .iter()
        .map(Fault::to_string)
        .collect()
}

#[test]
fn the_example_writes_out_the_defaults_and_nothing_else() {
    let example = built(EXAMPLE).unwrap();
    let bare = built("mode: lab\n").unwrap();
    assert_eq!(
        format!("{:#?}", example.limits),
        format!("{:#?}", bare.limits)
    );
    assert_eq!(
        format!("{:#?}", example.approvals),
        format!("{:#?}", bare.approvals)
    );
    assert_eq!(
        format!("{:#?}", example.audit),
        format!("{:#?}", bare.audit)
    );
    assert_eq!(format!("{:#?}", example.ssh), format!("{:#?}", bare.ssh));
    assert_eq!(example.scope, bare.scope);
}

#[test]
fn the_example_becomes_production_by_its_mode_alone() {
    let production = EXAMPLE.replacen("mode: lab ", "mode: production ", 1);
    assert_ne!(production, EXAMPLE);
    let production = built(&production).unwrap();
    assert_eq!(production.scope.needs, Assurance::OutOfBand);
    let script = crate::shell::Script::parse("frob x", &crate::shell::Limits::default());
    let verdict = production.policy.verdict(&script, &production.scope);
    assert_eq!(verdict.decision(), crate::policy::Decision::Forbid);
}

#[test]
fn the_example_takes_secrets_out() {
    let redaction = built(EXAMPLE).unwrap().redaction;
    assert!(redaction.examine().is_empty());
    let samples = [
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
            "b3Bl",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE cut off", "MIIE"),
        (
            "MIIEbeginningwascutawayMIIEbeginningwascutaway\n-----END RSA PRIVATE KEY-----",
            "MIIE",
        ),
        ("DB_PASSWORD=hunter2", "hunter2"),
        ("password: hunter2", "hunter2"),
        ("\"api_key\": \"hunter2hunter2\"", "hunter2"),
        ("mysql --password=hunter2 -u x", "hunter2"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("postgres://app:hunter2@db:5432/x", "hunter2"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", "eyJhbGci"),
    ];
    for (text, secret) in samples {
        let clean = redaction.apply(text);
        assert!(
            clean.contains("[REDACTED:") && !clean.contains(secret),
            "{text} gave {clean}"
        );
    }
}

#[test]
fn the_example_leaves_ordinary_logs_alone() {
    let redaction = built(EXAMPLE).unwrap().redaction;
    for text in [
        "Nov 23 04:11:02 srv1 sshd[1]: Failed password for invalid user x from 192.0.2.7 port 4022 ssh2",
        "Nov 23 04:11:02 srv1 sudo: aiops : TTY=unknown ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
        "nginx.service - A high performance web server",
        "   Loaded: loaded (/lib/systemd/system/nginx.service; enabled; preset: enabled)",
        "GET https://example.org:8443/path?x=1 200",
        "the bearer of bad news",
        "key exchange: curve25519-sha256",
    ] {
        assert_eq!(redaction.apply(text), text);
    }
}

#[test]
fn production_is_stricter_than_the_lab() {
    let lab = built("mode: lab\n").unwrap();
    let production = built("mode: production\n").unwrap();
    assert!(lab.scope.needs < production.scope.needs);
}

#[test]
fn every_fault_is_named_at_once() {
    let found = faults(
        "targets:\n  x y: {host: a}\n  z: {host: '-o'}\nlimits: {timeout: 10m, command: 1}\n",
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found.iter().any(|fault| fault.starts_with("line 2:")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|fault| fault.starts_with("line 3:")),
        "{found:?}"
    );
}

#[test]
fn an_alias_bomb_is_refused_in_bounded_time() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let before = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    assert!(built(&bomb).is_err());
}

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
    (false, "fragments: {a: [b]}"),
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
    (true, "redact: [{id: a, pattern: b, keywords: [c]}]"),
    (false, "redact:"),
    (false, "redact: [{id: a}]"),
    (false, "redact: [a]"),
    (false, "redact: [{id: a, pattern: b, keywords: }]"),
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
        if read != *good || valid != *good {
            wrong.push(format!(
                "{text}: expected {good}, read {read}, valid {valid}"
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
    ] {
        assert_eq!(schema.is_valid(&as_json(text)), good, "{text}");
        assert_eq!(
            built(&format!("{{{text}, mode: lab}}")).is_ok(),
            good && !text.contains("86400") && !text.contains("MiB"),
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

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = built(&text);
    }

    #[test]
    fn no_value_makes_it_panic(key in "(ttl|pending|needs|keep_decided)", value in "[a-zA-Z0-9 .-]{0,12}") {
        let _ = built(&format!("approvals: {{{key}: {value}}}\n"));
    }
}
