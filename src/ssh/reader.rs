//! Reads one stream of a command, up to the marker of its end.
//!
//! **Reads** a pipe.
//! **Gives** [`Reader`].
//! **Never** takes a byte of the marker for output, or of the output for the marker.

use std::future::pending;
use std::io::BufRead as _;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;

use crate::outcome::Exceeded;
use crate::ssh::Settings;
use crate::ssh::capture::Capture;
use crate::ssh::gate::Stream;

/// One stream of the command, read as it comes, up to the marker of its end.
pub(super) struct Reader<R> {
    pipe: Option<R>,
    /// What was read.
    pub(super) capture: Capture,
    buffer: Vec<u8>,
    /// How much of the buffer is held back: it may be the beginning of the marker.
    held: usize,
    end: Vec<u8>,
    /// The exit code of the command, once the marker came.
    pub(super) code: Option<i32>,
    most: u64,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Takes a stream that ends with the marker `end` and a code.
    pub(super) fn new(stream: Stream<R>, end: &[u8], settings: &Settings) -> Self {
        let mut buffer = stream.first;
        let came = buffer.len();
        buffer.resize(came.max(CHUNK_BYTES) + end.len() + CODE_BYTES, 0);
        let mut reader = Self {
            pipe: Some(stream.pipe),
            capture: Capture::new(settings.output_bytes),
            buffer,
            held: 0,
            end: end.to_vec(),
            code: None,
            most: settings.output_read_bytes,
        };
        reader.take(came);
        reader
    }

    /// True once nothing more is read.
    pub(super) fn is_closed(&self) -> bool {
        self.pipe.is_none()
    }

    /// Takes one chunk. Says so where the stream brought more than may be read; it is closed then,
    /// and whoever still writes is told by SIGPIPE.
    pub(super) async fn read(&mut self) -> Option<Exceeded> {
        let Some(pipe) = &mut self.pipe else {
            return pending().await;
        };
        let free = self.buffer.get_mut(self.held..).unwrap_or_default();
        let came = pipe.read(free).await.unwrap_or(0);
        if came == 0 {
            let rest = self.buffer.get(..self.held).unwrap_or_default();
            self.capture.take(rest);
            self.pipe = None;
        } else {
            self.take(came);
        }
        let full = self.capture.bytes() > self.most;
        if full {
            self.pipe = None;
        }
        full.then_some(Exceeded::OutputBytes(self.most))
    }

    /// Takes what came behind what is held back.
    fn take(&mut self, came: usize) {
        let filled = self.held + came;
        let bytes = self.buffer.get(..filled).unwrap_or_default();
        let (at, code) = find_end(bytes, &self.end);
        self.capture.take(bytes.get(..at).unwrap_or_default());
        if code.is_some() {
            self.code = code;
            self.pipe = None;
        }
        self.buffer.copy_within(at..filled, 0);
        self.held = filled - at;
    }
}

/// Looks for the marker of the end. Gives where it begins, or might begin, and the code in it once
/// all of it is there.
fn find_end(bytes: &[u8], end: &[u8]) -> (usize, Option<i32>) {
    let mut from = 0;
    while let Some(mut rest) = bytes.get(from..)
        && let Ok(length) = rest.skip_until(b'\n')
        && let Some(at) = (from + length).checked_sub(1)
        && let Some(here) = bytes.get(at..).filter(|here| here.starts_with(b"\n"))
    {
        if let Some(line) = here.strip_prefix(end) {
            let length = line.iter().position(|&byte| byte == b'\n');
            let code = length
                .and_then(|length| std::str::from_utf8(line.get(..length)?).ok())
                .and_then(|text| text.parse().ok());
            if code.is_some() || (length.is_none() && line.len() < CODE_BYTES) {
                return (at, code);
            }
        } else if end.starts_with(here) {
            return (at, None);
        }
        from = at + 1;
    }
    (bytes.len(), None)
}

/// The longest exit code, and the end of its line.
const CODE_BYTES: usize = 8;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const END: &[u8] = b"\n0123 ";

    #[track_caller]
    fn check(bytes: &str, at: usize, code: Option<i32>) {
        assert_eq!(find_end(bytes.as_bytes(), END), (at, code), "{bytes:?}");
    }

    #[test]
    fn the_marker_of_the_end_is_found_wherever_it_stands() {
        check("\n0123 0\n", 0, Some(0));
        check("text\n0123 255\n", 4, Some(255));
        check("text\n\n0123 124\nlater", 5, Some(124));
    }

    #[test]
    fn what_may_become_the_marker_is_held_back() {
        for (bytes, at) in [("a\n", 1), ("a\n0", 1), ("a\n0123", 1), ("a\n0123 12", 1)] {
            check(bytes, at, None);
        }
    }

    #[test]
    fn what_cannot_become_the_marker_is_text() {
        for bytes in [
            "",
            "a",
            "a\nb",
            "\n0123\nb",
            "\n0123 x\nb",
            "\n0123 \nb",
            "0123 0\nb",
        ] {
            check(bytes, bytes.len(), None);
        }
        check("\n0123 123456789", 15, None);
    }

    fn read(chunks: &[&[u8]], most: u64) -> (String, u64, Option<i32>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (near, mut far) = tokio::io::duplex(1 << 20);
            let (first, rest) = chunks.split_first().unwrap();
            for chunk in rest {
                tokio::io::AsyncWriteExt::write_all(&mut far, chunk)
                    .await
                    .unwrap();
            }
            drop(far);
            let stream = Stream {
                first: first.to_vec(),
                pipe: near,
            };
            let mut reader = Reader {
                most,
                ..Reader::new(stream, END, &bare_settings())
            };
            let mut full = false;
            while !reader.is_closed() {
                full |= reader.read().await.is_some();
            }
            let captured = reader.capture.finish();
            (captured.text, captured.bytes, reader.code, full)
        })
    }

    fn bare_settings() -> Settings {
        let nothing = Duration::ZERO;
        Settings {
            key: "/".into(),
            known_hosts: "/".into(),
            sockets: "/".into(),
            connect_timeout: nothing,
            persist: nothing,
            alive_interval: nothing,
            alive_count: 1,
            masters_per_target: 1,
            kill_grace: nothing,
            drain: nothing,
            output_bytes: 1 << 20,
            output_read_bytes: 1 << 20,
            path: String::new(),
            ssh_program: "/".into(),
        }
    }

    #[test]
    fn a_stream_ends_at_its_marker_however_it_is_cut() {
        let all = b"a\n\n0124 0\nb\n\n0123 7\nlater";
        for at in 0..all.len() {
            let (first, rest) = all.split_at(at);
            let expected = ("a\n\n0124 0\nb\n".to_owned(), 12, Some(7), false);
            assert_eq!(read(&[first, rest], 100), expected, "{at}");
        }
    }

    #[test]
    fn a_stream_without_a_marker_is_kept_to_its_last_byte() {
        assert_eq!(
            read(&[b"", b"a\n012"], 100),
            ("a\n012".to_owned(), 5, None, false)
        );
        assert_eq!(read(&[b"a\n"], 100), ("a\n".to_owned(), 2, None, false));
    }

    #[test]
    fn a_stream_over_its_limit_says_so() {
        assert_eq!(
            read(&[b"", b"abcdef"], 5),
            ("abcdef".to_owned(), 6, None, true)
        );
    }
}
