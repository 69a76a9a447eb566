use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Limits;
use crate::audit::Record;
use crate::audit::Rotation;
use crate::audit::checkpoint::Made;
use crate::audit::checkpoint::Patience;
use crate::audit::checkpoint::Receivers;
use crate::audit::checkpoint::Settings;
use crate::evidence::key::Keys;
use crate::evidence::note::Checkpoint;
use crate::evidence::note::Signer;
use crate::evidence::tree;
use crate::evidence::tree::Range;
use crate::hex;

struct Lab {
    dir: tempfile::TempDir,
    home: Home,
}

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn settings() -> Settings {
    Settings {
        origin: Some("gw1/aiops".to_owned()),
        records: 1000,
        every: Duration::from_secs(300),
        lock_wait: Duration::from_secs(10),
        receivers: Receivers {
            journald: None,
            syslog: None,
            command: Vec::new(),
            command_wait: Duration::from_secs(1),
        },
    }
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        fs::create_dir(home.runtime()).unwrap();
        fs::write(home.audit(), "").unwrap();
        fs::set_permissions(home.audit(), fs::Permissions::from_mode(0o640)).unwrap();
        Self { dir, home }
    }

    /// A log of a few short records in two segments, all of them signed.
    fn small() -> Self {
        let lab = Self::new();
        lab.append(Event::Intent, "a");
        lab.append(Event::Outcome, "a");
        lab.open(u64::MAX).rotate().unwrap();
        lab.checkpoint();
        lab.append(Event::Decision, "b");
        lab.checkpoint();
        lab
    }

    fn open(&self, segment: u64) -> AuditLog {
        let limits = Limits {
            inline_bytes: 1000,
            rotation: Rotation {
                bytes: segment,
                age: Duration::MAX,
            },
            ..Limits::default()
        };
        AuditLog::open(&self.home, limits).unwrap()
    }

    fn append(&self, event: Event, id: &str) -> u64 {
        let mut record = Record::new(event, NOW);
        record.request_id = Some(id.to_owned());
        self.open(u64::MAX).append(record).unwrap().seq()
    }

    fn checkpoint(&self) -> Made {
        let log = self.open(u64::MAX);
        checkpoint::make(&self.home, &log, &settings(), NOW, Patience::LITTLE).unwrap()
    }

    fn verify(&self, asked: Asked) -> (Report, Option<Bookmark>) {
        verify(&self.home, asked, NOW, &mut |_| {}).unwrap()
    }

    fn report(&self) -> Report {
        self.verify(Asked::default()).0
    }

    #[track_caller]
    fn is(&self, kind: Kind, file: &str, line: u64) {
        let report = self.report();
        let first = report.damage.first();
        let found = first.map(|damage| (damage.kind, damage.file.as_str(), damage.line));
        assert_eq!(found, Some((kind, file, line)), "{report:#?}");
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.audit()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[&String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.home.audit(), text).unwrap();
    }

    /// Everything that an auditor reads, by name.
    fn files(&self) -> Vec<PathBuf> {
        let beside = fs::read_dir(self.home.evidence()).unwrap();
        let beside = beside.map(|entry| entry.unwrap().path());
        beside.chain([self.home.audit()]).collect()
    }

    fn vouched(&self) -> Vec<Verifier> {
        checkpoint::known_keys(&self.home).unwrap()
    }
}

/// The lines of a log written anew, with a chain that is sound in itself.
fn forged(lines: &[String], change: impl Fn(&mut Record)) -> Vec<String> {
    let mut prev = crate::audit::GENESIS.to_owned();
    let mut forged = Vec::new();
    for (seq, line) in (1..).zip(lines) {
        let mut record: Record = serde_json::from_str(line).unwrap();
        change(&mut record);
        record.seq = seq;
        record.prev = prev;
        let line = serde_json::to_string(&record).unwrap();
        prev = hex::of(&tree::record_hash(line.as_bytes()));
        forged.push(line);
    }
    forged
}

