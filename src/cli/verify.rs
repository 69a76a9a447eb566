//! `audit verify`: whether the log can be believed.
//!
//! **Reads** the log and what lies beside it, keys and checkpoints that are handed in.
//! **Gives** a report; the bookmark of `--resume` is the only file it writes.
//! **Never** needs the configuration: whoever may read the log may verify it.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use super::Format;
use super::Stop;
use super::World;
use super::table::Paint;
use crate::audit;
use crate::audit::Bookmark;
use crate::audit::Files;
use crate::audit::OpenIntent;
use crate::audit::Report;
use crate::audit::Verify;
use crate::audit::checkpoint;
use crate::evidence::note::Verifier;
use crate::folder;
use crate::status::exit;
use crate::visible;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A key that signs checkpoints, or a file of such keys, that you wrote down elsewhere; may be
    /// given again
    ///
    /// Without one the keys beside the log count, which whoever can rewrite the log can exchange.
    #[arg(long, value_name = "KEY or FILE")]
    key: Vec<String>,
    /// A file of checkpoints that were kept elsewhere, for example by journald; may be given again
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Go on where the last reading with this file ended well, and remember the end of this one
    ///
    /// The file is made where it is not there. What was verified before is not read again, so that
    /// a change to it is not found; verify without this now and then.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Do not look at the long outputs beside the log
    #[arg(long)]
    no_outputs: bool,
    #[command(flatten)]
    pub(super) format: Format,
}

/// Reads the whole log. Exit code 5 where it cannot be believed or a run has no outcome.
pub(super) fn verify(
    world: &World,
    args: &VerifyArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let asked = Verify {
        keys: keys(&args.key)?,
        checkpoints: checkpoints(&args.checkpoint)?,
        resume: args.resume.as_deref().map(state).transpose()?.flatten(),
        skip_outputs: args.no_outputs,
    };
    let whole = size(world);
    let mut shown = 0;
    let mut progress = |bytes: u64| {
        if world.stderr_is_terminal && !args.format.json && bytes - shown >= PROGRESS_BYTES {
            shown = bytes;
            let percent = (bytes * 100).checked_div(whole).unwrap_or(100).min(100);
            // Nobody minds a progress that cannot be shown.
            let _ = write!(err, "\r{percent:3} % of the log");
        }
    };
    let read = audit::verify(&world.home, asked, (world.now)(), &mut progress);
    if shown > 0 {
        let _ = write!(err, "\r                 \r");
    }
    let (report, verified) = read.map_err(|fault| Stop::Said(fault.to_string(), exit::AUDIT))?;
    if let (Some(path), Some(verified)) = (&args.resume, verified) {
        keep(path, &verified)?;
    }
    let missing = report.open.iter().any(|open| !open.may_be_running);
    if args.format.json {
        let text = serde_json::to_string(&report).map_err(io::Error::other)?;
        writeln!(out, "{text}")?;
    } else {
        print(world, &report, out)?;
    }
    Ok(match report.is_whole() && !missing {
        true => exit::ANSWERED,
        false => exit::AUDIT,
    })
}

fn print(world: &World, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let records = report.records;
    writeln!(out, "{records} records are whole and in their order.")?;
    if report.resumed_after > 0 {
        let before = report.resumed_after;
        writeln!(
            out,
            "Those up to {before} were verified before and not read again."
        )?;
    }
    print_signed(world, report, out)?;
    for (count, what) in [
        (
            report.outputs,
            "long outputs beside the log are what their records speak of.",
        ),
        (
            report.sealed_lines,
            "lines of another program stand before them, sealed.",
        ),
        (
            report.recovered,
            "lines are no records (torn by a crash, or somebody else's) and acknowledged.",
        ),
        (
            report.torn_bytes,
            "bytes behind the last line: a record is being written, or was torn by a crash.",
        ),
    ] {
        if count > 0 {
            writeln!(out, "{count} {what}")?;
        }
    }
    if let Some(last) = &report.last {
        writeln!(
            out,
            "The last record is {}, SHA-256 {}.",
            last.seq, last.sha256
        )?;
    }
    for open in &report.open {
        let (seq, at, what) = (open.seq, &open.timestamp, named(open));
        if open.may_be_running {
            writeln!(
                out,
                "record {seq}: started at {at}, may still be running: {what}"
            )?;
        } else {
            let bad = Paint::Red.on("no outcome", world.colour);
            writeln!(
                out,
                "record {seq}: {bad} of what was started at {at}: {what}"
            )?;
        }
    }
    for damage in &report.damage {
        let bad = Paint::Red.on(&word(damage.kind), world.colour);
        let (file, what) = (visible::line(&damage.file), visible::line(&damage.what));
        match damage.line {
            0 => writeln!(out, "{file}: {bad}: {what}")?,
            line => writeln!(out, "{file}, line {line}: {bad}: {what}")?,
        }
    }
    Ok(())
}

