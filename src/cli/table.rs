//! Tables for people.
//!
//! **Reads** nothing.
//! **Gives** [`Table`], [`Paint`].
//! **Never** lets a cell's text act on the terminal.

use std::io;
use std::io::Write;

use super::width::columns;
use super::width::cut;
use crate::visible;

/// Rows under a heading, each column as wide as its widest cell.
pub(super) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<(String, Paint)>>,
}

/// How a cell is painted on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// As everything else.
    Plain,
    /// Good.
    Green,
    /// To be looked at.
    Yellow,
    /// Bad.
    Red,
}

impl Paint {
    /// The SGR sequence of ECMA-48.
    fn start(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Green => "\u{1b}[32m",
            Self::Yellow => "\u{1b}[33m",
            Self::Red => "\u{1b}[31m",
        }
    }

    /// The colour of a decision or a status.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "auto_allowed" | "executed" | "ok" | "thawed" => Self::Green,
            "laxer" | "forbidden" | "rejected" | "error" | "lost" | "timed_out" | "unreachable"
            | "bad" | "interrupted" | "frozen" => Self::Red,
            "approval_required" | "approval_requested" | "ambiguous" | "warning" | "stricter" => {
                Self::Yellow
            }
            _ => Self::Plain,
        }
    }

    /// The text in this colour, where there is colour.
    pub(super) fn on(self, text: &str, colour: bool) -> String {
        if colour && self != Self::Plain {
            format!("{}{text}\u{1b}[0m", self.start())
        } else {
            text.to_owned()
        }
    }
}

impl Table {
    pub(super) fn new(heading: &[&'static str]) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a cell that is a known word gets its colour.
    pub(super) fn row(&mut self, cells: &[&str]) {
        let cell = |text: &&str| (visible::line(text).into_owned(), Paint::of(text));
        self.rows.push(cells.iter().map(cell).collect());
    }

    pub(super) fn print(&self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells
                .map(|(text, _)| text.chars().count())
                .max()
                .unwrap_or(0);
            widest.max(self.heading.get(column).map_or(0, |text| text.len()))
        };
        let widths: Vec<usize> = (0..self.heading.len()).map(width).collect();
        let heading = self
            .heading
            .iter()
            .map(|text| ((*text).to_owned(), Paint::Plain))
            .collect();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            for ((text, paint), width) in row.iter().zip(&widths) {
                let blanks = width.saturating_sub(text.chars().count()) + 2;
                line.push_str(&paint.on(text, colour));
                line.push_str(&" ".repeat(blanks));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// The heading and each row on one line of at most `width` columns. The column named `widest`
    /// takes what the others leave; where that is too little, those named in `least` are left out,
    /// the first one first. A cell that is cut says how much is missing.
    pub(super) fn fitted(&self, width: usize, widest: &str, least: &[&str]) -> Vec<String> {
        let narrow = NARROW.min(width / 4);
        let mut kept: Vec<usize> = (0..self.heading.len()).collect();
        let widths: Vec<usize> = kept.iter().map(|&column| self.width(column)).collect();
        let is = |column: usize, name: &str| self.heading.get(column) == Some(&name);
        let room = |kept: &[usize]| {
            let others = kept.iter().filter(|&&column| !is(column, widest));
            let taken: usize = others
                .filter_map(|&column| widths.get(column))
                .map(|&natural| natural.min(narrow) + GAP)
                .sum();
            width.saturating_sub(taken)
        };
        for name in least {
            if room(&kept) < WIDE {
                kept.retain(|&column| !is(column, name));
            }
        }
        let room = room(&kept);
        let line = |cells: &dyn Fn(usize) -> String| {
            let mut line = String::new();
            for &column in &kept {
                let natural = widths.get(column).copied().unwrap_or(0);
                let most = if is(column, widest) { room } else { narrow };
                let cell = cut(&cells(column), natural.min(most));
                let blanks = natural.min(most).saturating_sub(columns(&cell)) + GAP;
                line.push_str(&cell);
                line.push_str(&" ".repeat(blanks));
            }
            cut(line.trim_end(), width)
        };
        let heading = |column: usize| {
            let text = self.heading.get(column).copied();
            text.unwrap_or_default().to_owned()
        };
        let mut lines = vec![line(&heading)];
        for row in &self.rows {
            let cell = |column: usize| row.get(column).map(|(text, _)| text.clone());
            lines.push(line(&|column| cell(column).unwrap_or_default()));
        }
        lines
    }

    /// Columns that the widest cell of a column takes.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let heading = self.heading.get(column).map_or(0, |text| text.len());
        cells
            .map(|(text, _)| columns(text))
            .fold(heading, usize::max)
    }
}

/// Columns between two cells.
const GAP: usize = 2;

/// Columns that a cell takes at most where there is little room.
const NARROW: usize = 18;

/// Columns that the widest cell has at least, as long as others can be left out.
const WIDE: usize = 20;