fn many(count: u64) -> Lab {
    let lab = Lab::new();
    let log = lab.open(20_000);
    for n in 0..count {
        let (event, id) = match n % 3 {
            0 => (Event::Intent, n),
            1 => (Event::Outcome, n - 1),
            _ => (Event::Decision, n),
        };
        let mut record = Record::new(event, NOW);
        record.request_id = Some(format!("request-{id}"));
        log.append(record).unwrap();
    }
    lab
}

#[test]
fn a_log_that_is_whole_and_signed_is_believed() {
    let lab = Lab::small();
    let report = lab.report();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.records, report.segments), (4, 2));
    assert_eq!(
        (report.checkpoints.good, report.checkpoints.covered),
        (2, 4)
    );
    assert!(!report.checkpoints.vouched);
    let vouched = lab.verify(Asked {
        keys: lab.vouched(),
        ..Asked::default()
    });
    assert!(vouched.0.is_whole() && vouched.0.checkpoints.vouched);
}

#[test]
fn every_flipped_bit_of_everything_is_found() {
    let lab = Lab::small();
    let keys = lab.vouched();
    for path in lab.files() {
        let good = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            // The keys beside the log count for those who know no better.
            let keys = if name == "keys" {
                Vec::new()
            } else {
                keys.clone()
            };
            let asked = Asked {
                keys,
                ..Asked::default()
            };
            let found = verify(&lab.home, asked, NOW, &mut |_| {});
            let good = found.is_ok_and(|(report, _)| report.is_whole());
            assert!(!good, "{name}: byte {at}, bit {bit}");
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(lab.report().is_whole());
}

#[test]
fn every_line_that_is_deleted_doubled_swapped_or_put_in_is_found_and_named() {
    let lab = Lab::new();
    for id in ["a", "b", "c", "d", "e"] {
        lab.append(Event::Decision, id);
    }
    lab.checkpoint();
    let lines = lab.lines();
    assert_eq!(lines.len(), 6);
    let all: Vec<&String> = lines.iter().collect();
    for at in 0..all.len() {
        let mut bad = all.clone();
        bad.remove(at);
        lab.write(&bad);
        match at {
            // Only what was signed tells that the end is gone.
            5 => lab.is(Kind::CutOff, "checkpoints", 1),
            _ => lab.is(Kind::Removed, "audit.jsonl", at as u64 + 1),
        }
        for to in 0..=all.len() {
            let mut bad = all.clone();
            bad.insert(to, all[at]);
            lab.write(&bad);
            assert!(!lab.report().is_whole(), "{at} again at {to}");
        }
        for other in at + 1..all.len() {
            let mut bad = all.clone();
            bad.swap(at, other);
            lab.write(&bad);
            let report = lab.report();
            let first = report.damage.iter().map(|damage| damage.line).min();
            assert_eq!(first, Some(at as u64 + 1), "{at} for {other}: {report:#?}");
        }
        for length in 0..all[at].len() {
            let cut: String = all[at].chars().take(length).collect();
            let mut bad = all.clone();
            bad[at] = &cut;
            lab.write(&bad);
            assert!(!lab.report().is_whole(), "{at} cut after {length}");
        }
    }
    lab.write(&all);
    assert!(lab.report().is_whole());
}

#[test]
fn a_changed_line_is_named_and_not_the_one_behind_it() {
    let lab = Lab::new();
    for id in ["a", "b", "c", "d"] {
        lab.append(Event::Decision, id);
    }
    let lines = lab.lines();
    for at in 0..3 {
        let bad: Vec<String> = (0..4)
            .map(|n| match n == at {
                true => lines[n].replace("\"decision\"", "\"outcome\""),
                false => lines[n].clone(),
            })
            .collect();
        lab.write(&bad.iter().collect::<Vec<_>>());
        let report = lab.report();
        let changed: Vec<_> = report
            .damage
            .iter()
            .filter(|damage| damage.kind == Kind::Changed)
            .map(|damage| damage.line)
            .collect();
        assert_eq!(changed, [at as u64 + 1], "{report:#?}");
        // Its word for the line before it, and that line: one of the two, and it is this one.
        let mut bad = lines.clone();
        bad[at + 1] = bad[at + 1]
            .replace("\"prev\":\"", "\"prev\":\"f")
            .replacen("f", "", 0);
        lab.write(&bad.iter().collect::<Vec<_>>());
        assert!(!lab.report().is_whole());
    }
}

#[test]
fn a_record_that_was_put_in_is_told_from_the_one_that_was_there() {
    let lab = Lab::new();
    for id in ["a", "b", "c", "d"] {
        lab.append(Event::Decision, id);
    }
    let lines = lab.lines();
    let extra = forged(&lines[..3], |record| {
        record.reason = Some("forged".to_owned())
    });
    let mut third: Record = serde_json::from_str(&extra[2]).unwrap();
    third.prev = hex::of(&tree::record_hash(lines[1].as_bytes()));
    let third = serde_json::to_string(&third).unwrap();
    lab.write(&[&lines[0], &lines[1], &third, &lines[2], &lines[3]]);
    lab.is(Kind::Inserted, "audit.jsonl", 3);
    lab.write(&[&lines[0], &lines[1], &lines[2], &third, &lines[3]]);
    lab.is(Kind::Inserted, "audit.jsonl", 4);
}

#[test]
fn a_log_that_was_written_anew_is_not_the_one_that_was_signed() {
    let lab = Lab::new();
    for id in ["a", "b", "c", "d"] {
        lab.append(Event::Decision, id);
    }
    lab.checkpoint();
    let lines = lab.lines();
    let anew = forged(&lines, |record| {
        record.reason = Some("nothing happened".to_owned())
    });
    lab.write(&anew.iter().collect::<Vec<_>>());
    lab.is(Kind::Rewritten, "checkpoints", 1);
}

#[test]
fn a_checkpoint_that_was_kept_elsewhere_outlives_the_key_and_all_that_is_beside_the_log() {
    let lab = Lab::small();
    let (kept, keys) = (lab.checkpoint().note, lab.vouched());
    assert!(kept.is_none(), "nothing is new");
    let kept = checkpoint::read(&lab.home).unwrap().pop().unwrap().text;
    let anew = forged(&lab.lines(), |_| {});
    fs::remove_dir_all(lab.home.evidence()).unwrap();
    fs::remove_file(lab.home.audit_key()).unwrap();
    fs::remove_file(lab.home.audit_tree()).unwrap();
    lab.write(&anew.iter().collect::<Vec<_>>());
    lab.checkpoint();
    assert!(lab.report().is_whole(), "all by itself it looks well");
    let asked = Asked {
        keys,
        checkpoints: vec![kept],
        ..Asked::default()
    };
    assert!(!lab.verify(asked).0.is_whole());
}

#[test]
fn a_key_that_nobody_trusts_signs_nothing() {
    let lab = Lab::small();
    let signer = Signer::from_seed("gw1/aiops", &[9; 32]).unwrap();
    let asked = Asked {
        keys: vec![signer.verifier().clone()],
        ..Asked::default()
    };
    let report = lab.verify(asked).0;
    assert!(
        report
            .damage
            .iter()
            .all(|damage| damage.kind == Kind::Signature)
    );
    assert_eq!((report.damage.len(), report.checkpoints.good), (2, 0));
    // A checkpoint of the right tree, signed by a stranger, is none.
    let lab = Lab::small();
    let mut range = Range::new();
    for line in lab.lines() {
        range.push(tree::leaf_of_line(line.as_bytes()));
    }
    let invented = Checkpoint::new("gw1/aiops", 99, range.root()).unwrap();
    let asked = Asked {
        checkpoints: vec![invented.sign(&[&signer]).unwrap()],
        ..Asked::default()
    };
    let report = lab.verify(asked).0;
    assert_eq!(report.damage[0].kind, Kind::Signature, "{report:#?}");
}

#[test]
fn a_new_key_is_trusted_because_the_old_one_signed_its_announcement() {
    let lab = Lab::small();
    let first = lab.vouched();
    let log = lab.open(u64::MAX);
    let second = checkpoint::rotate_key(&lab.home, &log, &settings(), NOW, false).unwrap();
    assert!(!first.contains(&second));
    lab.checkpoint();
    lab.append(Event::Decision, "c");
    lab.checkpoint();
    let report = lab
        .verify(Asked {
            keys: first.clone(),
            ..Asked::default()
        })
        .0;
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(report.checkpoints.by.len(), 2);
    assert!(
        !Keys::read(&lab.home.audit_key())
            .unwrap()
            .unwrap()
            .is_rotating()
    );
    // One that was only announced, and by nobody's signature, is not.
    let text = fs::read_to_string(lab.home.checkpoints()).unwrap();
    let last = checkpoint::notes(&text).pop().unwrap().text;
    fs::write(lab.home.checkpoints(), format!("{last}\n")).unwrap();
    let report = lab
        .verify(Asked {
            keys: first,
            ..Asked::default()
        })
        .0;
    assert_eq!(report.damage[0].kind, Kind::Signature, "{report:#?}");
}

#[test]
fn reading_goes_on_where_it_ended_and_notices_another_line_there() {
    let lab = many(100);
    lab.checkpoint();
    let (first, state) = lab.verify(Asked::default());
    let state = state.unwrap();
    for id in ["x", "y"] {
        lab.append(Event::Decision, id);
    }
    lab.checkpoint();
    let asked = |state: &Bookmark| Asked {
        resume: Some(state.clone()),
        ..Asked::default()
    };
    let (second, later) = lab.verify(asked(&state));
    assert!(second.is_whole(), "{second:#?}");
    assert_eq!(second.records, first.records + 2);
    assert!(second.bytes < first.bytes / 10);
    let whole = lab.report();
    assert_eq!(second.last, whole.last, "the tree is the same");
    assert_eq!(second.checkpoints.covered, whole.checkpoints.covered);
    assert_eq!(lab.verify(asked(&later.unwrap())).0.bytes, 0);
    let changed = fs::read_to_string(lab.home.audit()).unwrap();
    fs::write(lab.home.audit(), changed.replace("decision", "decisiom")).unwrap();
    let broken = verify(&lab.home, asked(&state), NOW, &mut |_| {});
    let damaged = broken.is_err() || broken.is_ok_and(|(report, _)| !report.is_whole());
    assert!(damaged);
}

#[test]
fn nothing_is_remembered_of_a_log_that_is_damaged() {
    let lab = Lab::small();
    lab.write(&[]);
    assert!(lab.verify(Asked::default()).1.is_none());
}

#[test]
fn long_logs_are_looked_at_in_parts_and_come_to_the_same() {
    let lab = many(700);
    lab.checkpoint();
    lab.append(Event::Intent, "open");
    let report = lab.report();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(report.records, 702);
    assert!(report.segments > 5);
    let open: Vec<_> = report.open.iter().map(|open| open.seq).collect();
    assert_eq!(
        open,
        [700, 702],
        "the last of the many began and did not end"
    );
    let mut range = Range::new();
    for entry in Files::of(&lab.home).entries(None).unwrap() {
        range.push(tree::leaf_of_line(&entry.unwrap().line));
    }
    assert_eq!(report.last.unwrap().root, Some(range.root().to_base64()));
}

#[test]
fn a_run_that_begins_and_ends_in_different_segments_is_one() {
    let lab = Lab::new();
    lab.append(Event::Intent, "a");
    lab.open(u64::MAX).rotate().unwrap();
    lab.append(Event::Outcome, "a");
    assert!(lab.report().open.is_empty());
    lab.append(Event::Outcome, "a");
    lab.is(Kind::Run, "audit.jsonl", 2);
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let lab = many(200);
    let segments = Files::of(&lab.home).segments().unwrap();
    fs::remove_file(&segments[1].path).unwrap();
    let name = segments[2].path.file_name().unwrap().to_str().unwrap();
    lab.is(Kind::Removed, name, 1);
}

#[test]
fn a_text_beside_the_log_that_is_gone_or_another_one_is_found() {
    let lab = Lab::new();
    let mut record = Record::new(Event::Outcome, NOW);
    record.stdout = Some("x".repeat(5000));
    let intent = Record::new(Event::Intent, NOW);
    for mut record in [intent, record] {
        record.request_id = Some("a".to_owned());
        lab.open(u64::MAX).append(record).unwrap();
    }
    assert_eq!(lab.report().outputs, 1);
    let dir = lab.home.evidence().join("outputs");
    let path = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    lab.is(Kind::Output, "audit.jsonl", 2);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        // Some bits of the packed form mean nothing; the text is what counts.
        let report = lab.report();
        assert!(report.outputs == 1 || !report.is_whole());
    }
    fs::write(&path, zstd::encode_all(&b"another text"[..], 3).unwrap()).unwrap();
    let asked = Asked {
        skip_outputs: true,
        ..Asked::default()
    };
    assert!(lab.verify(asked).0.is_whole());
    assert!(!lab.report().is_whole());
}

