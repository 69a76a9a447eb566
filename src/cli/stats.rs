//! `audit stats`.
//!
//! **Reads** the log and the index beside it; brings the index up to date where it may.
//! **Gives** what the records amount to, drawn in characters.
//! **Never** needs colour to be read.

use std::io;
use std::io::Write;

use clap::Args;

use super::Stop;
use super::World;
use super::moment::Period;
use super::rows::screen_columns;
use super::search;
use super::width::columns;
use super::width::cut;
use crate::index;
use crate::index::Day;
use crate::index::Facet;
use crate::index::Query;
use crate::index::Searched;
use crate::index::Stats;
use crate::status::exit;

/// `audit stats`.
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// Not before: a moment, a day (`2026-03-01`), how long ago (`30d`), or `all`
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Until this, likewise; a day is meant with all of it
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only this target; may be given several times
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// How many commands are named
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints what the records of a time amount to.
pub(super) fn stats(
    world: &World,
    asked: &StatsArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let now = (world.now)();
    let since = (asked.since != "all").then_some(asked.since.as_str());
    let period = Period::asked(since, asked.until.as_deref(), now)?;
    let targets = (!asked.target.is_empty()).then(|| (Facet::Target, asked.target.clone()));
    let query = Query {
        facets: targets.into_iter().collect(),
        since: period.since.map(|at| at.timestamp_millis()),
        until: period.until.map(|at| at.timestamp_millis() + 1),
        ..Query::default()
    };
    let (stats, answer) = index::stats(&Searched::of(&world.home), &query, asked.top)?;
    search::told(&answer, err);
    if asked.json {
        let text = serde_json::to_string(&stats).map_err(io::Error::other)?;
        writeln!(out, "{text}")?;
        return Ok(exit::ANSWERED);
    }
    let width = if world.stdout_is_terminal {
        screen_columns(true).clamp(NARROWEST, WIDEST)
    } else {
        SHEET
    };
    Sheet { out, width }.draw(&stats)?;
    Ok(exit::ANSWERED)
}

/// What is drawn on.
struct Sheet<'a> {
    out: &'a mut dyn Write,
    width: usize,
}

impl Sheet<'_> {
    fn draw(&mut self, stats: &Stats) -> io::Result<()> {
        writeln!(
            self.out,
            "{} records; {} decisions, {} of them questions to a human ({} approved, {} denied, {} without an answer), {} refused.",
            grouped(stats.records),
            grouped(stats.days.iter().map(all).sum()),
            grouped(stats.questions),
            grouped(stats.approved),
            grouped(stats.denied),
            grouped(stats.expired),
            grouped(stats.forbidden),
        )?;
        self.days(&stats.days)?;
        self.commands(stats)?;
        self.waits(stats)?;
        self.needless(stats)?;
        self.heading("Runs by their end")?;
        let rows: Vec<_> = stats
            .runs
            .iter()
            .map(|(status, n)| (status.clone(), *n))
            .collect();
        self.bars(&rows)
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{text}")
    }

    /// A row for each day, or for several where there are too many.
    fn days(&mut self, days: &[Day]) -> io::Result<()> {
        self.heading("Decisions a day   █ allowed   ▓ asked   ░ refused")?;
        let step = days.len().div_ceil(MOST_DAYS).max(1);
        let rows: Vec<(String, [u64; 3])> = days
            .chunks(step)
            .map(|chunk| {
                let sum = |of: fn(&Day) -> u64| chunk.iter().map(of).sum::<u64>();
                let first = chunk.first().map_or("", |day| day.day.as_str());
                let counts = [
                    sum(|day| day.auto_allowed),
                    sum(|day| day.approval_required),
                    sum(|day| day.forbidden),
                ];
                // Where a row is several days, it shows one day of them on the average.
                let average = |count: u64| count.div_ceil(chunk.len().max(1) as u64);
                (first.to_owned(), counts.map(average))
            })
            .collect();
        let most = rows
            .iter()
            .map(|(_, counts)| counts.iter().sum())
            .max()
            .unwrap_or(0);
        let room = self.room(10, grouped(most).len());
        for (day, counts) in &rows {
            let bar = stacked(*counts, most, room);
            let sum = grouped(counts.iter().sum());
            writeln!(self.out, "  {day:10}  {bar}  {sum}")?;
        }
        if step > 1 {
            writeln!(
                self.out,
                "  (a row is {step} days with decisions, and shows one on the average)"
            )?;
        }
        self.nothing(rows.is_empty())
    }

    fn commands(&mut self, stats: &Stats) -> io::Result<()> {
        self.heading(&format!(
            "What was asked most, of {} different commands (how often a human was asked)",
            grouped(stats.different_commands)
        ))?;
        for one in &stats.commands {
            let asked = match one.questions {
                0 => String::new(),
                questions => format!("({})", grouped(questions)),
            };
            let room = self.width.saturating_sub(28);
            writeln!(
                self.out,
                "  {:>11} {asked:>12}  {}",
                grouped(one.times),
                cut(&one.command, room)
            )?;
        }
        self.nothing(stats.commands.is_empty())
    }

    fn waits(&mut self, stats: &Stats) -> io::Result<()> {
        let waits = &stats.waits;
        self.heading("How long a human took to answer")?;
        if waits.count == 0 {
            return self.nothing(true);
        }
        writeln!(
            self.out,
            "  half within {}, nine of ten within {}, the longest {}; {} answers",
            span(waits.median_ms),
            span(waits.p90_ms),
            span(waits.longest_ms),
            grouped(waits.count)
        )?;
        let used = waits.up_to_ms.iter().rposition(|(_, count)| *count > 0);
        let rows: Vec<_> = waits
            .up_to_ms
            .iter()
            .take(used.map_or(0, |last| last + 1))
            .map(|(bound, count)| match *bound {
                u64::MAX => ("longer".to_owned(), *count),
                bound => (format!("≤ {}", span(bound)), *count),
            })
            .collect();
        self.bars(&rows)
    }

    fn needless(&mut self, stats: &Stats) -> io::Result<()> {
        self.heading(
            "Questions that humans always said yes to (`aiops policy suggest` makes rules)",
        )?;
        for one in &stats.needless {
            let target = cut(&one.target, 12);
            let blanks = " ".repeat(12_usize.saturating_sub(columns(&target)));
            let room = self.width.saturating_sub(29);
            writeln!(
                self.out,
                "  {:>11}  {target}{blanks}  {}",
                grouped(one.approved),
                cut(&one.command, room)
            )?;
        }
        self.nothing(stats.needless.is_empty())
    }

    fn bars(&mut self, rows: &[(String, u64)]) -> io::Result<()> {
        let names = rows
            .iter()
            .map(|(name, _)| columns(name))
            .max()
            .unwrap_or(0)
            .min(20);
        let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let room = self.room(names, grouped(most).len());
        for (name, count) in rows {
            let name = cut(name, names);
            let blanks = " ".repeat(names.saturating_sub(columns(&name)));
            let bar = eighths(*count, most, room);
            writeln!(self.out, "  {name}{blanks}  {bar}  {}", grouped(*count))?;
        }
        self.nothing(rows.is_empty())
    }

    fn nothing(&mut self, is_nothing: bool) -> io::Result<()> {
        if is_nothing {
            writeln!(self.out, "  none")?;
        }
        Ok(())
    }

    /// Columns of a bar between a name and a number.
    fn room(&self, name: usize, number: usize) -> usize {
        self.width.saturating_sub(name + number + 6).max(8)
    }
}