fn print_signed(world: &World, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let signed = &report.checkpoints;
    if signed.good == 0 {
        let nothing = Paint::Yellow.on("No checkpoint", world.colour);
        return writeln!(
            out,
            "{nothing} was found good: that the end of the log is there, and that it was not written anew, is not shown."
        );
    }
    let by: Vec<_> = signed.by.iter().map(String::as_str).collect();
    let (good, covered) = (signed.good, signed.covered);
    let word = match good {
        1 => "checkpoint agrees",
        _ => "checkpoints agree",
    };
    writeln!(
        out,
        "{good} {word}; the last one covers records 1 to {covered}. Signed by {}.",
        visible::line(&by.join(", "))
    )?;
    if !signed.vouched {
        writeln!(
            out,
            "These keys lie beside the log. Compare them with those that you wrote down, or give them with --key."
        )?;
    }
    Ok(())
}

/// The word of a kind, as JSON has it.
fn word(kind: audit::Kind) -> String {
    let word = serde_json::to_value(kind).ok();
    let word = word.as_ref().and_then(|word| word.as_str());
    word.unwrap_or("damaged").replace('_', " ")
}

fn named(open: &OpenIntent) -> String {
    let command = open.command.as_deref().unwrap_or("-");
    let target = open.target.as_deref().unwrap_or("-");
    format!("`{}` on {}", visible::line(command), visible::line(target))
}

/// Keys by themselves or in files.
pub(super) fn keys(given: &[String]) -> Result<Vec<Verifier>, Stop> {
    let mut keys = Vec::new();
    for given in given {
        if let Ok(key) = given.parse() {
            keys.push(key);
            continue;
        }
        let text = text(Path::new(given))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let key = line.trim().parse().map_err(|fault| {
                Stop::Said(
                    format!("`{given}` holds no verifier key: {fault}"),
                    exit::INVALID,
                )
            })?;
            keys.push(key);
        }
    }
    Ok(keys)
}

fn checkpoints(paths: &[PathBuf]) -> Result<Vec<String>, Stop> {
    let mut notes = Vec::new();
    for path in paths {
        let text = text(path)?;
        notes.extend(checkpoint::notes(&text).into_iter().map(|note| note.text));
    }
    Ok(notes)
}

pub(super) fn text(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|fault| {
        let message = format!("cannot read `{}`: {fault}", path.display());
        Stop::Said(message, exit::INVALID)
    })
}

/// What an earlier reading left; none where there was none.
fn state(path: &Path) -> Result<Option<Bookmark>, Stop> {
    match folder::read(path, STATE_BYTES) {
        Ok(state) => Ok(Some(state)),
        Err(fault) if fault.is_missing() => Ok(None),
        Err(fault) => Err(Stop::Said(fault.to_string(), exit::INVALID)),
    }
}

fn keep(path: &Path, verified: &Bookmark) -> Result<(), Stop> {
    let dir = match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    folder::write(dir, verified)
        .and_then(|written| folder::replace(written, path))
        .map_err(|fault| Stop::Said(fault.to_string(), exit::INVALID))
}

/// Bytes of all files of the log; 0 where nobody can tell.
fn size(world: &World) -> u64 {
    let segments = Files::of(&world.home).segments().unwrap_or_default();
    let sizes = segments
        .iter()
        .filter_map(|segment| fs::metadata(&segment.path).ok());
    sizes.map(|facts| facts.len()).sum()
}

/// After so many bytes the progress is shown anew.
const PROGRESS_BYTES: u64 = 64 << 20;

/// Bytes of the longest state file: most of it are runs that have no outcome yet.
const STATE_BYTES: usize = 16 << 20;
