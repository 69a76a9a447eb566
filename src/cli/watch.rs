//! `watch`: an operator's terminal at three in the morning.
//!
//! **Reads** what waits, again and again; on a terminal the keys of its operator.
//! **Gives** the list that follows, and through `people` the same decisions as `approve` and `deny`.
//! **Never** decides by a single key, and never leaves a terminal otherwise than it was found.

use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use super::Stop;
use super::WatchArgs;
use super::World;
use super::people;
use crate::status::exit;

mod choice;
mod decide;
mod desk;
mod keys;
mod layout;
mod sight;
mod stream;
mod terminal;
mod words;

#[cfg(test)]
mod tests;

use choice::Choice;
use decide::Act;
use decide::decide;
use decide::stop_all;
use desk::Desk;
use keys::Key;
use layout::View;
use layout::frame;
use sight::Sight;
pub(super) use stream::still_read;

/// How often it is looked again.
const LOOK: Duration = Duration::from_millis(500);

/// Watches what waits: on a terminal for a person, otherwise for a program.
pub(super) fn watch(world: &World, asked: &WatchArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    // Whoever may not decide is told so, as by `aiops pending`.
    let line = people::opened(world)?;
    let sight = Sight::new(world, line.approvals);
    if asked.format.json || !world.stdin_is_terminal || !world.stdout_is_terminal {
        return stream::stream(world, sight, out);
    }
    let mut watcher = Watcher {
        world,
        desk: Desk::take(world, out)?,
        sight,
        choice: Choice::default(),
        shown: Shown::default(),
        page: 1,
        furthest: 0,
    };
    match watcher.watch(!asked.quiet) {
        // A terminal that is gone cannot be written to, and that is no fault of ours.
        Err(Stop::Io(_)) if watcher.desk.is_closed() => Ok(exit::ANSWERED),
        watched => watched,
    }
}

/// One operator who watches.
struct Watcher<'a> {
    world: &'a World,
    desk: Desk<'a>,
    sight: Sight,
    choice: Choice,
    shown: Shown,
    page: usize,
    furthest: usize,
}

/// What the operator made of the screen.
#[derive(Default)]
struct Shown {
    help: bool,
    skipped: usize,
    note: Option<&'static str>,
}

impl Watcher<'_> {
    fn watch(&mut self, rings: bool) -> Result<u8, Stop> {
        let mut first = true;
        loop {
            self.sight.look(self.world);
            let selected = self.choice.id();
            self.choice
                .follow(&self.sight.seen().waiting, Instant::now());
            if self.choice.id() != selected {
                self.shown.skipped = 0;
            }
            self.draw()?;
            if self.sight.seen().is_new && rings && !first {
                self.desk.terminal.ring()?;
            }
            first = false;
            if let Some(key) = self.desk.key(LOOK)?
                && !self.press(key)?
            {
                return Ok(exit::ANSWERED);
            }
            if self.desk.is_closed() {
                return Ok(exit::ANSWERED);
            }
        }
    }

    fn draw(&mut self) -> Result<(), Stop> {
        let size = self.desk.terminal.size();
        let view = View {
            now: (self.world.now)(),
            seen: self.sight.seen(),
            choice: &self.choice,
            help: self.shown.help,
            skipped: self.shown.skipped,
            note: self.shown.note,
        };
        let frame = frame(&view, size);
        self.page = frame.page;
        self.furthest = frame.furthest;
        self.shown.skipped = self.shown.skipped.min(frame.furthest);
        Ok(self.desk.terminal.draw(size, frame.rows)?)
    }

    /// Does what a key stands for. False where it ends the watch.
    fn press(&mut self, key: Key) -> Result<bool, Stop> {
        self.shown.note = None;
        let skipped = self.shown.skipped;
        let scrolled = match key {
            Key::Char(' ') | Key::PageDown => Some(skipped + self.page),
            Key::Char('b') | Key::PageUp => Some(skipped.saturating_sub(self.page)),
            Key::Char('g') | Key::Home => Some(0),
            Key::Char('G') | Key::End => Some(self.furthest),
            _ => None,
        };
        if let Some(lines) = scrolled {
            self.shown.skipped = lines.min(self.furthest);
            return Ok(true);
        }
        if key == Key::Closed {
            return Ok(false);
        }
        if std::mem::take(&mut self.shown.help) {
            self.shown.skipped = 0;
            return Ok(true);
        }
        match key {
            Key::Char('q') | Key::Leave => return Ok(false),
            Key::Char('j') | Key::Down => self.step(true),
            Key::Char('k') | Key::Up => self.step(false),
            Key::Char('?') => {
                self.shown.help = true;
                self.shown.skipped = 0;
            }
            Key::Char('a') => self.decide(Act::Approve)?,
            Key::Char('d') => self.decide(Act::Deny)?,
            Key::Char('f') => stop_all(&mut self.desk, self.world)?,
            Key::Redraw => self.desk.terminal.forget(),
            _ => {}
        }
        Ok(true)
    }

    fn decide(&mut self, act: Act) -> Result<(), Stop> {
        let Some((_, ticket)) = self.choice.of(&self.sight.seen().waiting) else {
            self.shown.note = Some("nothing is selected: an arrow key selects");
            return Ok(());
        };
        let ticket = ticket.clone();
        decide(&mut self.desk, self.world, act, &ticket)?;
        self.choice.settle();
        Ok(())
    }

    fn step(&mut self, down: bool) {
        self.choice.step(down, &self.sight.seen().waiting);
        self.shown.skipped = 0;
    }
}
