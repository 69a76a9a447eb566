//! A real SSH server on loopback with throw-away keys, for one test.
//!
//! **Reads** nothing of this machine's SSH configuration.
//! **Gives** [`Sshd`].
//! **Never** stays: it ends with the value, and by itself after ten minutes.

use std::fs;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use tempfile::TempDir;

/// A running server, its keys and a directory for the masters that lead to it.
#[derive(Debug)]
pub struct Sshd {
    dir: TempDir,
    guard: Child,
    port: u16,
    user: String,
}

impl Sshd {
    /// Starts a server. None, said loudly, where this machine has none to start.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// Starts a server with more lines in its configuration.
    pub fn with(lines: &[&str]) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("SKIPPED: `{PROGRAM}` is not installed");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("sshd").tempdir().unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        fs::create_dir(dir.path().join("s")).unwrap();
        fs::set_permissions(dir.path().join("s"), fs::Permissions::from_mode(0o700)).unwrap();
        for key in ["host", "key", "other"] {
            make_key(&dir.path().join(key));
        }
        fs::copy(
            dir.path().join("key.pub"),
            dir.path().join("authorized_keys"),
        )
        .unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        let mut server = Self {
            guard: spawn(dir.path(), 0, lines),
            dir,
            port: 0,
            user,
        };
        server.listen(lines);
        server.pin("host");
        Some(server)
    }

    /// Starts it again on the same port, as after a reboot: every connection is cut.
    pub fn restart(&mut self) {
        self.stop();
        self.guard = spawn(self.dir.path(), self.port, &[]);
        assert!(self.is_up(), "the server did not come back");
    }

    /// Ends the server and every connection to it.
    pub fn stop(&mut self) {
        let connections = self.connections();
        self.guard_signal(Signal::TERM);
        for pid in connections {
            signal(pid, Signal::KILL);
        }
        self.guard.wait().unwrap();
    }

    /// Writes the public half of one of the keys (`host`, `key`, `other`) as the pin of this host.
    pub fn pin(&self, key: &str) {
        let public = fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        fs::write(self.path("known_hosts"), line).unwrap();
    }

    /// A file in the server's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who may log in: whoever runs the test.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The masters that lead to this server.
    pub fn masters(&self) -> Vec<u32> {
        let dir = self.path("s/").display().to_string();
        let leads_here = |pid: &u32| {
            proc_file(*pid, "comm").trim() == "ssh" && proc_file(*pid, "cmdline").contains(&dir)
        };
        pids().into_iter().filter(leads_here).collect()
    }

    /// The server's own part of each connection.
    pub fn connections(&self) -> Vec<u32> {
        // The first is what limits the server's life, the second listens.
        self.family().into_iter().skip(2).collect()
    }

    /// Holds back every connection that is not made yet, or lets them go on.
    pub fn hold_connections(&self, held: bool) {
        let with = if held { Signal::STOP } else { Signal::CONT };
        for listener in self.family().into_iter().skip(1).take(1) {
            signal(listener, with);
        }
    }

    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.guard.id()];
        let all: Vec<(u32, u32)> = pids()
            .into_iter()
            .filter_map(|pid| Some((pid, stat(pid, 1)?)))
            .collect();
        for _ in 0..3 {
            let more = all.iter().filter(|(pid, parent)| {
                family.contains(parent)
                    && !family.contains(pid)
                    && proc_file(*pid, "comm").starts_with("sshd")
            });
            let more: Vec<u32> = more.map(|(pid, _)| *pid).collect();
            family.extend(more);
        }
        family
    }

    /// Every process that a command left on the target, those of its session included.
    pub fn left(&self) -> Vec<u32> {
        let here = format!("127.0.0.1 {}\0", self.port);
        let leaders: Vec<u32> = pids()
            .into_iter()
            .filter(|pid| {
                let environ = proc_file(*pid, "environ");
                environ
                    .split_inclusive('\0')
                    .any(|line| line.starts_with("SSH_CONNECTION=") && line.ends_with(&here))
            })
            .filter_map(|pid| stat(pid, 3))
            .collect();
        pids()
            .into_iter()
            .filter(|pid| stat(*pid, 3).is_some_and(|session| leaders.contains(&session)))
            .collect()
    }

    fn listen(&mut self, lines: &[&str]) {
        for _ in 0..5 {
            self.guard_signal(Signal::TERM);
            self.guard.wait().unwrap();
            self.port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            self.guard = spawn(self.dir.path(), self.port, lines);
            if self.is_up() {
                return;
            }
        }
        let log = fs::read_to_string(self.path("sshd.log")).unwrap_or_default();
        panic!("sshd does not start: {log}");
    }

    fn is_up(&mut self) -> bool {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            if self.guard.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(10));
        }
        false
    }

    fn guard_signal(&self, with: Signal) {
        signal(self.guard.id(), with);
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let left = self.left();
        let connections = self.connections();
        for pid in self.masters().into_iter().chain(left).chain(connections) {
            signal(pid, Signal::KILL);
        }
        self.guard_signal(Signal::TERM);
        let _ = self.guard.wait();
    }
}

/// Sends a signal; a process that is gone by then is fine.
pub fn signal(pid: u32, with: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, with);
}

fn spawn(dir: &Path, port: u16, lines: &[&str]) -> Child {
    if port == 0 {
        return Command::new("true").spawn().unwrap();
    }
    let at = dir.display();
    let has = |word: &str| lines.iter().any(|line| line.starts_with(word));
    let sessions = if has("MaxSessions") {
        ""
    } else {
        "MaxSessions 10"
    };
    // The start-up files of whoever runs the tests are not part of them: some take locks, and a
    // shell that is killed in the middle would leave them to everybody.
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nPidFile none\n\
         AuthorizedKeysFile {at}/authorized_keys\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
         PrintMotd no\nMaxStartups 200\nUseDNS no\nSetEnv HOME={at}\n{sessions}\n{}\n",
        lines.join("\n")
    );
    fs::write(dir.join("sshd_config"), config).unwrap();
    let log = fs::File::create(dir.join("sshd.log")).unwrap();
    Command::new("timeout")
        .args(["600", PROGRAM, "-D", "-e", "-f"])
        .arg(dir.join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "throw-away", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn proc_file(pid: u32, name: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A field of /proc/PID/stat, counted after the name: 0 state, 1 parent, 2 group, 3 session. None
/// where the process is gone or only waits to be reaped.
pub fn stat(pid: u32, field: usize) -> Option<u32> {
    let stat = proc_file(pid, "stat");
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    if *fields.first()? == "Z" {
        None
    } else {
        fields.get(field)?.parse().ok()
    }
}

const PROGRAM: &str = "/usr/sbin/sshd";
