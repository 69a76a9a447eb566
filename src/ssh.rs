//! Runs one command on one target, within limits, and tells truly how it ended.
//!
//! **Reads** the executor's key and pins through `ssh`; the streams of the command.
//! **Gives** [`Hand`], [`Settings`], [`Error`], and [`Interruptions`] for who waits between runs.
//! **Never** fails once it runs: everything from there on is an [`Outcome`].

mod address;
mod capture;
#[expect(
    clippy::disallowed_types,
    reason = "sessions on a target are opened here"
)]
mod gate;
mod interruption;
#[expect(
    clippy::disallowed_types,
    reason = "masters are processes of ssh, started here"
)]
mod master;
mod pin;
mod reader;
mod refusal;
mod remote;
mod watch;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::select;
use tokio::time::Instant;

use crate::authorize::Authorized;
use crate::freeze::Brake;
use crate::outcome::Executed;
use crate::outcome::Outcome;
use crate::outcome::Transcript;
use crate::ssh::capture::Capture;
use crate::ssh::gate::Reach;
use crate::ssh::refusal::Refusal;
use crate::ssh::watch::Signals;
use crate::ssh::watch::Stops;
use crate::target::Host;

pub use address::LookUp;
pub use interruption::Interruption;
pub use interruption::Interruptions;
pub use pin::fingerprints;
pub use pin::pins;

/// Every path and number that a run depends on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The executor's private key.
    pub key: PathBuf,
    /// The pinned host keys.
    pub known_hosts: PathBuf,
    /// The directory of the masters' sockets.
    pub sockets: PathBuf,
    /// How long it may take until a shell on the target is ready.
    pub connect_timeout: Duration,
    /// How long a master stays without work.
    pub persist: Duration,
    /// How long the target may be silent before it is asked whether it lives.
    pub alive_interval: Duration,
    /// How many such questions may go unanswered.
    pub alive_count: u32,
    /// How many masters one target may have; each carries as many commands as its server lets it.
    pub masters_per_target: usize,
    /// How long a command has between TERM and KILL.
    pub kill_grace: Duration,
    /// How long the streams of a command that had to be ended may be quiet before they are left.
    pub drain: Duration,
    /// How much of each stream is kept.
    pub output_bytes: usize,
    /// How much of each stream is read before the command is ended.
    pub output_read_bytes: u64,
    /// `PATH` on the target.
    pub path: String,
    /// The `ssh` of this machine.
    pub ssh_program: PathBuf,
}

impl Settings {
    /// How long a thing that should answer at once may take before it is looked at.
    fn patience(&self) -> Duration {
        self.connect_timeout / 8
    }
}

/// Why nothing can be run from this machine at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sockets' directory is too deep.
    #[error(
        "`{path}` is too long for the sockets in it: {length} bytes, at most {most} are possible"
    )]
    PathTooLong {
        /// The directory.
        path: PathBuf,
        /// Its length.
        length: usize,
        /// The longest that is possible.
        most: usize,
    },
    /// A path holds something that `ssh` would read as more than a path.
    #[error(
        "`{path}` cannot be given to ssh: it must be absolute, of letters, digits and `/._@+-`"
    )]
    OddPath {
        /// The path.
        path: PathBuf,
    },
    /// The sockets' directory is open to others, or no directory.
    #[error("`{path}` must be a directory of this user alone, mode 0700")]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The sockets' directory cannot be used.
    #[error("`{path}` cannot be used: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or the signal listeners could not be made.
    #[error("this process cannot wait for signals and sockets: {0}")]
    Runtime(#[source] io::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::PathTooLong { .. } => {
                "a Unix socket's path is short: use a home directory with a shorter path"
            }
            Self::OddPath { .. } => "use a home directory with a plain path",
            Self::OpenDirectory { .. } | Self::Directory { .. } => {
                "give the directory to the executor's user alone: chown, chmod 0700"
            }
            Self::Runtime(_) => "look at the limits of this process: open files, memory",
        }
    }
}

/// What reaches out to a target: made before a run is authorized, used up by it.
#[derive(Debug)]
pub struct Hand {
    settings: Settings,
    brake: Brake,
    runtime: Runtime,
    signals: Signals,
}

