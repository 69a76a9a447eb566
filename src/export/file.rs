//! A file that events are appended to.
//!
//! **Reads** the last byte of it.
//! **Gives** [`Lines`].
//! **Never** says that events were taken before they are on disk.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use super::parcel::Parcel;
use super::road::Refused;

/// A file, open for appending.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    path: PathBuf,
}

impl Lines {
    /// Opens it, or makes it with the mode 0640.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let failed = |fault: io::Error| format!("cannot write `{}`: {fault}", path.display());
        let file = open(path).map_err(failed)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), Refused> {
        self.write(parcel).map_err(|fault| {
            Refused::by(format!("cannot write `{}`: {fault}", self.path.display()))
        })
    }

    fn write(&mut self, parcel: &Parcel) -> io::Result<()> {
        // Whoever rotates it away expects that writing goes on in a new one.
        if !is_there(&self.file, &self.path) {
            self.file = open(&self.path)?;
        }
        let mut text = Vec::new();
        // What a full disk or a crash left without an end is not glued to what comes now.
        if !ends_a_line(&self.file)? {
            text.push(b'\n');
        }
        for message in &parcel.messages {
            text.extend_from_slice(message.as_bytes());
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        if self.file.metadata()?.is_file() {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.read(true).append(true).mode(0o640);
    match how.open(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            let file = how.create_new(true).open(path)?;
            // The umask of this program takes the group's right away.
            file.set_permissions(fs::Permissions::from_mode(0o640))?;
            Ok(file)
        }
        opened => opened,
    }
}

fn is_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(there) = fs::metadata(path) else {
        return false;
    };
    file.metadata()
        .is_ok_and(|open| (open.dev(), open.ino()) == (there.dev(), there.ino()))
}

fn ends_a_line(file: &File) -> io::Result<bool> {
    let facts = file.metadata()?;
    let Some(last) = facts.len().checked_sub(1).filter(|_| facts.is_file()) else {
        return Ok(true);
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(messages: &[&str]) -> Parcel {
        Parcel {
            messages: messages.iter().map(|&message| message.to_owned()).collect(),
        }
    }

    #[test]
    fn what_was_left_without_an_end_is_not_glued_to_what_comes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let mut file = Lines::open(&path).unwrap();
        file.send(&parcel(&["a"])).unwrap();
        fs::write(&path, "a\ntor").unwrap();
        file.send(&parcel(&["b", "c"])).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\ntor\nb\nc\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }

    #[test]
    fn a_file_that_is_rotated_away_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let mut file = Lines::open(&path).unwrap();
        file.send(&parcel(&["a"])).unwrap();
        fs::rename(&path, dir.path().join("events.1")).unwrap();
        file.send(&parcel(&["b"])).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n");
    }

    #[test]
    fn a_folder_is_no_file_to_write() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Lines::open(dir.path()).is_err());
        assert!(Lines::open(&dir.path().join("no/such")).is_err());
    }
}
