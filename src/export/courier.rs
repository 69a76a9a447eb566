//! Carries the log's events to a destination, at least once each and in their order.
//!
//! **Reads** the log and a cursor.
//! **Gives** [`Courier`], [`Plan`], [`Tally`], [`Notice`], [`Error`].
//! **Never** moves the cursor before a parcel was taken, and never writes to the log.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use chrono::DateTime;
use chrono::Utc;

use super::Format;
use super::Frame;
use super::cursor::Cursor;
use super::cursor::Kept;
use super::destination::Destination;
use super::event::Event;
use super::parcel::Parcel;
use super::parcel::Wrap;
use super::patience::Patience;
use super::road::Refused;
use super::road::Road;
use crate::audit::Entries;
use crate::audit::Files;
use crate::audit::Place;
use crate::folder::Fault;

/// What is to be carried, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The log.
    pub files: Files,
    /// What the events are written as.
    pub format: Format,
    /// Where they go.
    pub destination: Destination,
    /// Where to begin.
    pub beginning: Beginning,
    /// Records before this moment are passed over.
    pub since: Option<DateTime<Utc>>,
    /// Whether to wait for more at the end.
    pub follow: bool,
    /// The file that says how far the events were taken.
    pub cursor: Option<PathBuf>,
    /// The longest wait between two tries.
    pub max_wait: Duration,
    /// Bytes of the longest syslog message.
    pub max_bytes: usize,
    /// What the mappings have to know; its moment is that of each reading.
    pub frame: Frame,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Behind the cursor, or at the first record where there is none yet.
    Cursor,
    /// At the record of this number, whatever the cursor says.
    Record(u64),
}

/// What was carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that the destination took.
    pub sent: u64,
    /// Events that it took and threw away.
    pub rejected: u64,
    /// Lines that are no records of this program, passed over.
    pub foreign: u64,
    /// The last record that was taken; 0 where none was.
    pub last: u64,
}

/// Something that a person may want to know while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A parcel was taken.
    Sent(Tally),
    /// The destination cannot be reached, or takes nothing for now.
    Waiting {
        /// Why.
        why: String,
        /// Until the next try.
        wait: Duration,
    },
    /// It takes events again.
    Reached,
    /// It threw events away, for good.
    Rejected {
        /// How many.
        events: u64,
        /// What it said.
        said: String,
    },
    /// A line is no record of this program; said once.
    Foreign,
}

/// Why nothing more is carried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("cannot read the log: {0}")]
    Log(io::Error),
    /// The cursor cannot be read or written.
    #[error("{0}")]
    Cursor(Fault),
    /// Another process has the cursor.
    #[error("another export has the cursor `{}`: give each export a cursor of its own", .0.display())]
    Taken(PathBuf),
    /// The cursor speaks of a record that is not in the log as it was.
    #[error(
        "record {seq} is not in the log as it was when it was sent: the log was written anew or cut, its old files were removed, or the cursor is another log's. Look with `aiops audit verify`; then say with `--from NUMBER` at which record to go on"
    )]
    Moved {
        /// The number of the record.
        seq: u64,
    },
    /// The destination could not be reached.
    #[error("nothing more could be sent behind record {behind}: {why}")]
    Unreached {
        /// The last record that was taken.
        behind: u64,
        /// Why.
        why: String,
    },
    /// The destination refuses these records for good.
    #[error("records {first} to {last} were refused for good: {why}")]
    Refused {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// Why.
        why: String,
    },
    /// Standard output cannot be written.
    #[error("cannot write: {0}")]
    Output(io::Error),
}

/// Carries the log's events to one destination.
#[derive(Debug)]
pub struct Courier<'a> {
    plan: Plan,
    road: Road<'a>,
    kept: Option<Kept>,
    reading: Reading,
    /// The last record that was taken.
    taken: Option<Cursor>,
    tally: Tally,
    stopped: bool,
}

/// Where in the log it is.
#[derive(Debug, Default)]
struct Reading {
    entries: Option<Entries>,
    /// Where the next line begins; at the first one where it is left out.
    next: Option<Place>,
    /// The last record that was read.
    last: Option<Cursor>,
    /// The log's last file and its size when it was last read to its end.
    seen: Option<(u64, u64)>,
}

/// Some records, and whether the end of the log came behind them.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    /// Where the line of each begins.
    places: Vec<Place>,
    at_end: bool,
}

