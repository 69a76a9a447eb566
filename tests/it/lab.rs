//! An installation of its own for one test, with a private SSH server as its target.
//!
//! **Reads** nothing of this machine's installation.
//! **Gives** [`Lab`], [`Answer`].
//! **Never** leaves a process or a file behind.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use crate::sshd::Sshd;

/// The rules most tests work with.
pub const RULES: &str = r"
auto_allowed:
  - hostname
  - uptime
  - id
  - echo [a-z ]+
  - {id: list, pattern: 'ls (-l )?[a-z/._]+'}
approval_required:
  - {id: touch, pattern: '^touch ', why: makes a file}
forbidden:
  - {id: no-mkfs, pattern: '\bmkfs', why: destroys a file system}
";

/// One installation.
pub struct Lab {
    pub sshd: Sshd,
    home: PathBuf,
    program: PathBuf,
}

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub json: Value,
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Lab {
    /// With [`RULES`]. None, said loudly, where this machine has no SSH server.
    pub fn new() -> Option<Self> {
        Self::with(RULES)
    }

    /// With a configuration behind `targets`.
    pub fn with(config: &str) -> Option<Self> {
        let sshd = Sshd::start()?;
        let home = sshd.path("s");
        for dir in ["runtime", ".ssh", "work"] {
            fs::create_dir(home.join(dir)).unwrap();
            mode(&home.join(dir), 0o700);
        }
        fs::copy(sshd.path("key"), home.join(".ssh/id_ed25519")).unwrap();
        mode(&home.join(".ssh/id_ed25519"), 0o600);
        fs::copy(sshd.path("known_hosts"), home.join(".ssh/known_hosts")).unwrap();
        fs::write(home.join("audit.jsonl"), "").unwrap();
        mode(&home.join("audit.jsonl"), 0o640);
        // As if it had been signed a moment ago: most tests count records.
        fs::create_dir(home.join("audit")).unwrap();
        mode(&home.join("audit"), 0o750);
        fs::write(home.join("audit/checkpoints"), "").unwrap();
        let lab = Self {
            sshd,
            home,
            program: program(),
        };
        lab.configure(config);
        Some(lab)
    }

    /// Writes another configuration.
    pub fn configure(&self, config: &str) {
        let targets = format!(
            "targets:\n  srv1: {{host: 127.0.0.1, port: {}, user: {}}}\nssh: {{persist: 20s, kill_grace: 1s, connect_timeout: 8s}}\n",
            self.sshd.port(),
            self.sshd.user()
        );
        fs::write(self.path("config.yml"), format!("{targets}{config}")).unwrap();
        mode(&self.path("config.yml"), 0o640);
    }

    /// A file of the installation.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A file that commands on the target may touch.
    pub fn mark(&self, name: &str) -> String {
        self.path("work").join(name).display().to_string()
    }

    /// The program, in this installation and in no other environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        in_home(command, &self.home)
    }

    /// The program as another user would call it through sudo. None, said loudly, where the test
    /// does not run as root.
    pub fn as_user(&self, uid: u32, arguments: &[&str]) -> Option<Command> {
        as_user(&self.home, &self.program, uid, arguments)
    }

    /// Starts the program with a message on its standard input.
    pub fn start(&self, message: &[u8]) -> Child {
        start(self.command(&[]), message)
    }

    /// Sends a message and waits for the answer.
    #[track_caller]
    pub fn send(&self, message: impl AsRef<[u8]>) -> Answer {
        Answer::of(self.start(message.as_ref()).wait_with_output().unwrap())
    }

    /// Asks for a command on `srv1`.
    #[track_caller]
    pub fn ask(&self, command: &str) -> Answer {
        self.send(request(command).to_string())
    }

    /// Runs a subcommand.
    #[track_caller]
    pub fn run(&self, arguments: &[&str], message: &str) -> Output {
        start(self.command(arguments), message.as_bytes())
            .wait_with_output()
            .unwrap()
    }

    /// All records.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The `event` and `status` of all records.
    #[track_caller]
    pub fn events(&self) -> Vec<String> {
        let word = |record: &Value, key: &str| record[key].as_str().unwrap_or("-").to_owned();
        self.log()
            .iter()
            .map(|r| format!("{} {}", word(r, "event"), word(r, "status")))
            .collect()
    }

    /// The log is whole, and every run has its outcome.
    #[track_caller]
    pub fn log_is_whole(&self) {
        let found = self.run(&["audit", "verify"], "");
        let said = String::from_utf8_lossy(&found.stdout);
        assert_eq!(found.status.code(), Some(0), "{said}");
        assert!(
            !said.contains("no outcome") && !said.contains("may still be running"),
            "{said}"
        );
    }
}

