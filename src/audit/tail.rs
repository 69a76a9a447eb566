//! The end of the log: its last whole line, and what a crash may have left behind it.
//!
//! **Reads** the last bytes of the open log.
//! **Gives** [`End`].
//! **Never** reads more than the longest line there may be, twice.

use std::fs::File;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt as _;

use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;

/// How the log ends.
pub(super) struct End {
    /// Bytes of the file.
    pub(super) length: u64,
    /// The last whole line.
    pub(super) last: Last,
    /// What stands behind it without a line break.
    pub(super) torn: Option<Torn>,
}

/// The last whole line of the log.
pub(super) enum Last {
    /// The file is empty.
    Nothing,
    /// One of our records.
    Record { seq: u64, hash: String },
    /// Something else, whole or torn.
    Foreign,
}

/// A line without an end.
pub(super) struct Torn {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// The fields by which a line is known for one of our records.
#[derive(Deserialize)]
struct Number {
    seq: u64,
    prev: String,
}

pub(super) fn read(file: &File, limit: usize) -> io::Result<End> {
    let length = file.metadata()?.len();
    let tail = last_lines(file, length, limit)?;
    let whole = tail
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let (lines, torn) = tail.split_at_checked(whole).unwrap_or((&tail, &[]));
    let torn = (!torn.is_empty()).then(|| Torn {
        bytes: torn.len() as u64,
        sha256: hex::of(&Sha256::digest(torn)),
    });
    // Behind the last line break `split` gives an empty piece.
    let last = match lines
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty())
    {
        Some(line) => known(line),
        None if length == 0 => Last::Nothing,
        None => Last::Foreign,
    };
    Ok(End { length, last, torn })
}

fn known(line: &[u8]) -> Last {
    match serde_json::from_slice::<Number>(line) {
        Ok(number) if number.prev.len() == super::GENESIS.len() => Last::Record {
            seq: number.seq,
            hash: hex::of(&Sha256::digest(line)),
        },
        _ => Last::Foreign,
    }
}

/// Reads backwards until a whole line and its beginning are in hand: two line breaks, or the start
/// of the file, or more than the longest record.
fn last_lines(file: &File, length: u64, limit: usize) -> io::Result<Vec<u8>> {
    let longest = 2 * limit as u64 + FIRST_READ;
    let mut size = FIRST_READ.min(length);
    loop {
        let mut tail = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(&mut tail, length - size)?;
        let breaks = tail.iter().filter(|byte| **byte == b'\n').count();
        if size == length || breaks >= 2 || size >= longest {
            return Ok(tail);
        }
        size = (size * 4).min(length).min(longest);
    }
}

/// Reads the whole log for its last record, wherever it stands: number and hash.
pub(super) fn last_record(file: &File, limit: usize) -> io::Result<Option<(u64, String)>> {
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut last = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader)
            .take(limit as u64 + 1)
            .read_until(b'\n', &mut line)?
            == 0
        {
            return Ok(last);
        }
        // A piece of a longer line is no record either.
        if line.pop_if(|byte| *byte == b'\n').is_some()
            && let Last::Record { seq, hash } = known(&line)
        {
            last = Some((seq, hash));
        }
    }
}

/// Bytes of the first read: most records are far shorter than half of it.
const FIRST_READ: u64 = 8 * 1024;