impl<'a> Courier<'a> {
    /// Takes the cursor and finds its place in the log.
    ///
    /// # Errors
    ///
    /// The cursor is another process's, cannot be read, or is not of this log.
    pub fn new(plan: Plan, road: Road<'a>) -> Result<Self, Error> {
        let kept = match &plan.cursor {
            None => None,
            Some(path) => match Kept::take(path).map_err(Error::Cursor)? {
                Some(kept) => Some(kept),
                None => return Err(Error::Taken(path.clone())),
            },
        };
        let mut reading = Reading::default();
        match (plan.beginning, &kept) {
            (Beginning::Record(seq), _) => reading.next = segment_of(&plan.files, seq)?,
            (Beginning::Cursor, Some(kept)) => {
                if let Some(cursor) = kept.read().map_err(Error::Cursor)? {
                    reading.go_behind(&plan.files, cursor)?;
                }
            }
            (Beginning::Cursor, None) => {}
        }
        let tally = Tally {
            last: reading.last.as_ref().map_or(0, |last| last.seq),
            ..Tally::default()
        };
        Ok(Self {
            plan,
            road,
            kept,
            reading,
            taken: None,
            tally,
            stopped: false,
        })
    }

    /// Carries what is there, and where the plan says so waits for more until `stop` says to end.
    ///
    /// # Errors
    ///
    /// Nothing more can be carried. What was taken is in the cursor.
    pub fn run(
        &mut self,
        stop: &mut dyn FnMut() -> bool,
        say: &mut dyn FnMut(Notice),
    ) -> Result<Tally, Error> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            if self.is_stopped(stop) {
                break;
            }
            let batch = self.read(say)?;
            if !batch.events.is_empty() {
                pause = SHORTEST_PAUSE;
                if !self.carry(&batch.events, &batch.places, stop, say)? {
                    break;
                }
            }
            if batch.at_end {
                if !self.plan.follow {
                    break;
                }
                if !self.wait(pause, stop) {
                    break;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        self.end()?;
        Ok(self.tally)
    }

    /// The next records, as many as make one parcel.
    fn read(&mut self, say: &mut dyn FnMut(Notice)) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        if !self.reading.open(&self.plan.files)? {
            batch.at_end = true;
        }
        while !batch.at_end && batch.events.len() < MOST_EVENTS && bytes < MOST_BYTES {
            let next = self.reading.entries.as_mut().and_then(Iterator::next);
            let entry = match next.transpose().map_err(Error::Log)? {
                // The writer of a torn line goes on, or the next one ends it; until then it is
                // looked at again.
                Some(entry) if !entry.torn => entry,
                _ => {
                    self.reading.entries = None;
                    batch.at_end = true;
                    continue;
                }
            };
            self.reading.next = Some(entry.next());
            let Some(event) = Event::read(&entry.line) else {
                if self.tally.foreign == 0 {
                    say(Notice::Foreign);
                }
                self.tally.foreign += 1;
                continue;
            };
            self.reading.last = Some(Cursor {
                seq: event.seq,
                hash: event.hash.clone(),
                place: entry.place,
            });
            if self.is_wanted(&event) {
                bytes += entry.line.len();
                batch.events.push(event);
                batch.places.push(entry.place);
            }
        }
        Ok(batch)
    }

    fn is_wanted(&self, event: &Event) -> bool {
        let too_early = match self.plan.beginning {
            Beginning::Record(seq) => event.seq < seq,
            Beginning::Cursor => false,
        };
        !too_early && self.plan.since.is_none_or(|since| event.at >= since)
    }

