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
use tokio::io::AsyncReadExt as _;
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
use crate::ssh::capture::Capture;
use crate::ssh::gate::Reach;
use crate::ssh::gate::Running;
use crate::ssh::gate::Stream;
use crate::ssh::master::answers;

/// The signals that ask this program to stop.
#[derive(Debug)]
pub(super) struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens from now on; what comes before anybody asks is kept.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> i32 {
        select! {
            _ = self.term.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
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
    let mut mark = Some(mark);
    let mut wait = pin!(child.wait());
    let mut stdout = Reader::new(stdout, settings);
    let mut stderr = Reader::new(stderr, settings);
    let late = since + limit + settings.kill_grace + settings.connect_timeout;
    let mut quiet = since;
    let mut exit = None;
    let mut cause = None;
    let mut left = None;
    let mut ending: Option<Pin<Box<dyn Future<Output = Option<usize>> + '_>>> = None;
    let mut ended = since;

    loop {
        let over = exit.is_some() || left.is_some();
        if exit.is_some() && ending.is_none() && stdout.is_closed() && stderr.is_closed() {
            break;
        }
        let mut new_cause = None;
        select! {
            result = &mut wait, if exit.is_none() => {
                ended = Instant::now();
                quiet = ended + settings.drain;
                let code = code_of(result);
                let on_time = code.is_some_and(|code| !TIMEOUT_CODES.contains(&code));
                if !on_time && code.is_some() && ended >= since + limit {
                    new_cause = Some(Cause::Limit(Exceeded::Time(limit)));
                }
                exit = Some(code.map_or(Exit::Cut, Exit::Code));
            }
            full = stdout.read() => {
                quiet = Instant::now() + settings.drain;
                new_cause = full.map(Cause::Limit);
            }
            full = stderr.read() => {
                quiet = Instant::now() + settings.drain;
                new_cause = full.map(Cause::Limit);
            }
            number = signals.next(), if cause.is_none() && exit.is_none() => {
                new_cause = Some(Cause::Signal(number));
            }
            () = sleep_until(late), if cause.is_none() => {
                if exit.is_some() {
                    break;
                }
                new_cause = Some(Cause::Limit(Exceeded::Time(limit)));
            }
            answer = poll_some(&mut ending) => {
                ending = None;
                left = Some(answer);
                quiet = Instant::now() + settings.drain;
            }
            () = sleep_until(quiet), if over && ending.is_none() => break,
        }
        let ends = cause.is_none() && new_cause.is_some();
        let by_itself =
            matches!(new_cause, Some(Cause::Limit(Exceeded::OutputBytes(_)))) && exit.is_some();
        if ends
            && !by_itself
            && let Some(mark) = mark.take()
        {
            cause = new_cause;
            ending = Some(Box::pin(reach.end(mark)));
        }
    }

    if exit.is_none() {
        ended = Instant::now();
    }
    let alive = matches!(exit, Some(Exit::Cut)) && answers(&socket, settings.patience()).await;
    let outcome = conclude(cause, exit, left.flatten(), alive);
    let transcript = Transcript {
        stdout: stdout.capture.finish(),
        stderr: stderr.capture.finish(),
        duration: ended - since,
    };
    (outcome, transcript)
}

/// The outcome, from the facts alone.
fn conclude(cause: Option<Cause>, exit: Option<Exit>, left: Option<usize>, alive: bool) -> Outcome {
    let still_running = left != Some(0);
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

/// One stream of the command, read as it comes.
struct Reader<R> {
    pipe: Option<R>,
    capture: Capture,
    buffer: Vec<u8>,
    most: u64,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    fn new(stream: Stream<R>, settings: &Settings) -> Self {
        let mut capture = Capture::new(settings.output_bytes);
        capture.take(&stream.first);
        Self {
            pipe: Some(stream.pipe),
            capture,
            buffer: vec![0; CHUNK_BYTES],
            most: settings.output_read_bytes,
        }
    }

    fn is_closed(&self) -> bool {
        self.pipe.is_none()
    }

    /// Takes one chunk. Says so where the stream brought more than may be read; it is closed then,
    /// and whoever still writes is told by SIGPIPE.
    async fn read(&mut self) -> Option<Exceeded> {
        let Some(pipe) = &mut self.pipe else {
            return pending().await;
        };
        let read = pipe.read(&mut self.buffer).await.unwrap_or(0);
        self.capture
            .take(self.buffer.get(..read).unwrap_or_default());
        let full = self.capture.bytes() > self.most;
        if read == 0 || full {
            self.pipe = None;
        }
        full.then_some(Exceeded::OutputBytes(self.most))
    }
}

/// The codes with which `timeout` says that time was up: its own, and 128 + KILL.
const TIMEOUT_CODES: [i32; 2] = [124, 137];

/// The last signal that has a number.
const LAST_SIGNAL: i32 = 64;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

const NO_ANSWER: &str = "it had to be ended, but the target no longer answered; the time limit on \
                         the target itself ends it if the machine lives";
const SHELL_KILLED: &str = "the shell that watched it on the target was killed from outside";
const CONNECTION_ENDED: &str = "the connection ended while it ran; the time limit on the target \
                                itself ends it if the machine lives";
