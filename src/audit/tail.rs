//! The end of the log: its last record, and what stands behind it that is none.
//!
//! **Reads** the open log, from its end.
//! **Gives** [`End`], [`last_lines`].
//! **Never** reads the whole log, unless its last line is no record.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt as _;

use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;
use crate::lines;
use crate::lines::Line;

/// How the log ends.
pub(super) struct End {
    /// Bytes of the file.
    pub(super) length: u64,
    /// The last record; none where there is none in the whole file.
    pub(super) last: Option<Last>,
}

/// The last record of a log.
pub(super) struct Last {
    /// Its number.
    pub(super) seq: u64,
    /// The hash of its line.
    pub(super) hash: String,
    /// Where the line behind it begins. What stands there is no record: torn by a crash, or
    /// written by somebody else.
    pub(super) end: u64,
}

impl Last {
    /// The same, for a file that it does not stand in.
    pub(super) fn before_all(self) -> Self {
        Self { end: 0, ..self }
    }
}

/// The fields by which a line is known for one of our records.
#[derive(Deserialize)]
pub(super) struct Known {
    /// Its number.
    pub(super) seq: u64,
    /// The hash of the line before.
    pub(super) prev: String,
}

/// Finds the last record. In a log that is whole that is its last line.
pub(super) fn read(file: &File) -> io::Result<End> {
    let length = file.metadata()?.len();
    let tail = last_lines(file, 1)?;
    let last = match tail.strip_suffix(b"\n").and_then(hashed) {
        Some((known, hash)) => Some(Last {
            seq: known.seq,
            hash,
            end: length,
        }),
        None if length == 0 => None,
        None => search(file)?,
    };
    Ok(End { length, last })
}

/// The bytes of the last lines, the last one with or without its line break.
pub(super) fn last_lines(file: &File, count: usize) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut size = FIRST_READ.min(length);
    loop {
        let mut tail = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(&mut tail, length - size)?;
        let body = tail.strip_suffix(b"\n").unwrap_or(&tail);
        let breaks = body
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n');
        if let Some((at, _)) = breaks.take(count).nth(count.saturating_sub(1)) {
            return Ok(tail.split_off(at + 1));
        }
        if size == length {
            return Ok(tail);
        }
        size = (size * 4).min(length);
    }
}

/// What a line says of itself, where it is a record of ours.
pub(super) fn known(line: &[u8]) -> Option<Known> {
    let known: Known = serde_json::from_slice(line).ok()?;
    (known.prev.len() == super::GENESIS.len()).then_some(known)
}

fn hashed(line: &[u8]) -> Option<(Known, String)> {
    Some((known(line)?, hex::of(&Sha256::digest(line))))
}

/// Reads the whole log for its last record, wherever it stands.
fn search(mut file: &File) -> io::Result<Option<Last>> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut last = None;
    while let Some(kind) = lines::read(&mut reader, super::LONGEST_LINE, &mut line)? {
        if kind == Line::Whole
            && let Some((known, hash)) = hashed(&line)
        {
            last = Some(Last {
                seq: known.seq,
                hash,
                end: reader.stream_position()?,
            });
        }
    }
    Ok(last)
}

/// Bytes of the first read: most records are far shorter.
const FIRST_READ: u64 = 8 * 1024;
