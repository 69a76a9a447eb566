//! Watches a running command: its output, its end, its limits, our own signals, and the brake.
//!
//! **Reads** the command's streams.
//! **Gives** [`watch`], [`Signals`], and [`Stops`].
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

use crate::freeze::Brake;
use crate::outcome::Exceeded;
use crate::outcome::Outcome;
use crate::outcome::Transcript;
use crate::ssh::Settings;
use crate::ssh::gate::Mark;
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

/// What can ask for the end of a command, besides its limits.
pub(super) struct Stops<'a> {
    /// The signals that this process got.
    pub(super) signals: &'a mut Signals,
    /// Whether the target is frozen.
    pub(super) brake: &'a Brake,
}

/// Why a command is ended before its own end.
#[derive(Debug)]
enum Cause {
    Signal(i32),
    Limit(Exceeded),
    /// With who froze it, when and why.
    Frozen(String),
}

/// What the master said about the end.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Code(i32),
    /// No exit code came: the shell was killed, or the connection is gone.
    Cut,
}

/// What is known of a command while it is watched.
struct Course<'a> {
    reach: &'a Reach<'a>,
    settings: &'a Settings,
    limit: Duration,
    /// When it was told to go.
    since: Instant,
    /// What finds it on the target, until it is used to end it.
    mark: Option<Mark>,
    exit: Option<Exit>,
    /// When that came.
    ended: Instant,
    cause: Option<Cause>,
    /// The end of it, asked for and not yet answered.
    ending: Option<Ending<'a>>,
    /// The answer: how many processes of it are left.
    left: Option<usize>,
    /// Until when its streams are listened to after that answer, whatever comes.
    stop: Option<Instant>,
    /// Until when they are listened to where nothing more comes.
    quiet: Instant,
    /// When the brake is looked at next.
    look: Instant,
}

impl<'a> Course<'a> {
    fn begin(
        mark: Mark,
        since: Instant,
        reach: &'a Reach<'a>,
        settings: &'a Settings,
        limit: Duration,
    ) -> Self {
        Self {
            reach,
            settings,
            limit,
            since,
            mark: Some(mark),
            exit: None,
            ended: since,
            cause: None,
            ending: None,
            left: None,
            stop: None,
            quiet: since,
            look: since + BRAKE_LOOK,
        }
    }

    /// It goes on by itself: it has not ended, and nobody ends it.
    fn goes_on(&self) -> bool {
        self.cause.is_none() && self.exit.is_none()
    }

    /// The clock that is waited for: its time limit with what ending it may take, or the end of
    /// listening.
    fn clock(&self) -> Instant {
        let grace = self.settings.kill_grace + self.settings.connect_timeout;
        self.stop.unwrap_or(self.since + self.limit + grace)
    }

    /// Ends it, for the first cause that comes.
    fn end(&mut self, cause: Cause) {
        if self.cause.is_none()
            && let Some(mark) = self.mark.take()
        {
            self.cause = Some(cause);
            self.ending = Some(Box::pin(self.reach.end(mark)));
        }
    }

    /// Both streams are closed, with the exit code in them or without.
    fn closed(&mut self, code: Option<i32>) {
        if self.exit.is_some() {
            return;
        }
        self.exit = code.map(Exit::Code);
        self.ended = Instant::now();
        if by_clock(self.exit) && self.ended >= self.since + self.limit {
            self.end(Cause::Limit(Exceeded::Time(self.limit)));
        }
    }

    /// Ends it where the brake says so.
    fn look_at(&mut self, brake: &Brake) {
        self.look = Instant::now() + BRAKE_LOOK;
        if let Some(frozen) = brake.stops() {
            self.end(Cause::Frozen(frozen.to_string()));
        }
    }

    /// The target answered how much of it is left, or did not answer.
    fn answered(&mut self, left: Option<usize>) {
        self.ending = None;
        self.left = left;
        self.came();
        let patience = self.settings.kill_grace.max(self.settings.drain);
        self.stop = Some(Instant::now() + patience);
    }

    /// Something came, so more may come.
    fn came(&mut self) {
        self.quiet = Instant::now() + self.settings.drain;
    }
}

/// Stays with a command until it ended, and ends it where it must.
pub(super) async fn watch(
    running: Running,
    reach: &Reach<'_>,
    settings: &Settings,
    stops: &mut Stops<'_>,
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
    let mut wait = pin!(child.wait());
    let mut stdout = Reader::new(stdout, &end, settings);
    let mut stderr = Reader::new(stderr, &end, settings);
    let mut course = Course::begin(mark, since, reach, settings, limit);
    loop {
        let closed = stdout.is_closed() && stderr.is_closed();
        if closed {
            course.closed(stdout.code.or(stderr.code));
        }
        if closed && course.exit.is_some() && course.ending.is_none() {
            break;
        }
        // In this order: a flood of output must not hide a signal, the brake or the clock, and what
        // has already arrived is read before the quiet is believed.
        select! {
            biased;
            number = stops.signals.next(), if course.goes_on() => {
                course.end(Cause::Signal(number));
            }
            () = sleep_until(course.look), if course.goes_on() => course.look_at(stops.brake),
            () = sleep_until(course.clock()), if course.cause.is_none() || course.stop.is_some() => {
                if course.stop.is_some() {
                    break;
                }
                course.end(Cause::Limit(Exceeded::Time(limit)));
            }
            left = poll_some(&mut course.ending) => course.answered(left),
            full = either(&mut stdout, &mut stderr), if !closed => {
                course.came();
                if let Some(limit) = full {
                    course.end(Cause::Limit(limit));
                }
            }
            // Only now: once it knows the end, the crate lets go of what was not read yet.
            result = &mut wait, if closed && course.exit.is_none() => {
                course.exit = Some(code_of(result).map_or(Exit::Cut, Exit::Code));
            }
            () = sleep_until(course.quiet), if course.stop.is_some() => break,
        }
    }

    let Course {
        exit,
        ended,
        cause,
        left,
        ..
    } = course;
    let ended = if exit.is_none() {
        Instant::now()
    } else {
        ended
    };
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
        (Some(Cause::Frozen(why)), _) => Outcome::Frozen {
            started: true,
            still_running,
            why,
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

/// How often the brake is looked at while a command runs: a person who pulls it should see it bite,
/// and a look is two calls of the system.
const BRAKE_LOOK: Duration = Duration::from_millis(250);

/// The codes with which `timeout` says that time was up: its own, and 128 + KILL.
const TIMEOUT_CODES: [i32; 2] = [124, 137];

/// The last signal that has a number.
const LAST_SIGNAL: i32 = 64;

const NO_ANSWER: &str = "it had to be ended, but the target no longer answered; the time limit on \
                         the target itself ends it if the machine lives";
const SHELL_KILLED: &str = "the shell that watched it on the target was killed from outside";
const CONNECTION_ENDED: &str = "the connection ended while it ran; the time limit on the target \
                                itself ends it if the machine lives";