#[test]
fn a_checkpoint_is_never_made_of_another_log() {
    let lab = Lab::small();
    let log = lab.open(u64::MAX);
    let make = || checkpoint::make(&lab.home, &log, &settings(), NOW, Patience::LITTLE);
    let lines = lab.lines();
    lab.append(Event::Decision, "c");
    let good = lab.lines();
    // What was signed is cut off, and something else takes its place.
    lab.write(&[]);
    assert!(matches!(make(), Err(checkpoint::Error::Broken(_))));
    let mut anew: Vec<String> = good.clone();
    let hash = hex::of(&tree::record_hash(lines[1].as_bytes()));
    anew[2] = anew[2].replace(&hash, &"0".repeat(64));
    lab.write(&anew.iter().collect::<Vec<_>>());
    assert!(matches!(make(), Err(checkpoint::Error::Broken(_))));
    lab.write(&good.iter().collect::<Vec<_>>());
    assert!(make().unwrap().note.is_some());
}

#[test]
fn a_checkpoint_that_a_crash_tore_gives_way_to_the_next() {
    let lab = Lab::small();
    let good = fs::read_to_string(lab.home.checkpoints()).unwrap();
    for length in 1..good.len() {
        let torn = good.as_bytes().get(..good.floor_char_boundary(length));
        fs::write(lab.home.checkpoints(), torn.unwrap()).unwrap();
        lab.append(Event::Decision, "more");
        lab.checkpoint();
        let report = lab.report();
        assert!(report.is_whole(), "torn at {length}: {report:#?}");
        assert!(report.checkpoints.good >= 1);
    }
}

