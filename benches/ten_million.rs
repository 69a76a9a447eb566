//! How long a question to a large log takes.
//!
//! **Reads** the folder in `AIOPS_TEN`, or makes a log of `AIOPS_RECORDS` records there (ten million
//! where it is not said): a valid chain in segments, made up in the manner of real ones.
//! **Gives** the time of building the index, its size, and the time of a dozen questions, each
//! first with nothing of the files in memory, and then again.
//! **Never** runs a command, and does nothing at all without `AIOPS_TEN`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::indexing_slicing,
    reason = "a bench fails loudly, starts what it measures, and prints"
)]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use aiops::audit::Event;
use aiops::audit::GENESIS;
use aiops::audit::OutputFacts;
use aiops::audit::Record;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use sha2::Digest as _;
use sha2::Sha256;

/// Bytes of a segment, as the program rotates.
const SEGMENT_BYTES: u64 = 128 << 20;

fn main() {
    let Some(root) = env::var_os("AIOPS_TEN").map(PathBuf::from) else {
        println!("skipped: AIOPS_TEN names no folder for the log");
        return;
    };
    let records: u64 = env::var("AIOPS_RECORDS").map_or(10_000_000, |text| text.parse().unwrap());
    if !root.join("audit.jsonl").exists() {
        let started = Instant::now();
        make(&root, records);
        println!("made {records} records in {:.0?}", started.elapsed());
    }
    if env::var_os("AIOPS_ONLY_MAKE").is_none() {
        measure(&root);
    }
}

