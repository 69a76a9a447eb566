//! All files of one log, read in the order of their records.
//!
//! **Reads** the live file and the rotated segments.
//! **Gives** [`Files`], [`Segment`], [`Entries`], [`Entry`], [`Place`].
//! **Never** writes, never locks, and never mixes two segments where one is rotated under its hands.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::vec;

use serde::Deserialize;
use serde::Serialize;

use super::LONGEST_LINE;
use super::Record;
use super::tail;
use crate::home::Home;

/// The files of one log: the live one, and the directory of those that were rotated away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    live: PathBuf,
    rotated: PathBuf,
}

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it lies.
    pub path: PathBuf,
    /// The number of its first record.
    pub first: u64,
    /// Whether it is the one that is written.
    pub live: bool,
}

/// Where a line begins. It stays the same when its segment is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The number of the first record in its segment.
    pub segment: u64,
    /// Bytes before it in that segment.
    pub offset: u64,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins.
    pub place: Place,
    /// Its bytes, without the line break.
    pub line: Vec<u8>,
    /// Whether its line break is not there: a write that is going on, or was torn by a crash.
    pub torn: bool,
}

impl Entry {
    /// The record; none where the line is none of this program.
    pub fn record(&self) -> Option<Record> {
        serde_json::from_slice(&self.line)
            .ok()
            .filter(|_| !self.torn)
    }

    /// Where the line behind it begins.
    pub fn next(&self) -> Place {
        let length = self.line.len() as u64 + u64::from(!self.torn);
        Place {
            segment: self.place.segment,
            offset: self.place.offset + length,
        }
    }
}

impl Files {
    /// The log of an installation.
    pub fn of(home: &Home) -> Self {
        Self::new(home.audit(), home.evidence())
    }

    /// A log by its live file and the directory of its rotated segments.
    pub fn new(live: impl Into<PathBuf>, rotated: impl Into<PathBuf>) -> Self {
        Self {
            live: live.into(),
            rotated: rotated.into(),
        }
    }

    /// The file that is written.
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// Every segment in the order of its records; the live one is last, and left out where it is
    /// empty.
    ///
    /// # Errors
    ///
    /// The live file or the directory cannot be read. A directory that is not there holds nothing.
    pub fn segments(&self) -> io::Result<Vec<Segment>> {
        // The live file is looked at first: what is rotated in between is then seen twice and not
        // missed.
        let file = File::open(&self.live)?;
        let first = first_number(&file)?;
        let empty = file.metadata()?.len() == 0;
        let mut segments = self.rotated()?;
        let first = match (first, segments.last()) {
            (Some(first), _) => first,
            (None, None) => 1,
            // Nothing but lines that are no records behind the last segment.
            (None, Some(last)) => last_number(&last.path)?.map_or(last.first, |last| last + 1),
        };
        if empty {
            return Ok(segments);
        }
        // A copy whose original was not emptied yet.
        segments.retain(|segment| segment.first < first);
        segments.push(Segment {
            path: self.live.clone(),
            first,
            live: true,
        });
        Ok(segments)
    }

    /// The segments that were rotated away, in order.
    pub(super) fn rotated(&self) -> io::Result<Vec<Segment>> {
        let entries = match fs::read_dir(&self.rotated) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let mut segments = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(first) = entry.file_name().to_str().and_then(number_of)
                && entry.file_type()?.is_file()
            {
                segments.push(Segment {
                    path: entry.path(),
                    first,
                    live: false,
                });
            }
        }
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }

    /// Where the segment of this number lies, or will lie, once it is rotated.
    pub(super) fn rotated_path(&self, first: u64) -> PathBuf {
        self.rotated.join(format!("{first:0DIGITS$}{SUFFIX}"))
    }

    /// Every line, from a place on or from the first one.
    ///
    /// # Errors
    ///
    /// As [`Files::segments`]; or there is no segment of that number.
    pub fn entries(&self, from: Option<Place>) -> io::Result<Entries> {
        Ok(Entries {
            blocks: self.blocks(from, CHUNK)?,
            block: None,
            used: 0,
        })
    }

    /// The same in blocks of whole lines, each about `size` bytes long.
    pub(super) fn blocks(&self, from: Option<Place>, size: usize) -> io::Result<Blocks> {
        let mut segments = self.segments()?;
        let mut start = 0;
        if let Some(from) = from {
            let all = segments.len();
            segments.retain(|segment| segment.first >= from.segment);
            match segments.first() {
                Some(segment) if segment.first == from.segment => start = from.offset,
                // Everything up to now was read, and the live file is empty.
                None if all == 0 => {}
                _ => {
                    let what = format!("the log has no segment {}", from.segment);
                    return Err(io::Error::new(io::ErrorKind::NotFound, what));
                }
            }
        }
        Ok(Blocks {
            files: self.clone(),
            queue: segments.into_iter(),
            reading: None,
            size,
            start,
            last: 0,
            failed: false,
        })
    }

    /// The line at a place, without its line break.
    ///
    /// # Errors
    ///
    /// It cannot be read, or there is no line.
    pub fn line_at(&self, place: Place) -> io::Result<Vec<u8>> {
        let found = self.entries(Some(place))?.next();
        match found {
            Some(entry) => entry.map(|entry| entry.line),
            None => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the log has no line there",
            )),
        }
    }
}

