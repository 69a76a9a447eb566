//! Any bytes as the file of an approver and as the count of wrong codes: no panic, and no code that
//! the file does not hold is right.

#![no_main]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use aiops::factor::Factors;
use aiops::factor::Limits;
use aiops::request::Factor;
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|files: (&[u8], &[u8])| {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("alice.json", files.0), ("tries.json", files.1)] {
        if !bytes.is_empty() {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    let limits = Limits {
        tries: 5,
        lock: Duration::from_secs(30),
        lock_max: Duration::from_secs(86_400),
        lock_wait: Duration::from_secs(5),
    };
    let factors = Factors::new(dir.path().to_owned(), limits);
    let _ = factors.list().unwrap();
    // Its hash is nowhere in what a fuzzer finds.
    let factor = Factor::parse("ABCDE-FGH23").unwrap();
    assert!(factors.verify(&factor, None, "relay", DateTime::UNIX_EPOCH).is_err());
});
