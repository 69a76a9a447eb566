//! Any bytes as a log: it is read without a panic, and what is appended goes on behind them.

#![no_main]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aiops::audit::AuditLog;
use aiops::audit::Event;
use aiops::audit::Limits;
use aiops::audit::Record;
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let _ = aiops::audit::verify(&path, DateTime::UNIX_EPOCH).unwrap();
    let log = AuditLog::open(&path, &dir.path().join("lock"), Limits::default()).unwrap();
    log.append(Record::new(Event::Decision, DateTime::UNIX_EPOCH)).unwrap();
    assert!(fs::read(&path).unwrap().starts_with(bytes));
});
