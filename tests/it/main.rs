//! The program from outside: real processes, a real SSH server, real files.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests are sentences, may fail loudly, and start what they need"
)]

mod lab;
mod sshd;

mod approval;
mod attack;
mod attack_approvals;
mod audit;
mod cli;
mod config;
mod crowd;
mod doctor;
mod evidence;
mod explain;
#[cfg(feature = "export")]
mod export;
mod factor;
mod fault;
mod freeze;
mod grant;
mod lab_readme;
mod message;
mod people;
mod preview;
mod proof;
mod reading;
mod report;
mod run;
mod schema;
mod sent;
mod signal;
mod tidy;
mod tier;
mod tuning;
mod watch;
