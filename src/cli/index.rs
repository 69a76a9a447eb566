//! `audit index`.
//!
//! **Reads** the log.
//! **Gives** an index that is up to date.
//! **Never** shows how far it has come where nobody watches.

use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use clap::Args;

use super::Stop;
use super::World;
use crate::index;
use crate::index::Progress;
use crate::index::Searched;
use crate::status::exit;

/// `audit index`.
#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// Make it anew, from the first record on
    #[arg(long)]
    rebuild: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads into the index what is not there yet.
pub(super) fn index(
    world: &World,
    asked: &IndexArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let started = Instant::now();
    let watched = world.stderr_is_terminal;
    let mut progress = |progress: Progress| {
        if watched {
            // Where it cannot be shown, nothing is lost.
            let _ = write!(err, "\r{}\u{1b}[K", bar(progress, started.elapsed()));
            let _ = err.flush();
        }
    };
    let searched = Searched::of(&world.home);
    let updated = index::update(&searched, asked.rebuild, PATIENCE, &mut progress);
    if watched {
        let _ = write!(err, "\r\u{1b}[K");
    }
    let updated = updated?;
    if asked.json {
        let told = serde_json::json!({
            "records": updated.records, "added": updated.added, "anew": updated.anew,
        });
        writeln!(out, "{told}")?;
        return Ok(exit::ANSWERED);
    }
    if let Some(why) = updated.anew {
        writeln!(out, "The index was made anew: {why}.")?;
    }
    writeln!(
        out,
        "{} records are in the index, {} of them new.",
        updated.records, updated.added
    )?;
    Ok(exit::ANSWERED)
}

/// How far it is, in a line of 72 columns.
fn bar(progress: Progress, took: Duration) -> String {
    let Progress { records, read, all } = progress;
    let part = read.min(all) as f64 / all.max(1) as f64;
    let done = (part * BAR as f64) as usize;
    let left = took.as_secs_f64() * (1.0 - part) / part.max(0.001);
    format!(
        "{}{} {:3.0} %  {records} records  {left:.0} s left",
        "█".repeat(done),
        "░".repeat(BAR - done.min(BAR)),
        part * 100.0
    )
}

const BAR: usize = 30;

/// How long to wait for another one that brings it up to date.
const PATIENCE: Duration = Duration::from_secs(600);
