//! Long outputs beside the log, each under the name of its SHA-256.
//!
//! **Reads** and **writes** `audit/outputs`.
//! **Gives** [`Outputs`].
//! **Never** changes a file that is there, and never gives a text that is not what its name says.

use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use sha2::Digest as _;
use sha2::Sha256;

use super::SideFile;
use crate::hex;
use crate::home::Home;

/// The directory of long outputs.
#[derive(Debug, Clone)]
pub struct Outputs {
    dir: PathBuf,
}

impl Outputs {
    /// Those of an installation.
    pub fn of(home: &Home) -> Self {
        Self {
            dir: home.evidence().join("outputs"),
        }
    }

    /// Where a text of this hash lies.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}.zst"))
    }

    /// Puts a text there and syncs it. One that is there already stays.
    ///
    /// # Errors
    ///
    /// It cannot be written; then nothing of it is left.
    pub(super) fn store(&self, text: &str) -> io::Result<SideFile> {
        let stored = SideFile {
            sha256: hex::of(&Sha256::digest(text.as_bytes())),
            bytes: text.len() as u64,
        };
        let path = self.path(&stored.sha256);
        if path.exists() {
            // Whoever put it there may not be done yet; and what was damaged is no place for a text.
            self.load(&stored)?;
            File::open(&self.dir)?.sync_all()?;
            return Ok(stored);
        }
        super::directory(&self.dir)?;
        let packed = zstd::encode_all(text.as_bytes(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(Permissions::from_mode(super::READABLE))
            .tempfile_in(&self.dir)?;
        file.write_all(&packed)?;
        file.as_file()
            .set_permissions(Permissions::from_mode(super::READABLE))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Err(fault) if fault.error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(fault.error);
            }
            // Another process stored the same text.
            _ => {}
        }
        File::open(&self.dir)?.sync_all()?;
        Ok(stored)
    }

    /// The text of a side file, checked against its name and length.
    ///
    /// # Errors
    ///
    /// It cannot be read, or it is not what the record speaks of.
    pub fn load(&self, wanted: &SideFile) -> io::Result<String> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        if wanted.sha256.len() != 64 || !wanted.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(damaged("its name is no SHA-256"));
        }
        let file = File::open(self.path(&wanted.sha256))?;
        let mut text = Vec::new();
        // A file that unpacks to more than it should is read no further than to notice it.
        zstd::Decoder::new(file)?
            .take(wanted.bytes.saturating_add(1))
            .read_to_end(&mut text)?;
        if text.len() as u64 != wanted.bytes || hex::of(&Sha256::digest(&text)) != wanted.sha256 {
            return Err(damaged("it is not what the record speaks of"));
        }
        String::from_utf8(text).map_err(|_| damaged("it is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn outputs() -> (tempfile::TempDir, Outputs) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        (dir, Outputs::of(&home))
    }

    #[test]
    fn a_text_comes_back_and_is_stored_once() {
        let (_dir, outputs) = outputs();
        let stored = outputs.store("hello").unwrap();
        assert_eq!(outputs.store("hello").unwrap(), stored);
        assert_eq!(outputs.load(&stored).unwrap(), "hello");
        assert_eq!(fs::read_dir(&outputs.dir).unwrap().count(), 1);
        let mode = fs::metadata(outputs.path(&stored.sha256))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, super::super::READABLE);
    }

    #[test]
    fn a_text_that_was_changed_is_not_given() {
        let (_dir, outputs) = outputs();
        let stored = outputs.store("hello").unwrap();
        let path = outputs.path(&stored.sha256);
        for other in [&b"hellO"[..], b"hello and a long tail", b""] {
            fs::remove_file(&path).unwrap();
            fs::write(&path, zstd::encode_all(other, 3).unwrap()).unwrap();
            assert!(outputs.load(&stored).is_err());
        }
        fs::write(&path, "no zstd").unwrap();
        assert!(outputs.load(&stored).is_err());
        assert!(outputs.store("hello").is_err());
        fs::remove_file(&path).unwrap();
        assert!(outputs.load(&stored).is_err());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_followed() {
        let (_dir, outputs) = outputs();
        let elsewhere = SideFile {
            sha256: "../../config".to_owned(),
            bytes: 1,
        };
        assert!(outputs.load(&elsewhere).is_err());
    }

    #[test]
    fn where_there_is_no_place_nothing_is_stored() {
        let (_dir, outputs) = outputs();
        fs::create_dir(outputs.dir.parent().unwrap()).unwrap();
        fs::write(&outputs.dir, "in the way").unwrap();
        assert!(outputs.store("hello").is_err());
    }
}
