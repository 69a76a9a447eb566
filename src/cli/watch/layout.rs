//! The screen as text: what is seen becomes rows, as many as fit, and what does not fit is counted.
//!
//! **Reads** nothing.
//! **Gives** [`frame`], [`View`], [`Frame`].
//! **Never** makes a row wider than the terminal, and never lets one act on it.

use chrono::DateTime;
use chrono::Utc;

use super::super::people;
use super::super::width::INDENT;
use super::super::width::columns;
use super::super::width::cut;
use super::super::width::wrap;
use super::choice::Choice;
use super::sight::Seen;
use super::terminal::Look;
use super::terminal::Row;
use super::terminal::Size;
use super::words;

/// What there is to show.
pub(super) struct View<'a> {
    /// The moment.
    pub(super) now: DateTime<Utc>,
    /// What waits, and what else there is.
    pub(super) seen: &'a Seen,
    /// What is selected.
    pub(super) choice: &'a Choice,
    /// Whether the keys are explained in the place of the selected request.
    pub(super) help: bool,
    /// How many lines of that place are scrolled away.
    pub(super) skipped: usize,
    /// What to say in the place of the footer.
    pub(super) note: Option<&'a str>,
}

/// A screen, row by row.
pub(super) struct Frame {
    /// The rows.
    pub(super) rows: Vec<Row>,
    /// By how many lines a page goes on.
    pub(super) page: usize,
    /// How many lines can be scrolled away.
    pub(super) furthest: usize,
}

/// The screen of this size.
pub(super) fn frame(view: &View<'_>, size: Size) -> Frame {
    let Size {
        columns: width,
        rows: height,
    } = size;
    if width < NARROWEST || height < LOWEST {
        let text = format!("{}; no room", words::count(view.seen));
        let mut rows = vec![row(cut(&text, width), Look::Alarm)];
        rows.resize_with(height, || row(String::new(), Look::Plain));
        rows.truncate(height);
        let (page, furthest) = (1, 0);
        return Frame {
            rows,
            page,
            furthest,
        };
    }
    let mut rows = head(view, width, height);
    let least = if height < 10 { 1 } else { 2 };
    let most = (height.saturating_sub(rows.len() + 4) / 3).max(least);
    rows.extend(list(view, width, most));
    let foot = foot(view, width, height);
    let room = height.saturating_sub(rows.len() + 1 + foot.len());
    let lines = body(view, width);
    let pane = pane(&lines, view.skipped, width, room);
    let first = view.skipped.min(pane.furthest);
    rows.push(row(rule(&words::title(view, first), width), Look::Strong));
    rows.extend(pane.rows);
    rows.extend(foot);
    Frame {
        rows,
        page: pane.page,
        furthest: pane.furthest,
    }
}

fn row(text: String, look: Look) -> Row {
    Row { text, look }
}

/// The first row, and what is frozen or wrong.
fn head(view: &View<'_>, width: usize, height: usize) -> Vec<Row> {
    let clock = view.now.format("%H:%M:%S UTC").to_string();
    let left = format!("aiops watch: {}", words::count(view.seen));
    let blanks = width
        .saturating_sub(columns(&left) + columns(&clock))
        .max(2);
    let title = format!("{left}{}{clock}", " ".repeat(blanks));
    let mut rows = vec![row(cut(&title, width), Look::Strong)];
    let all: Vec<&String> = view.seen.troubles.iter().chain(&view.seen.frozen).collect();
    let (most, lines) = if height < ROOMY { (1, 1) } else { (3, 2) };
    let shown = if all.len() > most { most - 1 } else { most };
    for text in all.iter().take(shown) {
        // The second line is indented.
        let short = cut(text, lines * width - (lines - 1) * INDENT);
        let wrapped = wrap(&short, width).into_iter().take(lines);
        rows.extend(wrapped.map(|text| row(text, Look::Alarm)));
    }
    if all.len() > most {
        let more = format!("{} freezes or faults; `aiops pending`", all.len() - shown);
        rows.push(row(cut(&more, width), Look::Alarm));
    }
    rows
}

