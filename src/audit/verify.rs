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
use std::io::Read as _;
use std::path::Path;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::Event;
use super::GENESIS;
use super::Record;
use crate::hex;

/// What was found in a log.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Records that are whole and in their place.
    pub records: u64,
    /// Lines of another program before the first record, sealed by their hash.
    pub sealed_lines: u64,
    /// Torn lines, each acknowledged by the record behind it.
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
    /// Its time limit in seconds: until it is over, the run may simply be going on.
    pub limit_s: Option<u64>,
}

impl Report {
    /// Whether every line is what it should be. Open runs are told apart: they may be going on.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

impl OpenIntent {
    /// Until its time limit and some more is over, a run without an outcome may simply be going on.
    pub fn may_be_going_on(&self, now: DateTime<Utc>) -> bool {
        let limit = i64::try_from(self.limit_s.unwrap_or(0)).unwrap_or(i64::MAX / 2);
        let slack = TimeDelta::try_seconds(limit.saturating_add(RUN_SLACK));
        DateTime::parse_from_rfc3339(&self.timestamp)
            .ok()
            .zip(slack)
            .and_then(|(started, slack)| started.to_utc().checked_add_signed(slack))
            .is_some_and(|over| now < over)
    }
}

/// Reads a log line by line; `line_bytes` bounds the longest.
pub fn verify(path: &Path, line_bytes: usize) -> io::Result<Report> {
    verify_from(
        BufReader::with_capacity(1 << 16, File::open(path)?),
        line_bytes,
    )
}

pub(super) fn verify_from(mut reader: impl BufRead, line_bytes: usize) -> io::Result<Report> {
    let mut reading = Reading::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = line_bytes as u64 + 1;
        if (&mut reader).take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(reading.report());
        }
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        if !whole && line.len() > line_bytes {
            skip_line(&mut reader)?;
            reading.take_overlong(line_bytes);
        } else {
            reading.take(&line, whole);
        }
    }
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |at| at + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// What the lines read so far amount to.
struct Reading {
    report: Report,
    line: u64,
    /// Number and hash of the last record.
    last: Option<(u64, String)>,
    /// Hash over all bytes before the first record, for a seal.
    foreign: Sha256,
    foreign_lines: u64,
    /// A line that is no record, waiting for the record that explains it.
    strange: Option<(u64, String)>,
    open: BTreeMap<String, OpenIntent>,
}

impl Reading {
    fn new() -> Self {
        Self {
            report: Report::default(),
            line: 0,
            last: None,
            foreign: Sha256::new(),
            foreign_lines: 0,
            strange: None,
            open: BTreeMap::new(),
        }
    }

    fn damage(&mut self, what: String) {
        self.report.damage.push(Damage {
            line: self.line.max(1),
            what,
        });
    }

    fn take_overlong(&mut self, line_bytes: usize) {
        self.line += 1;
        self.report_strange();
        self.damage(format!("it is longer than {line_bytes} bytes"));
    }

    fn take(&mut self, line: &[u8], whole: bool) {
        self.line += 1;
        if !whole {
            self.report.torn_bytes = line.len() as u64;
            return;
        }
        let record = serde_json::from_slice::<Record>(line).ok();
        match record {
            Some(record) => self.take_record(&record, line),
            None if self.last.is_none() => {
                self.foreign_lines += 1;
                self.foreign.update(line);
                self.foreign.update(b"\n");
            }
            None => self.take_strange(line),
        }
    }

    /// A line in the middle that is no record: right only if the next record says it was torn.
    fn take_strange(&mut self, line: &[u8]) {
        self.report_strange();
        self.strange = Some((self.line, hex::of(&Sha256::digest(line))));
    }

    fn report_strange(&mut self) {
        if let Some((line, _)) = self.strange.take() {
            self.report.damage.push(Damage {
                line,
                what: "it is no record".to_owned(),
            });
        }
    }

    fn take_record(&mut self, record: &Record, line: &[u8]) {
        if record.event == Event::Recovered {
            self.take_recovered(record);
        } else {
            self.report_strange();
        }
        let (seq, prev) = match self.last.take() {
            Some((seq, hash)) => (seq + 1, hash),
            None => (1, self.first_prev(record)),
        };
        if record.prev != prev {
            let what = "it does not continue the line before it: one of the two was changed, removed or put in";
            self.damage(what.to_owned());
        } else if record.seq != seq {
            self.damage(format!("its number is {} and should be {seq}", record.seq));
        } else {
            self.report.records += 1;
        }
        self.last = Some((record.seq, hex::of(&Sha256::digest(line))));
        self.follow_run(record);
    }

    fn take_recovered(&mut self, record: &Record) {
        let told = record.found.as_ref().map(|found| found.sha256.clone());
        match (self.strange.take(), told) {
            (Some((_, found)), Some(told)) if found == told => self.report.recovered += 1,
            (strange, _) => {
                let line = strange.map_or(self.line, |(line, _)| line);
                let what = "the torn line before it is not the one it speaks of".to_owned();
                self.report.damage.push(Damage { line, what });
            }
        }
    }

    /// What the first record has to continue: nothing, or the lines of another program.
    fn first_prev(&mut self, record: &Record) -> String {
        if self.foreign_lines == 0 {
            return GENESIS.to_owned();
        }
        let found = hex::of(&self.foreign.clone().finalize());
        let told = record
            .found
            .as_ref()
            .filter(|_| record.event == Event::Sealed);
        match told {
            Some(told) if told.sha256 == found && told.lines == self.foreign_lines => {
                self.report.sealed_lines = self.foreign_lines;
            }
            Some(_) => self.damage("the lines before it are not the ones it sealed".to_owned()),
            None => self.damage("the lines before it are no records and are not sealed".to_owned()),
        }
        found
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
                };
                if self.open.insert(id.clone(), open).is_some() {
                    self.damage(format!("request {id} was started twice"));
                }
            }
            Event::Outcome if self.open.remove(id).is_none() => {
                self.damage(format!("request {id} ended without having been started"));
            }
            _ => {}
        }
    }

    fn report(mut self) -> Report {
        self.report_strange();
        if self.last.is_none() && self.foreign_lines > 0 {
            self.report.sealed_lines = 0;
            self.damage(format!(
                "{} lines are no records and are not sealed",
                self.foreign_lines
            ));
        }
        self.report.open = self.open.into_values().collect();
        self.report.open.sort_by_key(|open| open.seq);
        self.report
    }
}

/// Seconds that connecting and ending may add to the time limit of a run.
const RUN_SLACK: i64 = 60;
