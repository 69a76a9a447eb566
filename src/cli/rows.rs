//! Records, one a row, in columns that do not move: rows may come one after the other.
//!
//! **Reads** the size of the terminal on standard output.
//! **Gives** [`Rows`], [`screen_columns`].
//! **Never** lets a record act on the terminal, and never shows a line that is no record as one.

use std::io;
use std::io::Write;

use rustix::termios::tcgetwinsize;

use super::table::Paint;
use super::width::columns;
use super::width::cut;
use crate::index::Noted;

/// Where the rows go, and how.
pub(super) struct Rows {
    columns: Vec<Column>,
    colour: bool,
    begun: bool,
}

#[derive(Clone, Copy)]
struct Column {
    heading: &'static str,
    width: usize,
}

impl Rows {
    /// Rows of at most `width` columns. Where there is little room, what matters least is left out.
    pub(super) fn new(width: usize, colour: bool) -> Self {
        let mut columns: Vec<Column> = COLUMNS.to_vec();
        for least in ["RISK", "BY", "EVENT", "EXIT"] {
            if room(&columns, width) < WIDE {
                columns.retain(|column| column.heading != least);
            }
        }
        let room = room(&columns, width).max(NARROW);
        for column in &mut columns {
            if column.heading == "COMMAND" {
                column.width = room;
            }
        }
        Self {
            columns,
            colour,
            begun: false,
        }
    }

    /// Prints a line of the log; before the first one the headings.
    pub(super) fn print(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let headings = self.columns.iter().map(|column| (column, column.heading));
            let heading = headings.map(|(column, text)| padded(text, column.width));
            let heading = heading.collect::<Vec<_>>().join(GAP);
            writeln!(out, "{}", heading.trim_end())?;
        }
        let noted = Noted::of(line);
        let mut row = String::new();
        for column in &self.columns {
            let text = match &noted {
                Some(noted) => cell(column.heading, noted),
                None if column.heading == "COMMAND" => "(no record of this program)".to_owned(),
                None => "-".to_owned(),
            };
            let shown = padded(&cut(&text, column.width), column.width);
            row.push_str(&Paint::of(&text).on(&shown, self.colour));
            row.push_str(GAP);
        }
        writeln!(out, "{}", row.trim_end())
    }
}

fn cell(heading: &str, noted: &Noted<'_>) -> String {
    let word = |text: &Option<_>| text.as_deref().unwrap_or("-").to_owned();
    match heading {
        "SEQ" => noted.seq.to_string(),
        // The fraction of a second is in the record.
        "TIME" => noted.timestamp.split('.').next().unwrap_or("-").to_owned(),
        "EVENT" => noted.event.clone().into_owned(),
        "STATUS" => word(&noted.status),
        "RISK" => word(&noted.risk),
        "TARGET" => word(&noted.target),
        "EXIT" => noted
            .exit_code
            .map_or_else(|| "-".to_owned(), |code| code.to_string()),
        // Who was enrolled did nothing.
        "BY" if noted.event == "approver" => word(&noted.caller),
        "BY" if noted.approver.is_some() => word(&noted.approver),
        "BY" => word(&noted.caller),
        _ => match (&noted.command, &noted.message) {
            (Some(command), _) => command.clone().into_owned(),
            (None, Some(message)) => format!("({message})"),
            (None, None) => "-".to_owned(),
        },
    }
}

fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(blanks))
}

/// Columns that are left for the command.
fn room(columns: &[Column], width: usize) -> usize {
    let others = columns.iter().filter(|column| column.heading != "COMMAND");
    let taken: usize = others.map(|column| column.width + GAP.len()).sum();
    width.saturating_sub(taken)
}

/// Columns of the terminal on standard output, or of a sheet where there is none.
pub(super) fn screen_columns(is_terminal: bool) -> usize {
    let size = is_terminal
        .then(|| tcgetwinsize(io::stdout()).ok())
        .flatten();
    size.map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(SHEET)
}

const fn column(heading: &'static str, width: usize) -> Column {
    Column { heading, width }
}

const COLUMNS: [Column; 9] = [
    column("SEQ", 8),
    column("TIME", 19),
    column("EVENT", 9),
    column("STATUS", 18),
    column("RISK", 17),
    column("TARGET", 12),
    column("EXIT", 4),
    column("BY", 10),
    column("COMMAND", 0),
];

const GAP: &str = "  ";

/// Columns that a command has at least, as long as others can be left out.
const WIDE: usize = 30;

/// Columns that a command has at least, even where the row is then too long.
const NARROW: usize = 12;

/// Columns where nobody says how many there are.
const SHEET: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::GENESIS;

    fn printed(width: usize, lines: &[&str]) -> Vec<String> {
        let mut rows = Rows::new(width, false);
        let mut out = Vec::new();
        for line in lines {
            rows.print(line.as_bytes(), &mut out).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }

    fn record(command: &str) -> String {
        serde_json::json!({
            "timestamp": "2026-03-01T12:00:00.123Z", "seq": 7, "prev": GENESIS,
            "event": "outcome", "status": "executed", "target": "srv1", "command": command,
        })
        .to_string()
    }

    #[test]
    fn no_row_is_wider_than_the_screen() {
        let long = record(&"x".repeat(500));
        for width in 80..240 {
            for line in printed(width, &[&long, "{}"]) {
                assert!(columns(&line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_command_cannot_act_on_the_terminal_or_make_a_row() {
        let lines = printed(200, &[&record("a\u{1b}[2J\n8  2026-03-01T12:00:00")]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("a<U+001B>[2J<U+000A>8"));
    }

    #[test]
    fn a_line_that_is_no_record_is_named_so() {
        let lines = printed(200, &["not even JSON", "{\"seq\": 3}"]);
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.contains("no record of this program"))
        );
    }
}
