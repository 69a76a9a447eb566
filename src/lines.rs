//! Reads lines of a bounded length.
//!
//! **Reads** whatever reader it is given.
//! **Gives** [`read`], [`Line`].
//! **Never** holds more than the longest line it was told to hold.

use std::io;
use std::io::BufRead;
use std::io::Read as _;

/// What was read into the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A line; its line break is not in the buffer.
    Whole,
    /// What stands behind the last line break.
    Torn,
    /// The beginning of a line that is too long; the rest of it was passed over.
    TooLong,
}

/// Reads the next line of at most `limit` bytes; none at the end.
pub fn read(
    reader: &mut impl BufRead,
    limit: usize,
    line: &mut Vec<u8>,
) -> io::Result<Option<Line>> {
    line.clear();
    if reader
        .by_ref()
        .take(limit as u64 + 1)
        .read_until(b'\n', line)?
        == 0
    {
        return Ok(None);
    }
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(Some(Line::Whole));
    }
    if line.len() <= limit {
        return Ok(Some(Line::Torn));
    }
    pass_over(reader)?;
    Ok(Some(Line::TooLong))
}

fn pass_over(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |at| at + 1);
        let over = bytes.is_empty() || end.is_some();
        reader.consume(used);
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_torn_or_too_long() {
        let mut reader = io::BufReader::with_capacity(4, &b"abc\n\n0123456789\nxy"[..]);
        let mut line = Vec::new();
        let mut found = Vec::new();
        while let Some(kind) = read(&mut reader, 5, &mut line).unwrap() {
            found.push((kind, String::from_utf8(line.clone()).unwrap()));
        }
        let expected = [
            (Line::Whole, "abc"),
            (Line::Whole, ""),
            (Line::TooLong, "012345"),
            (Line::Torn, "xy"),
        ];
        assert_eq!(found, expected.map(|(kind, text)| (kind, text.to_owned())));
    }
}