/// What waits, in at most `most` rows under a heading.
fn list(view: &View<'_>, width: usize, most: usize) -> Vec<Row> {
    let waiting = &view.seen.waiting;
    if waiting.is_empty() {
        return Vec::new();
    }
    let table = people::table(waiting, false, view.now);
    let room = width - columns(MARK);
    let mut lines = table.fitted(room, "COMMAND", &LEAST).into_iter();
    let heading = lines.next().unwrap_or_default();
    let mut rows = vec![row(format!("{UNMARKED}{heading}"), Look::Faint)];
    let chosen = view.choice.of(waiting).map(|(at, _)| at);
    let first = (view.choice.row() + 1).saturating_sub(most);
    for (at, line) in lines.enumerate().skip(first).take(most) {
        rows.push(if chosen == Some(at) {
            let blanks = room.saturating_sub(columns(&line));
            row(format!("{MARK}{line}{}", " ".repeat(blanks)), Look::Chosen)
        } else {
            row(format!("{UNMARKED}{line}"), Look::Plain)
        });
    }
    rows
}

fn rule(title: &str, width: usize) -> String {
    if title.is_empty() {
        return "-".repeat(width);
    }
    let begun = cut(&format!("-- {title} "), width);
    let rest = width.saturating_sub(columns(&begun));
    format!("{begun}{}", "-".repeat(rest))
}

/// The selected request whole, or what there is to say in its place.
fn body(view: &View<'_>, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in words::body(view).lines() {
        // Only our own headings stand at the beginning of a line.
        let look = if line.starts_with("Warning:") {
            Look::Alarm
        } else {
            Look::Plain
        };
        rows.extend(wrap(line, width).into_iter().map(|text| row(text, look)));
    }
    rows
}

/// A part of what is shown of a request.
struct Pane {
    rows: Vec<Row>,
    page: usize,
    furthest: usize,
}

/// As many lines as there is room for; where there are more, the last row says how many.
fn pane(lines: &[Row], skipped: usize, width: usize, room: usize) -> Pane {
    let mut rows: Vec<Row> = Vec::new();
    let (mut page, mut furthest) = (1, 0);
    if lines.len() <= room {
        rows.extend(lines.iter().cloned());
        rows.resize_with(room, || row(String::new(), Look::Plain));
    } else {
        let part = room.saturating_sub(1);
        furthest = lines.len() - part;
        let first = skipped.min(furthest);
        rows.extend(lines.iter().skip(first).take(part).cloned());
        let below = furthest - first;
        let more = if below > 0 {
            format!("{below} more lines below: space or PageDown")
        } else {
            format!("end of {} lines: b or PageUp goes back", lines.len())
        };
        rows.push(row(cut(&more, width), Look::Hint));
        page = part.saturating_sub(1).max(1);
    }
    Pane {
        rows,
        page,
        furthest,
    }
}

/// What was decided lately, and which keys there are.
fn foot(view: &View<'_>, width: usize, height: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let past = view.seen.past.iter().take(match height {
        0..ROOMY => 0,
        ROOMY..20 => 2,
        _ => 3,
    });
    let past: Vec<Row> = past
        .map(|(state, ticket)| row(cut(&words::ended(*state, ticket), width), Look::Plain))
        .collect();
    if !past.is_empty() {
        rows.push(row(rule("decided lately", width), Look::Faint));
        rows.extend(past);
    }
    let keys = if width < columns(words::KEYS) {
        words::SHORT_KEYS
    } else {
        words::KEYS
    };
    rows.push(match view.note {
        Some(note) => row(cut(note, width), Look::Alarm),
        None => row(cut(keys, width), Look::Strong),
    });
    rows
}

/// In front of the selected row, and of the others.
const MARK: &str = "> ";
const UNMARKED: &str = "  ";

/// The columns that are left out where there is little room, the first one first.
const LEAST: [&str; 5] = ["REASON", "AGE", "DIGEST", "ASKED BY", "NEEDS"];

/// Rows from which there is room for more than one request and what can be decided about it.
const ROOMY: usize = 16;

/// The smallest terminal.
const NARROWEST: usize = 20;
const LOWEST: usize = 8;
