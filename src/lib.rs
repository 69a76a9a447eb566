//! The executor between an AI assistant and its servers.

pub mod shell;