/// Numbers that are the same each time (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() >> 11) as usize % end
    }

    /// Below `end`, and more often a small one.
    fn skewed(&mut self, end: usize) -> usize {
        let (one, two) = (self.below(end), self.below(end));
        one.min(two)
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

const SERVICES: [&str; 20] = [
    "nginx",
    "postgresql",
    "redis",
    "sshd",
    "cron",
    "docker",
    "haproxy",
    "grafana",
    "prometheus",
    "rabbitmq",
    "mariadb",
    "memcached",
    "bind9",
    "postfix",
    "dovecot",
    "chrony",
    "vault",
    "consul",
    "php-fpm",
    "keepalived",
];
const VERBS: [&str; 20] = [
    "systemctl status {s}",
    "systemctl is-active {s}",
    "journalctl -u {s} -n {n}",
    "systemctl restart {s}",
    "tail -n {n} /var/log/{s}/error.log",
    "df -h /srv/{s}",
    "du -sh /var/lib/{s}",
    "ls -l /etc/{s}",
    "cat /etc/{s}/{s}.conf",
    "ss -ltnp sport = :{n}",
    "grep -c timeout /var/log/{s}/access.log",
    "ps -C {s} -o pid,rss,etime",
    "free -m",
    "uptime",
    "docker logs --tail {n} {s}",
    "docker restart {s}-{n}",
    "kill -HUP {n}",
    "find /var/log/{s} -mtime +{n}",
    "rm -rf /var/cache/{s}/{n}",
    "apt-get install -y {s}",
];
const WORDS: [&str; 64] = [
    "active",
    "running",
    "loaded",
    "enabled",
    "failed",
    "connection",
    "refused",
    "timeout",
    "upstream",
    "worker",
    "process",
    "exited",
    "memory",
    "usage",
    "disk",
    "full",
    "warning",
    "error",
    "notice",
    "info",
    "client",
    "server",
    "request",
    "response",
    "socket",
    "listening",
    "started",
    "stopped",
    "reload",
    "signal",
    "main",
    "pid",
    "tasks",
    "limit",
    "cgroup",
    "slice",
    "system",
    "service",
    "unit",
    "since",
    "ago",
    "bytes",
    "sent",
    "received",
    "query",
    "slow",
    "replica",
    "lag",
    "master",
    "session",
    "login",
    "user",
    "root",
    "permission",
    "denied",
    "certificate",
    "expires",
    "renewed",
    "backup",
    "completed",
    "queue",
    "length",
    "retry",
    "deadlock",
];

/// Writes the log.
fn make(root: &Path, records: u64) {
    fs::create_dir_all(root.join("audit")).unwrap();
    let mut log = Log::new(root);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let targets: Vec<String> = (1..=30).map(|n| format!("srv{n:02}")).collect();
    // Waiting adds to it: all of it is about thirteen months.
    let step = TimeDelta::milliseconds(i64::try_from(225 * 86_400_000 / records.max(1)).unwrap());
    let mut now: DateTime<Utc> = "2025-11-28T00:00:00Z".parse().unwrap();
    while log.seq < records {
        let (verb, service) = (dice.below(VERBS.len()), dice.skewed(SERVICES.len()));
        let number = [20, 50, 100, 200, 443, 5432, 8080][dice.below(7)].to_string();
        let command = VERBS[verb]
            .replace("{s}", SERVICES[service])
            .replace("{n}", &number);
        // One machine that is hardly ever touched.
        let target = match dice.below(20_000) {
            0 => "vault1".to_owned(),
            _ => targets[dice.skewed(targets.len())].clone(),
        };
        let risk = match verb {
            3 | 15 | 16 | 17 | 19 => "approval_required",
            18 => "forbidden",
            _ => "auto_allowed",
        };
        let mut odd = [0_u8; 10];
        odd[..8].copy_from_slice(&dice.roll().to_be_bytes());
        let since = u64::try_from(now.timestamp_millis()).unwrap();
        let id = uuid::Builder::from_unix_timestamp_millis(since, &odd).into_uuid();
        let base = Record {
            request_id: Some(id.to_string()),
            risk: Some(risk.to_owned()),
            rule: Some(format!("{}-{}", risk.split('_').next().unwrap(), verb)),
            target: Some(target),
            requester: Some(
                ["hermes", "hermes", "hermes", "anna", "cron"][dice.below(5)].to_owned(),
            ),
            reason: Some(format!(
                "check why {} has a {} {}",
                SERVICES[service],
                dice.of(&WORDS),
                dice.of(&WORDS)
            )),
            incident: dice
                .percent(20)
                .then(|| format!("INC-{}", 1000 + log.seq / 2500)),
            command: Some(command),
            caller: Some("hermes".to_owned()),
            caller_uid: Some(997),
            caller_through: Some("sudo".to_owned()),
            policy: Some(
                "5d41402abc4b2a76b9719d911017c592ae41e4649b934ca495991b7852b855aa".to_owned(),
            ),
            ..Record::default()
        };
        now += step;
        let as_a = |event, status: &str, at| Record {
            event,
            status: Some(status.to_owned()),
            ..Record {
                timestamp: aiops::audit::stamp(at),
                schema: aiops::audit::SCHEMA,
                ..base.clone()
            }
        };
        if risk == "forbidden" {
            log.add(Record {
                message: Some(format!("{} refuses it.", base.rule.as_deref().unwrap())),
                ..as_a(Event::Decision, "rejected", now)
            });
            continue;
        }
        let (mut approver, mut waited_ms) = (None, None);
        if risk == "approval_required" {
            log.add(as_a(Event::Request, "approval_requested", now));
            // From seconds to hours; half are answered within two minutes.
            let doublings = dice.below(7) + dice.below(7);
            let millis = (2000 << doublings) + dice.below(2000 << doublings);
            waited_ms = u64::try_from(millis).ok();
            let waited = step * 4;
            approver = Some(dice.of(&["anna", "bernd", "chris"]).to_owned());
            match dice.below(100) {
                0..8 if verb != 3 => {
                    log.add(Record {
                        approver,
                        waited_ms,
                        denial_reason: Some("not during the day".to_owned()),
                        ..as_a(Event::Approval, "denied", now + waited)
                    });
                    continue;
                }
                8..12 => {
                    log.add(as_a(Event::Decision, "expired", now + waited));
                    continue;
                }
                _ => now += waited,
            }
        }
        now += step;
        log.add(Record {
            approver: approver.clone(),
            waited_ms,
            limit_s: Some(60),
            ..as_a(Event::Intent, "started", now)
        });
        now += step;
        let mut text = String::new();
        for _ in 0..(4 + dice.skewed(60)) {
            let _ = write!(text, "{} ", dice.of(&WORDS));
        }
        let _ = writeln!(text, "{}", dice.below(100_000));
        let status = match dice.below(1000) {
            0..6 => "timed_out",
            6..10 => "unreachable",
            10 => "lost",
            _ => "executed",
        };
        log.add(Record {
            approver,
            exit_code: (status == "executed").then(|| i32::from(dice.percent(7))),
            stdout_facts: Some(OutputFacts {
                bytes: text.len() as u64,
                sha256: aiops::hex::of(&Sha256::digest(&text)),
                truncated: false,
                not_utf8: false,
            }),
            stdout: Some(text),
            stderr: Some(String::new()),
            duration_ms: Some(dice.roll() >> 54),
            ..as_a(Event::Outcome, status, now)
        });
    }
    log.end();
}

/// The log that is made.
struct Log {
    root: PathBuf,
    out: BufWriter<File>,
    seq: u64,
    first: u64,
    bytes: u64,
    prev: String,
}

impl Log {
    fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            out: BufWriter::new(File::create(root.join("making")).unwrap()),
            seq: 0,
            first: 1,
            bytes: 0,
            prev: GENESIS.to_owned(),
        }
    }

    fn add(&mut self, mut record: Record) {
        if self.bytes > SEGMENT_BYTES {
            self.out.flush().unwrap();
            let name = format!("audit/{:020}.jsonl", self.first);
            fs::rename(self.root.join("making"), self.root.join(name)).unwrap();
            self.out = BufWriter::new(File::create(self.root.join("making")).unwrap());
            (self.first, self.bytes) = (self.seq + 1, 0);
        }
        self.seq += 1;
        record.seq = self.seq;
        record.prev = std::mem::take(&mut self.prev);
        let mut line = serde_json::to_vec(&record).unwrap();
        self.prev = aiops::hex::of(&Sha256::digest(&line));
        line.push(b'\n');
        self.bytes += line.len() as u64;
        self.out.write_all(&line).unwrap();
    }

    fn end(mut self) {
        self.out.flush().unwrap();
        fs::rename(self.root.join("making"), self.root.join("audit.jsonl")).unwrap();
    }
}