impl Answer {
    /// Exactly one JSON object on standard output.
    #[track_caller]
    pub fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let exit = output
            .status
            .code()
            .unwrap_or_else(|| panic!("signal {:?}", output.status.signal()));
        let line = stdout
            .strip_suffix('\n')
            .unwrap_or_else(|| panic!("{exit}: {stdout:?} {stderr:?}"));
        assert!(!line.contains('\n'), "more than one line: {stdout}");
        let json: Value = serde_json::from_str(line).unwrap();
        assert!(json.is_object());
        Self {
            json,
            exit,
            stdout,
            stderr,
        }
    }

    /// A text of the answer.
    #[track_caller]
    pub fn text(&self, key: &str) -> &str {
        self.json[key]
            .as_str()
            .unwrap_or_else(|| panic!("no text `{key}` in {}", self.json))
    }

    /// It has this status and exit code, and standard error is silent.
    #[track_caller]
    pub fn is(self, status: &str, exit: i32) -> Self {
        assert_eq!(
            (self.json["status"].as_str(), self.exit),
            (Some(status), exit),
            "{}",
            self.json
        );
        assert_eq!(self.stderr, "", "standard error is silent");
        self
    }

    /// Its message holds this.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(
            self.text("message").contains(part),
            "{part:?} in {}",
            self.json
        );
        self
    }
}

/// A request of the lab's form.
pub fn request(command: &str) -> Value {
    serde_json::json!({"target": "srv1", "command": command, "requester": "manual", "reason": "test"})
}

/// A command in this installation and in no other environment.
pub fn in_home(mut command: Command, home: &Path) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("AIOPS_HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The program, called as sudo would for somebody else: by root's process of that name, which waits
/// for it. Whoever comes that way does not choose the installation, so the program lies in it.
pub fn as_user(home: &Path, program: &Path, uid: u32, arguments: &[&str]) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can call the program for somebody else");
        return None;
    }
    let (sudo, inside) = (home.join("sudo"), home.join("aiops"));
    if !sudo.exists() {
        // The name of a process is that of the path it was started by.
        std::os::unix::fs::symlink("/bin/sh", &sudo).unwrap();
    }
    if !inside.exists() && fs::hard_link(program, &inside).is_err() {
        // Another process copies: a file that this one still writes cannot be started.
        let copied = Command::new("cp").arg(program).arg(&inside).status();
        assert!(copied.unwrap().success());
    }
    let mut command = Command::new(sudo);
    command
        .args(["-c", "SUDO_UID=\"$0\" \"$@\"; exit $?"])
        .arg(uid.to_string())
        .arg(inside)
        .args(arguments);
    Some(in_home(command, home))
}

/// The program under test: this one, or whatever `AIOPS_UNDER_TEST` names.
pub fn program() -> PathBuf {
    std::env::var_os("AIOPS_UNDER_TEST")
        .map_or_else(|| env!("CARGO_BIN_EXE_aiops").into(), PathBuf::from)
}

pub fn start(mut command: Command, message: &[u8]) -> Child {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that refuses early does not read: that is its right.
    let _ = stdin.write_all(message);
    child
}

/// What was printed by a program that ended with `exit` and said `expected` on either stream.
#[track_caller]
pub fn said(output: &Output, exit: i32, expected: &str) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}{error}");
    assert!(
        said.contains(expected) || error.contains(expected),
        "{expected:?} in {said}{error}"
    );
    said
}

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Starts a lab, or leaves the test with a loud word where this machine cannot.
macro_rules! lab {
    () => {
        match $crate::lab::Lab::new() {
            Some(lab) => lab,
            None => return,
        }
    };
    ($config:expr) => {
        match $crate::lab::Lab::with($config) {
            Some(lab) => lab,
            None => return,
        }
    };
}

pub(crate) use lab;
