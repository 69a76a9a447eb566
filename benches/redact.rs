//! How long it takes to take secrets out of text.
//!
//! **Reads** the ordinary log of the tests, repeated.
//! **Gives** the time for 64 KiB and 1 MiB of it, for the same with secrets, for one command, and for a
//! process that does it once.
//! **Never** makes a key.
#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]

use std::hint::black_box;

use aiops::redact::Redaction;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

const ORDINARY: &str = include_str!("../tests/corpus/ordinary.log");

/// So many bytes of journal: what has no word of a secret in it.
fn journal(bytes: usize) -> String {
    let is_plain = |line: &&str| {
        ["systemd", "kernel", "CRON", "postfix", "dockerd"]
            .iter()
            .any(|name| line.contains(name))
    };
    repeated(ORDINARY.lines().filter(is_plain), bytes)
}

fn repeated<'a>(lines: impl Iterator<Item = &'a str> + Clone, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 256);
    for line in lines.cycle() {
        if text.len() >= bytes {
            return text;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The whole ordinary log with a secret every twenty lines.
fn with_secrets(bytes: usize) -> String {
    let secret = "DB_PASSWORD=hunter2x url=postgres://app:hunter2x@db/x";
    let mut lines: Vec<&str> = Vec::new();
    for part in ORDINARY.lines().collect::<Vec<_>>().chunks(20) {
        lines.extend(part);
        lines.push(secret);
    }
    repeated(lines.into_iter(), bytes)
}

fn redact(criterion: &mut Criterion) {
    let redaction = Redaction::default();
    let mut group = criterion.benchmark_group("redact");
    let texts = [
        ("journal_64KiB", journal(64 << 10)),
        ("journal_1MiB", journal(1 << 20)),
        ("mixed_64KiB", repeated(ORDINARY.lines(), 64 << 10)),
        ("secrets_64KiB", with_secrets(64 << 10)),
        ("secrets_1MiB", with_secrets(1 << 20)),
        ("command", "systemctl status nginx.service".to_owned()),
    ];
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| redaction.apply(black_box(text)));
        });
    }
    // As a request has it: everything is made anew, and patterns are compiled.
    for (name, text) in texts.iter().filter(|(name, _)| !name.contains("1MiB")) {
        group.bench_function(format!("cold_{name}"), |bencher| {
            bencher.iter(|| Redaction::default().apply(black_box(text)));
        });
    }
    group.finish();
}

criterion_group!(benches, redact);
criterion_main!(benches);
