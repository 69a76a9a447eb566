//! The terminal: its modes, its other screen, and what is drawn there.
//!
//! **Reads** the modes and the size of the terminal on standard input.
//! **Gives** [`Terminal`], [`Row`], [`Look`], [`Size`].
//! **Never** leaves the terminal otherwise than it was found, whichever way this ends.

use std::io;
use std::io::Write;
use std::io::stdin;

use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcgetwinsize;
use rustix::termios::tcsetattr;

/// How large a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Characters in a row.
    pub(super) columns: usize,
    /// Rows.
    pub(super) rows: usize,
}

/// One row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// What it says, without any control character.
    pub(super) text: String,
    /// How.
    pub(super) look: Look,
}

/// How a row looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// As everything else.
    Plain,
    /// As a heading.
    Strong,
    /// As what is beside the point.
    Faint,
    /// As what is selected.
    Chosen,
    /// As what there is more of.
    Hint,
    /// As what is wrong.
    Alarm,
}

/// The terminal that an operator sits at, until this is dropped.
pub(super) struct Terminal<'a> {
    out: &'a mut dyn Write,
    colour: bool,
    before: Termios,
    on_other_screen: bool,
    drawn: Option<(Size, Vec<Row>)>,
}

impl<'a> Terminal<'a> {
    /// Takes the terminal: single keys, no echo, no signals.
    pub(super) fn take(out: &'a mut dyn Write, colour: bool) -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let terminal = Self {
            out,
            colour,
            before,
            on_other_screen: false,
            drawn: None,
        };
        terminal.set(false)?;
        Ok(terminal)
    }

    /// Single keys without echo; Ctrl-C is a key or, where something runs, a signal. What is
    /// printed goes on as it did.
    fn set(&self, signals: bool) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.make_raw();
        modes.output_modes = self.before.output_modes;
        modes.local_modes.set(LocalModes::ISIG, signals);
        Ok(tcsetattr(stdin(), OptionalActions::Now, &modes)?)
    }

    /// Lets Ctrl-C be a signal, for as long as this takes.
    pub(super) fn with_signals<T>(&self, run: impl FnOnce() -> T) -> io::Result<T> {
        self.set(true)?;
        let ran = run();
        self.set(false)?;
        Ok(ran)
    }

    /// How large it is now.
    pub(super) fn size(&self) -> Size {
        let size = tcgetwinsize(stdin()).ok();
        let known = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        known.map_or(USUAL, |size| Size {
            columns: usize::from(size.ws_col),
            rows: usize::from(size.ws_row),
        })
    }

    /// Shows these rows, and writes only what differs from what is there.
    pub(super) fn draw(&mut self, size: Size, rows: Vec<Row>) -> io::Result<()> {
        let mut text = String::new();
        if !self.on_other_screen {
            text.push_str(OTHER_SCREEN);
            self.on_other_screen = true;
            self.drawn = None;
        }
        let drawn = match self.drawn.take() {
            Some((same, drawn)) if same == size => drawn,
            _ => {
                text.push_str(CLEAR);
                Vec::new()
            }
        };
        for (at, row) in rows.iter().enumerate() {
            if drawn.get(at) != Some(row) {
                let start = row.look.start(self.colour);
                let there = format!("\u{1b}[{};1H", at + 1);
                // Emptied first: behind a full row the cursor stands on its last character.
                text.push_str(&format!("{there}{EMPTY}{start}{}{PLAIN}", row.text));
            }
        }
        self.drawn = Some((size, rows));
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Draws everything anew the next time.
    pub(super) fn forget(&mut self) {
        self.drawn = None;
    }

    /// Rings.
    pub(super) fn ring(&mut self) -> io::Result<()> {
        self.out.write_all(b"\x07")?;
        self.out.flush()
    }

    /// The ordinary screen, to print on.
    pub(super) fn page(&mut self) -> io::Result<&mut dyn Write> {
        if self.on_other_screen {
            self.on_other_screen = false;
            self.out.write_all(FIRST_SCREEN.as_bytes())?;
            self.out.flush()?;
        }
        Ok(self.out)
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to restore.
        let _ = self.page();
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

impl Look {
    /// The SGR sequence of ECMA-48.
    fn start(self, colour: bool) -> &'static str {
        match (self, colour) {
            (Self::Plain, _) | (Self::Faint | Self::Hint, false) => "",
            (Self::Strong, _) | (Self::Alarm, false) => "\u{1b}[1m",
            (Self::Chosen, _) => "\u{1b}[7m",
            (Self::Faint, true) => "\u{1b}[2m",
            (Self::Hint, true) => "\u{1b}[33m",
            (Self::Alarm, true) => "\u{1b}[1;31m",
        }
    }
}

/// The alternate screen of xterm, without the cursor.
const OTHER_SCREEN: &str = "\u{1b}[?1049h\u{1b}[?25l";

/// The ordinary one, with it.
const FIRST_SCREEN: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// An empty screen.
const CLEAR: &str = "\u{1b}[0m\u{1b}[2J";

/// An empty row.
const EMPTY: &str = "\u{1b}[2K";

/// No colours any more.
const PLAIN: &str = "\u{1b}[0m";

/// The size of a terminal that does not say its own.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};
