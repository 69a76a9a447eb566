//! `report`: what the log can prove of an incident, and room for what people know.
//!
//! **Reads** the log, and checkpoints and keys beside it or given; no configuration.
//! **Gives** Markdown, JSON, or one HTML page.
//! **Never** writes but into the one file that it was told to write, and over no file unasked.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use clap::Args;

use super::Stop;
use super::World;
use super::moment::Period;
use crate::audit::Files;
use crate::audit::stamp;
use crate::evidence::note::Verifier;
use crate::report;
use crate::report::Given;
use crate::report::Line;
use crate::report::Lines;
use crate::report::Report;
use crate::report::Selection;
use crate::report::Signed;
use crate::report::Source;
use crate::status::exit;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("selection").required(true).multiple(true))]
pub(super) struct ReportArgs {
    /// The incident's id, exactly as the requests name it
    #[arg(long, value_name = "ID", group = "selection")]
    incident: Option<String>,
    /// From when on: a moment (`2026-03-01T12:00:00Z`), a day (`2026-03-01`), or how long ago
    /// (`2h`, `7d`)
    #[arg(long, value_name = "TIME", group = "selection")]
    since: Option<String>,
    /// Until when, likewise; a day is meant with all of it
    #[arg(long, value_name = "TIME", group = "selection")]
    until: Option<String>,
    /// Only this target; may be given more than once
    #[arg(long = "target", value_name = "NAME", group = "selection")]
    targets: Vec<String>,
    /// Only what this one asked for, by their own account; may be given more than once
    #[arg(long = "requester", value_name = "NAME", group = "selection")]
    requesters: Vec<String>,
    /// Only the request with this id; may be given more than once
    #[arg(long = "request", value_name = "ID", group = "selection")]
    requests: Vec<String>,
    /// The title; the incident's id where it is left out
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A key that is trusted to have signed checkpoints, as `name+number+base64`; may be given more
    /// than once
    ///
    /// Without one the keys beside the log count, which whoever can rewrite the log can exchange.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// A file of checkpoints that were kept elsewhere; may be given more than once
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The form; where it is left out, the ending of the file says it, and else it is `md`
    #[arg(long, value_name = "FORM")]
    format: Option<Form>,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write it into this file instead of printing it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over the file where it is there already
    #[arg(long, requires = "output")]
    force: bool,
}

/// What a report can look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Markdown
    Md,
    /// JSON, by the schema that `aiops schema report` prints
    Json,
    /// One HTML page that needs nothing else
    Html,
}

/// Makes one. Exit code 3 where there is nothing to report, 5 where the log is broken; the report is
/// made then too, and says so.
pub(super) fn report(
    world: &World,
    asked: &ReportArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let now = (world.now)();
    let form = asked.form();
    if let Some(path) = asked.output.as_deref().filter(|_| !asked.force)
        && fs::symlink_metadata(path).is_ok()
    {
        return Err(there_already(path));
    }
    let given = Given {
        selection: asked.selection(now)?,
        title: asked.title.clone(),
        now,
        signed: asked.signed(world)?,
    };
    let log = Log(Files::of(&world.home));
    let mut shown = false;
    let mut progress = |lines: u64| {
        if world.stderr_is_terminal {
            shown = true;
            // Where it cannot be shown, nothing is lost.
            let _ = write!(err, "\r{lines} lines read").and_then(|()| err.flush());
        }
    };
    let made = report::gather(&log, given, &mut progress);
    if shown {
        let _ = write!(err, "\r\u{1b}[K");
    }
    let made = made.map_err(|fault| stop(world, &fault))?;
    let text = match form {
        Form::Md => report::markdown(&made),
        Form::Html => report::html(&made),
        Form::Json => {
            let mut text = serde_json::to_string_pretty(&made).map_err(io::Error::other)?;
            text.push('\n');
            text
        }
    };
    match &asked.output {
        Some(path) => write_file(path, &text, asked.force)?,
        None => out.write_all(text.as_bytes())?,
    }
    warn(&made, err);
    Ok(if made.log.whole {
        exit::ANSWERED
    } else {
        exit::AUDIT
    })
}

impl ReportArgs {
    fn form(&self) -> Form {
        let ending = self
            .output
            .as_deref()
            .and_then(Path::extension)
            .and_then(|ending| ending.to_str())
            .map(str::to_ascii_lowercase);
        match (self.format, ending.as_deref()) {
            (Some(form), _) => form,
            (None, _) if self.json => Form::Json,
            (None, Some("html" | "htm")) => Form::Html,
            (None, Some("json")) => Form::Json,
            (None, _) => Form::Md,
        }
    }