#[test]
fn what_went_wrong_a_moment_ago_is_not_tried_again_by_the_next_request() {
    let lab = Lab::new();
    let is_due = |now| checkpoint::is_due(&lab.home, &settings(), (1, 2), now);
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    assert!(is_due(now), "nothing was ever signed");
    let failed = checkpoint::remember(&lab.home, Err(checkpoint::Error::Behind(7)), now);
    assert!(failed.is_err());
    assert!(!is_due(now));
    assert!(is_due(now + TimeDelta::seconds(301)));
    let many = checkpoint::is_due(&lab.home, &settings(), (999, 1000), now);
    assert!(many, "so many records are worth another try");
    lab.append(Event::Decision, "a");
    let made = checkpoint::remember(&lab.home, Ok(lab.checkpoint()), now);
    assert!(made.is_ok() && checkpoint::trouble(&lab.home).is_none());
    assert!(!is_due(now));
}

#[test]
fn nobody_who_is_waited_for_reads_a_long_log_to_sign_it() {
    let lab = many(20);
    let log = lab.open(u64::MAX);
    let patience = Patience {
        records: 10,
        ..Patience::LITTLE
    };
    let make = |patience| checkpoint::make(&lab.home, &log, &settings(), NOW, patience);
    // The announcement of the key is one more.
    assert!(matches!(make(patience), Err(checkpoint::Error::Behind(21))));
    assert!(make(Patience::LITTLE).unwrap().note.is_some());
    lab.append(Event::Decision, "x");
    assert!(make(patience).unwrap().note.is_some());
}

