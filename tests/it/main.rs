//! The program from outside: real processes, a real SSH server, real files.

#![allow(missing_docs, reason = "tests are sentences")]

mod lab;
mod sshd;

mod approval;
mod audit;
mod cli;
mod config;
mod crowd;
mod fault;
mod lab_readme;
mod message;
mod run;
mod schema;
mod signal;
mod tidy;
