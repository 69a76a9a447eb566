//! What is typed on a terminal in raw mode, key by key.
//!
//! **Reads** standard input.
//! **Gives** [`Keys`], [`Key`].
//! **Never** takes what was typed before a question was shown for its answer: see [`Keys::forget`].

use std::io;
use std::io::stdin;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::io::Errno;
use rustix::termios::QueueSelector;
use rustix::termios::tcflush;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// One that stands for a character.
    Char(char),
    /// Return.
    Enter,
    /// Esc, and nothing behind it.
    Escape,
    /// What takes back one character.
    Backspace,
    /// Ctrl-U: what takes back the line.
    Erase,
    /// Ctrl-C.
    Leave,
    /// Ctrl-L.
    Redraw,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Any other.
    Other,
    /// The terminal is gone, or this program is to end.
    Closed,
}

/// The keys that were typed and not yet asked for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
}

impl Keys {
    /// The next key; none where none comes in time or a signal does.
    pub(super) fn next(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        loop {
            if let Some((key, used)) = first(&self.bytes) {
                self.bytes.drain(..used);
                return Ok(Some(key));
            }
            // The rest of a key comes at once.
            let begun = !self.bytes.is_empty();
            match ready(if begun { REST_OF_A_KEY } else { wait }) {
                Ok(true) => {}
                Ok(false) if begun => {
                    let key = if self.bytes == [ESC] {
                        Key::Escape
                    } else {
                        Key::Other
                    };
                    self.bytes.clear();
                    return Ok(Some(key));
                }
                Ok(false) | Err(Errno::INTR) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            }
            let mut piece = [0; 256];
            match rustix::io::read(stdin(), &mut piece) {
                // A terminal that hung up says the one or the other.
                Ok(0) | Err(Errno::IO) => return Ok(Some(Key::Closed)),
                Ok(read) => self.bytes.extend(piece.iter().take(read)),
                Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Drops what was typed until now.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        // A terminal that is gone has nothing to drop.
        let _ = tcflush(stdin(), QueueSelector::IFlush);
    }
}

fn ready(wait: Duration) -> Result<bool, Errno> {
    let timeout = Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait.subsec_nanos()),
    };
    let input = stdin();
    poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&timeout)).map(|ready| ready > 0)
}

/// The first key in these bytes and how many of them it takes; none where more has to come.
fn first(bytes: &[u8]) -> Option<(Key, usize)> {
    let (&byte, rest) = bytes.split_first()?;
    match byte {
        b'\r' | b'\n' => Some((Key::Enter, 1)),
        0x03 => Some((Key::Leave, 1)),
        0x08 | 0x7f => Some((Key::Backspace, 1)),
        0x0c => Some((Key::Redraw, 1)),
        0x15 => Some((Key::Erase, 1)),
        ESC => sequence(rest).map(|(key, used)| (key, used + 1)),
        0x20..0x7f => Some((Key::Char(char::from(byte)), 1)),
        0x80.. => character(bytes),
        _ => Some((Key::Other, 1)),
    }
}

/// What stands behind an ESC: a sequence of ECMA-48 (CSI) or of a VT100 (SS3), or a key that was
/// pressed with Alt.
fn sequence(rest: &[u8]) -> Option<(Key, usize)> {
    let (&kind, rest) = rest.split_first()?;
    if kind == ESC {
        return Some((Key::Escape, 0));
    }
    if kind != b'[' && kind != b'O' {
        return Some((Key::Other, 1));
    }
    let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
    let (parameters, end_byte) = (rest.get(..end)?, rest.get(end)?);
    let key = match (parameters, end_byte) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (b"5", b'~') => Key::PageUp,
        (b"6", b'~') => Key::PageDown,
        _ => Key::Other,
    };
    Some((key, end + 2))
}

/// A character of UTF-8 with more than one byte.
fn character(bytes: &[u8]) -> Option<(Key, usize)> {
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => bytes,
        Err(fault) if fault.valid_up_to() > 0 => bytes.get(..fault.valid_up_to())?,
        Err(fault) => return fault.error_len().map(|bad| (Key::Other, bad)),
    };
    let c = std::str::from_utf8(valid).ok()?.chars().next()?;
    Some((Key::Char(c), c.len_utf8()))
}

const ESC: u8 = 0x1b;

/// How long the rest of a key may take: longer, and it was Esc by itself.
const REST_OF_A_KEY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        while let Some((key, used)) = first(bytes) {
            keys.push(key);
            bytes = &bytes[used..];
        }
        keys
    }

    #[test]
    fn keys_are_told_apart() {
        let up = Key::Up;
        assert_eq!(all(b"\x1b[A\x1bOA\x1b[1;5A"), [up, up, up]);
        assert_eq!(all(b"\x1b[6~\x1b[5~"), [Key::PageDown, Key::PageUp]);
        assert_eq!(
            all("ä\r\x7f\x03".as_bytes()),
            [Key::Char('ä'), Key::Enter, Key::Backspace, Key::Leave]
        );
        assert_eq!(all(b"\x1b\x1b[B"), [Key::Escape, Key::Down]);
    }

    #[test]
    fn a_sequence_that_nobody_knows_is_no_character() {
        assert_eq!(all(b"\x1b[200~a"), [Key::Other, Key::Char('a')]);
        assert_eq!(all(b"\x1ba\xff\x00"), [Key::Other, Key::Other, Key::Other]);
    }

    #[test]
    fn half_a_key_is_waited_for() {
        for half in [b"\x1b".as_slice(), b"\x1b[", b"\x1b[1;", b"\xe2\x82"] {
            assert_eq!(first(half), None, "{half:?}");
        }
    }
}