#[test]
fn two_that_make_a_checkpoint_at_once_make_one_after_the_other() {
    let lab = many(50);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let log = lab.open(u64::MAX);
                let wait = Patience::of_person(Duration::from_secs(60));
                checkpoint::make(&lab.home, &log, &settings(), NOW, wait).unwrap();
            });
        }
    });
    let report = lab.report();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(report.checkpoints.good, 1);
    assert_eq!(report.checkpoints.covered, 51);
}

#[test]
fn what_stands_beside_the_log_is_for_those_who_may_read_it_and_the_key_for_nobody() {
    let lab = Lab::small();
    for (path, mode) in [
        (lab.home.checkpoints(), 0o640),
        (lab.home.audit_keys(), 0o640),
        (lab.home.audit_key(), 0o600),
        (lab.home.evidence(), 0o750),
    ] {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    assert!(lab.dir.path().join("runtime/audit.tree").exists());
}

#[test]
fn a_segment_that_ends_without_a_line_break_is_damaged() {
    let lab = Lab::small();
    let first = Files::of(&lab.home).segments().unwrap().remove(0).path;
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text + "something").unwrap();
    lab.is(Kind::Strange, "00000000000000000001.jsonl", 3);
    assert_eq!(lab.report().torn_bytes, 0);
}