fn all(day: &Day) -> u64 {
    day.auto_allowed + day.approval_required + day.forbidden
}

/// Three parts in a row. One that is not nothing is at least one column wide.
fn stacked(counts: [u64; 3], most: u64, room: usize) -> String {
    let mut bar = String::new();
    for (count, mark) in counts.into_iter().zip(["█", "▓", "░"]) {
        let exact = count as f64 / most.max(1) as f64 * room as f64;
        let columns = if count == 0 {
            0
        } else {
            (exact.round() as usize).max(1)
        };
        bar.push_str(&mark.repeat(columns));
    }
    bar.chars().take(room).collect()
}

/// One bar, to an eighth of a column.
fn eighths(count: u64, most: u64, room: usize) -> String {
    let exact = count as f64 / most.max(1) as f64 * room as f64 * 8.0;
    let eighths = if count == 0 {
        0
    } else {
        (exact.round() as usize).max(1)
    };
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = part.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its largest unit.
fn span(millis: u64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
    ];
    for (unit, name) in units {
        if millis >= unit {
            let exact = millis as f64 / unit as f64;
            let digits = usize::from(exact < 10.0 && !millis.is_multiple_of(unit));
            return format!("{exact:.digits$} {name}");
        }
    }
    format!("{millis} ms")
}

/// Rows of days at most.
const MOST_DAYS: usize = 31;

/// Columns where there is no terminal.
const SHEET: usize = 100;

/// Columns at least, and at most.
const NARROWEST: usize = 40;
const WIDEST: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        assert_eq!(eighths(0, 10, 10), "");
        assert_eq!(eighths(10, 10, 10), "██████████");
        assert_eq!(eighths(5, 10, 9), "████▌");
        assert_eq!(eighths(1, 1_000_000, 10), "▏");
        assert_eq!(stacked([2, 1, 1], 4, 8), "████▓▓░░");
        assert_eq!(stacked([1_000_000, 1, 0], 1_000_001, 8), "████████");
        assert_eq!(stacked([0, 0, 0], 0, 8), "");
    }

    #[test]
    fn numbers_and_times_are_written_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(span(0), "0 ms");
        assert_eq!(span(90_000), "1.5 min");
        assert_eq!(span(604_800_000), "7 d");
    }

    #[test]
    fn an_empty_log_is_drawn_as_nothing() {
        let mut out = Vec::new();
        let mut sheet = Sheet {
            out: &mut out,
            width: 80,
        };
        sheet.draw(&Stats::default()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("  none").count(), 5, "{text}");
    }
}
