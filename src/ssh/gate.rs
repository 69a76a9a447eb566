//! Opens a shell on the target that waits for our word.
//!
//! **Reads** the marker that says the shell is there.
//! **Gives** [`Reach`], which finds a free session, and [`Gate`].
//! **Never** lets the command start: that is [`Gate::go`], once.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openssh::Child;
use openssh::ChildStderr;
use openssh::ChildStdin;
use openssh::ChildStdout;
use openssh::Error;
use openssh::Session;
use openssh::Stdio;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio::time::timeout_at;

use crate::ssh::Settings;
use crate::ssh::master::Masters;
use crate::ssh::master::answers;
use crate::ssh::master::is_busy;
use crate::ssh::refusal::Refusal;
use crate::ssh::refusal::Stage;
use crate::ssh::remote;
use crate::ssh::remote::Marker;
use crate::ssh::remote::Nonce;
use crate::target::Host;
use crate::visible;

/// The way to one host.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    settings: &'a Settings,
    host: &'a Host,
    masters: Masters<'a>,
    stage: Cell<Stage>,
}

/// A shell on the target that waits for the nonce. Dropped, it ends and nothing ran.
#[derive(Debug)]
pub(super) struct Gate {
    opened: Opened,
    nonce: Nonce,
    leader: u32,
}

/// A command that was told to go.
#[derive(Debug)]
pub(super) struct Running {
    /// Ends with the command.
    pub(super) child: Child<Arc<Session>>,
    /// Its output, marker and all before it cut off.
    pub(super) stdout: Stream<ChildStdout>,
    /// Its messages, cut off the same way.
    pub(super) stderr: Stream<ChildStderr>,
    /// What finds it again on the target.
    pub(super) mark: Mark,
    /// When it was told to go.
    pub(super) since: Instant,
}

/// What finds a command on the target again, to end it.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    socket: PathBuf,
    nonce: Nonce,
    leader: u32,
}

/// A pipe, and what was already read of it.
#[derive(Debug)]
pub(super) struct Stream<R> {
    /// What was read already and comes first.
    pub(super) first: Vec<u8>,
    /// Where the rest comes from.
    pub(super) pipe: R,
}

#[derive(Debug)]
struct Opened {
    child: Child<Arc<Session>>,
    stdin: ChildStdin,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
    socket: PathBuf,
}

/// Why one attempt on one master came to nothing.
#[derive(Debug)]
enum Miss {
    /// No master listens, or it went away.
    Gone,
    /// The master itself does not answer.
    Hung,
    /// The master answers and the target does not.
    Silent,
    /// The master's queue is full: try again.
    Busy,
    /// The target takes no more sessions on this connection.
    Full,
    /// The target answered with something that another attempt will not change.
    Refused(Refusal),
}

impl<'a> Reach<'a> {
    /// Prepares the way; nothing is connected yet.
    pub(super) fn new(settings: &'a Settings, host: &'a Host) -> Result<Self, Refusal> {
        let masters = Masters::of(settings, host)?;
        Ok(Self {
            settings,
            host,
            masters,
            stage: Cell::new(Stage::Connecting),
        })
    }

    /// Opens a gate before the script, within the time that a connection may take.
    pub(super) async fn open(&self, script: &str, limit: Duration) -> Result<Gate, Refusal> {
        let nonce = Nonce::draw().map_err(|error| {
            Refusal::new(
                format!("no random numbers: {error}"),
                "look at /dev/urandom",
            )
        })?;
        let settings = self.settings;
        let text = remote::gate(&nonce, &settings.path, script, limit, settings.kill_grace);
        if text.len() > remote::LONGEST || text.contains('\0') {
            return Err(Refusal::new(
                "the command is too long or holds a NUL byte: it cannot be sent",
                "put it into a script on the target",
            ));
        }
        let until = Instant::now() + settings.connect_timeout;
        let (opened, mut words) = timeout_at(until, self.session(&text, &nonce, true))
            .await
            .unwrap_or_else(|_| {
                Err(Refusal::late(
                    self.stage.get(),
                    self.host,
                    settings.connect_timeout,
                ))
            })?;
        let leader = if words.is_empty() {
            None
        } else {
            words.remove(0).parse().ok()
        };
        let Some(leader) = leader else {
            return Err(Refusal::new(
                "the login shell on the target did not understand the start",
                "give the user a POSIX shell: bash, dash, ksh or zsh",
            ));
        };
        if !words.is_empty() {
            return Err(Refusal::new(
                format!("the target lacks {}", visible::line(&words.join(", "))),
                format!(
                    "install it, or look at the path for targets: `{}`",
                    settings.path
                ),
            ));
        }
        Ok(Gate {
            opened,
            nonce,
            leader,
        })
    }

