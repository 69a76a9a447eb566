//! Keeps the beginning and the end of a stream of any length, and counts and hashes all of it.
//!
//! **Reads** chunks of bytes.
//! **Gives** [`Capture`].
//! **Never** holds more than it was given room for.

use std::borrow::Cow;
use std::collections::VecDeque;

use sha2::Digest;
use sha2::Sha256;

use crate::hex;
use crate::outcome::Captured;

/// One stream, as far as it was read.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_room: usize,
    tail_room: usize,
    bytes: u64,
    hash: Sha256,
}

impl Capture {
    /// Makes room for `room` bytes: half for the beginning, half for the end.
    pub(super) fn new(room: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_room: room - room / 2,
            tail_room: room / 2,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    /// Takes the next chunk.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.hash.update(chunk);
        let free = self.head_room.saturating_sub(self.head.len());
        let (first, rest) = chunk.split_at(free.min(chunk.len()));
        self.head.extend_from_slice(first);
        let (_, last) = rest.split_at(rest.len().saturating_sub(self.tail_room));
        let over = (self.tail.len() + last.len()).saturating_sub(self.tail_room);
        self.tail.drain(..over);
        self.tail.extend(last);
    }

    /// How many bytes were taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Turns what was kept into text.
    pub(super) fn finish(self) -> Captured {
        let Self {
            mut head,
            tail,
            bytes,
            hash,
            ..
        } = self;
        let kept = (head.len() + tail.len()) as u64;
        let truncated = kept < bytes;
        let mut tail = Vec::from(tail);
        if truncated {
            head.truncate(end_of_head(&head));
            tail.drain(..start_of_tail(&tail));
        } else {
            head.append(&mut tail);
        }
        let (mut text, mut not_utf8) = text_of(&head);
        if truncated {
            let gone = bytes - (head.len() + tail.len()) as u64;
            let line_break = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            let (end, odd) = text_of(&tail);
            not_utf8 |= odd;
            text = format!("{text}{line_break}[... {gone} bytes cut ...]\n{end}");
        }
        Captured {
            text,
            bytes,
            sha256: hex::of(&hash.finalize()),
            truncated,
            not_utf8,
        }
    }
}

fn text_of(bytes: &[u8]) -> (String, bool) {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => (text.to_owned(), false),
        Cow::Owned(text) => (text, true),
    }
}

/// Where the beginning is best cut: after its last line break, unless that would cost more than a
/// quarter of it; then before the word that the cut went through.
fn end_of_head(head: &[u8]) -> usize {
    let last = |found: fn(&u8) -> bool| head.iter().rposition(found).map_or(0, |at| at + 1);
    let line = last(|&byte| byte == b'\n');
    if line > 0 && line >= head.len() - head.len() / 4 {
        line
    } else {
        last(parts_words)
    }
}

/// Where the end is best begun: after its first line break, unless that would cost more than a
/// quarter of it; then after the word that the cut went through.
fn start_of_tail(tail: &[u8]) -> usize {
    let first = |found: fn(&u8) -> bool| tail.iter().position(found);
    match first(|&byte| byte == b'\n') {
        Some(at) if at < tail.len() / 4 => at + 1,
        _ => first(parts_words).map_or(tail.len(), |at| at + 1),
    }
}

/// True for a byte that no token, password or key holds. A word that the cut went through is left
/// out whole: half of a secret is no longer known for one.
fn parts_words(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'`,;<>(){}[]|".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn captured(room: usize, chunks: &[&[u8]]) -> Captured {
        let mut capture = Capture::new(room);
        for chunk in chunks {
            capture.take(chunk);
        }
        capture.finish()
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let all = captured(8, &[b"ab", b"", b"cdefgh"]);
        assert_eq!(all.text, "abcdefgh");
        assert!(!all.truncated && !all.not_utf8);
        assert_eq!(all.bytes, 8);
    }

    #[test]
    fn nothing_is_nothing() {
        let none = captured(8, &[]);
        assert_eq!(
            (none.text.as_str(), none.bytes, none.truncated),
            ("", 0, false)
        );
        assert_eq!(
            none.sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn the_middle_is_cut_and_the_mark_says_how_much() {
        let cut = captured(12, &[b"aaaa xxxxx", b"xxxxx cccc"]);
        assert_eq!(cut.text, "aaaa \n[... 11 bytes cut ...]\ncccc");
        assert!(cut.truncated);
        assert_eq!(cut.bytes, 20);
    }

    #[test]
    fn a_secret_that_the_cut_goes_through_is_left_out_whole() {
        let secret = "hunter2".repeat(100);
        let text = format!("begin password={secret} end");
        for room in 20..700 {
            let cut = captured(room, &[text.as_bytes()]);
            assert!(!cut.text.contains("unter2h"), "{room}: {}", cut.text);
        }
    }

    #[test]
    fn the_way_it_came_in_pieces_changes_nothing() {
        let all: Vec<u8> = (0..=255_u8).cycle().take(5000).collect();
        let whole = captured(100, &[&all]);
        for size in [1, 3, 49, 50, 51, 100, 4999] {
            assert_eq!(
                captured(100, &all.chunks(size).collect::<Vec<_>>()),
                whole,
                "{size}"
            );
        }
    }

    #[test]
    fn the_cut_prefers_line_boundaries() {
        let lines = "0123456789abcde\n".repeat(8);
        let cut = captured(80, &[lines.as_bytes()]);
        assert_eq!(
            cut.text,
            "0123456789abcde\n0123456789abcde\n[... 64 bytes cut ...]\n0123456789abcde\n0123456789abcde\n"
        );
    }

    #[test]
    fn the_cut_breaks_no_character() {
        let text = "ä".repeat(50);
        for room in 6..20 {
            let cut = captured(room, &[text.as_bytes()]);
            assert!(!cut.not_utf8, "{room}: {}", cut.text);
            assert!(!cut.text.contains('\u{fffd}'), "{room}: {}", cut.text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_flagged() {
        let odd = captured(80, &[b"a\xff\xfeb"]);
        assert_eq!(
            (odd.text.as_str(), odd.not_utf8),
            ("a\u{fffd}\u{fffd}b", true)
        );
        assert!(captured(8, &[b"\xff \xff\xff\xff\xff\xff\xff \xff"]).not_utf8);
        assert!(
            captured(8, &[b"ab\xc3"]).not_utf8,
            "an end in the middle of a character is odd"
        );
    }

    #[test]
    fn no_room_keeps_nothing_but_the_count() {
        assert_eq!(captured(0, &[b"abc"]).text, "[... 3 bytes cut ...]\n");
        assert_eq!(captured(1, &[b"abc"]).text, "[... 3 bytes cut ...]\n");
    }
}
