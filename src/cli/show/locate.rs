//! Finds one record by its number, and whether it fits its neighbours.
//!
//! **Reads** the log, a few lines here and there.
//! **Gives** [`record`], [`at`], [`Located`], [`Chain`].
//! **Never** needs an index.

use std::fs;
use std::io;

use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::audit::AuditLog;
use crate::audit::Entry;
use crate::audit::Files;
use crate::audit::GENESIS;
use crate::audit::Place;
use crate::audit::Segment;
use crate::hex;
use crate::index::Noted;

/// A record, and how it hangs together with those beside it.
#[derive(Debug)]
pub(in crate::cli) struct Located {
    /// Its bytes, without the line break.
    pub(in crate::cli) line: Vec<u8>,
    /// Their SHA-256.
    pub(in crate::cli) hash: [u8; 32],
    /// Whether it names the hash of the record before.
    pub(in crate::cli) before: Chain,
    /// Whether the record after names its hash.
    pub(in crate::cli) after: Chain,
}

/// Whether two records hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Chain {
    /// The later one names the hash of the earlier one.
    Holds,
    /// It does not.
    Broken,
    /// There is no other one.
    Ends,
}

/// What a record says of lines before it that are none.
#[derive(Deserialize)]
struct Sealing {
    event: String,
    found: FoundHash,
}

#[derive(Deserialize)]
struct FoundHash {
    sha256: String,
}

/// Finds a record by its number. Where records are not in their order it reads every line.
pub(in crate::cli) fn record(files: &Files, seq: u64) -> io::Result<Option<Located>> {
    let segments = files.segments()?;
    let after = segments.partition_point(|segment| segment.first <= seq);
    if let Some(at) = after.checked_sub(1)
        && let Some(segment) = segments.get(at)
        && let Some(from) = near(files, segment, seq)?
        && let Some(place) = find(files, Some(from), seq, Some(segment.first))?
    {
        return self::at(files, place);
    }
    match find(files, None, seq, None)? {
        Some(place) => self::at(files, place),
        None => Ok(None),
    }
}

/// The record at a place.
pub(in crate::cli) fn at(files: &Files, place: Place) -> io::Result<Option<Located>> {
    let before = before(files, place)?;
    let mut entries = files.entries(Some(place))?;
    let Some(entry) = entries.next().transpose()? else {
        return Ok(None);
    };
    let hash: [u8; 32] = Sha256::digest(&entry.line).into();
    let Some(noted) = Noted::of(&entry.line).filter(|_| !entry.torn) else {
        return Ok(None);
    };
    let prev = noted.prev.clone().into_owned();
    let before = match before {
        Some(before) if hex::of(&Sha256::digest(&before)) == prev => Chain::Holds,
        Some(_) => Chain::Broken,
        None if prev == GENESIS || sealed(&entry.line).is_some_and(|seal| seal == prev) => {
            Chain::Ends
        }
        None => Chain::Broken,
    };
    let mut after = Chain::Ends;
    for next in entries {
        let next = next?;
        if let Some(noted) = Noted::of(&next.line).filter(|_| !next.torn) {
            let fits = noted.prev == hex::of(&hash);
            after = if fits { Chain::Holds } else { Chain::Broken };
            break;
        }
    }
    Ok(Some(Located {
        line: entry.line,
        hash,
        before,
        after,
    }))
}

/// The hash of the lines of another program that a first record stands behind.
fn sealed(line: &[u8]) -> Option<String> {
    let sealing: Sealing = serde_json::from_slice(line).ok()?;
    (sealing.event == "sealed").then_some(sealing.found.sha256)
}

/// The last record before a place.
fn before(files: &Files, place: Place) -> io::Result<Option<Vec<u8>>> {
    let mut reach = REACH;
    loop {
        let from = Place {
            segment: place.segment,
            offset: place.offset.saturating_sub(reach),
        };
        let mut last = None;
        for entry in files.entries(Some(from))? {
            let entry = entry?;
            if entry.place >= place {
                break;
            }
            // Where it begins within a line, the rest of that line is no record.
            if Noted::of(&entry.line).is_some() {
                last = Some(entry.line);
            }
        }
        if last.is_some() {
            return Ok(last);
        }
        if from.offset == 0 {
            break;
        }
        reach = reach.saturating_mul(8);
    }
    let segments = files.segments()?;
    let earlier = segments
        .iter()
        .rev()
        .filter(|segment| segment.first < place.segment);
    for segment in earlier {
        let mut count = 1;
        loop {
            let text = AuditLog::last_lines(&segment.path, count)?;
            let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            let record = lines.iter().rev().find(|line| Noted::of(line).is_some());
            if let Some(record) = record {
                return Ok(Some(record.to_vec()));
            }
            if lines.len() < count {
                break;
            }
            count *= 8;
        }
    }
    Ok(None)
}