/// Reads a log in small blocks, quickly or closely.
fn read(lab: &Lab, block: usize, closely: bool) -> String {
    let notes = checkpoint::read(&lab.home).unwrap();
    let known = checkpoint::known_keys(&lab.home).unwrap();
    let witness = Witness::new(Vec::new(), known, notes, Vec::new());
    let mut follow = Follow::new(witness, Some(Outputs::of(&lab.home)));
    for block in Files::of(&lab.home).blocks(None, block).unwrap() {
        match block.unwrap() {
            block if closely => follow.block_closely(&block),
            block => follow.block(&block),
        }
    }
    format!("{:#?}", follow.finish(NOW))
}

/// Changes some lines, each by one of a few ways.
fn mutated(mut lines: Vec<String>, changes: &[(usize, usize, u8)]) -> Vec<String> {
    for (at, other, how) in changes {
        let (at, other) = (at % lines.len(), other % lines.len());
        match how {
            0 => _ = lines.remove(at),
            1 => lines.insert(other, lines[at].clone()),
            2 => lines.swap(at, other),
            3 => lines[at] = lines[at].replace("outcome", "intent"),
            4 => lines[at] = lines[at].replace("intent", "outcome"),
            5 => lines[at] = lines[at].replace("decision", "intent"),
            6 => lines[at] = lines[at].replace("request-", "request-1"),
            7 => lines[at] = lines[at].replace("request-", "request-9"),
            8 => lines[at].truncate(other),
            9 => lines[at] = lines[at].replace("\"decision\"", "\"outcome\",\"event\":\"outcome\""),
            _ => lines[at].push(' '),
        }
        if lines.is_empty() {
            lines.push("{}".to_owned());
        }
    }
    lines
}

#[test]
fn a_run_that_is_started_again_is_found_wherever_its_ends_are() {
    let runs = [
        ("a", false),
        ("a", false),
        ("a", true),
        ("b", false),
        ("a", true),
    ];
    let lab = Lab::new();
    for (id, ends) in runs {
        lab.append([Event::Intent, Event::Outcome][usize::from(ends)], id);
    }
    let line = lab.lines()[0].len();
    for block in [line / 2, line + 10, line * 2, line * 3, line * 9] {
        let found = read(&lab, block, false);
        assert!(found.contains("request a was started twice"), "{found}");
        assert_eq!(found, read(&lab, block, true));
    }
}

