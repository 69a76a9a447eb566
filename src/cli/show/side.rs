//! A long output, out of the file beside the log that holds all of it.
//!
//! **Reads** `audit/outputs/<sha256>.zst`, which is zstd (RFC 8878).
//! **Gives** [`read`].
//! **Never** gives a text that is not the one the record names by its hash.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;

/// The text that a record names by `sha256` and `bytes`; otherwise why there is none.
pub(super) fn read(folder: &Path, facts: &Value) -> Result<Vec<u8>, String> {
    let hash = facts
        .get("sha256")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let bytes = facts.get("bytes").and_then(Value::as_u64).unwrap_or(0);
    // The name comes from the log, and leads to nothing but a file in this folder.
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the record names no file".to_owned());
    }
    if bytes > LARGEST {
        return Err(format!("it is too large to be shown: {bytes} bytes"));
    }
    let path = folder.join(format!("{hash}.zst"));
    let cannot = |fault: std::io::Error| format!("cannot read `{}`: {fault}", path.display());
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(&path);
    let unpacked = zstd::Decoder::new(opened.map_err(cannot)?).map_err(cannot)?;
    let mut text = Vec::new();
    // One byte more, so that a file that holds more is noticed.
    unpacked
        .take(bytes + 1)
        .read_to_end(&mut text)
        .map_err(cannot)?;
    let is_it =
        text.len() as u64 == bytes && hex::of(&Sha256::digest(&text)) == hash.to_lowercase();
    is_it.then_some(text).ok_or_else(|| {
        format!(
            "`{}` does not hold what the record names: it was changed",
            path.display()
        )
    })
}

/// Bytes of a text that is shown at most.
const LARGEST: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_the_text_that_the_record_names_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let hash = hex::of(&Sha256::digest(b"all of it"));
        let path = dir.path().join(format!("{hash}.zst"));
        let facts = serde_json::json!({"sha256": hash, "bytes": 9});
        let write = |text: &[u8]| fs::write(&path, zstd::encode_all(text, 1).unwrap()).unwrap();
        assert!(
            read(dir.path(), &facts)
                .unwrap_err()
                .contains("cannot read")
        );
        write(b"all of it");
        assert_eq!(read(dir.path(), &facts).unwrap(), b"all of it");
        for other in [&b"all of it!"[..], b"all of I", b"", &[0; 100_000]] {
            write(other);
            assert!(read(dir.path(), &facts).unwrap_err().contains("changed"));
        }
        fs::write(&path, "no zstd").unwrap();
        assert!(read(dir.path(), &facts).is_err());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["../../etc/passwd", "", "0", &"/".repeat(64)] {
            let facts = serde_json::json!({"sha256": name, "bytes": 1});
            assert!(
                read(dir.path(), &facts)
                    .unwrap_err()
                    .contains("names no file")
            );
        }
        let large = serde_json::json!({"sha256": "a".repeat(64), "bytes": u64::MAX});
        assert!(read(dir.path(), &large).unwrap_err().contains("too large"));
    }
}