impl Hand {
    /// Makes ready all that can fail for reasons of this machine.
    ///
    /// From here on TERM, INT, HUP and QUIT no longer end this process: they are kept for the run.
    /// The `brake` is looked at right before the command starts, and again and again while it runs.
    pub fn ready(settings: Settings, brake: Brake) -> Result<Self, Error> {
        plain(&settings.key)?;
        plain(&settings.known_hosts)?;
        plain(&settings.sockets)?;
        short(&settings)?;
        private(&settings.sockets)?;
        let runtime = runtime()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen().map_err(Error::Runtime)?
        };
        Ok(Self {
            settings,
            brake,
            runtime,
            signals,
        })
    }

    /// Runs what is authorized, once, within its limit.
    pub fn run(self, authorized: Authorized) -> Executed {
        let text = authorized.case().request().script().to_send().into_owned();
        let host = authorized.case().target().host().clone();
        let (outcome, transcript) = self.run_text(&host, &text, authorized.limit());
        Executed::new(authorized, outcome, transcript)
    }

    /// Runs a text as a bash script on a host.
    fn run_text(self, host: &Host, text: &str, limit: Duration) -> (Outcome, Transcript) {
        let Self {
            settings,
            brake,
            runtime,
            mut signals,
        } = self;
        let mut stops = Stops {
            signals: &mut signals,
            brake: &brake,
        };
        let ran = runtime.block_on(run(&settings, &mut stops, host, text, limit));
        // What is still open is only waiting, and a wait here would be one more.
        runtime.shutdown_background();
        ran
    }
}

fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

async fn run(
    settings: &Settings,
    stops: &mut Stops<'_>,
    host: &Host,
    text: &str,
    limit: Duration,
) -> (Outcome, Transcript) {
    let begun = Instant::now();
    let never = |outcome: Outcome| (outcome, empty(begun.elapsed()));
    let reach = match Reach::new(settings, host) {
        Ok(reach) => reach,
        Err(refusal) => return never(refusal.outcome()),
    };
    let opened = select! {
        biased;
        signal = stops.signals.next() => {
            let outcome = Outcome::Interrupted { signal, started: false, still_running: false };
            return never(outcome);
        }
        opened = reach.open(text, limit) => opened,
    };
    let gate = match opened {
        Ok(gate) => gate,
        Err(refusal) => return never(refusal.outcome()),
    };
    // The last moment at which nothing has run yet. Dropped, the gate stays shut.
    if let Some(frozen) = stops.brake.holds() {
        return never(Outcome::Frozen {
            started: false,
            still_running: false,
            why: frozen.to_string(),
        });
    }
    match gate.go().await {
        Ok(running) => watch::watch(running, &reach, settings, stops, limit).await,
        Err(error) => never(
            Refusal::new(
                format!("the connection ended just before the start: {error}"),
                "nothing ran: ask again",
            )
            .outcome(),
        ),
    }
}

fn empty(duration: Duration) -> Transcript {
    let nothing = || Capture::new(0).finish();
    Transcript {
        stdout: nothing(),
        stderr: nothing(),
        duration,
    }
}

/// `ssh` expands `%`, `~`, `${}` and blanks in the paths it is given.
fn plain(path: &Path) -> Result<(), Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._@+-".contains(c);
    match path.to_str() {
        Some(text) if path.is_absolute() && text.chars().all(is_plain) => Ok(()),
        _ => Err(Error::OddPath {
            path: path.to_owned(),
        }),
    }
}

/// The master binds its socket under a longer name first, so the path may be only so long.
fn short(settings: &Settings) -> Result<(), Error> {
    let slots = settings.masters_per_target.max(1);
    let name = "/m-".len() + master::STEM + (slots - 1).to_string().len();
    let most = SOCKET_PATH_BYTES - name;
    let length = settings.sockets.as_os_str().len();
    if length > most {
        return Err(Error::PathTooLong {
            path: settings.sockets.clone(),
            length,
            most,
        });
    }
    Ok(())
}

/// Whoever could put a socket here could answer in the target's name.
fn private(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Directory {
        path: path.to_owned(),
        source,
    };
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let is = fs::symlink_metadata(path).map_err(failed)?;
    let ours = is.uid() == rustix::process::geteuid().as_raw();
    if is.is_dir() && ours && is.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(Error::OpenDirectory {
            path: path.to_owned(),
        })
    }
}

/// The longest path of a socket that a master can make.
const SOCKET_PATH_BYTES: usize = 90;
