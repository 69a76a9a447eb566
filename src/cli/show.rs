//! `audit show`.
//!
//! **Reads** one record after the other, its neighbours, and the files beside the log.
//! **Gives** all that a record holds, for people.
//! **Never** shows an output that is not what the record says it was.

use std::io;
use std::io::Write;

use clap::Args;
use serde_json::Map;
use serde_json::Value;

use super::Stop;
use super::World;
use super::search;
use super::search::Fields;
use crate::audit::Files;
use crate::audit::Outputs;
use crate::audit::SideFile;
use crate::index;
use crate::index::Noted;
use crate::index::Searched;
use crate::status::exit;
use crate::visible;

mod locate;

use locate::Chain;
use locate::Located;

/// `audit show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Numbers of records
    #[arg(value_name = "SEQ", required_unless_present = "request")]
    records: Vec<u64>,
    /// All records of this request, or, where a number is given instead of an id, of the request that
    /// record belongs to
    #[arg(long, value_name = "ID or SEQ")]
    request: Option<String>,
    /// Long outputs whole, and not only their beginning
    #[arg(long)]
    full: bool,
    /// Print the lines of the log, which are JSON
    #[arg(long)]
    json: bool,
}

/// Prints records. Exit code 1 where one is not there, and 5 where one does not fit its neighbours or
/// its files.
pub(super) fn show(
    world: &World,
    asked: &ShowArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let files = Files::of(&world.home);
    let mut ends = exit::ANSWERED;
    let mut first = true;
    for seq in &asked.records {
        let Some(found) =
            locate::record(&files, *seq).map_err(|fault| unreadable(&files, &fault))?
        else {
            let _ = writeln!(err, "aiops: the log has no record {seq}");
            ends = ends.max(exit::FOUND);
            continue;
        };
        ends = ends.max(one(world, asked, &found, !std::mem::take(&mut first), out)?);
    }
    if let Some(request) = &asked.request {
        ends = ends.max(of_request(
            world, asked, &files, request, &mut first, out, err,
        )?);
    }
    Ok(ends)
}

fn of_request(
    world: &World,
    asked: &ShowArgs,
    files: &Files,
    request: &str,
    first: &mut bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let mut id = request.to_owned();
    if let Ok(seq) = request.parse::<u64>() {
        let found = locate::record(files, seq).map_err(|fault| unreadable(files, &fault))?;
        let of = found.and_then(|found| {
            Noted::of(&found.line).and_then(|noted| noted.request_id.map(|id| id.into_owned()))
        });
        let Some(of) = of else {
            let _ = writeln!(
                err,
                "aiops: record {seq} is not there, or belongs to no request"
            );
            return Ok(exit::FOUND);
        };
        id = of;
    }
    let query = Fields::of_request(&id).query(world, Vec::new())?;
    let mut places = Vec::new();
    let searched = Searched::of(&world.home);
    let answer = index::search(&searched, &query, None, false, &mut |hit| {
        places.push(hit.place);
        Ok(())
    })?;
    if answer.hits == 0 {
        let shown = visible::line(&id);
        let _ = writeln!(err, "aiops: no record belongs to request `{shown}`");
    }
    let mut ends = search::told(&answer, err);
    for place in places {
        let found = locate::at(files, place).map_err(|fault| unreadable(files, &fault))?;
        if let Some(found) = found {
            ends = ends.max(one(world, asked, &found, !std::mem::take(first), out)?);
        }
    }
    Ok(ends)
}

fn one(
    world: &World,
    asked: &ShowArgs,
    found: &Located,
    apart: bool,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    if asked.json {
        out.write_all(&found.line)?;
        out.write_all(b"\n")?;
        return Ok(exit::ANSWERED);
    }
    if apart {
        writeln!(out)?;
    }
    let fields: Map<String, Value> = serde_json::from_slice(&found.line).unwrap_or_default();
    for (name, value) in &fields {
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => row(name, "(empty)", out)?,
            Value::String(text) => field(name, text, asked.full, out)?,
            other => row(name, &visible::line(&plain(other)), out)?,
        }
    }
    let mut ends = exit::ANSWERED;
    for stream in ["stdout", "stderr"] {
        let side = fields.get(&format!("{stream}_file"));
        if let Some(facts) = side.filter(|facts| !facts.is_null()) {
            ends = ends.max(side_file(world, stream, facts, asked.full, out)?);
        }
    }
    row("hash", &crate::hex::of(&found.hash), out)?;
    let (before, after) = (told(found.before, "before"), told(found.after, "after"));
    row("chain", &format!("{before}; {after}"), out)?;
    if [found.before, found.after].contains(&Chain::Broken) {
        ends = exit::AUDIT;
    }
    Ok(ends)
}

/// All of a long output, out of its file.
fn side_file(
    world: &World,
    stream: &str,
    facts: &Value,
    full: bool,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    let name = format!("all of {stream}");
    let loaded = serde_json::from_value::<SideFile>(facts.clone())
        .map_err(|fault| format!("the record names no file: {fault}"))
        .and_then(|wanted| match wanted.bytes {
            0..=LARGEST => Outputs::of(&world.home)
                .load(&wanted)
                .map_err(|fault| format!("cannot be believed or read: {fault}")),
            bytes => Err(format!("{bytes} bytes are too many to be shown")),
        });
    match loaded {
        Ok(text) => {
            field(&name, &text, full, out)?;
            Ok(exit::ANSWERED)
        }
        Err(why) => {
            row(&name, &visible::line(&why), out)?;
            Ok(exit::AUDIT)
        }
    }
}

/// A text. One of several lines stands below its name, each line behind a bar, so that no line of it can
/// be taken for a field.
fn field(name: &str, text: &str, full: bool, out: &mut dyn Write) -> io::Result<()> {
    let shown = visible::block(text);
    if !shown.contains('\n') && (full || shown.len() <= SHORT) {
        return row(name, &shown, out);
    }
    row(name, &format!("{} bytes", text.len()), out)?;
    let most = if full { usize::MAX } else { MOST_LINES };
    let mut lines = shown.lines();
    for line in lines.by_ref().take(most) {
        let cut = if full {
            line.to_owned()
        } else {
            super::width::cut(line, LONG_LINE)
        };
        writeln!(out, "  │ {cut}")?;
    }
    let left = lines.count();
    if left > 0 {
        writeln!(out, "  … {left} more lines; `--full` shows them")?;
    }
    Ok(())
}

fn row(name: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let name = visible::line(name);
    writeln!(out, "{name:NAMES$}  {text}")
}

/// A value that is no text, without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| format!("{name} {}", plain(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn told(chain: Chain, side: &str) -> String {
    match chain {
        Chain::Holds => format!("holds to the record {side}"),
        Chain::Broken => format!("BROKEN to the record {side}"),
        Chain::Ends if side == "before" => "this is the first record".to_owned(),
        Chain::Ends => "this is the last record".to_owned(),
    }
}

fn unreadable(files: &Files, fault: &io::Error) -> Stop {
    let message = format!("cannot read `{}`: {fault}", files.live().display());
    Stop::Said(message, exit::AUDIT)
}

/// Columns of the names: as wide as the longest that is usual.
const NAMES: usize = 16;

/// Bytes of a text that stand beside its name.
const SHORT: usize = 2000;

/// Bytes of a long output that is shown at most.
const LARGEST: u64 = 256 << 20;

/// Lines of a text that are shown, without `--full`.
const MOST_LINES: usize = 40;

/// Columns of a line of it.
const LONG_LINE: usize = 400;
