use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::store::Store;
use super::*;
use crate::audit::GENESIS;

/// A log whose records are made up, in segments.
struct Log {
    dir: tempfile::TempDir,
    searched: Searched,
    seq: u64,
    prev: String,
}

impl Log {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("audit.jsonl");
        fs::write(&live, "").unwrap();
        let files = Files::new(live, dir.path().join("audit"));
        let searched = Searched {
            files,
            index: dir.path().join("audit/index.sqlite"),
            catch_up: 0,
        };
        Self {
            dir,
            searched,
            seq: 0,
            prev: GENESIS.to_owned(),
        }
    }

    fn of(records: &[Value]) -> Self {
        let mut log = Self::new();
        records.iter().for_each(|record| log.add(record));
        log
    }

    fn live(&self) -> PathBuf {
        self.searched.files.live().to_owned()
    }

    fn write(&self, text: &str) {
        let old = fs::read_to_string(self.live()).unwrap();
        fs::write(self.live(), old + text).unwrap();
    }

    fn add(&mut self, fields: &Value) {
        self.seq += 1;
        let mut record = json!({
            "timestamp": format!("2026-03-01T12:{:02}:00.000Z", self.seq % 60), "seq": self.seq,
            "prev": self.prev, "event": "decision",
        });
        for (name, value) in fields.as_object().unwrap() {
            record[name] = value.clone();
        }
        let line = record.to_string();
        self.prev = crate::hex::of(&Sha256::digest(&line));
        self.write(&format!("{line}\n"));
    }

    fn rotate(&self) {
        let text = fs::read_to_string(self.live()).unwrap();
        let Some(noted) = text.lines().find_map(|line| Noted::of(line.as_bytes())) else {
            return;
        };
        let folder = self.dir.path().join("audit");
        fs::create_dir_all(&folder).unwrap();
        fs::rename(self.live(), folder.join(format!("{:020}.jsonl", noted.seq))).unwrap();
        fs::write(self.live(), "").unwrap();
    }

    fn index(&self) -> Updated {
        update(&self.searched, false, Duration::ZERO, &mut |_| ()).unwrap()
    }

    fn asked(&self, query: &Query, most: Option<usize>, newest_first: bool) -> (Vec<u64>, Answer) {
        let mut seqs = Vec::new();
        let answer = search(&self.searched, query, most, newest_first, &mut |hit| {
            seqs.push(Noted::of(&hit.line).unwrap().seq);
            Ok(())
        });
        (seqs, answer.unwrap())
    }

    /// What a look at every line finds.
    fn naive(&self, query: &Query) -> Vec<u64> {
        let entries = self.searched.files.entries(None).unwrap();
        let lines = entries.map(|entry| entry.unwrap().line);
        lines
            .filter_map(|line| {
                let noted = Noted::of(&line)?;
                query.matches(&noted).then_some(noted.seq)
            })
            .collect()
    }

    fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.live()).unwrap();
        assert!(text.contains(from));
        fs::write(self.live(), text.replace(from, to)).unwrap();
    }
}

fn words(text: &str) -> Query {
    Query {
        terms: Term::read(&[text.to_owned()]).unwrap(),
        ..Query::default()
    }
}

fn facet(facet: Facet, value: &str) -> Query {
    Query {
        facets: vec![(facet, vec![value.to_owned()])],
        ..Query::default()
    }
}

const WORD: [&str; 6] = ["disk", "full", "Error", "nginx", "über", "disks"];

fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORD.to_vec());
    let mark = prop::sample::select(vec![" ", ".", "_", " - ", "\n"]);
    proptest::collection::vec((word, mark), 0..6).prop_map(|parts| {
        parts
            .into_iter()
            .flat_map(|(word, mark)| [word, mark])
            .collect()
    })
}

