//! `policy replay`: what another configuration would change.
//!
//! **Reads** logs, and a configuration that is not in force.
//! **Gives** every decision that would change, those that become laxer first.
//! **Never** cuts a command short that would need less than before.

use std::io;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::recorded;
use super::recorded::Since;
use crate::cli::Format;
use crate::cli::Stop;
use crate::cli::World;
use crate::cli::table::Paint;
use crate::cli::table::Table;
use crate::config::Config;
use crate::status::exit;
use crate::tuning;
use crate::tuning::replay::Change;
use crate::tuning::replay::Direction;
use crate::tuning::replay::Replay;
use crate::visible;

#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The configuration to judge by: a file anywhere
    #[arg(long, value_name = "NEW")]
    config: PathBuf,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    format: Format,
    /// Logs to read instead of the installation's
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
}

/// Judges the log again.
pub(in crate::cli) fn replay(
    world: &World,
    asked: &ReplayArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let since = asked.since.stamp((world.now)())?;
    let config = Config::load_file(&asked.config)?;
    // A log can be judged where no installation is; then there is nothing to compare with.
    let today = Config::load_only(&world.home).ok();
    let logs = match &asked.logs[..] {
        [] => recorded::own(world)?,
        given => given.to_vec(),
    };
    let history = recorded::history(world, &logs, since.as_deref(), err)?;
    let found = tuning::replay::replay(&history, &config, today.as_ref());
    if asked.format.json {
        let text = serde_json::to_string(&found).map_err(io::Error::other)?;
        writeln!(out, "{text}")?;
    } else {
        print(&found, world.colour, out)?;
    }
    Ok(if found.changes_something() {
        exit::FOUND
    } else {
        exit::ANSWERED
    })
}

fn print(found: &Replay, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} requests with {} different commands were judged again, and {} of the commands change.",
        found.records - found.redacted - found.left_out,
        found.commands,
        found.changes.len()
    )?;
    let asides = [
        (found.redacted, REDACTED),
        (found.strange_lines, STRANGE),
        (found.left_out, LEFT_OUT),
    ];
    for (count, what) in asides.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{count} {what}")?;
    }
    if !found.table.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(&["", "FROM", "TO", "COMMANDS", "TIMES"]);
        for row in &found.table {
            table.row(&[
                row.direction.word(),
                &row.from,
                row.to,
                &row.commands.to_string(),
                &row.times.to_string(),
            ]);
        }
        table.print(out, colour)?;
    }
    let mut last = None;
    for change in &found.changes {
        if last.replace(change.direction) != Some(change.direction) {
            writeln!(out, "\n{}", heading(change.direction))?;
        }
        print_change(change, colour, out)?;
    }
    if !found.weaker.is_empty() {
        writeln!(
            out,
            "\nA weaker approval would do than the configuration in force demands:"
        )?;
    }
    for entry in &found.weaker {
        writeln!(
            out,
            "{} {}: {}\n    {} -> {}; {}x",
            Paint::of("laxer").on("laxer", colour),
            visible::line(&entry.target),
            visible::line(&entry.command),
            entry.from,
            entry.to,
            entry.times
        )?;
    }
    if !found.only_recorded.is_empty() {
        writeln!(out, "\nOnly recorded, because of `enforcement: audit`:")?;
        let mut table = Table::new(&["TARGET", "COMMAND", "TIMES", "IS", "WOULD BE", "RULE"]);
        for entry in &found.only_recorded {
            table.row(&[
                &entry.target,
                &entry.command,
                &entry.times.to_string(),
                entry.risk,
                entry.would_be,
                &entry.rule,
            ]);
        }
        table.print(out, colour)?;
    }
    Ok(())
}

fn heading(direction: Direction) -> &'static str {
    match direction {
        Direction::Laxer => "These would need less than before; look at each of them:",
        Direction::Stricter => "These would need more than before:",
    }
}

fn print_change(change: &Change, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let word = change.direction.word();
    let rule = |rule: &Option<String>| visible::line(rule.as_deref().unwrap_or("-")).into_owned();
    let line = change
        .new_line
        .map_or(String::new(), |line| format!(" (line {line})"));
    writeln!(
        out,
        "{} {}: {}",
        Paint::of(word).on(word, colour),
        visible::line(&change.target),
        visible::line(&change.command)
    )?;
    writeln!(
        out,
        "    {} by {} -> {} by {}{line}; {}x, last {}",
        visible::line(&change.from),
        rule(&change.old_rule),
        change.to,
        rule(&change.new_rule),
        change.times,
        visible::line(&change.last)
    )
}

const REDACTED: &str =
    "requests cannot be judged again, since a secret was taken out of the command.";
const STRANGE: &str = "lines are no records of this program and were passed over.";
const LEFT_OUT: &str = "requests were left out: there are too many different commands.";