/// The questions, each as it is typed.
const QUESTIONS: [&[&str]; 22] = [
    &["search", "-n", "50"],
    &["search", "deadlock"],
    &["search", "deadlock", "replica", "certificate"],
    &["search", "error", "--target", "vault1"],
    &["search", "active", "--event", "intent"],
    &["search", "\"connection refused\""],
    &["search", "\"disk full warning error\""],
    &[
        "search",
        "certif*",
        "--target",
        "srv30",
        "--status",
        "timed_out",
    ],
    &["search", "--target", "vault1"],
    &["search", "--status", "lost", "--requester", "cron"],
    &["search", "--risk", "forbidden", "--status", "executed"],
    &["search", "--incident", "INC-1003"],
    &[
        "search",
        "--since",
        "2026-03-01",
        "--until",
        "2026-03-02",
        "timeout",
        "--oldest-first",
    ],
    &["search", "nosuchword"],
    &["search", "--count", "error"],
    &[
        "search", "--count", "--target", "srv01", "--status", "executed",
    ],
    &["search", "re*"],
    &["search", "-n", "10000", "deadlock"],
    &["show", "5000000"],
    &["tail", "-n", "50"],
    &["stats"],
    &["stats", "--since", "all"],
];

fn measure(root: &Path) {
    let program = env!("CARGO_BIN_EXE_aiops");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.arg("audit").args(arguments).env("AIOPS_HOME", root);
        let started = Instant::now();
        let output = command.output().unwrap();
        (started.elapsed(), output)
    };
    let index = root.join("audit/index.sqlite");
    if !index.exists() {
        let (took, output) = run(&["index"]);
        assert!(output.status.success(), "{output:?}");
        println!("index: {took:.1?}");
    }
    let size = fs::metadata(&index).unwrap().len();
    println!("index: {:.2} GB", size as f64 / 1e9);
    println!("| question | hits | cold | warm |\n| --- | ---: | ---: | ---: |");
    for question in QUESTIONS {
        forget(root);
        let (cold, output) = run(question);
        let warm: Duration = (0..3).map(|_| run(question).0).min().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let hits = if question.contains(&"--count") {
            text.trim().to_owned()
        } else {
            text.lines().count().to_string()
        };
        println!(
            "| `{}` | {hits} | {} ms | {} ms |",
            question.join(" "),
            cold.as_millis(),
            warm.as_millis()
        );
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

/// Has the system give back what it holds of the files in memory.
fn forget(root: &Path) {
    let folder = fs::read_dir(root.join("audit")).unwrap();
    let files = folder.map(|entry| entry.unwrap().path());
    for path in files.chain([root.join("audit.jsonl")]) {
        let file = File::open(path).unwrap();
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
}