#[test]
fn whoever_reads_quickly_finds_what_whoever_reads_closely_finds() {
    let lab = Lab::new();
    let log = lab.open(u64::MAX);
    let mut ids = Vec::new();
    for n in 0..40 {
        let (event, id) = match n % 7 {
            0 | 1 => (Event::Intent, n),
            2 | 3 => (Event::Outcome, ids.pop().unwrap_or(n)),
            _ => (Event::Decision, n),
        };
        if event == Event::Intent {
            ids.push(n);
        }
        let mut record = Record::new(event, NOW);
        record.request_id = Some(format!("request-{id}"));
        log.append(record).unwrap();
        if n == 20 {
            lab.checkpoint();
        }
    }
    let whole = lab.lines();
    let changes = proptest::collection::vec((0_usize..50, 0_usize..50, 0_u8..11), 1..5);
    let ways = (changes, 100_usize..5000, proptest::bool::ANY, 0_usize..40);
    let config = proptest::test_runner::Config::with_cases(150);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&ways, |(changes, block, chained, cut)| {
            let mut lines = mutated(whole.clone(), &changes);
            let is_record = |line: &String| serde_json::from_str::<Record>(line).is_ok();
            if chained && lines.iter().all(is_record) {
                lines = forged(&lines, |_| {});
            }
            let (before, behind) = lines.split_at(cut.min(lines.len()));
            lab.write(&behind.iter().collect::<Vec<_>>());
            let text: String = before.iter().map(|line| format!("{line}\n")).collect();
            let segment = lab.home.evidence().join("00000000000000000001.jsonl");
            fs::write(segment, text).unwrap();
            let found = read(&lab, block, false);
            proptest::prop_assert_eq!(found, read(&lab, block, true));
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_stranger_laid_there_is_not_vouched_for_by_going_on() {
    let lab = Lab::small();
    let vouched = lab.vouched();
    let state = lab.verify(Asked::default()).1;
    let asked = |resume| Asked {
        keys: vouched.clone(),
        resume,
        ..Asked::default()
    };
    let found = verify(&lab.home, asked(state), NOW, &mut |_| {});
    let fault = found.unwrap_err().to_string();
    assert!(fault.contains("vouched for"), "{fault}");
    let state = lab.verify(asked(None)).1;
    let signer = Signer::from_seed("gw1/aiops", &[9; 32]).unwrap();
    let keys = fs::read_to_string(lab.home.audit_keys()).unwrap();
    fs::write(
        lab.home.audit_keys(),
        format!("{keys}{}\n", signer.verifier()),
    )
    .unwrap();
    lab.append(Event::Decision, "c");
    let log = Files::of(&lab.home).entries(None).unwrap();
    let mut range = Range::new();
    log.for_each(|entry| range.push(tree::leaf_of_line(&entry.unwrap().line)));
    let invented = Checkpoint::new("gw1/aiops", range.size(), range.root()).unwrap();
    let notes = fs::read_to_string(lab.home.checkpoints()).unwrap();
    let invented = invented.sign(&[&signer]).unwrap();
    fs::write(lab.home.checkpoints(), format!("{notes}{invented}\n")).unwrap();
    let report = lab.verify(asked(state)).0;
    assert_eq!(report.damage[0].kind, Kind::Signature, "{report:#?}");
}

#[test]
fn a_key_that_is_announced_and_not_signed_yet_is_remembered() {
    let lab = Lab::small();
    let asked = |resume| Asked {
        keys: lab.vouched()[..1].to_vec(),
        resume,
        ..Asked::default()
    };
    let log = lab.open(u64::MAX);
    checkpoint::rotate_key(&lab.home, &log, &settings(), NOW, false).unwrap();
    let state = lab.verify(asked(None)).1;
    // This one is as long as what was read.
    lab.checkpoint();
    let (report, state) = lab.verify(asked(state));
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(report.checkpoints.good, 1);
    lab.append(Event::Decision, "c");
    lab.checkpoint();
    let report = lab.verify(asked(state)).0;
    assert!(report.is_whole(), "{report:#?}");
}

#[test]
fn a_checkpoint_from_elsewhere_is_not_passed_over_by_going_on() {
    let lab = Lab::small();
    let mut notes = checkpoint::read(&lab.home).unwrap();
    let last = notes.pop().unwrap().text;
    let asked = |note: &str| Asked {
        resume: lab.verify(Asked::default()).1,
        checkpoints: vec![note.to_owned()],
        ..Asked::default()
    };
    assert!(lab.verify(asked(&last)).0.is_whole());
    let found = verify(&lab.home, asked(&notes[0].text), NOW, &mut |_| {});
    assert!(
        found
            .unwrap_err()
            .to_string()
            .contains("from the beginning")
    );
    let keys = Keys::read(&lab.home.audit_key()).unwrap().unwrap();
    let size = lab.report().records;
    let other = Checkpoint::new("gw1/aiops", size, Range::new().root()).unwrap();
    let report = lab.verify(asked(&other.sign(&keys.signers()).unwrap())).0;
    assert_eq!(report.damage[0].kind, Kind::Rewritten, "{report:#?}");
}

#[test]
fn an_invented_checkpoint_does_not_hide_that_the_end_is_gone() {
    let lab = Lab::small();
    let text = fs::read_to_string(lab.home.audit()).unwrap();
    let (kept, _) = text.trim_end().rsplit_once('\n').unwrap_or_default();
    fs::write(lab.home.audit(), kept).unwrap();
    let signer = Signer::from_seed("gw1/aiops", &[9; 32]).unwrap();
    let invented = Checkpoint::new("gw1/aiops", 99, Range::new().root()).unwrap();
    let asked = Asked {
        checkpoints: vec![invented.sign(&[&signer]).unwrap()],
        ..Asked::default()
    };
    let report = lab.verify(asked).0;
    let kinds: Vec<_> = report.damage.iter().map(|damage| damage.kind).collect();
    assert!(
        kinds.contains(&Kind::CutOff) && kinds.contains(&Kind::Signature),
        "{report:#?}"
    );
}

#[test]
fn a_log_that_was_written_anew_is_not_signed_where_it_is_forgotten_how_far_the_tree_was() {
    let lab = Lab::small();
    let first = Files::of(&lab.home).segments().unwrap().remove(0).path;
    let kept = fs::read_to_string(&first).unwrap();
    let all: Vec<_> = kept.lines().map(str::to_owned).chain(lab.lines()).collect();
    fs::remove_file(lab.home.audit_tree()).unwrap();
    lab.checkpoint();
    let anew = forged(&all, |record| record.message = Some("other".to_owned()));
    fs::remove_file(first).unwrap();
    fs::remove_file(lab.home.audit_tree()).unwrap();
    lab.write(&anew.iter().collect::<Vec<_>>());
    lab.append(Event::Decision, "c");
    let log = lab.open(u64::MAX);
    let make = || checkpoint::make(&lab.home, &log, &settings(), NOW, Patience::LITTLE);
    assert!(
        make()
            .unwrap_err()
            .to_string()
            .contains("does not continue")
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn a_changed_byte_or_a_missing_line_of_a_long_log_is_found(
        segment in proptest::sample::select(vec![0_usize, 1, 2, 3, 4]),
        place in 0.0..1.0_f64,
        bit in 0..8_u8,
        whole_line in proptest::bool::ANY,
    ) {
        let lab = many(300);
        lab.checkpoint();
        let segments = Files::of(&lab.home).segments().unwrap();
        let path = &segments[segment.min(segments.len() - 1)].path;
        let mut bytes = fs::read(path).unwrap();
        let at = ((bytes.len() - 1) as f64 * place) as usize;
        if whole_line {
            let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
            bytes.drain(start..end);
        } else {
            bytes[at] ^= 1 << bit;
        }
        fs::write(path, bytes).unwrap();
        proptest::prop_assert!(!lab.report().is_whole());
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_anywhere_make_it_panic(
        log in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        notes in ".{0,200}",
        keys in ".{0,80}",
    ) {
        let lab = Lab::small();
        fs::write(lab.home.audit(), &log).unwrap();
        fs::write(lab.home.checkpoints(), &notes).unwrap();
        let _ = verify(&lab.home, Asked::default(), NOW, &mut |_| {});
        fs::write(lab.home.audit_keys(), &keys).unwrap();
        let _ = verify(&lab.home, Asked::default(), NOW, &mut |_| {});
    }
}