/// Reads the lines of a log one after the other; see [`Files::entries`].
#[derive(Debug)]
pub struct Entries {
    blocks: Blocks,
    block: Option<Block>,
    /// Bytes of the block that were given away.
    used: usize,
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = &self.block
                && let Some(rest) = block.bytes.get(self.used..).filter(|rest| !rest.is_empty())
            {
                let end = memchr::memchr(b'\n', rest);
                let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                let place = Place {
                    segment: block.first,
                    offset: block.at + self.used as u64,
                };
                self.used += line.len() + 1;
                return Some(Ok(Entry {
                    place,
                    line: line.to_vec(),
                    torn: end.is_none(),
                }));
            }
            self.used = 0;
            self.block = match self.blocks.next()? {
                Ok(block) => Some(block),
                Err(fault) => return Some(Err(fault)),
            };
        }
    }
}

/// Whole lines that stand one behind the other in one segment.
#[derive(Debug)]
pub(super) struct Block {
    /// The number of the first record in their segment.
    pub(super) first: u64,
    /// The name of the file.
    pub(super) name: String,
    /// Where they begin in it.
    pub(super) at: u64,
    /// Their bytes. Only what stands last in the log may be without a line break.
    pub(super) bytes: Vec<u8>,
}

/// Reads a log in blocks; see [`Files::blocks`].
#[derive(Debug)]
pub(super) struct Blocks {
    files: Files,
    queue: vec::IntoIter<Segment>,
    reading: Option<Reading>,
    size: usize,
    /// Bytes to pass over in the next segment.
    start: u64,
    /// The number of the segment that is read, or was read last.
    last: u64,
    failed: bool,
}

impl Iterator for Blocks {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.step();
        self.failed = next.is_err();
        next.transpose()
    }
}

impl Blocks {
    fn step(&mut self) -> io::Result<Option<Block>> {
        loop {
            if let Some(reading) = &mut self.reading {
                if let Some(block) = reading.block(&self.files, self.size)? {
                    return Ok(Some(block));
                }
                let rotated = !reading.segment.live;
                self.reading = None;
                // The live file became a segment while it was read: another one follows it.
                if rotated && self.queue.len() == 0 {
                    let read = self.last;
                    let mut segments = self.files.segments()?;
                    segments.retain(|segment| segment.first > read);
                    self.queue = segments.into_iter();
                }
            }
            let Some(segment) = self.queue.next() else {
                return Ok(None);
            };
            self.last = segment.first;
            let at = std::mem::take(&mut self.start);
            self.reading = Some(Reading::open(&self.files, segment, at)?);
        }
    }
}

/// One segment, as far as it was read.
#[derive(Debug)]
struct Reading {
    file: File,
    segment: Segment,
    /// The first bytes of the file when it was opened.
    beginning: Vec<u8>,
    /// What was read and not given away: the beginning of a line.
    held: Vec<u8>,
    /// Where in the file that begins.
    at: u64,
    /// Whether its end was reached. What is written behind a line that was given away without its
    /// end is the rest of that line, and no line.
    over: bool,
}

impl Reading {
    fn open(files: &Files, segment: Segment, at: u64) -> io::Result<Self> {
        let reading = Self::new(File::open(&segment.path)?, segment, at)?;
        let Segment { first, live, .. } = reading.segment;
        // It may have been emptied since it was looked at, and nothing may be written yet.
        if live && first_number(&reading.file)? != Some(first) {
            return match Self::copy(files, first, at) {
                // It holds no record at all.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(reading),
                copy => copy,
            };
        }
        Ok(reading)
    }

    fn copy(files: &Files, first: u64, at: u64) -> io::Result<Self> {
        let path = files.rotated_path(first);
        let segment = Segment {
            path,
            first,
            live: false,
        };
        Self::new(File::open(&segment.path)?, segment, at)
    }

