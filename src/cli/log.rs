//! `audit verify` and `audit tail`.
//!
//! **Reads** `audit.jsonl`.
//! **Gives** what it holds, and whether it can be believed.
//! **Never** writes to it.

use std::io;
use std::io::Write;

use super::Stop;
use super::World;
use super::table::Paint;
use super::table::Table;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::OpenIntent;
use crate::audit::Record;
use crate::status::exit;

/// Reads the whole log. Exit code 5 where it cannot be believed or a run has no outcome.
pub(super) fn verify(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let report = audit::verify(&world.home.audit(), (world.now)())
        .map_err(|fault| unreadable(world, &fault))?;
    let (going_on, missing): (Vec<_>, Vec<_>) =
        report.open.iter().partition(|open| open.may_be_running);
    let good = report.is_whole() && missing.is_empty();
    if json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&report).map_err(io::Error::other)?
        )?;
        return Ok(if good { exit::ANSWERED } else { exit::AUDIT });
    }
    writeln!(
        out,
        "{} records are whole and in their order.",
        report.records
    )?;
    if report.sealed_lines > 0 {
        writeln!(
            out,
            "{} lines of another program stand before them, sealed.",
            report.sealed_lines
        )?;
    }
    if report.recovered > 0 {
        writeln!(
            out,
            "{} lines are no records (torn by a crash, or somebody else's) and acknowledged.",
            report.recovered
        )?;
    }
    if report.torn_bytes > 0 {
        writeln!(
            out,
            "{} bytes behind the last line: a record is being written, or was torn by a crash.",
            report.torn_bytes
        )?;
    }
    for open in going_on {
        writeln!(
            out,
            "record {}: started at {}, may still be running: {}",
            open.seq,
            open.timestamp,
            named(open)
        )?;
    }
    for open in &missing {
        let bad = Paint::Red.on("no outcome", world.colour);
        writeln!(
            out,
            "record {}: {bad} of what was started at {}: {}",
            open.seq,
            open.timestamp,
            named(open)
        )?;
    }
    for damage in &report.damage {
        let bad = Paint::Red.on("damaged", world.colour);
        writeln!(out, "line {}: {bad}: {}", damage.line, damage.what)?;
    }
    Ok(if good { exit::ANSWERED } else { exit::AUDIT })
}

/// Prints the last records.
pub(super) fn tail(
    world: &World,
    lines: usize,
    json: bool,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    let text = AuditLog::last_lines(&world.home.audit(), lines)
        .map_err(|fault| unreadable(world, &fault))?;
    let text = String::from_utf8_lossy(&text);
    if json {
        write!(out, "{text}")?;
        return Ok(exit::ANSWERED);
    }
    let mut table = Table::new(&[
        "SEQ", "TIME", "EVENT", "STATUS", "RISK", "TARGET", "COMMAND", "EXIT", "BY",
    ]);
    for line in text.lines() {
        match serde_json::from_str::<Record>(line) {
            Ok(record) => add(&mut table, &record),
            Err(_) => table.row(&[
                "-",
                "-",
                "-",
                "-",
                "-",
                "-",
                "(no record of this program)",
                "-",
                "-",
            ]),
        }
    }
    table.print(out, world.colour)?;
    Ok(exit::ANSWERED)
}

fn add(table: &mut Table, record: &Record) {
    let event = serde_json::to_value(record.event).ok();
    let event = event
        .as_ref()
        .and_then(|event| event.as_str())
        .unwrap_or("-");
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let command = word(&record.command);
    let shown: String = command.chars().take(COMMAND_WIDTH).collect();
    let cut = if shown.len() < command.len() {
        "…"
    } else {
        ""
    };
    // Who was enrolled did nothing.
    let decided = record
        .approver
        .clone()
        .filter(|_| record.event != Event::Approver);
    let by = decided.or_else(|| record.caller.clone());
    table.row(&[
        &record.seq.to_string(),
        &record.timestamp,
        event,
        &word(&record.status),
        &word(&record.risk),
        &word(&record.target),
        &format!("{shown}{cut}"),
        &record
            .exit_code
            .map_or_else(|| "-".to_owned(), |code| code.to_string()),
        &by.unwrap_or_else(|| "-".to_owned()),
    ]);
}

fn named(open: &OpenIntent) -> String {
    let command = open.command.as_deref().unwrap_or("-");
    let target = open.target.as_deref().unwrap_or("-");
    format!(
        "`{}` on {}",
        crate::visible::line(command),
        crate::visible::line(target)
    )
}

fn unreadable(world: &World, fault: &io::Error) -> Stop {
    let message = format!("cannot read `{}`: {fault}", world.home.audit().display());
    Stop::Said(message, exit::AUDIT)
}

/// Characters of a command in the table.
const COMMAND_WIDTH: usize = 60;
