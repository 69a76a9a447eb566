//! What the subcommands that look at the log share: since when, and the reading itself.
//!
//! **Reads** logs.
//! **Gives** [`Since`], [`history`], [`own`].
//! **Never** shows how far it has come where nobody watches.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use clap::Args;

use crate::audit::Files;
use crate::audit::History;
use crate::audit::stamp;
use crate::cli::Stop;
use crate::cli::World;
use crate::cli::moment;
use crate::status::exit;

#[derive(Debug, Args)]
pub(in crate::cli) struct Since {
    /// Leave out what is older: a moment (`2026-03-01T12:00:00Z`), a day (`2026-03-01`), or how
    /// long ago (`30d`, `12h`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl Since {
    /// The moment as the log writes it.
    pub(super) fn stamp(&self, now: DateTime<Utc>) -> Result<Option<String>, Stop> {
        Ok(self.moment(now)?.map(stamp))
    }

    /// The moment.
    pub(in crate::cli) fn moment(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Stop> {
        let since = self.since.as_deref();
        since.map(|text| moment::asked(text, now)).transpose()
    }
}

/// Reads logs one after the other; a person who watches sees how far it has come.
pub(super) fn history(
    world: &World,
    logs: &[PathBuf],
    since: Option<&str>,
    err: &mut dyn Write,
) -> Result<History, Stop> {
    let mut history = History::default();
    let mut shown = false;
    for log in logs {
        let unreadable = |fault: &io::Error| unreadable(log, fault);
        let file = File::open(log).map_err(|fault| unreadable(&fault))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut progress = |lines: u64| {
            if world.stderr_is_terminal {
                shown = true;
                // Where it cannot be shown, nothing is lost.
                let _ = write!(err, "\r{lines} lines read").and_then(|()| err.flush());
            }
        };
        history
            .read(&mut reader, since, &mut progress)
            .map_err(|fault| unreadable(&fault))?;
    }
    if shown {
        let _ = write!(err, "\r\u{1b}[K");
    }
    Ok(history)
}

/// The files of the installation's own log.
pub(super) fn own(world: &World) -> Result<Vec<PathBuf>, Stop> {
    let log = world.home.audit();
    let segments = Files::of(&world.home)
        .segments()
        .map_err(|fault| unreadable(&log, &fault))?;
    Ok(segments.into_iter().map(|segment| segment.path).collect())
}

fn unreadable(log: &Path, fault: &io::Error) -> Stop {
    let message = format!("cannot read `{}`: {fault}", log.display());
    Stop::Said(message, exit::AUDIT)
}