fn record() -> impl Strategy<Value = Value> {
    (
        prop::option::of(0..3_u8),
        prop::option::of(0..3_u8),
        prop::option::of(0..4_u8),
        (text(), text(), text()),
        0..50_u8,
        0..60_u8,
    )
        .prop_map(
            |(target, status, request, (command, message, stdout), odd, minute)| {
                let mut record = json!({"command": command, "message": message, "stdout": stdout});
                record["target"] = target.map(|n| format!("srv{n}")).into();
                record["status"] = status.map(|n| format!("status{n}")).into();
                record["request_id"] = request.map(|n| format!("request{n}")).into();
                // Clocks are set.
                record["timestamp"] = format!("2026-03-01T12:{minute:02}:00.000Z").into();
                if odd == 0 {
                    record["prev"] = "no hash".into();
                }
                if odd == 1 {
                    record["status"] = 7.into();
                }
                record
            },
        )
}

fn query() -> impl Strategy<Value = Query> {
    let term = prop_oneof![
        Just(None),
        prop::sample::select(WORD.to_vec()).prop_map(|word| Some(word.to_owned())),
        Just(Some("disk*".to_owned())),
        Just(Some("\"disk full\"".to_owned())),
        Just(Some("error nginx".to_owned())),
        Just(Some("absent".to_owned())),
    ];
    let values = proptest::collection::vec(
        prop::sample::select(vec!["srv0", "srv1", "srv*", "status1", "nothing"]),
        1..3,
    );
    let facet = prop::sample::select(vec![Facet::Target, Facet::Status, Facet::Event]);
    (
        term,
        prop::option::of((facet, values)),
        prop::option::of(0..5_u8),
        prop::option::of(0..60_i64),
        prop::option::of(0..60_i64),
    )
        .prop_map(|(term, facet, request, since, until)| {
            let at = |minute: i64| 1_772_366_400_000 + minute * 60_000;
            Query {
                terms: term.map_or_else(Vec::new, |term| Term::read(&[term]).unwrap()),
                facets: facet
                    .into_iter()
                    .map(|(facet, values)| {
                        (facet, values.into_iter().map(ToOwned::to_owned).collect())
                    })
                    .collect(),
                request: request.map(|n| format!("request{n}")),
                since: since.map(at),
                until: until.map(at),
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_as_a_look_at_every_line_does(
        records in proptest::collection::vec(record(), 0..60),
        queries in proptest::collection::vec(query(), 1..12),
        indexed in 0_usize..60,
        rotated in 0_usize..60,
        most in 1_usize..8,
    ) {
        let mut log = Log::new();
        for (at, record) in records.iter().enumerate() {
            if at == indexed {
                log.index();
            }
            if at == rotated {
                log.rotate();
            }
            log.add(record);
        }
        for query in &queries {
            let naive = log.naive(query);
            let (oldest, answer) = log.asked(query, None, false);
            prop_assert_eq!(&oldest, &naive);
            prop_assert_eq!(answer.hits, naive.len() as u64);
            prop_assert!(answer.differs.is_empty());
            let newest: Vec<u64> = naive.iter().rev().copied().collect();
            prop_assert_eq!(&log.asked(query, None, true).0, &newest);
            let first: Vec<u64> = newest.iter().take(most).copied().collect();
            prop_assert_eq!(log.asked(query, Some(most), true).0, first);
            prop_assert_eq!(count(&log.searched, query).unwrap().hits, naive.len() as u64);
        }
    }

    #[test]
    fn what_is_counted_is_the_same_with_and_without_an_index(
        records in proptest::collection::vec(record(), 0..40),
        indexed in 0_usize..40,
    ) {
        let mut log = Log::of(&records);
        let everything = Query::default();
        let (naive, _) = stats(&log.searched, &everything, 5).unwrap();
        log = Log::new();
        for (at, record) in records.iter().enumerate() {
            if at == indexed {
                log.index();
            }
            log.add(record);
        }
        prop_assert_eq!(stats(&log.searched, &everything, 5).unwrap().0, naive.clone());
        log.index();
        prop_assert_eq!(stats(&log.searched, &everything, 5).unwrap().0, naive);
    }
}

#[test]
fn a_line_that_was_changed_is_damage_and_never_shown() {
    let log = Log::of(&[json!({"command": "one x"}), json!({"command": "two x"})]);
    log.index();
    log.change("two x", "owt x");
    let (seqs, answer) = log.asked(&words("x"), None, true);
    assert_eq!(seqs, [1]);
    assert_eq!(answer.differs.len(), 1);
    assert_eq!(answer.differs[0].seq, 2);
    let (seqs, answer) = log.asked(&words("two"), None, true);
    assert!(seqs.is_empty() && answer.differs.len() == 1);
}

#[test]
fn damage_does_not_take_the_room_of_hits() {
    let records: Vec<Value> = (0..30)
        .map(|n| json!({"command": format!("x n{n}q")}))
        .collect();
    let log = Log::of(&records);
    log.index();
    for n in 20..30 {
        log.change(&format!("n{n}q"), &format!("n{n}z"));
    }
    let (seqs, answer) = log.asked(&words("x"), Some(5), true);
    assert_eq!(seqs, [20, 19, 18, 17, 16]);
    assert_eq!(answer.differs.len(), 10);
}

#[test]
fn an_index_of_another_log_is_made_anew() {
    let log = Log::of(&[json!({"command": "one"})]);
    log.index();
    let other = Log::of(&[json!({"command": "two"}), json!({"command": "three"})]);
    fs::create_dir_all(other.dir.path().join("audit")).unwrap();
    fs::copy(&log.searched.index, &other.searched.index).unwrap();
    let (seqs, answer) = other.asked(&words("three"), None, true);
    assert_eq!(seqs, [2]);
    assert!(
        answer.notes.iter().any(|note| note.contains("another log")),
        "{answer:?}"
    );
    assert!(other.index().anew.unwrap().contains("another log"));
    assert_eq!(other.asked(&words("three"), None, true).0, [2]);
    assert!(other.asked(&words("one"), None, true).0.is_empty());
}

#[test]
fn a_log_that_was_cut_off_makes_the_index_anew() {
    let mut log = Log::of(&[json!({"command": "one"}), json!({"command": "two"})]);
    log.index();
    let text = fs::read_to_string(log.live()).unwrap();
    fs::write(log.live(), text.lines().next().unwrap().to_owned() + "\n").unwrap();
    log.seq = 1;
    assert!(log.asked(&words("two"), None, true).0.is_empty());
    let updated = log.index();
    assert_eq!((updated.records, updated.anew.is_some()), (1, true));
}

#[test]
fn a_broken_index_is_said_and_made_anew() {
    let log = Log::of(&[json!({"command": "one"})]);
    log.index();
    for broken in [
        &b"this is no index at all, and long enough to be looked at"[..],
        b"",
        &[0; 9000],
    ] {
        fs::write(&log.searched.index, broken).unwrap();
        let (seqs, answer) = log.asked(&words("one"), None, true);
        assert_eq!(seqs, [1]);
        assert!(!answer.notes.is_empty());
        let updated = log.index();
        assert!(updated.anew.is_some(), "{broken:?}");
        let (seqs, answer) = log.asked(&words("one"), None, true);
        assert_eq!((seqs, answer.notes.len()), (vec![1], 0));
    }
}

#[test]
fn an_index_that_lies_about_its_parts_is_refused() {
    let log = Log::of(&[json!({"command": "one"})]);
    log.index();
    let db = rusqlite::Connection::open(&log.searched.index).unwrap();
    db.execute("UPDATE part SET data = x'00'", []).unwrap();
    let refused = search(&log.searched, &words("one"), None, true, &mut |_| Ok(()));
    assert!(matches!(refused, Err(Error::Index { .. })), "{refused:?}");
    for lie in ["rows = 4000000000", "id = -1", "id = 1 << 40"] {
        db.execute(&format!("UPDATE block SET {lie}"), []).unwrap();
        let refused = search(&log.searched, &words("one"), None, true, &mut |_| Ok(()));
        assert!(
            matches!(refused, Err(Error::Index { .. })),
            "{lie}: {refused:?}"
        );
    }
    let refused = search(
        &log.searched,
        &Query::default(),
        None,
        true,
        &mut |_| Ok(()),
    );
    assert!(matches!(refused, Err(Error::Index { .. })), "{refused:?}");
}

#[test]
fn an_index_of_another_version_is_made_anew() {
    let log = Log::of(&[json!({"command": "one"})]);
    log.index();
    let db = rusqlite::Connection::open(&log.searched.index).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(db);
    assert!(log.index().anew.unwrap().contains("version"));
    assert_eq!(log.index().anew, None);
}

#[test]
fn little_that_is_missing_is_read_in_by_the_question_itself() {
    let mut log = Log::of(&[json!({"command": "one"})]);
    log.searched.catch_up = 1 << 20;
    assert_eq!(log.asked(&words("one"), None, true).0, [1]);
    let store = Store::open(&log.searched.index).unwrap();
    assert_eq!(store.known().unwrap().unwrap().records, 1);
    log.add(&json!({"command": "one more"}));
    assert_eq!(log.asked(&words("one"), None, true).0, [2, 1]);
    assert_eq!(store.known().unwrap().unwrap().records, 2);
}

#[test]
fn much_that_is_missing_is_said_and_read_all_the_same() {
    let log = Log::of(&[json!({"command": "one"})]);
    let (seqs, answer) = log.asked(&words("one"), None, true);
    assert_eq!(seqs, [1]);
    assert!(answer.notes[0].contains("aiops audit index"));
    assert!(!log.searched.index.exists());
}

#[test]
fn the_second_of_two_indexers_reads_or_is_told() {
    let mut log = Log::of(&[json!({"command": "one"})]);
    log.index();
    log.add(&json!({"command": "one more"}));
    log.searched.catch_up = 1 << 20;
    let lock = fs::File::open(log.searched.index.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let busy = update(&log.searched, false, Duration::ZERO, &mut |_| ());
    assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    assert_eq!(log.asked(&words("one"), None, true).0, [2, 1]);
}

#[test]
fn an_index_that_grows_under_a_reader_gives_every_record_once() {
    for newest_first in [false, true] {
        let log = std::cell::RefCell::new(Log::of(&[
            json!({"command": "one x", "target": "a"}),
            json!({"command": "two x", "target": "b"}),
        ]));
        log.borrow().index();
        let searched = log.borrow().searched.clone();
        let mut seqs = Vec::new();
        search(&searched, &words("x"), None, newest_first, &mut |hit| {
            seqs.push(Noted::of(&hit.line).unwrap().seq);
            if seqs.len() == 1 {
                let mut log = log.borrow_mut();
                log.add(&json!({"command": "three x", "target": "c"}));
                // Nobody is kept waiting by the one who reads.
                assert_eq!(log.index().records, 3);
            }
            Ok(())
        })
        .unwrap();
        let expected: &[u64] = if newest_first { &[2, 1] } else { &[1, 2, 3] };
        assert_eq!(seqs, expected);
    }
}

#[test]
fn a_torn_line_is_read_in_once_it_is_whole() {
    let mut log = Log::of(&[json!({"command": "one"})]);
    log.add(&json!({"command": "two"}));
    let whole = fs::read_to_string(log.live()).unwrap();
    fs::write(log.live(), whole.get(..whole.len() - 20).unwrap()).unwrap();
    assert_eq!(log.index().records, 1);
    assert!(log.asked(&words("two"), None, true).0.is_empty());
    fs::write(log.live(), &whole).unwrap();
    assert_eq!(log.asked(&words("two"), None, true).0, [2]);
    assert_eq!(log.index().records, 2);
    assert_eq!(log.asked(&words("two"), None, true).0, [2]);
}

#[test]
fn lines_of_others_and_events_of_later_versions_do_no_harm() {
    let mut log = Log::new();
    log.write("Python was here\n{\"seq\": 1, \"event\": \"decision\"}\n\u{0}\n");
    log.add(&json!({"command": "one", "event": "of_later", "unknown": {"x": [1]}}));
    log.write("{\"seq\": \"torn by a crash\n");
    log.add(&json!({"command": "one", "exit_code": null}));
    assert_eq!(log.index().records, 2);
    assert_eq!(log.asked(&words("one"), None, true).0, [2, 1]);
    assert_eq!(
        log.asked(&facet(Facet::Event, "of_later"), None, true).0,
        [1]
    );
}

#[test]
fn a_value_is_exactly_the_one_that_is_asked_for() {
    let long = "x".repeat(600);
    let log = Log::of(&[
        json!({"incident": "INC-1"}),
        json!({"incident": "INC-10"}),
        json!({"incident": format!("{long}a")}),
        json!({"incident": format!("{long}b")}),
        json!({"incident": "inc-1"}),
    ]);
    log.index();
    let asked = |value: &str| log.asked(&facet(Facet::Incident, value), None, false).0;
    assert_eq!(asked("INC-1"), [1]);
    assert_eq!(asked("INC-1*"), [1, 2]);
    assert_eq!(asked(&format!("{long}b")), [4]);
    assert_eq!(asked(&long), Vec::<u64>::new());
    assert_eq!(asked("*"), [1, 2, 3, 4, 5]);
    assert_eq!(asked("' OR 1=1 --"), Vec::<u64>::new());
}

#[test]
fn a_log_of_several_blocks_is_answered_in_order() {
    let mut log = Log::new();
    let mut text = String::new();
    let many = store::ROWS * 2 + 100;
    for seq in 1..=many {
        let target = if seq % 5000 == 7 { "rare" } else { "srv1" };
        text.push_str(&format!(
            "{{\"timestamp\":\"2026-03-01T{:02}:00:00.000Z\",\"seq\":{seq},\"prev\":\"{GENESIS}\",\"event\":\"intent\",\"target\":\"{target}\",\"command\":\"uptime\"}}\n",
            seq / 1000
        ));
    }
    fs::write(log.live(), text).unwrap();
    log.index();
    log.seq = many;
    let rare = facet(Facet::Target, "rare");
    assert_eq!(log.asked(&rare, None, false).0, [7, 5007, 10007, 15007]);
    assert_eq!(log.asked(&rare, Some(2), true).0, [15007, 10007]);
    let both = Query {
        terms: words("uptime").terms,
        ..rare.clone()
    };
    assert_eq!(log.asked(&both, Some(3), true).0, [15007, 10007, 5007]);
    let late = Query {
        since: Some(1_772_352_000_000),
        ..both
    };
    assert_eq!(log.asked(&late, None, true).0, [15007, 10007]);
    let all = log.asked(&words("uptime"), None, true).0;
    assert!(all.iter().rev().copied().eq(1..=many));
    log.add(&json!({"command": "uptime", "target": "rare"}));
    log.index();
    assert_eq!(log.asked(&rare, Some(2), true).0, [many + 1, 15007]);
}

#[test]
fn the_file_of_the_index_may_be_read_by_whoever_may_read_the_log() {
    let log = Log::of(&[json!({"command": "one"})]);
    log.index();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&log.searched.index), 0o640);
    assert_eq!(mode(&log.dir.path().join("audit")), 0o750);
}

/// A question and what became of it.
fn question(id: &str, end: &Value, minutes: u64) -> Vec<Value> {
    let base = json!({
        "request_id": id, "risk": "approval_required", "target": "srv1", "command": "touch x",
        "status": "approval_requested", "timestamp": "2026-03-01T12:00:00.000Z",
    });
    let mut after = base.clone();
    after["timestamp"] = format!("2026-03-01T12:{minutes:02}:00.000Z").into();
    for (name, value) in end.as_object().unwrap() {
        after[name] = value.clone();
    }
    vec![base, after]
}

#[test]
fn what_the_records_amount_to_is_counted_once_a_request() {
    let yes = json!({"event": "intent", "status": "started", "approver": "anna"});
    let no = json!({"event": "approval", "status": "denied", "approver": "anna"});
    let late = json!({"status": "expired"});
    let mut records = Vec::new();
    for (id, end, minutes) in [
        ("a", &yes, 1),
        ("b", &yes, 2),
        ("c", &yes, 30),
        ("d", &late, 40),
    ] {
        records.extend(question(id, end, minutes));
    }
    let mut stated = yes.clone();
    stated["waited_ms"] = 5000.into();
    stated["command"] = "touch y".into();
    records.extend(question("e", &stated, 3));
    records.push(json!({"event": "outcome", "status": "executed", "approver": "anna"}));
    records.push(json!({"event": "outcome", "status": "timed_out"}));
    records.push(json!({"status": "rejected", "risk": "forbidden", "command": "mkfs"}));
    records.push(json!({"event": "intent", "status": "started", "risk": "auto_allowed", "command": "uptime"}));
    // The same question in two records is one.
    records.push(
        json!({"event": "request", "status": "approval_requested", "risk": "approval_required",
        "request_id": "f", "command": "x"}),
    );
    records.push(
        json!({"event": "request", "status": "approval_requested", "risk": "approval_required",
        "request_id": "f", "command": "x"}),
    );
    // A reply when nothing waits any more is no question without an answer.
    records.push(
        json!({"status": "expired", "risk": null, "target": "srv1", "command": "touch x",
        "request_id": "late"}),
    );
    let log = Log::of(&records);
    log.index();
    let counted = |log: &Log| stats(&log.searched, &Query::default(), 5).unwrap().0;
    let stats_now = counted(&log);
    assert_eq!(stats_now.questions, 6);
    assert_eq!(
        (stats_now.approved, stats_now.denied, stats_now.expired),
        (4, 0, 1)
    );
    assert_eq!(stats_now.forbidden, 1);
    assert_eq!(stats_now.waits.count, 4);
    assert_eq!(
        (stats_now.waits.median_ms, stats_now.waits.longest_ms),
        (60_000, 1_800_000)
    );
    assert_eq!(stats_now.runs["timed_out"], 1);
    let day = &stats_now.days[0];
    assert_eq!(
        (day.auto_allowed, day.approval_required, day.forbidden),
        (1, 6, 1)
    );
    assert_eq!(stats_now.needless.len(), 1);
    assert_eq!(stats_now.needless[0].approved, 3);
    assert_eq!(stats_now.commands[0].command, "touch x");

    records.extend(question("g", &no, 5));
    assert!(
        counted(&Log::of(&records)).needless.is_empty(),
        "one no is enough"
    );
}

#[test]
fn a_line_without_its_break_is_counted_by_nothing() {
    let mut log = Log::of(&[json!({"command": "one"})]);
    log.add(&json!({"command": "two"}));
    let text = fs::read_to_string(log.live()).unwrap();
    fs::write(log.live(), text.trim_end()).unwrap();
    for _ in 0..2 {
        let all = Query::default();
        assert_eq!(log.asked(&all, None, false).0, [1]);
        assert_eq!(count(&log.searched, &all).unwrap().hits, 1);
        assert_eq!(stats(&log.searched, &all, 5).unwrap().0.records, 1);
        log.index();
    }
}

#[test]
fn a_log_that_is_not_there_is_no_fault_of_the_index() {
    let log = Log::new();
    fs::remove_file(log.live()).unwrap();
    let failed = update(&log.searched, false, Duration::ZERO, &mut |_| ());
    assert!(matches!(failed, Err(Error::Log(_))), "{failed:?}");
    assert!(!log.searched.index.exists());
}