    /// What was signed of the log: by the notes beside it and those that were kept elsewhere, and by
    /// the keys that were given, or else those beside the log.
    fn signed(&self, world: &World) -> Result<Signed, Stop> {
        let mut keys = Vec::new();
        for key in &self.keys {
            let key = Verifier::parse(key).map_err(|fault| {
                let message = format!("`{}` is no key: {fault}", crate::visible::line(key));
                Stop::Said(message, exit::INVALID)
            })?;
            keys.push(key);
        }
        if self.keys.is_empty()
            && let Some(text) = text_of(&world.home.audit_keys())?
        {
            keys.extend(text.lines().filter_map(|key| Verifier::parse(key).ok()));
        }
        let mut signed = Signed::default();
        if let Some(text) = text_of(&world.home.checkpoints())? {
            signed.read(&text, &keys);
        }
        for path in &self.checkpoints {
            let text = text_of(path)?.ok_or_else(|| {
                let message = format!("there is no file `{}`", path.display());
                Stop::Said(message, exit::INVALID)
            })?;
            signed.read(&text, &keys);
        }
        Ok(signed)
    }

    fn selection(&self, now: DateTime<Utc>) -> Result<Selection, Stop> {
        let period = Period::asked(self.since.as_deref(), self.until.as_deref(), now)?;
        Ok(Selection {
            incident: self.incident.clone(),
            since: period.since.map(stamp),
            until: period.until.map(stamp),
            targets: self.targets.clone(),
            requesters: self.requesters.clone(),
            requests: self.requests.clone(),
        })
    }
}

/// The log of the installation.
struct Log(Files);

impl Source for Log {
    fn lines(&self) -> io::Result<Lines<'_>> {
        let entries = self.0.entries(None)?;
        Ok(Box::new(entries.map(|entry| {
            entry.map(|entry| Line {
                segment: entry.place.segment,
                torn: entry.torn,
                bytes: entry.line,
            })
        })))
    }
}

/// A file that may not be there.
fn text_of(path: &Path) -> Result<Option<String>, Stop> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(Stop::Said(
            format!("cannot read `{}`: {fault}", path.display()),
            exit::AUDIT,
        )),
    }
}

fn stop(world: &World, fault: &report::Error) -> Stop {
    match fault {
        report::Error::Io(fault) => {
            let message = format!("cannot read `{}`: {fault}", world.home.audit().display());
            Stop::Said(message, exit::AUDIT)
        }
        report::Error::Nothing => Stop::Said(fault.to_string(), exit::REFUSED),
        report::Error::TooMany => Stop::Said(fault.to_string(), exit::INVALID),
    }
}

fn there_already(path: &Path) -> Stop {
    let message = format!(
        "`{}` is there already, and somebody may have written in it; `--force` writes over it",
        path.display()
    );
    Stop::Said(message, exit::REFUSED)
}

/// Puts the file in its place as a whole. It says what was asked and what was printed, so others may
/// not read it.
fn write_file(path: &Path, text: &str, force: bool) -> Result<(), Stop> {
    let failed = |fault: io::Error| {
        let message = format!("cannot write `{}`: {fault}", path.display());
        Stop::Said(message, exit::CONFIG)
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let named = |fault: io::Error| failed(plain(fault));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(named)?;
    file.write_all(text.as_bytes()).map_err(named)?;
    permit(file.as_file()).map_err(failed)?;
    let placed = if force {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match placed {
        Ok(_) => Ok(()),
        Err(fault) if !force && fault.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(there_already(path))
        }
        Err(fault) => Err(failed(fault.error)),
    }
}

/// The fault without the name of the file that was to become this one.
fn plain(fault: io::Error) -> io::Error {
    fault.kind().into()
}

/// Whatever the umask says, the group may read it.
fn permit(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(MODE))
}

/// What the reader should know although the report says it too.
fn warn(made: &Report, err: &mut dyn Write) {
    if made.log.whole {
        return;
    }
    // Where it cannot be said, the report says it.
    let _ = writeln!(
        err,
        "aiops: the log is broken in {} places, and {} of these records cannot be proven; the report leaves out what they say. `aiops audit verify` shows more",
        made.log.break_count,
        made.unverified.len()
    );
}

/// For its owner, and to be read by the group.
const MODE: u32 = 0o640;