    /// Ends a command on the target and says how many processes of it are left; None where the
    /// target could not be asked.
    pub(super) async fn end(&self, mark: Mark) -> Option<usize> {
        let settings = self.settings;
        let own = Nonce::draw().ok()?;
        let text = remote::end(
            &own,
            &settings.path,
            mark.leader,
            &mark.nonce,
            settings.kill_grace,
        );
        let asked = async {
            let session = match self
                .attempt(&mark.socket, &text, &own, false, &Cell::new(false))
                .await
            {
                Ok(answer) => Ok(answer),
                // No session is free on that connection: another one reaches the same host.
                Err(Miss::Full | Miss::Busy) => self.session(&text, &own, false).await,
                Err(_) => return None,
            };
            let (_, words) = session.ok()?;
            words.first()?.parse().ok()
        };
        let enough = settings.kill_grace + settings.connect_timeout;
        timeout(enough, asked).await.ok().flatten()
    }

    /// Finds a master with a free session, starting one where needed.
    async fn session(
        &self,
        text: &str,
        nonce: &Nonce,
        both: bool,
    ) -> Result<(Opened, Vec<String>), Refusal> {
        let mut slot = 0;
        let mut fresh = false;
        let mut starts = 0;
        loop {
            let socket = self.masters.socket(slot);
            if self.stage.get() != Stage::Busy {
                self.stage.set(Stage::Opening);
            }
            let miss = match self.patient(&socket, text, nonce, both, fresh).await {
                Ok(found) => return Ok(found),
                Err(miss) => miss,
            };
            match miss {
                Miss::Refused(refusal) => return Err(refusal),
                Miss::Busy => sleep(AGAIN).await,
                Miss::Gone | Miss::Hung if starts == STARTS => {
                    return Err(Refusal::new(
                        format!("the target closes every connection at once: {}", self.host),
                        "look at the log of the SSH server on the target: it says why",
                    ));
                }
                Miss::Gone | Miss::Hung => {
                    fresh = self.masters.ensure(&socket, &self.stage).await?;
                    starts += usize::from(fresh);
                }
                Miss::Full | Miss::Silent => {
                    fresh = false;
                    let full = matches!(miss, Miss::Full);
                    self.stage
                        .set(if full { Stage::Busy } else { Stage::Opening });
                    slot += 1;
                    if slot >= self.settings.masters_per_target.max(1) {
                        slot = 0;
                        sleep(AGAIN).await;
                    }
                }
            }
        }
    }

    /// One attempt, with an eye on whether it is the master or the target that is silent.
    ///
    /// A session that the target opened is waited for: its shell is only slow.
    async fn patient(
        &self,
        socket: &Path,
        text: &str,
        nonce: &Nonce,
        both: bool,
        fresh: bool,
    ) -> Result<(Opened, Vec<String>), Miss> {
        let patience = self.settings.patience();
        let opened = Cell::new(false);
        let mut attempt = Box::pin(self.attempt(socket, text, nonce, both, &opened));
        if let Ok(done) = timeout(patience, &mut attempt).await {
            return done;
        }
        if !opened.get() && !answers(socket, patience).await {
            return Err(Miss::Hung);
        }
        if fresh || self.settings.masters_per_target < 2 {
            return attempt.await;
        }
        match timeout(patience, &mut attempt).await {
            Ok(done) => done,
            Err(_) if opened.get() => attempt.await,
            // A connection of old may lead nowhere since the target was started anew, and a new
            // one would do. It is passed over, not ended: others may be using it.
            Err(_) => Err(Miss::Silent),
        }
    }

