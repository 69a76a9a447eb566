//! Watches a running command: its output, its end, its limits, and our own signals.
//!
//! **Reads** the command's streams.
//! **Gives** [`watch`], and [`Signals`].
//! **Never** leaves before it knows the outcome or has said that nobody can know it.

use std::future::Future;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::pin::pin;
use std::time::Duration;

use openssh::Error;
use tokio::io::AsyncRead;
use tokio::select;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::outcome::Exceeded;
use crate::outcome::Outcome;
use crate::outcome::Transcript;
use crate::ssh::Settings;
use crate::ssh::gate::Reach;
use crate::ssh::gate::Running;
use crate::ssh::master::answers;
use crate::ssh::reader::Reader;

/// The signals that ask this program to stop.
#[derive(Debug)]
pub(super) struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    /// Listens from now on; what comes before anybody asks is kept.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> i32 {
        select! {
            _ = self.term.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
            _ = self.quit.recv() => SignalKind::quit().as_raw_value(),
        }
    }
}

/// Why a command is ended before its own end.
#[derive(Debug, Clone, Copy)]
enum Cause {
    Signal(i32),
    Limit(Exceeded),
}

/// What the master said about the end.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Code(i32),
    /// No exit code came: the shell was killed, or the connection is gone.
    Cut,
}

/// Stays with a command until it ended, and ends it where it must.
pub(super) async fn watch(
    running: Running,
    reach: &Reach<'_>,
    settings: &Settings,
    signals: &mut Signals,
    limit: Duration,
) -> (Outcome, Transcript) {
    let Running {
        child,
        stdout,
        stderr,
        mark,
        since,
    } = running;
    let socket = mark.socket().to_owned();
    let end = mark.end();
    let mut mark = Some(mark);
    let mut wait = pin!(child.wait());
    let mut stdout = Reader::new(stdout, &end, settings);
    let mut stderr = Reader::new(stderr, &end, settings);
    let late = since + limit + settings.kill_grace + settings.connect_timeout;
    let mut quiet = since;
    let mut exit = None;
    let mut cause = None;
    let mut left = None;
    let mut ending: Option<Ending<'_>> = None;
    let mut ended = since;
    let mut stop = None;
    loop {
        let closed = stdout.is_closed() && stderr.is_closed();
        if closed && exit.is_none() {
            exit = stdout.code.or(stderr.code).map(Exit::Code);
            ended = Instant::now();
            if cause.is_none() && by_clock(exit) && ended >= since + limit {
                cause = Some(Cause::Limit(Exceeded::Time(limit)));
                ending = mark
                    .take()
                    .map(|mark| Box::pin(reach.end(mark)) as Ending<'_>);
            }
        }
        if closed && exit.is_some() && ending.is_none() {
            break;
        }
        let mut new_cause = None;
        // In this order: a flood of output must not hide a signal or the clock, and what has
        // already arrived is read before the quiet is believed.
        select! {
            biased;
            number = signals.next(), if cause.is_none() && exit.is_none() => {
                new_cause = Some(Cause::Signal(number));
            }
            () = sleep_until(stop.unwrap_or(late)), if cause.is_none() || stop.is_some() => {
                if stop.is_some() {
                    break;
                }
                new_cause = Some(Cause::Limit(Exceeded::Time(limit)));
            }
            answer = poll_some(&mut ending) => {
                ending = None;
                left = answer;
                quiet = Instant::now() + settings.drain;
                stop = Some(Instant::now() + settings.kill_grace.max(settings.drain));
            }
            full = either(&mut stdout, &mut stderr), if !closed => {
                quiet = Instant::now() + settings.drain;
                new_cause = full.map(Cause::Limit);
            }
            // Only now: once it knows the end, the crate lets go of what was not read yet.
            result = &mut wait, if closed && exit.is_none() => {
                exit = Some(code_of(result).map_or(Exit::Cut, Exit::Code));
            }
            () = sleep_until(quiet), if stop.is_some() => break,
        }
        if cause.is_none()
            && let Some(new) = new_cause
            && let Some(mark) = mark.take()
        {
            cause = Some(new);
            ending = Some(Box::pin(reach.end(mark)));
        }
    }

    if exit.is_none() {
        ended = Instant::now();
    }
    let alive = matches!(exit, Some(Exit::Cut)) && answers(&socket, settings.patience()).await;
    // Whoever left the session of the command may still hold its pipes.
    let held = !(stdout.is_closed() && stderr.is_closed());
    let outcome = conclude(cause, exit, left, held, alive);
    let transcript = Transcript {
        stdout: stdout.capture.finish(),
        stderr: stderr.capture.finish(),
        duration: ended - since,
    };
    (outcome, transcript)
}

/// The outcome, from the facts alone.
fn conclude(
    cause: Option<Cause>,
    exit: Option<Exit>,
    left: Option<usize>,
    held: bool,
    alive: bool,
) -> Outcome {
    let still_running = left != Some(0) || held;
    match (cause, exit) {
        (Some(Cause::Signal(signal)), _) => Outcome::Interrupted {
            signal,
            started: true,
            still_running,
        },
        (Some(Cause::Limit(limit)), exit) => match (left, exit) {
            (None, None | Some(Exit::Cut)) => Outcome::Lost {
                why: NO_ANSWER.to_owned(),
            },
            _ => Outcome::TimedOut {
                limit,
                still_running,
            },
        },
        (None, Some(Exit::Code(code))) => {
            let signal = (129..=128 + LAST_SIGNAL)
                .contains(&code)
                .then(|| code - 128);
            Outcome::Exited { code, signal }
        }
        (None, Some(Exit::Cut)) if alive => Outcome::Lost {
            why: SHELL_KILLED.to_owned(),
        },
        (None, _) => Outcome::Lost {
            why: CONNECTION_ENDED.to_owned(),
        },
    }
}

fn code_of(result: Result<std::process::ExitStatus, Error>) -> Option<i32> {
    match result {
        Ok(status) => status.code(),
        // What the crate makes of exit code 127.
        Err(Error::Remote(_)) => Some(127),
        Err(_) => None,
    }
}

async fn poll_some<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + '_>>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Reads from whichever of the two has something, by turns where both have.
async fn either<A, B>(one: &mut Reader<A>, other: &mut Reader<B>) -> Option<Exceeded>
where
    A: AsyncRead + Unpin,
    B: AsyncRead + Unpin,
{
    select! {
        full = one.read() => full,
        full = other.read() => full,
    }
}

/// A question to the target, on its way.
type Ending<'a> = Pin<Box<dyn Future<Output = Option<usize>> + 'a>>;

fn by_clock(exit: Option<Exit>) -> bool {
    matches!(exit, Some(Exit::Code(code)) if TIMEOUT_CODES.contains(&code))
}

/// The codes with which `timeout` says that time was up: its own, and 128 + KILL.
const TIMEOUT_CODES: [i32; 2] = [124, 137];

/// The last signal that has a number.
const LAST_SIGNAL: i32 = 64;

const NO_ANSWER: &str = "it had to be ended, but the target no longer answered; the time limit on \
                         the target itself ends it if the machine lives";
const SHELL_KILLED: &str = "the shell that watched it on the target was killed from outside";
const CONNECTION_ENDED: &str = "the connection ended while it ran; the time limit on the target \
                                itself ends it if the machine lives";
