//! A lock between processes that ends with the process that holds it.
//!
//! **Reads** and **writes** a lock file, with flock(2).
//! **Gives** [`take`], [`Held`].
//! **Never** waits longer than it is told.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// A lock that is held until this value is dropped, or the process dies.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Opens (or makes) a lock file and locks it. None if it was not free within `wait`.
pub fn take(path: &Path, wait: Duration) -> io::Result<Option<Held>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    Ok(lock(&file, wait)?.then_some(Held { _file: file }))
}

/// Locks an open file; false if it was not free within `wait`. std's own `lock` has no limit, so
/// this asks again and again, at growing distances.
pub fn lock(file: &File, wait: Duration) -> io::Result<bool> {
    let until = Instant::now() + wait;
    let mut pause = Duration::from_micros(200);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        pause = (pause * 3 / 2).min(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_the_other_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, Duration::ZERO).unwrap();
        assert!(held.is_some());
        assert!(take(&path, Duration::from_millis(5)).unwrap().is_none());
        drop(held);
        assert!(take(&path, Duration::ZERO).unwrap().is_some());
    }
}