    /// Asks one master for a session with this text, and waits for its marker.
    async fn attempt(
        &self,
        socket: &Path,
        text: &str,
        nonce: &Nonce,
        both: bool,
        opened: &Cell<bool>,
    ) -> Result<(Opened, Vec<String>), Miss> {
        let session = Arc::new(Session::resume_mux(socket.into(), None));
        let mut child = session
            .arc_raw_command(text)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| miss(&error))?;
        opened.set(true);
        let (Some(stdin), Some(mut stdout), Some(mut stderr)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(Miss::Gone);
        };
        let found = async {
            let out = marker(&mut stdout, nonce);
            if both {
                tokio::join!(out, marker(&mut stderr, nonce))
            } else {
                (out.await, Ok((Vec::new(), Vec::new())))
            }
        };
        match found.await {
            (Ok((words, out)), Ok((_, err))) => {
                let stdout = Stream {
                    first: out,
                    pipe: stdout,
                };
                let stderr = Stream {
                    first: err,
                    pipe: stderr,
                };
                let socket = socket.to_owned();
                Ok((
                    Opened {
                        child,
                        stdin,
                        stdout,
                        stderr,
                        socket,
                    },
                    words,
                ))
            }
            (out, err) => {
                let said = [err.err(), out.err()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .concat();
                Err(self.no_marker(child, &said).await)
            }
        }
    }

    /// The session ended before it was ready: was it the connection or the shell?
    async fn no_marker(&self, child: Child<Arc<Session>>, said: &[u8]) -> Miss {
        let code = match child.wait().await {
            Ok(status) => status.code().unwrap_or(-1),
            Err(Error::Remote(_)) => 127,
            Err(_) => return Miss::Gone,
        };
        let said = String::from_utf8_lossy(said);
        let said = visible::line(said.trim()).into_owned();
        let said = if said.is_empty() {
            "it said nothing".to_owned()
        } else {
            said
        };
        Miss::Refused(Refusal::new(
            format!("the login shell on the target ended with {code} before the start ({said})"),
            format!(
                "give the user `{}` a shell that runs commands",
                self.host.user()
            ),
        ))
    }
}

impl Gate {
    /// Tells the command to go. An error means that it was not told and never will be.
    pub(super) async fn go(self) -> Result<Running, io::Error> {
        let Opened {
            child,
            mut stdin,
            stdout,
            stderr,
            socket,
        } = self.opened;
        let since = Instant::now();
        // One write, so that either all of it or nothing is on its way.
        stdin
            .write_all(format!("{}\n", self.nonce.as_str()).as_bytes())
            .await?;
        let mark = Mark {
            socket,
            nonce: self.nonce,
            leader: self.leader,
        };
        Ok(Running {
            child,
            stdout,
            stderr,
            mark,
            since,
        })
    }
}

impl Mark {
    /// The socket of the master that the command runs through.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What each stream of the command ends with; its exit code and a line break follow.
    pub(super) fn end(&self) -> Vec<u8> {
        Marker::start(&self.nonce)
    }
}

/// Reads up to the marker. Gives its words and what came after it, or, where the stream ends
/// first, the last of what it brought.
async fn marker<R: AsyncRead + Unpin>(
    pipe: &mut R,
    nonce: &Nonce,
) -> Result<(Vec<String>, Vec<u8>), Vec<u8>> {
    let mut seen = Vec::new();
    loop {
        let read = pipe.read_buf(&mut seen).await.unwrap_or(0);
        if let Some(marker) = Marker::find(&seen, nonce) {
            return Ok((marker.words, seen.split_off(marker.after)));
        }
        let excess = seen.len().saturating_sub(NOISE_BYTES);
        seen.drain(..excess);
        if read == 0 {
            return Err(seen);
        }
    }
}

fn miss(error: &Error) -> Miss {
    let said = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    if said.contains("Session open refused") {
        Miss::Full
    } else if is_busy(error) {
        Miss::Busy
    } else {
        Miss::Gone
    }
}

/// How much of what comes before a marker is kept: more than the longest marker.
const NOISE_BYTES: usize = 1024;

/// How long to wait before all sessions are tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// How many masters one start may start before the target is given up.
const STARTS: usize = 3;
