//! The shell scripts, tested by their driver in `tests/scripts`; `.ci/run` adds the one on booted machines.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a test starts the drivers, and says what it skipped"
)]

use std::process::Command;

/// Runs a driver with the program of this build; 77 means that it could not run here.
#[track_caller]
fn driver(path: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let done = Command::new(format!("{root}/{path}"))
        .env("AIOPS_BINARY", env!("CARGO_BIN_EXE_aiops"))
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    match done.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("{err}"),
        code => panic!("{path} ended with {code:?}\n{out}\n{err}"),
    }
}

#[test]
fn the_scripts_refuse_what_is_wrong_and_the_demo_leaves_nothing_behind() {
    driver("tests/scripts/run");
}
