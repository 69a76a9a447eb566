//! The beginning of a record's line, read without reading the rest.
//!
//! **Reads** the bytes of a line.
//! **Gives** [`Head`].
//! **Never** says yes to a line that this program did not write in this form; others are read whole.
//!
//! A record is written by `serde` in the order of its fields, so its line always begins with
//! `{"timestamp":"…","schema":N,"seq":N,"prev":"…","event":"…","request_id":…`.

use crate::hex;

/// What the beginning of a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Its number.
    pub(super) seq: u64,
    /// The hash of the line before.
    pub(super) prev: [u8; 32],
    /// The word of its event.
    pub(super) event: &'a [u8],
    /// Its request, where it has one.
    pub(super) request: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// Reads the beginning of a whole line.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(line.strip_suffix(b"}")?);
        rest.skip(br#"{"timestamp":""#)?;
        rest.until(b'"')?;
        rest.skip(br#","schema":"#)?;
        rest.number()?;
        rest.skip(br#","seq":"#)?;
        let seq = rest.number()?;
        rest.skip(br#","prev":""#)?;
        let prev = hex::read(rest.until(b'"')?)?;
        rest.skip(br#","event":""#)?;
        let event = rest.until(b'"')?;
        rest.skip(br#","request_id":"#)?;
        let request = match rest.skip(b"\"") {
            Some(()) => Some(rest.until(b'"')?),
            None => None,
        };
        Some(Self {
            seq,
            prev,
            event,
            request,
        })
    }

    /// The timestamp alone, of which the first bytes of a line are enough.
    pub(super) fn timestamp(line: &[u8]) -> Option<&str> {
        let mut rest = Rest(line);
        rest.skip(br#"{"timestamp":""#)?;
        std::str::from_utf8(rest.until(b'"')?).ok()
    }
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn skip(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// The bytes up to an end, which is passed over. None of them needs to be unescaped.
    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let at = memchr::memchr2(end, b'\\', self.0)?;
        let (found, rest) = self.0.split_at_checked(at)?;
        self.0 = rest.strip_prefix(&[end])?;
        Some(found)
    }

    /// A number as JSON writes it.
    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let (found, rest) = self.0.split_at_checked(digits.count())?;
        if found.len() > 1 && found.first() == Some(&b'0') {
            return None;
        }
        self.0 = rest;
        std::str::from_utf8(found).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREV: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn line(seq: &str, prev: &str, more: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-01-01T00:00:00.000Z","schema":2,"seq":{seq},"prev":"{prev}","event":"intent","request_id":{more}}}"#
        )
    }

    #[test]
    fn the_beginning_of_a_record_is_read() {
        let line = line("17", PREV, r#""abc","x":1"#);
        let head = Head::read(line.as_bytes()).unwrap();
        assert_eq!((head.seq, head.event), (17, &b"intent"[..]));
        assert_eq!(head.request, Some(&b"abc"[..]));
        assert_eq!(hex::of(&head.prev), PREV);
        let alone = super::tests::line("1", PREV, "null");
        assert_eq!(Head::read(alone.as_bytes()).unwrap().request, None);
    }

    #[test]
    fn every_record_that_is_written_begins_like_that() {
        let mut record =
            crate::audit::Record::new(crate::audit::Event::Outcome, chrono::DateTime::UNIX_EPOCH);
        record.prev = PREV.to_owned();
        record.seq = 3;
        record.request_id = Some("r".to_owned());
        let line = serde_json::to_vec(&record).unwrap();
        let head = Head::read(&line).unwrap();
        assert_eq!((head.seq, head.event), (3, &b"outcome"[..]));
        assert_eq!(head.request, Some(&b"r"[..]));
        assert_eq!(Head::timestamp(&line), Some("1970-01-01T00:00:00.000Z"));
    }

    #[test]
    fn other_forms_are_left_to_others() {
        for line in [
            line("017", PREV, "null"),
            line("-1", PREV, "null"),
            line("", PREV, "null"),
            line("99999999999999999999999", PREV, "null"),
            line("1", &PREV.to_uppercase(), "null"),
            line("1", "00", "null"),
            line("1", PREV, r#""a\"b""#),
            line("1", PREV, "null") + " ",
            " ".to_owned() + &line("1", PREV, "null"),
            r#"{"seq":1}"#.to_owned(),
            String::new(),
        ] {
            assert_eq!(Head::read(line.as_bytes()), None, "{line}");
        }
    }
}
