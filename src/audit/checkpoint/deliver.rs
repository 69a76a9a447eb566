//! Hands a checkpoint to whoever keeps it out of reach of this machine.
//!
//! **Reads** nothing; it writes to the sockets of journald and syslog, and to the standard input of a command.
//! **Gives** [`Receivers`].
//! **Never** waits longer than it was told to, and never hides who did not get it.

use std::io;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::evidence::note::Checkpoint;

/// Who gets each checkpoint.
#[derive(Debug, Clone)]
pub struct Receivers {
    /// The socket of journald, in its native protocol. Where there is none, there is no journal.
    pub journald: Option<PathBuf>,
    /// The socket of syslog (RFC 3164, as local senders write it).
    pub syslog: Option<PathBuf>,
    /// A command and its arguments; it gets the note on standard input. Empty for none.
    pub command: Vec<String>,
    /// How long the command may take.
    pub command_wait: Duration,
}

impl Receivers {
    /// Hands it to each of them, and tells who did not take it.
    pub(super) fn deliver(&self, checkpoint: &Checkpoint, note: &str) -> Vec<String> {
        let mut undelivered = Vec::new();
        let mut failed = |who: &str, fault: io::Error| undelivered.push(format!("{who}: {fault}"));
        if let Some(socket) = self.journald.as_deref().filter(|socket| socket.exists()) {
            send(socket, &for_journald(checkpoint, note))
                .unwrap_or_else(|fault| failed("journald", fault));
        }
        if let Some(socket) = &self.syslog {
            send(socket, for_syslog(checkpoint, note).as_bytes())
                .unwrap_or_else(|fault| failed("syslog", fault));
        }
        if let [program, arguments @ ..] = &self.command[..] {
            run(program, arguments, note, self.command_wait)
                .unwrap_or_else(|fault| failed(&format!("`{program}`"), fault));
        }
        undelivered
    }
}

fn send(socket: &Path, message: &[u8]) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    // A receiver whose queue is full is not waited for.
    sender.set_nonblocking(true)?;
    sender.connect(socket)?;
    sender.send(message).map(|_| ())
}

/// The native protocol of journald: one field a line, and a field with line breaks as its name, its
/// length in 64 bits with the lowest byte first, and its bytes
/// (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
fn for_journald(checkpoint: &Checkpoint, note: &str) -> Vec<u8> {
    let mut message = format!(
        "MESSAGE=checkpoint of {size} records of {origin}\nPRIORITY=5\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=aiops\nAIOPS_SIZE={size}\nAIOPS_CHECKPOINT\n",
        size = checkpoint.size(),
        origin = checkpoint.origin(),
    )
    .into_bytes();
    message.extend_from_slice(&(note.len() as u64).to_le_bytes());
    message.extend_from_slice(note.as_bytes());
    message.push(b'\n');
    message
}

/// One line: facility `authpriv`, severity `notice`, and the note as a JSON string, since a line has
/// no line breaks.
fn for_syslog(checkpoint: &Checkpoint, note: &str) -> String {
    let note = serde_json::Value::from(note);
    let pid = std::process::id();
    let size = checkpoint.size();
    format!("<85>aiops[{pid}]: checkpoint of {size} records: {note}")
}

#[expect(
    clippy::disallowed_types,
    reason = "the one program that the configuration names for this; it is no target"
)]
fn run(program: &str, arguments: &[String], note: &str, wait: Duration) -> io::Result<()> {
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // A note is shorter than what a pipe holds, so this does not wait for the reader.
    let given = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(note.as_bytes()),
        None => Ok(()),
    };
    let ended = ended(&mut child, wait);
    if !matches!(ended, Ok(Some(_))) {
        // It may have ended in between.
        let _ = child.kill();
        let _ = child.wait();
    }
    match ended? {
        None => Err(io::Error::other(format!("did not end within {wait:?}"))),
        Some(status) if !status.success() => Err(io::Error::other(format!("ended with {status}"))),
        Some(_) => given,
    }
}

fn ended(child: &mut Child, wait: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + wait;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::note::Signer;
    use crate::evidence::tree::Range;

    fn signed() -> (Checkpoint, String) {
        let checkpoint = Checkpoint::new("gw1/aiops", 7, Range::new().root()).unwrap();
        let signer = Signer::from_seed("gw1/aiops", &[7; 32]).unwrap();
        let note = checkpoint.sign(&[&signer]).unwrap();
        (checkpoint, note)
    }

    fn nobody() -> Receivers {
        Receivers {
            journald: None,
            syslog: None,
            command: Vec::new(),
            command_wait: Duration::from_secs(20),
        }
    }

    fn told(receivers: &Receivers) -> Vec<String> {
        let (checkpoint, note) = signed();
        receivers.deliver(&checkpoint, &note)
    }

    fn shell(script: &str, wait: Duration) -> Receivers {
        Receivers {
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            command_wait: wait,
            ..nobody()
        }
    }

    #[test]
    fn journald_and_syslog_get_the_whole_note() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, syslog) = (dir.path().join("journal"), dir.path().join("log"));
        let sockets = [&journal, &syslog].map(|path| UnixDatagram::bind(path).unwrap());
        let receivers = Receivers {
            journald: Some(journal),
            syslog: Some(syslog),
            ..nobody()
        };
        assert!(told(&receivers).is_empty());
        let (_, note) = signed();
        let [journal, syslog] = sockets.map(|socket| {
            let mut buffer = vec![0; 65536];
            let length = socket.recv(&mut buffer).unwrap();
            buffer.truncate(length);
            buffer
        });
        let length = (note.len() as u64).to_le_bytes();
        let field = [b"AIOPS_CHECKPOINT\n", &length[..], note.as_bytes(), b"\n"];
        assert!(journal.ends_with(&field.concat()));
        let line = String::from_utf8(syslog).unwrap();
        assert!(
            line.starts_with("<85>aiops[") && !line.contains('\n'),
            "{line}"
        );
        let (_, json) = line.split_once("records: ").unwrap();
        assert_eq!(serde_json::from_str::<String>(json).unwrap(), note);
    }

    #[test]
    fn who_does_not_take_it_is_named() {
        let missing = Receivers {
            syslog: Some("/nonexistent/log".into()),
            journald: Some("/nonexistent/journal".into()),
            ..nobody()
        };
        let told_of = told(&missing);
        assert_eq!(told_of.len(), 1, "{told_of:?}");
        assert!(told_of[0].starts_with("syslog: "));
        assert!(told(&shell("exit 3", Duration::from_secs(20)))[0].contains("3"));
        let none = Receivers {
            command: vec!["/nonexistent/program".to_owned()],
            ..nobody()
        };
        assert_eq!(told(&none).len(), 1);
    }

    #[test]
    fn a_command_gets_the_note_and_no_more_time_than_it_may_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        let script = format!("cat > {}", path.display());
        assert!(told(&shell(&script, Duration::from_secs(20))).is_empty());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), signed().1);
        let slow = told(&shell("sleep 60", Duration::from_millis(50)));
        assert!(slow[0].contains("did not end"), "{slow:?}");
    }
}