/// A place from which on a record is not far, by halving.
fn near(files: &Files, segment: &Segment, seq: u64) -> io::Result<Option<Place>> {
    let place = |offset| Place {
        segment: segment.first,
        offset,
    };
    let (mut low, mut high) = (0, fs::metadata(&segment.path)?.len());
    while high.saturating_sub(low) > REACH {
        let middle = low + (high - low) / 2;
        let mut entries = files.entries(Some(place(middle)))?;
        // The first one is what is left of a line.
        entries.next().transpose()?;
        let mut found = None;
        for entry in entries {
            let entry = entry?;
            if entry.place.segment != segment.first || entry.place.offset >= high {
                break;
            }
            if let Some(there) = number(&entry) {
                found = Some((entry.place.offset, there));
                break;
            }
        }
        match found {
            Some((offset, there)) if there <= seq => low = offset,
            _ => high = middle,
        }
    }
    Ok(Some(place(low)))
}

/// Where a record stands, from a place on, and within a segment where one is named.
fn find(
    files: &Files,
    from: Option<Place>,
    seq: u64,
    within: Option<u64>,
) -> io::Result<Option<Place>> {
    for entry in files.entries(from)? {
        let entry = entry?;
        if within.is_some_and(|within| entry.place.segment != within) {
            break;
        }
        match number(&entry) {
            Some(there) if there == seq => return Ok(Some(entry.place)),
            Some(there) if there > seq && within.is_some() => break,
            _ => {}
        }
    }
    Ok(None)
}

fn number(entry: &Entry) -> Option<u64> {
    Noted::of(&entry.line)
        .filter(|_| !entry.torn)
        .map(|noted| noted.seq)
}

/// Bytes that are read line by line.
const REACH: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of records in segments of five, and its folder.
    fn log(count: u64, change: impl Fn(u64, String) -> String) -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path().join("live"), dir.path().join("old"));
        fs::create_dir(dir.path().join("old")).unwrap();
        let (mut prev, mut text, mut first) = (GENESIS.to_owned(), String::new(), 1);
        for seq in 1..=count {
            let line = serde_json::json!({
                "timestamp": "2026-03-01T12:00:00.000Z", "seq": seq, "prev": prev,
                "event": "decision", "message": "x".repeat(seq as usize * 997 % 50_000),
            })
            .to_string();
            prev = hex::of(&Sha256::digest(&line));
            text.push_str(&change(seq, line));
            text.push('\n');
            if seq % 40 == 0 && seq < count {
                fs::write(dir.path().join(format!("old/{first:020}.jsonl")), &text).unwrap();
                (text, first) = (String::new(), seq + 1);
            }
        }
        fs::write(files.live(), text).unwrap();
        (dir, files)
    }

    #[test]
    fn every_record_is_found_by_its_number_and_fits_its_neighbours() {
        let (_dir, files) = log(100, |_, line| line);
        for seq in 1..=100 {
            let found = record(&files, seq).unwrap().unwrap();
            assert_eq!(Noted::of(&found.line).unwrap().seq, seq);
            let expected = |ends| if ends { Chain::Ends } else { Chain::Holds };
            assert_eq!(
                (found.before, found.after),
                (expected(seq == 1), expected(seq == 100)),
                "{seq}"
            );
        }
        for missing in [0, 101, u64::MAX] {
            assert!(record(&files, missing).unwrap().is_none());
        }
    }

    #[test]
    fn a_changed_record_fits_the_one_after_no_more() {
        let (_dir, files) = log(90, |seq, line| match seq {
            40 | 55 => line.replace("decision", "outcome"),
            _ => line,
        });
        for changed in [40, 55] {
            let found = record(&files, changed).unwrap().unwrap();
            assert_eq!((found.before, found.after), (Chain::Holds, Chain::Broken));
            let next = record(&files, changed + 1).unwrap().unwrap();
            assert_eq!((next.before, next.after), (Chain::Broken, Chain::Holds));
        }
    }

    #[test]
    fn a_record_out_of_its_order_is_found_all_the_same() {
        let (_dir, files) = log(60, |seq, line| match seq {
            3 => line.replace("\"seq\":3,", "\"seq\":77,"),
            50 => "torn by a crash".to_owned(),
            _ => line,
        });
        assert!(record(&files, 77).unwrap().is_some());
        assert!(record(&files, 3).unwrap().is_none());
        assert_eq!(record(&files, 49).unwrap().unwrap().after, Chain::Broken);
        assert_eq!(record(&files, 51).unwrap().unwrap().before, Chain::Broken);
    }
}
