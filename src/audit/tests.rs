use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use chrono::DateTime;

use super::*;

struct Log {
    home: Home,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Log {
    fn new(content: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        let path = home.audit();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        fs::create_dir(home.runtime()).unwrap();
        Self {
            home,
            path,
            _dir: dir,
        }
    }

    fn open(&self) -> Result<AuditLog, Error> {
        let limits = Limits {
            lock_wait: Duration::from_millis(50),
            line_bytes: 4096,
            inline_bytes: usize::MAX,
            ..Limits::default()
        };
        AuditLog::open(&self.home, limits)
    }

    #[track_caller]
    fn append(&self, id: &str, event: Event) -> u64 {
        let mut record = Record::new(event, DateTime::UNIX_EPOCH);
        record.request_id = Some(id.to_owned());
        self.open().unwrap().append(record).unwrap().seq()
    }

    fn lock(&self) -> PathBuf {
        self.home.audit_lock()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn report(&self) -> Report {
        let asked = Verify::default();
        let read = verify(&self.home, asked, DateTime::UNIX_EPOCH, &mut |_| {});
        read.unwrap().0
    }

    /// Appends bytes as a crash leaves them.
    fn tear(&self, bytes: &str) {
        let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    }

    #[track_caller]
    fn is_damaged_at(&self, line: u64) {
        let report = self.report();
        assert_eq!(
            report.damage.first().map(|damage| damage.line),
            Some(line),
            "{report:?}"
        );
    }
}

fn three() -> Log {
    let log = Log::new("");
    log.append("a", Event::Intent);
    log.append("a", Event::Outcome);
    log.append("b", Event::Decision);
    log
}

#[test]
fn records_are_numbered_and_chained_from_the_first() {
    let log = three();
    let report = log.report();
    assert_eq!(
        (report.records, report.damage.len(), report.open.len()),
        (3, 0, 0)
    );
    let first: Record = serde_json::from_str(log.text().lines().next().unwrap()).unwrap();
    assert_eq!((first.seq, first.prev.as_str()), (1, GENESIS));
}

#[test]
fn a_missing_log_is_never_made() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    assert!(matches!(
        AuditLog::open(&home, Limits::default()),
        Err(Error::Io { verb: "open", .. })
    ));
    assert!(!home.audit().exists());
}

#[test]
fn a_log_that_others_may_write_is_not_believed() {
    let log = Log::new("");
    fs::set_permissions(&log.path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(log.open(), Err(Error::Unsafe { .. })));
}

#[test]
fn a_lock_held_too_long_stops_the_writer() {
    let log = Log::new("");
    let other = File::create(log.lock()).unwrap();
    other.lock().unwrap();
    let record = Record::new(Event::Decision, DateTime::UNIX_EPOCH);
    assert!(matches!(
        log.open().unwrap().append(record),
        Err(Error::Locked(_))
    ));
    assert_eq!(log.text(), "");
}

#[test]
fn a_torn_line_is_kept_acknowledged_and_continued_after() {
    let log = three();
    log.tear("{\"timestamp\":\"2026-");
    assert_eq!(log.report().torn_bytes, 19);
    assert_eq!(log.append("c", Event::Decision), 5);
    let report = log.report();
    assert_eq!(
        (report.records, report.recovered, report.damage.len()),
        (5, 1, 0),
        "{report:?}"
    );
    assert!(log.text().contains("{\"timestamp\":\"2026-\n"));
}

#[test]
fn a_torn_line_that_was_changed_after_it_was_acknowledged_is_damage() {
    let log = three();
    log.tear("{\"timestamp\":\"2026-");
    log.append("c", Event::Decision);
    fs::write(&log.path, log.text().replace(":\"2026-\n", ":\"2027-\n")).unwrap();
    log.is_damaged_at(4);
}

#[test]
fn a_log_whose_very_first_write_was_torn_goes_on() {
    let log = Log::new("{\"time");
    assert_eq!(log.append("a", Event::Decision), 2);
    let report = log.report();
    assert_eq!(
        (report.records, report.sealed_lines, report.damage.len()),
        (2, 1, 0),
        "{report:?}"
    );
}

#[test]
fn lines_of_another_program_stay_and_are_sealed() {
    let log = Log::new("{\"status\":\"executed\"}\n{\"status\":\"denied\"}\n");
    assert_eq!(log.append("a", Event::Decision), 2);
    log.append("b", Event::Decision);
    let report = log.report();
    assert_eq!(
        (report.records, report.sealed_lines, report.damage.len()),
        (3, 2, 0),
        "{report:?}"
    );
    fs::write(&log.path, log.text().replace("denied", "Denied")).unwrap();
    log.is_damaged_at(1);
}

#[test]
fn lines_of_another_program_without_a_last_line_break_are_sealed_too() {
    let log = Log::new("{\"status\":\"executed\"}\n{\"status\":\"den");
    log.append("a", Event::Decision);
    let report = log.report();
    assert_eq!(
        (report.records, report.sealed_lines, report.damage.len()),
        (2, 2, 0),
        "{report:?}"
    );
}

#[test]
fn every_changed_bit_is_found() {
    let log = three();
    let good = fs::read(&log.path).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(&log.path, &bad).unwrap();
            let report = log.report();
            let last_line = good[..good.len() - 1]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .unwrap();
            // A change inside the last record is what the record behind it would tell.
            let told = !report.damage.is_empty() || report.torn_bytes > 0 || at > last_line;
            assert!(told, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn removed_swapped_doubled_and_inserted_lines_are_found() {
    let log = three();
    let text = log.text();
    let lines: Vec<&str> = text.lines().collect();
    let write = |lines: &[&str]| fs::write(&log.path, lines.join("\n") + "\n").unwrap();
    write(&[lines[1], lines[2]]);
    log.is_damaged_at(1);
    write(&[lines[0], lines[2]]);
    log.is_damaged_at(2);
    write(&[lines[1], lines[0], lines[2]]);
    log.is_damaged_at(1);
    write(&[lines[0], lines[0], lines[1], lines[2]]);
    log.is_damaged_at(2);
    write(&[lines[0], "{}", lines[1], lines[2]]);
    log.is_damaged_at(2);
}

#[test]
fn a_run_without_an_outcome_is_named() {
    let log = three();
    log.append("c", Event::Intent);
    let report = log.report();
    assert_eq!(report.open.len(), 1);
    assert_eq!(report.open[0].request_id.as_deref(), Some("c"));
}

#[test]
fn a_run_started_twice_or_ended_unstarted_is_damage() {
    let log = three();
    log.append("c", Event::Outcome);
    log.is_damaged_at(4);
    let log = three();
    log.append("c", Event::Intent);
    log.append("c", Event::Intent);
    log.is_damaged_at(5);
}

#[test]
fn a_reader_that_locks_the_log_stops_nobody() {
    let log = three();
    let reader = File::open(&log.path).unwrap();
    reader.lock().unwrap();
    assert_eq!(log.append("c", Event::Decision), 4);
}

#[test]
fn a_line_of_somebody_else_is_acknowledged_and_cannot_change_any_more() {
    let log = three();
    log.tear("something else\n");
    log.is_damaged_at(4);
    assert_eq!(log.append("c", Event::Decision), 5);
    let report = log.report();
    assert_eq!(
        (report.records, report.recovered, report.damage.len()),
        (5, 1, 0),
        "{report:?}"
    );
    fs::write(
        &log.path,
        log.text().replace("something else", "something new"),
    )
    .unwrap();
    log.is_damaged_at(4);
}

#[test]
fn a_crash_while_a_torn_line_is_acknowledged_does_no_harm() {
    let log = three();
    log.tear("{\"timestamp\":\"2026-\n{\"timest");
    assert_eq!(log.append("c", Event::Decision), 5);
    let report = log.report();
    assert_eq!(
        (report.records, report.recovered, report.damage.len()),
        (5, 2, 0),
        "{report:?}"
    );
}

#[test]
fn a_very_long_line_of_somebody_else_stops_nobody() {
    let log = three();
    log.tear(&format!("{}\n", "x".repeat(500_000)));
    assert_eq!(log.append("c", Event::Decision), 5);
    assert_eq!(log.report().damage.len(), 0);
}

#[test]
fn a_record_under_a_larger_limit_is_continued_under_a_smaller_one() {
    let log = Log::new("");
    let limits = Limits {
        lock_wait: Duration::from_secs(1),
        line_bytes: 1 << 20,
        inline_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut record = Record::new(Event::Outcome, DateTime::UNIX_EPOCH);
    record.stdout = Some("y".repeat(300_000));
    AuditLog::open(&log.home, limits)
        .unwrap()
        .append(record)
        .unwrap();
    assert_eq!(log.append("c", Event::Decision), 2);
    assert_eq!(log.report().records, 2);
}

#[test]
fn a_record_that_is_too_long_loses_the_middle_of_its_output_and_says_so() {
    let log = Log::new("");
    let mut record = Record::new(Event::Decision, DateTime::UNIX_EPOCH);
    record.stdout = Some("y".repeat(100_000));
    record.stderr = Some("important".to_owned());
    log.open().unwrap().append(record).unwrap();
    let text = log.text();
    assert!(text.len() <= 4097, "{}", text.len());
    assert!(text.contains("important") && text.contains("too long"));
}

#[test]
fn many_writers_leave_one_unbroken_chain() {
    let log = Log::new("");
    std::thread::scope(|scope| {
        for writer in 0..50 {
            let home = &log.home;
            scope.spawn(move || {
                let limits = Limits {
                    lock_wait: Duration::from_secs(20),
                    rotation: Rotation {
                        bytes: 20_000,
                        age: Duration::MAX,
                    },
                    ..Limits::default()
                };
                let log = AuditLog::open(home, limits).unwrap();
                for n in 0..6 {
                    let mut record = Record::new(Event::Decision, DateTime::UNIX_EPOCH);
                    record.request_id = Some(format!("{writer}-{n}"));
                    log.append(record).unwrap();
                }
            });
        }
    });
    assert_eq!(log.seqs(), (1..=300).collect::<Vec<_>>());
    assert!(log.segments().len() > 3);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let log = Log::new("");
        fs::write(&log.path, &bytes).unwrap();
        let _ = log.report();
        let before = log.open().unwrap().append(Record::new(Event::Decision, DateTime::UNIX_EPOCH));
        proptest::prop_assert!(before.is_ok());
        proptest::prop_assert!(fs::read(&log.path).unwrap().starts_with(&bytes));
    }
}

impl Log {
    /// Appends where a segment is full after `bytes`.
    fn append_rotating(&self, id: &str, bytes: u64, at: &str) -> u64 {
        let limits = Limits {
            rotation: Rotation {
                bytes,
                age: Duration::from_secs(3600),
            },
            ..Limits::default()
        };
        let at = DateTime::parse_from_rfc3339(at).unwrap().to_utc();
        let mut record = Record::new(Event::Decision, at);
        record.request_id = Some(id.to_owned());
        let log = AuditLog::open(&self.home, limits).unwrap();
        log.append(record).unwrap().seq()
    }

    fn seqs(&self) -> Vec<u64> {
        let entries = Files::of(&self.home).entries(None).unwrap();
        entries
            .map(|entry| entry.unwrap().record().unwrap().seq)
            .collect()
    }

    fn segments(&self) -> Vec<(u64, bool)> {
        let segments = Files::of(&self.home).segments().unwrap();
        segments
            .iter()
            .map(|segment| (segment.first, segment.live))
            .collect()
    }
}

const NOON: &str = "2026-03-02T12:00:00Z";

#[test]
fn a_full_file_becomes_a_segment_and_the_chain_goes_on() {
    let log = Log::new("");
    for id in 1..=6 {
        assert_eq!(log.append_rotating(&id.to_string(), 500, NOON), id);
    }
    assert_eq!(log.segments(), [(1, false), (3, false), (5, true)]);
    assert_eq!(log.seqs(), [1, 2, 3, 4, 5, 6]);
    let entries: Vec<_> = Files::of(&log.home)
        .entries(None)
        .unwrap()
        .flatten()
        .collect();
    for (before, after) in entries.iter().zip(&entries[1..]) {
        let prev = hex::of(&Sha256::digest(&before.line));
        assert_eq!(after.record().unwrap().prev, prev);
    }
}

#[test]
fn an_old_file_becomes_a_segment() {
    let log = Log::new("");
    log.append_rotating("1", 1 << 20, NOON);
    log.append_rotating("2", 1 << 20, "2026-03-02T12:59:59Z");
    log.append_rotating("3", 1 << 20, "2026-03-02T13:00:00Z");
    assert_eq!(log.segments(), [(1, false), (3, true)]);
}

#[test]
fn a_rotated_segment_is_read_by_whoever_may_read_the_log() {
    let log = Log::new("");
    log.append_rotating("1", 1, NOON);
    log.append_rotating("2", 1, NOON);
    let segment = &Files::of(&log.home).segments().unwrap()[0];
    let mode = fs::metadata(&segment.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let dir = fs::metadata(log.home.evidence()).unwrap().permissions();
    assert_eq!(dir.mode() & 0o777, 0o750);
}

#[test]
fn a_crash_between_copying_and_emptying_loses_and_doubles_nothing() {
    let log = Log::new("");
    log.append_rotating("1", 1 << 20, NOON);
    log.append_rotating("2", 1 << 20, NOON);
    fs::create_dir(log.home.evidence()).unwrap();
    fs::copy(&log.path, Files::of(&log.home).rotated_path(1)).unwrap();
    assert_eq!(log.seqs(), [1, 2]);
    assert_eq!(log.append_rotating("3", 1 << 20, NOON), 3);
    assert_eq!(log.seqs(), [1, 2, 3]);
    assert_eq!(log.append_rotating("4", 1, NOON), 4);
    assert_eq!(log.segments(), [(1, false), (4, true)]);
    assert_eq!(log.seqs(), [1, 2, 3, 4]);
}

#[test]
fn a_copy_that_was_not_finished_is_taken_away_by_the_next() {
    let log = three();
    let dir = log.home.evidence();
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(".new-abc"), "half").unwrap();
    log.open().unwrap().rotate().unwrap();
    assert!(!dir.join(".new-abc").exists());
}

#[test]
fn what_is_torn_is_acknowledged_before_anything_is_rotated() {
    let log = Log::new("");
    log.append_rotating("1", 1, NOON);
    log.tear("{\"torn");
    assert_eq!(log.append_rotating("2", 1, NOON), 3);
    assert_eq!(log.segments(), [(1, true)]);
    assert_eq!(log.append_rotating("3", 1, NOON), 4);
    assert_eq!(log.segments(), [(1, false), (4, true)]);
}

#[test]
fn a_first_line_that_is_torn_continues_the_segment_before() {
    let log = Log::new("");
    log.append_rotating("1", 1, NOON);
    log.append_rotating("2", 1, NOON);
    fs::write(&log.path, "{\"torn").unwrap();
    assert_eq!(log.append_rotating("3", 1 << 20, NOON), 3);
    let entries = Files::of(&log.home).entries(None).unwrap();
    let events: Vec<_> = entries
        .map(|entry| entry.unwrap().record().map(|record| record.event))
        .collect();
    assert_eq!(
        events,
        [
            Some(Event::Decision),
            None,
            Some(Event::Recovered),
            Some(Event::Decision)
        ]
    );
}

#[test]
fn a_log_that_cannot_be_rotated_grows_on() {
    let log = Log::new("");
    fs::create_dir_all(Files::of(&log.home).rotated_path(1).join("in the way")).unwrap();
    for id in 1..=3 {
        assert_eq!(log.append_rotating(&id.to_string(), 1, NOON), id);
    }
    assert_eq!(fs::read_to_string(&log.path).unwrap().lines().count(), 3);
}

#[test]
fn a_long_output_lies_beside_the_log_and_its_ends_stand_in_it() {
    let log = Log::new("");
    let text: String = (0..5000).map(|n| format!("ü{n}\n")).collect();
    let mut record = Record::new(Event::Outcome, DateTime::UNIX_EPOCH);
    record.stdout = Some(text.clone());
    record.stderr = Some("short".to_owned());
    let limits = Limits {
        inline_bytes: 1000,
        ..Limits::default()
    };
    let open = AuditLog::open(&log.home, limits).unwrap();
    open.append(record).unwrap();
    let record: Record = serde_json::from_str(log.text().trim_end()).unwrap();
    let short = record.stdout.unwrap();
    assert!(short.len() < 1200, "{}", short.len());
    assert!(
        short.starts_with("ü0\n") && short.ends_with("ü4999\n"),
        "{short}"
    );
    let file = record.stdout_file.unwrap();
    assert!(short.contains(&file.sha256));
    assert_eq!(Outputs::of(&log.home).load(&file).unwrap(), text);
    assert_eq!(record.stderr.as_deref(), Some("short"));
    assert!(record.stderr_file.is_none());
}

#[test]
fn an_outcome_is_told_where_its_output_cannot_be_stored() {
    let log = Log::new("");
    fs::create_dir(log.home.evidence()).unwrap();
    fs::write(log.home.evidence().join("outputs"), "no directory").unwrap();
    let mut record = Record::new(Event::Outcome, DateTime::UNIX_EPOCH);
    record.stdout = Some("x".repeat(100_000));
    let open = AuditLog::open(&log.home, Limits::default()).unwrap();
    open.append(record).unwrap();
    let record: Record = serde_json::from_str(log.text().trim_end()).unwrap();
    assert!(record.stdout_file.is_none());
    assert!(record.stdout.unwrap().contains("could not be stored"));
}

#[test]
fn every_text_of_a_record_is_cleaned_or_cannot_hold_a_secret() {
    let secret = "password=hunter2x";
    let mut record = Record::new(Event::Outcome, DateTime::UNIX_EPOCH);
    record.would_have = Some(WouldHave {
        risk: secret.to_owned(),
        rule: secret.to_owned(),
    });
    record.grant = Some(GrantUse {
        id: secret.to_owned(),
        code: secret.to_owned(),
        covers: crate::grant::Covered::Command(secret.to_owned()),
        digest: secret.to_owned(),
        nth: None,
        of: 1,
    });
    record.earlier_approvers = vec![
        serde_json::from_value(serde_json::json!({
            "by": "alice", "via": "stdin", "assurance": "client",
            "at": "2026-01-01T00:00:00.000Z", "reason": secret,
        }))
        .unwrap(),
    ];
    // Every key that may hold text is filled, also those that are added one day.
    let schema = serde_json::to_value(schemars::schema_for!(Record)).unwrap();
    let mut json = serde_json::to_value(&record).unwrap();
    for (key, of) in schema["properties"].as_object().unwrap() {
        let kinds = of["type"].as_array().cloned().unwrap_or_default();
        if of["type"] == "string" || kinds.contains(&"string".into()) {
            json[key] = secret.into();
        }
    }
    let record: Record = serde_json::from_value(json).unwrap();
    let clean = record.redacted(&crate::redact::Redaction::default());
    let clean = serde_json::to_value(&clean).unwrap();
    // Made by this program, or checked by it to be a name.
    let harmless = [
        "timestamp",
        "prev",
        "request_id",
        "approval_id",
        "status",
        "risk",
        "rule",
        "host",
        "host_address",
        "caller",
        "caller_through",
        "caller_disputed",
        "approver",
        "approver_via",
        "approver_factor",
        "needs",
        "preview_of",
        "first_approver",
        "digest",
        "policy",
        "policy_before",
        "verifier_key",
    ];
    let mut left: Vec<&str> = Vec::new();
    for (key, value) in clean.as_object().unwrap() {
        let whole = !["would_have", "grant", "earlier_approvers"].contains(&key.as_str());
        if whole && value.to_string().contains("hunter2x") {
            left.push(key);
        }
    }
    assert_eq!(left, harmless);
    assert!(!clean["grant"]["covers"].to_string().contains("hunter2x"));
    assert!(
        !clean["earlier_approvers"][0]["reason"]
            .to_string()
            .contains("hunter2x")
    );
}
