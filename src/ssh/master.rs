//! The connection that outlives us: one `ssh` in the background, reached through a socket.
//!
//! **Reads** key and pins (only their marks of change), sockets, /proc when one hangs.
//! **Gives** [`Masters`].
//! **Never** lets two processes start the same master, and never lets one hold our own streams.

use std::cell::Cell;
use std::fs;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use openssh::Session;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use sha2::Digest as _;
use sha2::Sha256;
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::hex;
use crate::lock;
use crate::ssh::Settings;
use crate::ssh::refusal::Refusal;
use crate::ssh::refusal::Stage;
use crate::target::Host;

/// The masters of one host.
#[derive(Debug)]
pub(super) struct Masters<'a> {
    settings: &'a Settings,
    host: &'a Host,
    stem: String,
}

impl<'a> Masters<'a> {
    /// Names the masters of a host.
    ///
    /// The name depends on everything that a connection was made with, and on when key and pins
    /// last changed: a connection made under another pin is not used.
    pub(super) fn of(settings: &'a Settings, host: &'a Host) -> Result<Self, Refusal> {
        let key = change(&settings.key).map_err(|error| {
            Refusal::new(
                format!(
                    "the key file `{}` cannot be used: {error}",
                    settings.key.display()
                ),
                "the setup makes this key; it belongs to the executor's user, mode 0600",
            )
        })?;
        let pins = change(&settings.known_hosts).map_err(|error| {
            Refusal::new(
                format!(
                    "no host key is pinned: `{}`: {error}",
                    settings.known_hosts.display()
                ),
                "the setup pins the target's host key in this file",
            )
        })?;
        let mut hash = Sha256::new();
        for part in [
            host.user(),
            host.address(),
            &host.port().to_string(),
            &key,
            &pins,
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(settings.key.as_os_str().as_bytes());
        hash.update([0]);
        hash.update(settings.known_hosts.as_os_str().as_bytes());
        let digest = hex::of(&hash.finalize());
        let stem = format!("m{}", digest.get(..STEM).unwrap_or_default());
        Ok(Self {
            settings,
            host,
            stem,
        })
    }

    /// The socket of one of the masters.
    pub(super) fn socket(&self, slot: usize) -> PathBuf {
        self.settings.sockets.join(format!("{}-{slot}", self.stem))
    }

    /// Sees to it that a living master listens on the socket. True if it had to be started.
    ///
    /// Under a lock, so that of many processes one starts it and all use it. What is in the way (a
    /// socket whose master was killed, a master that hangs) is removed first.
    pub(super) async fn ensure(&self, socket: &Path, stage: &Cell<Stage>) -> Result<bool, Refusal> {
        stage.set(Stage::Waiting);
        let _lock = self.lock(socket).await?;
        stage.set(Stage::Connecting);
        let listens = match UnixStream::connect(socket).await {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        if listens {
            // Others may be using it: it gets more time than it takes to be noticed.
            if answers(socket, self.settings.patience() * 3).await {
                return Ok(false);
            }
            kill_hung(socket);
        }
        remove(socket)?;
        self.start(socket).await?;
        Ok(true)
    }

    async fn lock(&self, socket: &Path) -> Result<lock::Held, Refusal> {
        let path = socket.with_extension("lock");
        loop {
            match lock::take(&path, Duration::ZERO) {
                Ok(Some(held)) => return Ok(held),
                Ok(None) => sleep(POLL).await,
                Err(error) => return Err(local(&path, &error)),
            }
        }
    }

    async fn start(&self, socket: &Path) -> Result<(), Refusal> {
        let log = socket.with_extension("log");
        remove(&log)?;
        let program = &self.settings.ssh_program;
        let exit = Command::new(program)
            .args(self.arguments(socket, &log))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .status()
            .await
            .map_err(|error| {
                Refusal::new(
                    format!("`{}` cannot be started: {error}", program.display()),
                    "install the OpenSSH client",
                )
            })?;
        let said = log_text(&log).unwrap_or_default();
        remove(&log)?;
        if exit.success() {
            Ok(())
        } else {
            Err(Refusal::from_log(&said, self.host))
        }
    }

    /// Everything is said here and nothing is read from a file or from the environment.
    fn arguments(&self, socket: &Path, log: &Path) -> Vec<String> {
        let settings = self.settings;
        let whole = |duration: Duration| duration.as_secs_f64().ceil().max(1.0) as u64;
        let mut arguments: Vec<String> = ["-F", "none", "-M", "-N", "-f", "-T", "-n", "-E"]
            .map(str::to_owned)
            .into();
        arguments.push(log.display().to_string());
        for option in OPTIONS {
            arguments.extend(["-o".to_owned(), (*option).to_owned()]);
        }
        for (name, value) in [
            ("ControlPath", socket.display().to_string()),
            ("ControlPersist", whole(settings.persist).to_string()),
            ("IdentityFile", settings.key.display().to_string()),
            (
                "UserKnownHostsFile",
                settings.known_hosts.display().to_string(),
            ),
            (
                "ConnectTimeout",
                whole(settings.connect_timeout).to_string(),
            ),
            (
                "ServerAliveInterval",
                whole(settings.alive_interval).to_string(),
            ),
            ("ServerAliveCountMax", settings.alive_count.to_string()),
        ] {
            arguments.extend(["-o".to_owned(), format!("{name}={value}")]);
        }
        let port = self.host.port().to_string();
        arguments.extend(["-l", self.host.user(), "-p", &port, "--"].map(str::to_owned));
        arguments.push(self.host.address().to_owned());
        arguments
    }
}

/// Asks the master itself, not the target. False if it does not answer within `patience`.
pub(super) async fn answers(socket: &Path, patience: Duration) -> bool {
    let asked = async {
        let session = Session::resume_mux(socket.into(), None);
        loop {
            match session.check().await {
                Ok(()) => return true,
                // Its queue is full: that says nothing about its health.
                Err(error) if is_busy(&error) => sleep(POLL).await,
                Err(_) => return false,
            }
        }
    };
    timeout(patience, asked).await.unwrap_or(false)
}

/// True where more processes knock at a socket than its queue holds.
pub(super) fn is_busy(error: &openssh::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let busy = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
        if error.downcast_ref::<io::Error>().is_some_and(busy) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Ends a master that takes connections and says nothing.
///
/// The socket itself names a process that is gone: the one that listened first, before it went to
/// the background. So the master is found by its command line, which names the socket.
fn kill_hung(socket: &Path) {
    let argument = format!("ControlPath={}", socket.display());
    let Ok(entries) = fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(Pid::from_raw)
        else {
            continue;
        };
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let line = read("cmdline");
        let names_it = line
            .split(|&byte| byte == 0)
            .any(|word| word == argument.as_bytes());
        if names_it && read("comm").trim_ascii() == b"ssh" {
            // It may be gone by now, or somebody else's: both leave nothing to do here.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// What changes when a file is changed or replaced.
fn change(path: &Path) -> io::Result<String> {
    let is = fs::metadata(path)?;
    Ok(format!(
        "{}:{}:{}:{}:{}",
        is.dev(),
        is.ino(),
        is.size(),
        is.mtime(),
        is.mtime_nsec()
    ))
}

fn remove(path: &Path) -> Result<(), Refusal> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(local(path, &error)),
        _ => Ok(()),
    }
}

fn log_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn local(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(
        format!("`{}` cannot be used: {error}", path.display()),
        "the directory of the sockets belongs to the executor's user, mode 0700",
    )
}

/// What every connection is made with.
const OPTIONS: &[&str] = &[
    "ControlMaster=yes",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "VerifyHostKeyDNS=no",
    "CanonicalizeHostname=no",
    "ProxyCommand=none",
    "ProxyJump=none",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "AddKeysToAgent=no",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "GSSAPIAuthentication=no",
    "HostbasedAuthentication=no",
    "NumberOfPasswordPrompts=0",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "Tunnel=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "EscapeChar=none",
    "ConnectionAttempts=1",
    "TCPKeepAlive=yes",
    "LogLevel=ERROR",
];

/// How many hexadecimal digits of the hash are in a socket's name.
pub(super) const STEM: usize = 12;

/// How often a lock or a full queue is tried again.
const POLL: Duration = Duration::from_millis(5);

/// How much of the log of an `ssh` that gave up is read.
const LOG_BYTES: u64 = 16 * 1024;
