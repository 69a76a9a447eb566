//! Reads the one message on standard input, within bounds of size and time.
//!
//! **Reads** standard input.
//! **Gives** [`read`].
//! **Never** waits for ever: a writer that does not end its message is told so.

use std::io;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

use crate::pipeline::MessageBounds;

/// Why no message was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It did not end in time.
    #[error("the message did not end within {0:?}")]
    Slow(Duration),
    /// Standard input failed.
    #[error("standard input cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads to the end, or one byte past the largest message, so that it is known to be too large. A
/// person who types is waited for.
pub(super) fn read(
    input: &mut (impl Read + AsFd),
    bounds: &MessageBounds,
    typed: bool,
) -> Result<Vec<u8>, String> {
    read_within(input, bounds, typed).map_err(|fault| fault.to_string())
}

fn read_within(
    input: &mut (impl Read + AsFd),
    bounds: &MessageBounds,
    typed: bool,
) -> Result<Vec<u8>, Fault> {
    let until = Instant::now() + bounds.wait;
    let mut message = Vec::new();
    let mut piece = [0; 16 * 1024];
    while message.len() <= bounds.bytes {
        if !typed && !ready(input, until)? {
            return Err(Fault::Slow(bounds.wait));
        }
        let read = match input.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        match piece.get(..read) {
            Some([]) | None => break,
            Some(bytes) => message.extend_from_slice(bytes),
        }
    }
    message.truncate(bounds.bytes + 1);
    Ok(message)
}

fn ready(input: &impl AsFd, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
