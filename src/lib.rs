//! AI-Ops puts itself between an AI assistant and its servers.
//!
//! One message comes in on stdin and one JSON object goes out on stdout. On the way the message
//! passes these rooms, in this order, and a room imports only rooms that stand above it in the list
//! below (a test holds the house to that):
//!
//! ```text
//! stdin > request > policy > approval > authorize > ssh > outcome > response > stdout
//!                                          |                 |
//!                                        intent           outcome
//!                                          +---> audit <-----+
//! ```
//!
//! [`pipeline::handle`] is the whole line on one screen. [`authorize`] is the gate: the only place
//! that makes an [`authorize::Authorized`], and only after the intent is on disk. `ssh` takes that
//! value and nothing else, and gives an [`outcome::Executed`] that has to be recorded before
//! anything can be answered.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        reason = "tests may fail loudly, and start and print what they need"
    )
)]

pub mod hex;

pub mod lock;

pub mod folder;

pub mod lines;

pub mod status;

pub mod uptime;

pub mod home;

pub mod visible;

pub mod assurance;

pub mod target;

pub mod caller;

pub mod freeze;

pub mod shell;

pub mod request;

pub mod factor;

pub mod policy;

pub mod redact;

pub mod approval;

pub mod grant;

pub mod evidence;

pub mod audit;

pub mod authorize;

pub mod outcome;

pub mod ssh;

pub mod response;

pub mod pipeline;

pub mod config;

pub mod tuning;

pub mod report;

pub mod export;

pub mod index;

pub mod doctor;

pub mod cli;