    /// Carries records until they are taken; false where it was told to stop before.
    fn carry(
        &mut self,
        events: &[Event],
        places: &[Place],
        stop: &mut dyn FnMut() -> bool,
        say: &mut dyn FnMut(Notice),
    ) -> Result<bool, Error> {
        let mut patience = Patience::new(self.plan.max_wait);
        let mut tries = 0;
        let mut frame = self.plan.frame.clone();
        frame.observed = (self.plan.now)();
        let parcel = Parcel::of(self.plan.format, self.wrap(), events, &frame);
        loop {
            match self.road.send(&parcel) {
                Ok(taken) => {
                    if tries > 0 {
                        say(Notice::Reached);
                    }
                    if taken.rejected > 0 || !taken.said.is_empty() {
                        say(Notice::Rejected {
                            events: taken.rejected,
                            said: taken.said,
                        });
                    }
                    self.tally.rejected += taken.rejected;
                    self.note(events, places.last())?;
                    say(Notice::Sent(self.tally));
                    return Ok(true);
                }
                Err(Refused::TooLarge(_)) if events.len() > 1 => {
                    let half = events.len() / 2;
                    let (first, second) = events.split_at(half);
                    let (its, others) = places.split_at(half.min(places.len()));
                    return Ok(self.carry(first, its, stop, say)?
                        && self.carry(second, others, stop, say)?);
                }
                Err(Refused::TooLarge(why) | Refused::ForGood(why)) => {
                    return Err(Error::Refused {
                        first: events.first().map_or(0, |event| event.seq),
                        last: events.last().map_or(0, |event| event.seq),
                        why,
                    });
                }
                Err(Refused::Output(fault)) => return Err(Error::Output(fault)),
                Err(Refused::ForNow { why, after }) => {
                    tries += 1;
                    if !self.plan.follow && tries >= MOST_TRIES {
                        return Err(self.unreached(why));
                    }
                    let wait = patience.next(after);
                    // One word when it begins: a log full of them hides what else is in it.
                    if tries == 1 {
                        say(Notice::Waiting { why, wait });
                    }
                    if !self.wait(wait, stop) {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Notes that records were taken.
    fn note(&mut self, events: &[Event], place: Option<&Place>) -> Result<(), Error> {
        let (Some(last), Some(place)) = (events.last(), place) else {
            return Ok(());
        };
        self.tally.sent += events.len() as u64;
        self.tally.last = last.seq;
        self.taken = Some(Cursor {
            seq: last.seq,
            hash: last.hash.clone(),
            place: *place,
        });
        // Without anybody to say that it was taken, the end of the connection has to.
        if self.plan.follow || !self.plan.destination.is_unacknowledged() {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&self) -> Result<(), Error> {
        match (&self.kept, &self.taken) {
            (Some(kept), Some(taken)) => kept.write(taken).map_err(Error::Cursor),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        match self.road.close() {
            Ok(()) => self.keep(),
            Err(Refused::Output(fault)) => Err(Error::Output(fault)),
            Err(Refused::ForNow { why, .. } | Refused::ForGood(why) | Refused::TooLarge(why)) => {
                Err(self.unreached(why))
            }
        }
    }

    fn unreached(&self, why: String) -> Error {
        Error::Unreached {
            behind: self.tally.last,
            why,
        }
    }

    fn wrap(&self) -> Wrap {
        if self.plan.destination.is_syslog() {
            Wrap::Syslog(self.plan.max_bytes)
        } else {
            Wrap::Bare
        }
    }

    /// Waits; false where it was told to stop.
    fn wait(&mut self, wait: Duration, stop: &mut dyn FnMut() -> bool) -> bool {
        let began = Instant::now();
        while !self.is_stopped(stop) {
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(A_LOOK));
        }
        false
    }

    fn is_stopped(&mut self, stop: &mut dyn FnMut() -> bool) -> bool {
        self.stopped = self.stopped || stop();
        self.stopped
    }
}

impl Reading {
    /// Goes behind a record that was taken before.
    fn go_behind(&mut self, files: &Files, cursor: Cursor) -> Result<(), Error> {
        if !cursor.is_of(files).map_err(Error::Log)? {
            return Err(Error::Moved { seq: cursor.seq });
        }
        let mut entries = files.entries(Some(cursor.place)).map_err(Error::Log)?;
        if let Some(entry) = entries.next() {
            self.next = Some(entry.map_err(Error::Log)?.next());
        }
        self.entries = Some(entries);
        self.last = Some(cursor);
        Ok(())
    }

    /// Opens the log where it goes on; false where nothing was written since.
    fn open(&mut self, files: &Files) -> Result<bool, Error> {
        if self.entries.is_some() {
            return Ok(true);
        }
        let now = end_of(files).map_err(Error::Log)?;
        if self.seen == Some(now) {
            return Ok(false);
        }
        // A log that was cut or written anew is not taken for one that nothing is written to.
        if self.seen.is_some()
            && let Some(last) = &self.last
            && !last.is_of(files).map_err(Error::Log)?
        {
            return Err(Error::Moved { seq: last.seq });
        }
        self.entries = Some(files.entries(self.next).map_err(Error::Log)?);
        // What is written while it is read makes it look once more than it has to.
        self.seen = Some(now);
        Ok(true)
    }
}

/// The number of the last file's first record, and its size.
fn end_of(files: &Files) -> io::Result<(u64, u64)> {
    match files.segments()?.last() {
        Some(segment) => Ok((segment.first, fs::metadata(&segment.path)?.len())),
        None => Ok((0, 0)),
    }
}

/// The beginning of the file that holds a record.
fn segment_of(files: &Files, seq: u64) -> Result<Option<Place>, Error> {
    let segments = files.segments().map_err(Error::Log)?;
    let holds = segments.iter().rev().find(|segment| segment.first <= seq);
    Ok(holds.map(|segment| Place {
        segment: segment.first,
        offset: 0,
    }))
}

/// Events of one parcel.
const MOST_EVENTS: usize = 512;

/// Bytes of the lines of one parcel; a single longer line goes alone.
const MOST_BYTES: usize = 1 << 20;

/// How often a parcel is tried where nobody waits for more.
const MOST_TRIES: u32 = 5;

/// Between two looks for new lines.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Between two looks for a word to stop.
const A_LOOK: Duration = Duration::from_millis(100);
