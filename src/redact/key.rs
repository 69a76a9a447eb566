//! The key of this installation, by which equal secrets are told from others.
//!
//! **Reads** and **writes** `runtime/redaction.key`, at the first secret and not before.
//! **Gives** [`Key`].
//! **Never** fails: without a key there are no digits, and nothing else is different.

use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use rustix::rand::GetRandomFlags;
use rustix::rand::getrandom;
use sha2::Sha256;

use crate::folder;
use crate::hex;

/// 32 random bytes that never leave this installation, read where they are needed.
#[derive(Default)]
pub struct Key {
    path: Option<PathBuf>,
    bytes: OnceLock<Option<[u8; BYTES]>>,
}

impl Key {
    /// The key in this file, which is made where it is not there.
    pub fn at(path: PathBuf) -> Self {
        Self {
            path: Some(path),
            bytes: OnceLock::new(),
        }
    }

    /// HMAC-SHA256 (RFC 2104) over some bytes, in hexadecimal digits. None where there is no key.
    ///
    /// A bare hash of a short secret can be looked for by trying; this one only by whoever has the
    /// key too.
    pub fn hash(&self, bytes: &[u8]) -> Option<String> {
        let key = self.bytes.get_or_init(|| had(self.path.as_deref()?));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()?).ok()?;
        mac.update(bytes);
        Some(hex::of(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("path", &self.path).finish()
    }
}

/// The key that is there, or a new one. Of several that make one at once all take the first.
fn had(path: &Path) -> Option<[u8; BYTES]> {
    if let Some(key) = read(path) {
        return Some(key);
    }
    if fs::symlink_metadata(path).is_err() {
        make(path);
    }
    read(path)
}

fn read(path: &Path) -> Option<[u8; BYTES]> {
    // A pipe or a link under this name must neither make anybody wait nor lead elsewhere.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    let facts = file.metadata().ok()?;
    if !facts.is_file() || facts.mode() & 0o077 != 0 {
        return None;
    }
    let mut key = Vec::with_capacity(BYTES + 1);
    file.take(BYTES as u64 + 1).read_to_end(&mut key).ok()?;
    key.try_into().ok()
}

/// Makes the file whole or not at all. Only for the owner of the directory: a key of root's would
/// keep the executor from it.
fn make(path: &Path) -> Option<()> {
    let dir = path.parent()?;
    let own = rustix::process::geteuid().as_raw();
    if fs::metadata(dir).ok()?.uid() != own {
        return None;
    }
    let mut key = [0; BYTES];
    // Up to 256 bytes always come in one piece.
    if getrandom(&mut key[..], GetRandomFlags::empty()) != Ok(BYTES) {
        return None;
    }
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(dir)
        .ok()?;
    file.write_all(&key).ok()?;
    file.as_file().sync_all().ok()?;
    folder::publish(file, path).ok()
}

/// As long as the hash, as RFC 2104 advises.
const BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_when_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = Key::at(path.clone());
        assert!(!path.exists());
        let hash = key.hash(b"secret").unwrap();
        assert_eq!(hash.len(), 64);
        let facts = fs::metadata(&path).unwrap();
        assert_eq!((facts.mode() & 0o777, facts.len()), (0o600, 32));
        assert_eq!(Key::at(path).hash(b"secret"), Some(hash.clone()));
        assert_ne!(key.hash(b"other"), Some(hash.clone()));
        assert_ne!(hash, hex::of(&<Sha256 as sha2::Digest>::digest(b"secret")));
    }

    #[test]
    fn of_many_that_make_it_at_once_all_have_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let hashes: Vec<Option<String>> = thread::scope(|scope| {
            let makers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| Key::at(path.clone()).hash(b"x")))
                .collect();
            makers.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(hashes[0].is_some());
        assert!(hashes.iter().all(|hash| *hash == hashes[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_none_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for content in [&b""[..], &[1; 31], &[1; 33]] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(Key::at(path.clone()).hash(b"x"), None);
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::write(&path, [1; 32]).unwrap();
        assert!(Key::at(path.clone()).hash(b"x").is_some());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Key::at(path.clone()).hash(b"x"), None);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert_eq!(Key::at(path).hash(b"x"), None);
        assert_eq!(Key::at(dir.path().join("no/such/key")).hash(b"x"), None);
        assert_eq!(Key::default().hash(b"x"), None);
    }

    #[test]
    fn a_key_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::at(dir.path().join("key"));
        key.hash(b"x");
        assert!(!format!("{key:?}").contains("bytes"));
    }
}
