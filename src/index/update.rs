//! Brings the index up to date.
//!
//! **Reads** the log from where the index ends.
//! **Gives** [`update`], [`Updated`], [`Progress`].
//! **Never** works beside another one that does the same.

use std::fs;
use std::io;
use std::time::Duration;

use super::Error;
use super::Searched;
use super::build::Build;
use super::store;
use super::store::Known;
use super::store::Store;
use crate::audit::Files;
use crate::audit::Place;
use crate::lock;

/// What became of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// Records that are in it.
    pub records: u64,
    /// Records that were added now.
    pub added: u64,
    /// Why it was made anew, where it was.
    pub anew: Option<String>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records so far.
    pub records: u64,
    /// Bytes that were read.
    pub read: u64,
    /// Bytes that have to be read in all.
    pub all: u64,
}

/// Reads into the index what is not there yet. With `rebuild` all of it, from the beginning. It waits
/// for another one that does the same as long as `wait`.
///
/// # Errors
///
/// The log cannot be read; the index cannot be written; somebody else is at it.
pub fn update(
    searched: &Searched,
    rebuild: bool,
    wait: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<Updated, Error> {
    let Searched { files, index, .. } = searched;
    let cannot = |fault: io::Error| Error::Index {
        path: index.clone(),
        why: fault.to_string(),
    };
    let mut anew = rebuild.then(|| "as asked for".to_owned());
    files.segments().map_err(Error::Log)?;
    store::make_folder(index, files.live()).map_err(cannot)?;
    let held = lock::take(&index.with_extension("lock"), wait).map_err(cannot)?;
    let _held = held.ok_or(Error::Busy)?;
    store::own(&index.with_extension("lock"), files.live()).map_err(cannot)?;
    let opened = Store::open_for_writing(index, files.live());
    let found = opened.and_then(|store| Ok((standing(&store, files)?, store)));
    let (known, store) = match found {
        Ok((Ok(known), store)) if !rebuild => (known, store),
        found => {
            anew = anew.or(match found {
                Ok((Err(why), _)) => Some(why),
                Ok((Ok(_), _)) => None,
                Err(Error::Index { why, .. }) => Some(format!("it is broken ({why})")),
                Err(other) => return Err(other),
            });
            remove(index).map_err(cannot)?;
            (None, Store::open_for_writing(index, files.live())?)
        }
    };
    let Some(beginning) = store::beginning(files)? else {
        return Ok(Updated {
            records: 0,
            added: 0,
            anew,
        });
    };
    let from = known.as_ref().map(|known| known.next);
    let known = known.unwrap_or(Known {
        beginning,
        records: 0,
        next: Place {
            segment: 0,
            offset: 0,
        },
    });
    let before = known.records;
    let records = read_in(&store, files, known, from, progress)?;
    Ok(Updated {
        records,
        added: records - before,
        anew,
    })
}

/// What the index knows of this log: nothing yet, or something; or why it is another log's.
fn standing(store: &Store, files: &Files) -> Result<Result<Option<Known>, String>, Error> {
    match store.is_of(files)? {
        Some(known) => Ok(Ok(Some(known))),
        None if store.known()?.is_some() => Ok(Err(
            "it was made from another log, or the log is shorter now".to_owned(),
        )),
        None if store.is_new()? => Ok(Ok(None)),
        None => Ok(Err("it is of another version".to_owned())),
    }
}

fn read_in(
    store: &Store,
    files: &Files,
    known: Known,
    from: Option<Place>,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, Error> {
    let all = missing(files, from)?;
    if all == 0 {
        return Ok(known.records);
    }
    let mut build = Build::new(store, known)?;
    let (mut read, mut uncommitted) = (0, 0);
    for entry in files.entries(from).map_err(Error::Log)? {
        let entry = entry.map_err(Error::Log)?;
        if entry.torn {
            break;
        }
        build.take(&entry)?;
        let length = entry.line.len() as u64 + 1;
        read += length;
        uncommitted += length;
        if uncommitted >= COMMIT_BYTES {
            build.commit()?;
            uncommitted = 0;
        }
        if build.known.records.is_multiple_of(PROGRESS_RECORDS) {
            let records = build.known.records;
            progress(Progress { records, read, all });
        }
    }
    build.commit()?;
    store.run("COMMIT")?;
    let records = build.known.records;
    progress(Progress { records, read, all });
    Ok(records)
}

/// Bytes of the log from a place on.
pub(super) fn missing(files: &Files, from: Option<Place>) -> Result<u64, Error> {
    let mut bytes = 0;
    for segment in files.segments().map_err(Error::Log)? {
        let length = fs::metadata(&segment.path).map_err(Error::Log)?.len();
        bytes += match from {
            Some(from) if segment.first < from.segment => 0,
            Some(from) if segment.first == from.segment => length.saturating_sub(from.offset),
            _ => length,
        };
    }
    Ok(bytes)
}

fn remove(index: &std::path::Path) -> io::Result<()> {
    let journal = index.with_extension("sqlite-journal");
    for path in [index, &journal] {
        match fs::remove_file(path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
    }
    Ok(())
}

/// Bytes of the log between two commits: what is lost by a crash, and what lies in memory.
const COMMIT_BYTES: u64 = 128 << 20;

/// Records between two reports of the progress.
const PROGRESS_RECORDS: u64 = 20_000;
