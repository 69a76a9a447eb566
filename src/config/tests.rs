use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::assurance::Principal;
use crate::shell::Limits;
use crate::shell::Script;
use crate::target::Name;

pub(super) const EXAMPLE: &str = include_str!("../../config.example.yml");

pub(super) fn built(text: &str) -> Result<Config, Vec<Fault>> {
    let raw = yaml::parse(text)?;
    let (config, mut faults) = build::build(raw, &Home::new("/opt/aiops"), String::new());
    if faults.is_empty() {
        Ok(config)
    } else {
        fault::locate(text, &mut faults);
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
        format!("{:#?}", example.factors),
        format!("{:#?}", bare.factors)
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
    assert_eq!(production.scope.demand.level, Assurance::OutOfBand);
    let script = Script::parse("frob x", &Limits::default());
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
fn secrets_are_taken_out_whatever_the_file_says_of_them() {
    let text = "DB_PASSWORD=hunter2x";
    for bare in [
        "mode: lab\n",
        "redact: []\n",
        "redact: [{id: a, pattern: b}]\n",
    ] {
        let clean = built(bare).unwrap().redaction.apply(text);
        assert!(!clean.contains("hunter2x"), "{bare}: {clean}");
    }
    let off = built("redact_off: [variable, assignment]\n").unwrap();
    assert_eq!(off.redaction.apply(text), text);
}

#[test]
fn production_is_stricter_than_the_lab() {
    let lab = built("mode: lab\n").unwrap();
    let production = built("mode: production\n").unwrap();
    assert!(lab.scope.demand.level < production.scope.demand.level);
}

/// What is demanded on the machine `a` of a file, and where a command is judged for none.
#[track_caller]
fn demands(text: &str) -> (Demand, Demand) {
    let config = built(text).unwrap();
    let name = Name::parse("a").unwrap();
    let machine = config.inventory.iter().find(|t| *t.name() == name);
    let demand = machine.unwrap().scope().demand.clone();
    (demand, config.scope.demand)
}

fn people(level: Assurance, min: u32, all_of: &[&str], any_of: &[&[&str]]) -> Demand {
    let names = |names: &[&str]| -> BTreeSet<Principal> {
        names.iter().map(|n| Principal::parse(n).unwrap()).collect()
    };
    Demand {
        level,
        min,
        all_of: names(all_of),
        any_of: any_of.iter().map(|set| names(set)).collect(),
    }
}

#[test]
fn what_the_nearest_one_says_of_the_assurance_holds_and_people_are_demanded_together() {
    use Assurance::OutOfBand;
    use Assurance::Relayed;
    use Assurance::SecondFactor;
    let plain = Demand::of;
    for (text, machine, file) in [
        ("targets: {a: {host: b}}", plain(Relayed), plain(Relayed)),
        (
            "mode: production\ntargets: {a: {host: b, tier: lab}}",
            plain(Relayed),
            plain(OutOfBand),
        ),
        (
            "mode: production\napprovals: {needs: relayed}\ntargets: {a: {host: b}}",
            plain(Relayed),
            plain(Relayed),
        ),
        (
            "targets: {a: {host: b, needs: second_factor}}",
            plain(SecondFactor),
            plain(Relayed),
        ),
        (
            "approvals: {needs: second_factor}\ntargets: {a: {host: b, needs: relayed}}",
            plain(Relayed),
            plain(SecondFactor),
        ),
        (
            "approvals: {min: 2, all_of: [c], any_of: [d, '%e']}\n\
             targets: {a: {host: b, needs: relayed, approvals: {min: 1, all_of: [f], any_of: [g]}}}",
            people(OutOfBand, 2, &["c", "f"], &[&["d", "%e"], &["g"]]),
            people(OutOfBand, 2, &["c"], &[&["d", "%e"]]),
        ),
        (
            "approvals: {min: 1, all_of: [], any_of: []}\ntargets: {a: {host: b, approvals: }}",
            plain(Relayed),
            plain(Relayed),
        ),
    ] {
        assert_eq!(demands(text), (machine, file), "{text}");
    }
}

#[test]
fn what_a_rule_says_of_those_who_approve_reaches_the_verdict() {
    let config = built(
        "approvals: {any_of: ['%sre']}\n\
         auto_allowed: [uptime]\n\
         approval_required:\n\
         - {pattern: '^restart (?<unit>.+)', ttl: 5m, preview: 'status <unit>', approvals: {min: 3, all_of: [dba]}}\n\
         - {pattern: nginx, ttl: 90, preview: [uptime], needs: second_factor}\n",
    )
    .unwrap();
    let script = Script::parse("restart nginx", &Limits::default());
    let verdict = config.policy.verdict(&script, &config.scope);
    let level = Assurance::SecondFactor;
    assert_eq!(*verdict.demand(), people(level, 3, &["dba"], &[&["%sre"]]));
    assert_eq!(verdict.ttl(), Some(Duration::from_secs(90)));
    assert_eq!(verdict.previews(), ["status nginx", "uptime"]);
}

#[test]
fn the_bounds_of_wrong_codes_are_those_of_the_file() {
    let text =
        "approvals: {factor_tries: 3, factor_lock: 1m, factor_lock_max: 2h, lock_wait: 9s}\n";
    let found = built(text).unwrap().factors;
    assert_eq!((found.tries, found.lock.as_secs()), (3, 60));
    assert_eq!(
        (found.lock_max.as_secs(), found.lock_wait.as_secs()),
        (7200, 9)
    );
    let said = faults(
        "approvals: {factor_tries: 0, factor_lock: 2m, factor_lock_max: 1m, lock_wait: 0s}\n",
    );
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said.iter()
            .any(|fault| fault.contains("is shorter than `approvals.factor_lock`"))
    );
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

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = built(&text);
    }

    #[test]
    fn no_value_makes_it_panic(key in "(ttl|pending|needs|keep_decided|min|all_of|any_of)", value in "[a-zA-Z0-9 .-]{0,12}") {
        let _ = built(&format!("approvals: {{{key}: {value}}}\n"));
    }
}
