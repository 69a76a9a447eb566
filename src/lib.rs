//! AI-Ops puts itself between an AI assistant and its servers.

#![forbid(unsafe_code)]

pub mod hex;

pub mod lock;

pub mod home;

pub mod visible;

pub mod target;

pub mod caller;

pub mod policy;
pub mod shell;

pub mod request;

pub mod redact;