    fn new(file: File, segment: Segment, at: u64) -> io::Result<Self> {
        let mut beginning = vec![0; BEGINNING];
        let read = file.read_at(&mut beginning, 0)?;
        beginning.truncate(read);
        Ok(Self {
            file,
            segment,
            beginning,
            held: Vec::new(),
            at,
            over: false,
        })
    }

    /// The next lines; none at the end.
    fn block(&mut self, files: &Files, size: usize) -> io::Result<Option<Block>> {
        let mut searched = 0;
        if self.over {
            return Ok(None);
        }
        loop {
            let over = self.fill(files, size)? == 0;
            let fresh = self.held.get(searched..).unwrap_or_default();
            let end = memchr::memrchr(b'\n', fresh).map(|at| searched + at + 1);
            let end = match end {
                None if over => {
                    self.over = true;
                    self.held.len()
                }
                None if self.held.len() > LONGEST_LINE => {
                    return Err(io::Error::other("a line is longer than any record"));
                }
                None => {
                    searched = self.held.len();
                    continue;
                }
                Some(end) => end,
            };
            let rest = self.held.split_off(end);
            let bytes = std::mem::replace(&mut self.held, rest);
            let at = self.at;
            self.at += bytes.len() as u64;
            let name = self.segment.path.file_name().unwrap_or_default();
            return Ok((!bytes.is_empty()).then(|| Block {
                first: self.segment.first,
                name: name.to_string_lossy().into_owned(),
                at,
                bytes,
            }));
        }
    }

    /// Reads up to `size` more bytes, and says how many they were.
    fn fill(&mut self, files: &Files, size: usize) -> io::Result<usize> {
        let held = self.held.len();
        // No more room than there is to read; one byte tells that there is nothing.
        let left = self.file.metadata()?.len();
        let left = left.saturating_sub(self.at + held as u64);
        let size = usize::try_from(left).unwrap_or(size).clamp(1, size);
        self.held.resize(held + size, 0);
        let read = loop {
            let space = self.held.get_mut(held..).unwrap_or_default();
            let read = self.file.read_at(space, self.at + held as u64)?;
            // A live file is emptied only after it was copied: as long as it begins as it did,
            // what was read is what stood there.
            if self.segment.live && !begins_with(&self.file, &self.beginning)? {
                *self = Self {
                    held: std::mem::take(&mut self.held),
                    ..Self::copy(files, self.segment.first, self.at)?
                };
                continue;
            }
            break read;
        };
        self.held.truncate(held + read);
        Ok(read)
    }
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The number of the first record in a file.
pub(super) fn first_number(file: &File) -> io::Result<Option<u64>> {
    let alone = Segment {
        path: PathBuf::new(),
        first: 0,
        live: false,
    };
    let mut reading = Reading::new(file.try_clone()?, alone, 0)?;
    let nowhere = Files::new("", "");
    while let Some(block) = reading.block(&nowhere, FIRST_CHUNK)? {
        let lines = block.bytes.split_inclusive(|byte| *byte == b'\n');
        let mut records = lines.filter_map(|line| tail::known(line.strip_suffix(b"\n")?));
        if let Some(record) = records.next() {
            return Ok(Some(record.seq));
        }
    }
    Ok(None)
}

fn last_number(path: &Path) -> io::Result<Option<u64>> {
    Ok(tail::read(&File::open(path)?)?.last.map(|last| last.seq))
}

/// Whether a file still begins with what it began with.
fn begins_with(file: &File, beginning: &[u8]) -> io::Result<bool> {
    let mut now = vec![0; beginning.len()];
    let read = file.read_at(&mut now, 0)?;
    Ok(now.get(..read) == Some(beginning))
}

/// Bytes by which the beginning of a file is known again: they hold the number of its first record.
const BEGINNING: usize = 256;

/// Digits in a segment's name: enough for every number, so that names sort as numbers do.
const DIGITS: usize = 20;

const SUFFIX: &str = ".jsonl";

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Bytes that are read for the first record: most are far shorter.
const FIRST_CHUNK: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    struct Log {
        dir: tempfile::TempDir,
        files: Files,
    }

