//! `audit tail`.
//!
//! **Reads** the end of the log, and what comes behind it.
//! **Gives** the last records, and each new one.
//! **Never** reads the whole log for its end, and never shows a line before it is whole.

use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use clap::Args;

use super::Stop;
use super::World;
use super::rows::Rows;
use super::rows::screen_columns;
use super::search::Form;
use super::watch::still_read;
use crate::audit::Files;
use crate::audit::Place;
use crate::ssh::Interruptions;
use crate::status::exit;

/// `audit tail`.
#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// How many
    #[arg(short = 'n', long = "lines", default_value_t = 20, value_name = "N")]
    lines: usize,
    /// Go on with every new record, until it is interrupted
    #[arg(short = 'f', long)]
    follow: bool,
    #[command(flatten)]
    form: Form,
}

/// Prints the last records, and follows the log where that is asked for.
pub(super) fn tail(world: &World, asked: &TailArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let files = Files::of(&world.home);
    let ears = asked.follow.then(Interruptions::listen).transpose();
    let mut ears = ears.map_err(|fault| Stop::Said(fault.to_string(), exit::CONFIG))?;
    let mut printer = Printer {
        rows: (!asked.form.is_json(world))
            .then(|| Rows::new(screen_columns(world.stdout_is_terminal), world.colour)),
        next: begin(&files, asked.lines).map_err(|fault| unreadable(&files, &fault))?,
    };
    printer.print(&files, out)?;
    let Some(ears) = &mut ears else {
        return Ok(exit::ANSWERED);
    };
    let mut faults = 0;
    loop {
        if !still_read(LOOK)? || ears.came().is_some() {
            return Ok(exit::ANSWERED);
        }
        match printer.print(&files, out) {
            Ok(()) => faults = 0,
            // A rotation takes a moment, in which a file may be missing.
            Err(Stop::Said(..)) if faults < MOST_FAULTS => faults += 1,
            Err(other) => return Err(other),
        }
    }
}

struct Printer {
    /// The table; none where the lines themselves are printed.
    rows: Option<Rows>,
    /// Where the first line begins that was not printed yet.
    next: Option<Place>,
}

impl Printer {
    /// Prints what is whole and was not printed yet.
    fn print(&mut self, files: &Files, out: &mut dyn Write) -> Result<(), Stop> {
        let mut out = BufWriter::new(out);
        let entries = files.entries(self.next);
        for entry in entries.map_err(|fault| unreadable(files, &fault))? {
            let entry = entry.map_err(|fault| unreadable(files, &fault))?;
            if entry.torn {
                break;
            }
            match &mut self.rows {
                Some(rows) => rows.print(&entry.line, &mut out)?,
                None => {
                    out.write_all(&entry.line)?;
                    out.write_all(b"\n")?;
                }
            }
            self.next = Some(entry.next());
        }
        Ok(out.flush()?)
    }
}

/// Where the last `count` lines begin; none where that is the beginning of the log.
fn begin(files: &Files, count: usize) -> io::Result<Option<Place>> {
    let mut left = count as u64;
    let segments = files.segments()?;
    for (at, segment) in segments.iter().enumerate().rev() {
        let file = File::open(&segment.path)?;
        let (offset, missing) = back(&file, left)?;
        if missing == 0 || at == 0 {
            return Ok(Some(Place {
                segment: segment.first,
                offset,
            }));
        }
        left = missing;
    }
    Ok(None)
}

/// Where the last `count` whole lines of a file begin, and how many of them it does not have.
fn back(file: &File, count: u64) -> io::Result<(u64, u64)> {
    let mut at = file.metadata()?.len();
    // One break ends the last line; a torn line behind it is not counted.
    let mut breaks = 0;
    let mut chunk = vec![0; CHUNK];
    while at > 0 {
        let size = at.min(CHUNK as u64);
        at -= size;
        let bytes = chunk.get_mut(..size as usize).unwrap_or_default();
        file.read_exact_at(bytes, at)?;
        for found in memchr::memrchr_iter(b'\n', bytes) {
            if breaks == count {
                return Ok((at + found as u64 + 1, 0));
            }
            breaks += 1;
        }
    }
    Ok((0, count - breaks))
}

fn unreadable(files: &Files, fault: &io::Error) -> Stop {
    let message = format!("cannot read `{}`: {fault}", files.live().display());
    Stop::Said(message, exit::AUDIT)
}

/// How often it is looked for new records.
const LOOK: Duration = Duration::from_millis(200);

/// How often in a row the log may be unreadable before it is said.
const MOST_FAULTS: u32 = 10;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
