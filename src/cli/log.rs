//! `audit tail`.
//!
//! **Reads** `audit.jsonl`.
//! **Gives** what it holds.
//! **Never** writes to it.

use std::io;
use std::io::Write;

use super::Stop;
use super::World;
use super::table::Table;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Record;
use crate::status::exit;

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

fn unreadable(world: &World, fault: &io::Error) -> Stop {
    let message = format!("cannot read `{}`: {fault}", world.home.audit().display());
    Stop::Said(message, exit::AUDIT)
}

/// Characters of a command in the table.
const COMMAND_WIDTH: usize = 60;
