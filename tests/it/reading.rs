//! The log as people and programs read it: `audit tail`, `show`, `search`, `stats`, `index`.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use crate::lab::in_home;
use crate::lab::mode;
use crate::lab::program;
use crate::lab::said;

/// An installation that holds nothing but a log.
struct Log {
    dir: tempfile::TempDir,
    seq: u64,
    prev: String,
}

impl Log {
    fn new() -> Self {
        let log = Self {
            dir: tempfile::tempdir().unwrap(),
            seq: 0,
            prev: "0".repeat(64),
        };
        fs::write(log.path("audit.jsonl"), "").unwrap();
        mode(&log.path("audit.jsonl"), 0o640);
        log
    }

    /// A log with some records about one thing.
    fn with_records() -> Self {
        let mut log = Self::new();
        for (target, command) in [
            ("srv1", "systemctl restart nginx"),
            ("srv2", "systemctl status nginx"),
            ("srv1", "uptime"),
            ("srv2", "df -h"),
        ] {
            let line = log.line(&json!({
                "event": "intent", "status": "started", "risk": "auto_allowed", "target": target,
                "command": command, "requester": "hermes", "request_id": format!("r{}", log.seq),
            }));
            log.append(&line);
        }
        log
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The next line, which is not written.
    fn line(&mut self, fields: &Value) -> String {
        self.seq += 1;
        let mut record = json!({
            "timestamp": format!("2026-03-01T12:00:{:02}.000Z", self.seq % 60), "schema": 2,
            "seq": self.seq, "prev": self.prev, "event": "decision",
        });
        for (name, value) in fields.as_object().unwrap() {
            record[name] = value.clone();
        }
        let line = record.to_string();
        self.prev = aiops::hex::of(&Sha256::digest(&line));
        line + "\n"
    }

    fn append(&self, text: &str) {
        let live = self.path("audit.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(live).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        assert!(text.contains(from));
        fs::write(self.path("audit.jsonl"), text.replace(from, to)).unwrap();
    }

    /// As a rotation does it: a copy appears, then the live file is emptied.
    fn rotate(&self, first: u64) {
        let live = self.path("audit.jsonl");
        fs::create_dir_all(self.path("audit")).unwrap();
        let making = self.path("audit/making");
        fs::copy(&live, &making).unwrap();
        fs::rename(making, self.path(&format!("audit/{first:020}.jsonl"))).unwrap();
        let file = fs::OpenOptions::new().write(true).open(live).unwrap();
        file.set_len(0).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("audit").args(arguments);
        in_home(command, self.dir.path())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The numbers of the records that are printed.
    #[track_caller]
    fn found(&self, arguments: &[&str]) -> Vec<u64> {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{error}");
        seqs(&String::from_utf8(output.stdout).unwrap())
    }
}

fn seqs(text: &str) -> Vec<u64> {
    let record = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    text.lines()
        .map(|line| record(line)["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_search_prints_the_lines_of_the_log_into_a_pipe() {
    let log = Log::with_records();
    let text = fs::read_to_string(log.path("audit.jsonl")).unwrap();
    let output = log.run(&["search", "--oldest-first"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    assert!(output.stderr.is_empty());
    assert_eq!(log.found(&["search", "nginx"]), [2, 1]);
    assert_eq!(log.found(&["search", "nginx", "--target", "srv1"]), [1]);
    assert_eq!(
        log.found(&["search", "--target", "srv1", "--target", "srv2", "-n", "3"]),
        [4, 3, 2]
    );
    assert_eq!(
        log.found(&["search", "--target", "srv*", "syst*", "restart nginx"]),
        [1]
    );
    assert_eq!(log.found(&["search", "--request", "r2"]), [3]);
    assert_eq!(
        log.found(&["search", "--since", "2026-03-01T12:00:03Z"]),
        [4, 3]
    );
    assert_eq!(
        log.found(&[
            "search",
            "--until",
            "2026-03-01T12:00:02Z",
            "--event",
            "intent"
        ]),
        [2, 1]
    );
    said(&log.run(&["search", "--count", "nginx"]), 0, "2\n");
}

#[test]
fn a_search_without_hits_ends_with_one_as_grep_does() {
    let log = Log::with_records();
    for nothing in [
        &["search", "apache"][..],
        &["search", "nginx", "--target", "srv9"],
        &["search", "--count", "apache"],
        &["search", "--until", "2020-01-01"],
        &["search", "\"nginx restart\""],
        &["search", "--requester", "herm"],
    ] {
        let output = log.run(nothing);
        assert_eq!(output.status.code(), Some(1), "{nothing:?}");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_period_holds_its_last_day_and_cannot_run_backwards() {
    let log = Log::with_records();
    let count = |since: &str, until: &str| {
        let period = ["--since", since, "--until", until];
        log.run(&[&["search", "--count"][..], &period].concat())
    };
    let all = count("2026-03-01", "2026-03-01");
    assert_eq!(said(&all, 0, ""), "4\n");
    let first = count("2026-03-01", "2026-03-01T12:00:01Z");
    assert_eq!(said(&first, 0, ""), "1\n");
    for command in ["search", "stats"] {
        let backwards = log.run(&[command, "--since", "2026-03-02", "--until", "2026-03-01"]);
        said(&backwards, 2, "nothing lies between them");
    }
}

#[test]
fn a_request_without_records_is_said() {
    let log = Log::with_records();
    let shown = log.run(&["show", "--request", "nobodys"]);
    said(&shown, 1, "no record belongs to request `nobodys`");
}

#[test]
fn a_question_that_cannot_be_understood_is_refused_with_a_word() {
    let log = Log::with_records();
    said(&log.run(&["search", "--", "--"]), 2, "letters and digits");
    said(
        &log.run(&["search", "--since", "yesterday"]),
        2,
        "is no time",
    );
    said(
        &log.run(&["search", "--json", "--table"]),
        2,
        "cannot be used with",
    );
    said(&log.run(&["stats", "--since", "30"]), 2, "is no time");
    said(&log.run(&["show"]), 2, "SEQ");
    fs::remove_file(log.path("audit.jsonl")).unwrap();
    said(&log.run(&["search", "x"]), 5, "cannot read the log");
    said(&log.run(&["tail"]), 5, "cannot read");
    said(&log.run(&["show", "1"]), 5, "cannot read");
    #[cfg(feature = "search")]
    said(&log.run(&["index"]), 5, "");
}

#[cfg(feature = "search")]
#[test]
fn a_record_that_was_changed_after_it_was_indexed_is_damage_and_not_a_hit() {
    let log = Log::with_records();
    said(&log.run(&["index"]), 0, "4 records");
    log.change("restart nginx", "restart ngin_");
    let output = log.run(&["search", "systemctl"]);
    let shown = said(&output, 5, "damage: record 1 is not in the log as it was");
    assert_eq!(seqs(&shown), [2]);
    said(&log.run(&["index", "--rebuild"]), 0, "made anew");
    assert_eq!(log.found(&["search", "systemctl"]), [2, 1]);
}

#[cfg(feature = "search")]
#[test]
fn an_index_that_is_broken_is_said_and_costs_no_record() {
    let log = Log::with_records();
    said(
        &log.run(&["index"]),
        0,
        "4 records are in the index, 4 of them new",
    );
    fs::write(log.path("audit/index.sqlite"), "not an index").unwrap();
    let output = log.run(&["search", "nginx"]);
    said(&output, 0, "made anew");
    assert_eq!(seqs(&String::from_utf8(output.stdout).unwrap()), [2, 1]);
    assert!(log.run(&["search", "nginx"]).stderr.is_empty());
}

#[cfg(feature = "search")]
#[test]
fn an_index_of_another_log_is_not_believed() {
    let (log, mut other) = (Log::with_records(), Log::new());
    said(&log.run(&["index", "--json"]), 0, "\"added\":4");
    let line = other.line(&json!({"command": "systemctl stop nginx"}));
    other.append(&line);
    fs::create_dir(other.path("audit")).unwrap();
    fs::copy(
        log.path("audit/index.sqlite"),
        other.path("audit/index.sqlite"),
    )
    .unwrap();
    said(&other.run(&["search", "nginx"]), 0, "another log");
    assert_eq!(other.found(&["search", "systemctl"]), [1]);
}

#[cfg(feature = "search")]
#[test]
fn whoever_may_only_read_is_answered_and_writes_nothing() {
    use std::os::unix::process::CommandExt as _;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can call the program as somebody else");
        return;
    }
    let mut log = Log::with_records();
    said(&log.run(&["index"]), 0, "4 records");
    let line = log.line(&json!({"command": "nginx -t"}));
    log.append(&line);
    // The reader is in the group of the log, as the installation has it.
    let (reader, group) = (54_321, 54_322);
    let copy = log.path("program");
    let copied = Command::new("cp").arg(program()).arg(&copy).status();
    assert!(copied.unwrap().success());
    mode(&copy, 0o755);
    for path in ["", "audit", "audit.jsonl", "audit/index.sqlite"] {
        std::os::unix::fs::chown(log.path(path), None, Some(group)).unwrap();
    }
    mode(log.dir.path(), 0o750);
    let before = fs::read(log.path("audit/index.sqlite")).unwrap();
    let mut command = in_home(Command::new(copy), log.dir.path());
    let output = command
        .args(["audit", "search", "nginx"])
        .uid(reader)
        .gid(group)
        .output()
        .unwrap();
    assert_eq!(seqs(&said(&output, 0, "nginx")), [5, 2, 1]);
    assert_eq!(fs::read(log.path("audit/index.sqlite")).unwrap(), before);
    let names: Vec<_> = fs::read_dir(log.path("audit")).unwrap().flatten().collect();
    assert_eq!(names.len(), 2, "the index and its lock: {names:?}");
}

#[test]
fn a_table_is_for_people_and_nothing_in_it_acts() {
    let mut log = Log::with_records();
    let line = log.line(&json!({"command": "echo \u{1b}[2J\u{202e}x", "target": "srv\n9"}));
    log.append(&line);
    for how in [
        &["tail", "--table"][..],
        &["search", "--table", "--oldest-first"],
    ] {
        let shown = said(&log.run(how), 0, "COMMAND");
        assert_eq!(shown.lines().count(), 6, "{shown}");
        assert!(shown.contains("echo <U+001B>[2J<U+202E>x") && shown.contains("srv<U+000A>9"));
    }
    let shown = said(&log.run(&["show", "5"]), 0, "<U+001B>");
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn the_last_records_come_from_segments_too() {
    let mut log = Log::with_records();
    log.rotate(1);
    assert_eq!(log.found(&["tail", "-n", "3"]), [2, 3, 4]);
    let line = log.line(&json!({}));
    log.append(&line);
    let torn = log.line(&json!({}));
    log.append(&torn[..40]);
    assert_eq!(log.found(&["tail", "-n", "3"]), [3, 4, 5]);
    assert_eq!(log.found(&["tail", "-n", "1"]), [5]);
    assert_eq!(log.found(&["tail", "-n", "0"]), Vec::<u64>::new());
    assert_eq!(log.found(&["tail", "-n", "99"]), [1, 2, 3, 4, 5]);
}

/// One that follows the log, and the lines that it prints.
struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(log: &Log, arguments: &[&str]) -> Self {
        let mut child = log.command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> u64 {
        seqs(&self.lines.next().unwrap().unwrap())[0]
    }

    fn interrupted(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.lines.next().is_none());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_follower_sees_every_record_once_across_torn_lines_and_a_rotation() {
    let mut log = Log::with_records();
    let mut follower = Follower::start(&log, &["tail", "-n", "1", "-f"]);
    assert_eq!(follower.next(), 4);
    let line = log.line(&json!({"message": "ä".repeat(3000)}));
    let (begin, end) = line.as_bytes().split_at(line.len() / 2);
    let live = log.path("audit.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(live).unwrap();
    file.write_all(begin).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    file.write_all(end).unwrap();
    assert_eq!(follower.next(), 5);
    log.rotate(1);
    let line = log.line(&json!({}));
    log.append(&line);
    assert_eq!(follower.next(), 6);
    log.rotate(6);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let line = log.line(&json!({}));
    log.append(&line);
    assert_eq!(follower.next(), 7);
    assert_eq!(follower.interrupted(), Some(0));
}

#[test]
fn a_follower_keeps_up_with_writers_and_rotations() {
    let mut log = Log::with_records();
    let mut follower = Follower::start(&log, &["tail", "-n", "4", "-f", "--json"]);
    for seq in 1..=4 {
        assert_eq!(follower.next(), seq);
    }
    let writer = std::thread::spawn(move || {
        let mut first = 1;
        for number in 5..=400 {
            let line = log.line(&json!({"stdout": "x".repeat(200)}));
            log.append(&line);
            if number % 100 == 0 {
                log.rotate(first);
                first = number + 1;
            }
        }
        log
    });
    for seq in 5..=400 {
        assert_eq!(follower.next(), seq);
    }
    let _log = writer.join().unwrap();
    assert_eq!(follower.interrupted(), Some(0));
}

#[test]
fn a_follower_whose_reader_went_away_ends_by_itself() {
    let log = Log::with_records();
    let Follower {
        mut child,
        mut lines,
    } = Follower::start(&log, &["tail", "-f"]);
    lines.next().unwrap().unwrap();
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_record_is_shown_with_all_that_belongs_to_it() {
    let mut log = Log::with_records();
    let text = "first line\nexit_code        0\n".repeat(100);
    let hash = aiops::hex::of(&Sha256::digest(&text));
    let line = log.line(&json!({
        "stdout": "first line\nexit_code        0", "request_id": "r0", "exit_code": 7,
        "stdout_file": {"sha256": hash, "bytes": text.len()},
    }));
    log.append(&line);
    fs::create_dir_all(log.path("audit/outputs")).unwrap();
    let side = log.path(&format!("audit/outputs/{hash}.zst"));
    fs::write(&side, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    let shown = said(
        &log.run(&["show", "5"]),
        0,
        "holds to the record before; this is the last record",
    );
    assert!(shown.contains("all of stdout") && shown.contains("more lines; `--full` shows them"));
    assert_eq!(
        shown
            .lines()
            .filter(|line| line.starts_with("exit_code "))
            .count(),
        1
    );
    let shown = said(&log.run(&["show", "5", "--full"]), 0, "all of stdout");
    assert_eq!(shown.matches("  │ first line").count(), 101);
    said(
        &log.run(&["show", "1"]),
        0,
        "this is the first record; holds to the record after",
    );
    assert_eq!(log.found(&["show", "--json", "3", "1"]), [3, 1]);
    assert_eq!(log.found(&["show", "--json", "--request", "r0"]), [1, 5]);
    assert_eq!(log.found(&["show", "--json", "--request", "5"]), [1, 5]);
    fs::write(&side, zstd::encode_all(&b"another"[..], 1).unwrap()).unwrap();
    said(
        &log.run(&["show", "5"]),
        5,
        "it is not what the record speaks of",
    );
    fs::remove_file(&side).unwrap();
    said(&log.run(&["show", "5"]), 5, "No such file");
    let far = log.line(&json!({"stdout_file": {"sha256": "../../audit.jsonl", "bytes": 1}}));
    let huge = log.line(&json!({"stdout_file": {"sha256": hash, "bytes": u64::MAX}}));
    log.append(&(far + &huge));
    said(&log.run(&["show", "6"]), 5, "its name is no SHA-256");
    said(&log.run(&["show", "7"]), 5, "too many to be shown");
    said(&log.run(&["show", "8"]), 1, "no record 8");
    said(
        &log.run(&["show", "--request", "99"]),
        1,
        "record 99 is not there",
    );
}

#[test]
fn a_record_that_was_changed_does_not_fit_its_neighbours() {
    let log = Log::with_records();
    log.change("\"uptime\"", "\"uptimes\"");
    said(&log.run(&["show", "3"]), 5, "BROKEN to the record after");
    said(&log.run(&["show", "4"]), 5, "BROKEN to the record before");
    said(
        &log.run(&["show", "2"]),
        0,
        "holds to the record before; holds to the record after",
    );
}

#[test]
fn what_the_records_amount_to_is_drawn_and_counted() {
    let mut log = Log::with_records();
    let line = log.line(&json!({"status": "rejected", "risk": "forbidden", "command": "mkfs \u{1b}[2J", "target": "srv1"}));
    log.append(&line);
    let shown = said(&log.run(&["stats", "--since", "all"]), 0, "Decisions a day");
    assert!(
        shown.contains("2026-03-01") && shown.contains("mkfs <U+001B>[2J"),
        "{shown}"
    );
    let told = said(
        &log.run(&[
            "stats",
            "--since",
            "2026-01-01",
            "--target",
            "srv1",
            "--json",
        ]),
        0,
        "",
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["records"], 3);
    assert_eq!(
        told["days"],
        json!([{"day": "2026-03-01", "auto_allowed": 2, "approval_required": 0, "forbidden": 1}])
    );
    let told = said(
        &log.run(&["stats", "--until", "2026-01-01", "--since", "all", "--json"]),
        0,
        "",
    );
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["records"], 0);
}

#[cfg(feature = "search")]
#[test]
fn two_that_index_at_once_make_one_index() {
    let mut log = Log::new();
    let text: String = (0..2000)
        .map(|n| log.line(&json!({"command": format!("uptime {n}")})))
        .collect();
    log.append(&text);
    let children: Vec<Child> = (0..3)
        .map(|_| log.command(&["index", "--json"]).spawn().unwrap())
        .collect();
    let mut added = 0;
    for child in children {
        let told = said(&child.wait_with_output().unwrap(), 0, "\"records\":2000");
        added += serde_json::from_str::<Value>(&told).unwrap()["added"]
            .as_u64()
            .unwrap();
    }
    assert_eq!(added, 2000);
    said(&log.run(&["search", "--count", "uptime"]), 0, "2000");
}