    fn line(seq: u64) -> String {
        format!(r#"{{"seq":{seq},"prev":"{}"}}"#, crate::audit::GENESIS)
    }

    fn lines(seqs: std::ops::RangeInclusive<u64>) -> String {
        seqs.map(|seq| line(seq) + "\n").collect()
    }

    impl Log {
        fn new(rotated: &[std::ops::RangeInclusive<u64>], live: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let files = Files::new(dir.path().join("live"), dir.path().join("old"));
            fs::create_dir(dir.path().join("old")).unwrap();
            for seqs in rotated {
                fs::write(files.rotated_path(*seqs.start()), lines(seqs.clone())).unwrap();
            }
            fs::write(files.live(), live).unwrap();
            Self { dir, files }
        }

        fn seqs(&self, from: Option<Place>) -> Vec<u64> {
            let entries = self.files.entries(from).unwrap();
            entries.map(|entry| seq(&entry.unwrap())).collect()
        }
    }

    fn seq(entry: &Entry) -> u64 {
        tail::known(&entry.line).unwrap().seq
    }

    #[test]
    fn segments_are_read_in_the_order_of_their_records() {
        let log = Log::new(&[3..=9, 1..=2], &lines(10..=12));
        fs::write(log.dir.path().join("old/notes.jsonl"), "no segment").unwrap();
        assert_eq!(log.seqs(None), (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_is_found_again_where_it_was() {
        let log = Log::new(&[1..=3], &lines(4..=6));
        for entry in log.files.entries(None).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(log.files.line_at(entry.place).unwrap(), entry.line);
            let behind: Vec<_> = (seq(&entry) + 1..=6).collect();
            assert_eq!(log.seqs(Some(entry.next())), behind);
        }
        let nowhere = Place {
            segment: 2,
            offset: 0,
        };
        assert!(log.files.line_at(nowhere).is_err());
    }

    #[test]
    fn a_copy_that_was_not_finished_is_not_read_twice() {
        let log = Log::new(&[1..=3, 4..=6], &lines(4..=8));
        assert_eq!(log.seqs(None), (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_torn_is_said_to_be() {
        let log = Log::new(&[], &(lines(1..=2) + "{\"seq\":3"));
        let entries: Vec<_> = log.files.entries(None).unwrap().flatten().collect();
        assert_eq!(
            entries.iter().map(|entry| entry.torn).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert!(entries[2].record().is_none());
    }

    #[test]
    fn a_reader_follows_a_segment_that_is_rotated_under_its_hands() {
        let many = lines(1..=5000);
        let log = Log::new(&[], &many);
        let mut entries = log.files.entries(None).unwrap();
        for seq_wanted in 1..=10 {
            assert_eq!(seq(&entries.next().unwrap().unwrap()), seq_wanted);
        }
        fs::write(log.files.rotated_path(1), &many).unwrap();
        fs::write(log.files.live(), lines(5001..=9000)).unwrap();
        let rest: Vec<_> = entries.map(|entry| seq(&entry.unwrap())).collect();
        assert_eq!(rest, (11..=9000).collect::<Vec<_>>());
    }

    #[test]
    fn the_rest_of_a_line_that_is_being_written_is_no_line() {
        let log = Log::new(&[], &(lines(1..=2) + "{\"seq\":3"));
        let mut entries = log.files.entries(None).unwrap();
        let torn = entries.nth(2).unwrap().unwrap();
        assert!(torn.torn);
        let mut live = File::options().append(true).open(log.files.live()).unwrap();
        live.write_all(format!(" }}\n{}", lines(4..=5)).as_bytes())
            .unwrap();
        assert!(entries.next().is_none());
    }

    #[test]
    fn a_live_file_that_is_emptied_before_its_turn_is_read_from_its_copy() {
        let log = Log::new(&[1..=3], &lines(4..=6));
        let mut entries = log.files.entries(None).unwrap();
        assert_eq!(seq(&entries.next().unwrap().unwrap()), 1);
        fs::rename(log.files.live(), log.files.rotated_path(4)).unwrap();
        File::create(log.files.live()).unwrap();
        let rest: Vec<_> = entries.map(|entry| seq(&entry.unwrap())).collect();
        assert_eq!(rest, [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_reader_goes_on_from_its_place_after_the_live_file_was_emptied() {
        let log = Log::new(&[], &lines(1..=3));
        let last = log.files.entries(None).unwrap().last().unwrap().unwrap();
        fs::rename(log.files.live(), log.files.rotated_path(1)).unwrap();
        File::create(log.files.live()).unwrap();
        assert_eq!(log.seqs(Some(last.next())), Vec::<u64>::new());
        let mut live = File::options().append(true).open(log.files.live()).unwrap();
        live.write_all(lines(4..=5).as_bytes()).unwrap();
        assert_eq!(log.seqs(Some(last.next())), [4, 5]);
    }

    #[test]
    fn a_log_without_any_record_is_read_all_the_same() {
        let log = Log::new(&[], "of another program\n");
        let entries: Vec<_> = log.files.entries(None).unwrap().flatten().collect();
        assert_eq!(entries.len(), 1);
        assert!(Log::new(&[], "").seqs(None).is_empty());
    }
}
