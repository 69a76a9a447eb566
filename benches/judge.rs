//! How long a judgement takes, with 50, 1,000 and 10,000 rules.
//!
//! **Reads** rules made up in the manner of real ones.
//! **Gives** the time of a cold judgement (policy made, then one verdict), of a warm verdict, and of
//! `aiops check --json` as a process of its own, with the same rules in a `config.yml`.
//! **Never** runs a command.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    reason = "a bench fails loudly, and starts what it measures"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use aiops::policy::Decision;
use aiops::policy::Definition;
use aiops::policy::Fragments;
use aiops::policy::Policy;
use aiops::shell::Limits;
use aiops::shell::Script;
use aiops::target::Scope;
use aiops::target::Tier;
use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;

const PLAIN: &str = "tool7 status unit-a --no-pager | grep -i 'out of memory'";
const OPAQUE: &str = "for x in 1 2; do sudo tool7 restart \"$x\"; done";

fn rules(count: usize) -> Vec<Definition> {
    let mut rules = vec![Definition {
        patterns: vec!["grep -i '[^']*'".to_owned()],
        ..Definition::new(Decision::Allow)
    }];
    for number in 0..count {
        let (effect, pattern) = match number % 5 {
            0 => (
                Decision::Forbid,
                format!(r"^(wreck{number}|ruin{number})( .*)? /(etc|usr)?( |$)"),
            ),
            1 => (
                Decision::RequireApproval,
                format!(r"^tool{number} (start|stop|restart)( |$)"),
            ),
            2 => (
                Decision::Allow,
                format!("tool{number} (status|show) [a-z][a-z0-9-]*( --no-pager)?"),
            ),
            3 => (
                Decision::Allow,
                format!("(sudo )?report{number}( -[a-z]+)*"),
            ),
            _ => (
                Decision::Allow,
                format!("look{number} -n [0-9]+ /var/log(/[A-Za-z0-9_.-]+)+"),
            ),
        };
        rules.push(Definition {
            patterns: vec![pattern],
            ..Definition::new(effect)
        });
    }
    rules
}

fn policy(rules: Vec<Definition>) -> Policy {
    Policy::new(rules, Fragments::default(), Limits::default(), 1 << 20)
}

/// An installation with these rules, which was asked once, so that its rules are examined.
fn installation(rules: &[Definition]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut text = String::from("targets: {srv1: {host: 192.0.2.1}}\n");
    for (list, effect) in [
        ("forbidden", Decision::Forbid),
        ("approval_required", Decision::RequireApproval),
        ("auto_allowed", Decision::Allow),
    ] {
        writeln!(text, "{list}:").unwrap();
        for rule in rules.iter().filter(|rule| rule.effect == effect) {
            let pattern = rule.patterns.concat().replace('\'', "''");
            writeln!(text, "  - {{pattern: '{pattern}', why: it is one of many}}").unwrap();
        }
    }
    let config = home.path().join("config.yml");
    fs::write(&config, text).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o640)).unwrap();
    let runtime = home.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(home.path().join("audit.jsonl"), "").unwrap();
    run(home.path(), &[]);
    home
}

/// One process, from its start to its end.
fn run(home: &Path, arguments: &[&str]) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aiops"))
        .args(arguments)
        .env_clear()
        .env("AIOPS_HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let request = serde_json::json!({
        "target": "srv1", "command": PLAIN, "requester": "bench", "reason": "bench", "dry_run": true
    });
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.to_string().as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn judge(criterion: &mut Criterion) {
    criterion.bench_function("parse/plain", |b| {
        b.iter(|| Script::parse(black_box(PLAIN), &Limits::default()));
    });
    criterion.bench_function("parse/opaque", |b| {
        b.iter(|| Script::parse(black_box(OPAQUE), &Limits::default()));
    });
    let lab = Scope::of_tier(Tier::Lab);
    let plain = Script::parse(PLAIN, &Limits::default());
    let opaque = Script::parse(OPAQUE, &Limits::default());
    for count in [50, 1_000, 10_000] {
        let rules = rules(count);
        let warm = policy(rules.clone());
        criterion.bench_with_input(
            BenchmarkId::new("verdict/plain", count),
            &warm,
            |b, policy| {
                b.iter(|| policy.verdict(black_box(&plain), &lab));
            },
        );
        criterion.bench_with_input(
            BenchmarkId::new("verdict/opaque", count),
            &warm,
            |b, policy| {
                b.iter(|| policy.verdict(black_box(&opaque), &lab));
            },
        );
        criterion.bench_with_input(BenchmarkId::new("cold/plain", count), &rules, |b, rules| {
            b.iter_batched(
                || rules.clone(),
                |rules| policy(rules).verdict(black_box(&plain), &lab),
                criterion::BatchSize::LargeInput,
            );
        });
        let home = installation(&rules);
        criterion.bench_with_input(BenchmarkId::new("process", count), &home, |b, home| {
            b.iter(|| run(home.path(), &["check", "--json"]));
        });
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
