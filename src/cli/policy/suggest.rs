//! `policy suggest`: rules that the log suggests, as a difference to review.
//!
//! **Reads** the installation's log and configuration.
//! **Gives** a unified diff, and why other commands get no rule.
//! **Never** writes the file: a human does.

use std::io;
use std::io::Write;

use clap::Args;

use super::recorded;
use super::recorded::Since;
use crate::audit;
use crate::cli::Format;
use crate::cli::Stop;
use crate::cli::World;
use crate::cli::table::Table;
use crate::config;
use crate::status::exit;
use crate::tuning;
use crate::tuning::suggest::Suggested;

#[derive(Debug, Args)]
pub(in crate::cli) struct SuggestArgs {
    /// How often a command must have been approved
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    min: u64,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    format: Format,
}

/// Looks for what was always approved.
pub(in crate::cli) fn suggest(
    world: &World,
    asked: &SuggestArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let now = (world.now)();
    let since = asked.since.stamp(now)?;
    let (log, path) = (world.home.audit(), world.home.config());
    let text = config::read_safely(&path)?;
    let asked_of_log = audit::Verify::default();
    let (report, _) = audit::verify(&world.home, asked_of_log, now, &mut |_| {})
        .map_err(|fault| Stop::Said(fault.to_string(), exit::AUDIT))?;
    if !report.is_whole() {
        let message = format!(
            "no rule is suggested by a log that cannot be believed: run `aiops audit verify` on `{}`",
            log.display()
        );
        return Err(Stop::Said(message, exit::AUDIT));
    }
    let history = recorded::history(world, &recorded::own(world)?, since.as_deref(), err)?;
    let found = tuning::suggest::suggest(&history, &text, &path, asked.min)?;
    if asked.format.json {
        let text = serde_json::to_string(&found).map_err(io::Error::other)?;
        writeln!(out, "{text}")?;
    } else {
        print(&found, asked.min, world.colour, out)?;
    }
    Ok(exit::ANSWERED)
}

fn print(found: &Suggested, least: u64, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    match &found.diff {
        Some(diff) => {
            let count = found.suggestions.len();
            writeln!(
                out,
                "Rules suggested: {count}. Nothing was changed; look at each, and apply with `patch` what you agree with.\n"
            )?;
            write!(out, "{diff}")?;
        }
        None => writeln!(
            out,
            "No rule is suggested: nothing that could be allowed was approved at least {least} times and never refused."
        )?,
    }
    if !found.asked_on_purpose.is_empty() {
        writeln!(
            out,
            "\nAsked by a rule on purpose, and approved; reconsider the rule where it asks too often:"
        )?;
        let mut table = Table::new(&["RULE", "LINE", "APPROVED", "COMMANDS"]);
        for entry in &found.asked_on_purpose {
            let line = entry
                .line
                .map_or_else(|| "-".to_owned(), |line| line.to_string());
            let shown: Vec<&str> = entry.commands.iter().map(String::as_str).take(3).collect();
            let more = entry.commands.len().saturating_sub(shown.len());
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            table.row(&[
                &entry.rule,
                &line,
                &entry.approved.to_string(),
                &format!("{}{more}", shown.join(", ")),
            ]);
        }
        table.print(out, colour)?;
    }
    if !found.refused.is_empty() {
        writeln!(out, "\nApproved often enough, and not suggested:")?;
        let mut table = Table::new(&["TARGET", "COMMAND", "APPROVED", "BECAUSE"]);
        for entry in &found.refused {
            table.row(&[
                &entry.target,
                &entry.command,
                &entry.approved.to_string(),
                &entry.why,
            ]);
        }
        table.print(out, colour)?;
    }
    if found.redacted > 0 {
        writeln!(
            out,
            "\n{} requests say nothing here, since a secret was taken out of the command.",
            found.redacted
        )?;
    }
    Ok(())
}
