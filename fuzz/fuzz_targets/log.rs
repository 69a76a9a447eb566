//! Any bytes as a log, as checkpoints and as keys: they are read without a panic, and what is
//! appended goes on behind them.

#![no_main]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aiops::audit::AuditLog;
use aiops::audit::Event;
use aiops::audit::Limits;
use aiops::audit::Record;
use aiops::audit::Verify;
use aiops::home::Home;
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    fs::create_dir(home.runtime()).unwrap();
    fs::create_dir(home.evidence()).unwrap();
    fs::write(home.audit(), bytes).unwrap();
    fs::write(home.checkpoints(), bytes).unwrap();
    fs::set_permissions(home.audit(), fs::Permissions::from_mode(0o640)).unwrap();
    let verify = || {
        let now = DateTime::UNIX_EPOCH;
        aiops::audit::verify(&home, Verify::default(), now, &mut |_| {})
    };
    let _ = verify();
    fs::write(home.audit_keys(), bytes).unwrap();
    let _ = verify();
    let _ = aiops::audit::prove(&home, 1);
    let log = AuditLog::open(&home, Limits::default()).unwrap();
    log.append(Record::new(Event::Decision, DateTime::UNIX_EPOCH)).unwrap();
    assert!(fs::read(home.audit()).unwrap().starts_with(bytes));
});
