//! Reads found records again from the log, many of them one after the other.
//!
//! **Reads** the files of the log.
//! **Gives** [`Reread`].
//! **Never** gives a line whose hash is not the one that was expected.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;

use super::Error;
use super::build;
use super::find::Found;
use crate::audit::Files;
use crate::audit::LONGEST_LINE;
use crate::audit::Place;

/// The files of the log, open.
pub(super) struct Reread<'a> {
    files: &'a Files,
    open: HashMap<u64, File>,
}

impl<'a> Reread<'a> {
    pub(super) fn new(files: &'a Files) -> Result<Self, Error> {
        let mut open = HashMap::new();
        // The newest are asked for most.
        for segment in files
            .segments()
            .map_err(Error::Log)?
            .iter()
            .rev()
            .take(MOST_OPEN)
        {
            match File::open(&segment.path) {
                Ok(file) => {
                    open.insert(segment.first, file);
                }
                // Rotated away in this moment; it is looked for again when it is needed.
                Err(fault) if fault.kind() == ErrorKind::NotFound => {}
                Err(fault) => return Err(Error::Log(fault)),
            }
        }
        Ok(Self { files, open })
    }

    /// The line of a record that was found. None where the log does not hold it as the index has it.
    pub(super) fn line(&self, found: &Found) -> Result<Option<Vec<u8>>, Error> {
        if let Some(file) = self.open.get(&found.place.segment)
            && let Ok(Some(line)) = line_in(file, found.place)
            && build::short(&line) == found.hash
        {
            return Ok(Some(line));
        }
        // It may have been rotated since; the log itself knows where it lies now.
        match self.files.line_at(found.place) {
            Ok(line) => Ok((build::short(&line) == found.hash).then_some(line)),
            Err(fault)
                if matches!(fault.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) =>
            {
                Ok(None)
            }
            Err(fault) => Err(Error::Log(fault)),
        }
    }
}

fn line_in(file: &File, place: Place) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut size) = (Vec::new(), FIRST_READ);
    while line.len() <= LONGEST_LINE {
        let held = line.len();
        line.resize(held + size, 0);
        let space = line.get_mut(held..).unwrap_or_default();
        let read = file.read_at(space, place.offset + held as u64)?;
        line.truncate(held + read);
        let fresh = line.get(held..).unwrap_or_default();
        if let Some(end) = memchr::memchr(b'\n', fresh) {
            line.truncate(held + end);
            return Ok(Some(line));
        }
        if read == 0 {
            break;
        }
        size = line.len();
    }
    Ok(None)
}

/// Bytes of the first read: most records are shorter.
const FIRST_READ: usize = 2048;

/// Files that are open at the same time, at most.
const MOST_OPEN: usize = 500;
