//! Where the operator sits: the terminal, its keys, and the signals that ask to leave.
//!
//! **Reads** keys.
//! **Gives** [`Desk`]: one key, one line, or a moment's rest.
//! **Never** takes for an answer what was typed before its question was shown.

use std::io;
use std::io::Write;
use std::time::Duration;

use super::super::Stop;
use super::super::World;
use super::super::width::columns;
use super::keys::Key;
use super::keys::Keys;
use super::terminal::Terminal;
use crate::ssh::Interruption;
use crate::ssh::Interruptions;
use crate::status::exit;
use crate::visible;

/// The operator's place.
pub(super) struct Desk<'a> {
    /// The terminal.
    pub(super) terminal: Terminal<'a>,
    keys: Keys,
    signals: Interruptions,
    closed: bool,
}

impl<'a> Desk<'a> {
    /// Takes the terminal. The signals are heard before it is changed, so that none of them ends
    /// this process without restoring it.
    pub(super) fn take(world: &World, out: &'a mut dyn Write) -> Result<Self, Stop> {
        let signals =
            Interruptions::listen().map_err(|fault| Stop::Said(fault.to_string(), exit::CONFIG))?;
        Ok(Self {
            terminal: Terminal::take(out, world.colour)?,
            keys: Keys::default(),
            signals,
            closed: false,
        })
    }

    /// Whether the terminal is gone, or this program was told to end.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next key; none where none comes in time.
    pub(super) fn key(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        let key = match self.came() {
            Some(Interruption::End) => Some(Key::Closed),
            Some(Interruption::Leave) => Some(Key::Leave),
            None => self.keys.next(wait)?,
        };
        self.closed |= key == Some(Key::Closed);
        Ok(key)
    }

    /// The signal that came since the last look.
    fn came(&mut self) -> Option<Interruption> {
        let came = self.signals.came();
        self.closed |= came == Some(Interruption::End);
        came
    }

    /// Runs something that hears signals by itself; Ctrl-C is one then. None where one came before
    /// it began. What was typed meanwhile answers nothing.
    pub(super) fn run<T>(&mut self, run: impl FnOnce() -> T) -> io::Result<Option<T>> {
        if self.came().is_some() {
            return Ok(None);
        }
        let ran = self.terminal.with_signals(run)?;
        self.came();
        self.keys.forget();
        Ok(Some(ran))
    }

    /// Prints a line on the ordinary screen.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let out = self.terminal.page()?;
        writeln!(out, "{text}")
    }

    /// Asks for one line. None where the operator leaves the question.
    pub(super) fn typed(&mut self, question: &str) -> io::Result<Option<String>> {
        self.say(question.trim_end())?;
        self.keys.forget();
        let mut said = String::new();
        let done = loop {
            self.echo(&said)?;
            match self.key(REST)? {
                Some(Key::Enter) => break Some(said.trim().to_owned()),
                Some(Key::Escape | Key::Leave | Key::Closed) => break None,
                Some(Key::Char(c)) if !visible::is_odd(c) && said.len() < LINE_BYTES => {
                    said.push(c);
                }
                Some(Key::Backspace) => {
                    said.pop();
                }
                Some(Key::Erase) => said.clear(),
                _ => {}
            }
        };
        self.say("")?;
        Ok(done)
    }

    /// Shows what is typed so far, or as much of its end as the row holds.
    fn echo(&mut self, said: &str) -> io::Result<()> {
        let room = self
            .terminal
            .size()
            .columns
            .saturating_sub(PROMPT.len() + 1);
        let mut shown = said;
        while columns(shown) > room {
            let mut rest = shown.chars();
            rest.next();
            shown = rest.as_str();
        }
        let out = self.terminal.page()?;
        write!(out, "\r\u{1b}[2K{PROMPT}{shown}")?;
        out.flush()
    }

    /// Waits until the operator has read what was printed.
    pub(super) fn pause(&mut self) -> io::Result<()> {
        self.say("\nAny key goes back to the list.")?;
        self.terminal.page()?.flush()?;
        self.keys.forget();
        while !self.closed && self.key(REST)?.is_none() {}
        Ok(())
    }
}

/// In front of what is typed.
const PROMPT: &str = "> ";

/// How long to wait for a key before signals are looked at.
const REST: Duration = Duration::from_millis(500);

/// Bytes of one line.
const LINE_BYTES: usize = 2048;
