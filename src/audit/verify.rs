//! Reads the whole log and says whether it can be believed.
//!
//! **Reads** `audit.jsonl` from its first byte.
//! **Gives** [`Report`].
//! **Never** mends anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::Event;
use super::GENESIS;
use super::LONGEST_LINE;
use super::Record;
use crate::hex;
use crate::lines;
use crate::lines::Line;

/// What was found in a log.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Records that are whole and in their place.
    pub records: u64,
    /// Lines of another program before the first record, sealed by their hash.
    pub sealed_lines: u64,
    /// Lines that are no records (torn by a crash, or written by somebody else) and acknowledged
    /// by the record behind them.
    pub recovered: u64,
    /// Bytes behind the last line break: a write that is going on, or was torn by a crash.
    pub torn_bytes: u64,
    /// Everything that should not be, in order.
    pub damage: Vec<Damage>,
    /// Runs that were started and have no outcome.
    pub open: Vec<OpenIntent>,
}

/// One thing that should not be.
#[derive(Debug, Serialize)]
pub struct Damage {
    /// Line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// A run without an outcome.
#[derive(Debug, Clone, Serialize)]
pub struct OpenIntent {
    /// Number of the intent's record.
    pub seq: u64,
    /// When it was about to start.
    pub timestamp: String,
    /// Which request it was.
    pub request_id: Option<String>,
    /// On which target.
    pub target: Option<String>,
    /// Which command.
    pub command: Option<String>,
    /// Its time limit in seconds.
    pub limit_s: Option<u64>,
    /// Whether that limit and some more is not over yet, so that it may simply be going on.
    pub may_be_running: bool,
}

impl Report {
    /// Whether every line is what it should be. Open runs are told apart: they may be going on.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

impl OpenIntent {
    fn is_in_time(&self, now: DateTime<Utc>) -> bool {
        let limit = i64::try_from(self.limit_s.unwrap_or(0)).unwrap_or(i64::MAX / 2);
        let slack = TimeDelta::try_seconds(limit.saturating_add(RUN_SLACK));
        DateTime::parse_from_rfc3339(&self.timestamp)
            .ok()
            .zip(slack)
            .and_then(|(started, slack)| started.to_utc().checked_add_signed(slack))
            .is_some_and(|over| now < over)
    }
}

/// Reads a log line by line, from its first byte.
pub fn verify(path: &Path, now: DateTime<Utc>) -> io::Result<Report> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut report = verify_from(reader, LONGEST_LINE)?;
    for open in &mut report.open {
        open.may_be_running = open.is_in_time(now);
    }
    Ok(report)
}

pub(super) fn verify_from(mut reader: impl BufRead, longest: usize) -> io::Result<Report> {
    let mut reading = Reading::new();
    let mut line = Vec::new();
    while let Some(kind) = lines::read(&mut reader, longest, &mut line)? {
        match kind {
            Line::Whole => reading.take(&line),
            Line::Torn => reading.report.torn_bytes = line.len() as u64,
            Line::TooLong => reading.take_overlong(longest),
        }
    }
    Ok(reading.report())
}

/// What the lines read so far amount to.
struct Reading {
    report: Report,
    line: u64,
    /// Number and hash of the last record.
    last: Option<(u64, String)>,
    /// Lines that are no records, waiting for the record that speaks of them.
    strange: Strange,
    open: BTreeMap<String, OpenIntent>,
}

/// Lines that stand where records should.
#[derive(Default)]
struct Strange {
    lines: u64,
    first: u64,
    hash: Sha256,
}

impl Reading {
    fn new() -> Self {
        Self {
            report: Report::default(),
            line: 0,
            last: None,
            strange: Strange::default(),
            open: BTreeMap::new(),
        }
    }

    fn damage(&mut self, line: u64, what: impl Into<String>) {
        self.report.damage.push(Damage {
            line,
            what: what.into(),
        });
    }

    fn take_overlong(&mut self, longest: usize) {
        self.line += 1;
        self.damage(self.line, format!("it is longer than {longest} bytes"));
    }

    fn take(&mut self, line: &[u8]) {
        self.line += 1;
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => self.take_record(&record, line),
            Err(_) => {
                if self.strange.lines == 0 {
                    self.strange.first = self.line;
                }
                self.strange.lines += 1;
                self.strange.hash.update(line);
                self.strange.hash.update(b"\n");
            }
        }
    }

    fn take_record(&mut self, record: &Record, line: &[u8]) {
        let strange = std::mem::take(&mut self.strange);
        let speaks = matches!(record.event, Event::Recovered | Event::Sealed);
        let told = record.found.as_ref().filter(|_| speaks);
        let found = hex::of(&strange.hash.finalize());
        let believed = told.is_some_and(|told| told.sha256 == found && told.lines == strange.lines);
        if strange.lines > 0 && !believed {
            let what = match told {
                Some(_) => "it is not what the record behind it speaks of",
                None => "it is no record",
            };
            self.damage(strange.first, what);
        } else if strange.lines == 0 && speaks {
            self.damage(self.line, "what it speaks of is not there");
        }
        let sealed = strange.lines > 0 && self.last.is_none();
        if believed {
            let count = if sealed {
                &mut self.report.sealed_lines
            } else {
                &mut self.report.recovered
            };
            *count += strange.lines;
        }
        let (seq, prev) = match self.last.take() {
            Some((seq, hash)) => (seq + 1, hash),
            None if sealed => (1, told.map_or(found, |told| told.sha256.clone())),
            None => (1, GENESIS.to_owned()),
        };
        if record.prev != prev {
            self.damage(self.line, BROKEN);
        } else if record.seq != seq {
            self.damage(
                self.line,
                format!("its number is {} and should be {seq}", record.seq),
            );
        } else {
            self.report.records += 1;
        }
        self.last = Some((record.seq, hex::of(&Sha256::digest(line))));
        self.follow_run(record);
    }

    fn follow_run(&mut self, record: &Record) {
        let Some(id) = &record.request_id else { return };
        match record.event {
            Event::Intent => {
                let open = OpenIntent {
                    seq: record.seq,
                    timestamp: record.timestamp.clone(),
                    request_id: record.request_id.clone(),
                    target: record.target.clone(),
                    command: record.command.clone(),
                    limit_s: record.limit_s,
                    may_be_running: false,
                };
                if self.open.insert(id.clone(), open).is_some() {
                    self.damage(self.line, format!("request {id} was started twice"));
                }
            }
            Event::Outcome if self.open.remove(id).is_none() => {
                self.damage(
                    self.line,
                    format!("request {id} ended without having been started"),
                );
            }
            _ => {}
        }
    }

    fn report(mut self) -> Report {
        if self.strange.lines > 0 {
            self.damage(
                self.strange.first,
                "it is no record, and no record behind it speaks of it",
            );
        }
        self.report.open = self.open.into_values().collect();
        self.report.open.sort_by_key(|open| open.seq);
        self.report
    }
}

const BROKEN: &str =
    "it does not continue the line before it: one of the two was changed, removed or put in";

/// Seconds that connecting and ending may add to the time limit of a run.
const RUN_SLACK: i64 = 60;
