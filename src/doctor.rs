//! Looks for what is wrong with an installation, and says what cures it.
//!
//! **Reads** the files of the installation and their modes; who is in the approvers' group.
//! **Gives** a list of [`Finding`]s.
//! **Never** changes anything and never connects to a target.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::audit;
use crate::config;
use crate::config::Config;
use crate::freeze::Freezes;
use crate::home::Home;
use crate::target::Target;

mod approvers;
mod evidence;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it is as it should be.
    pub state: State,
    /// What was found.
    pub what: String,
    /// The command that cures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or is not safe.
    Bad,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self {
            state: State::Ok,
            what: what.into(),
            cure: None,
        }
    }

    fn warning(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            what: what.into(),
            cure: Some(cure.into()),
        }
    }

    fn bad(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            state: State::Bad,
            what: what.into(),
            cure: Some(cure.into()),
        }
    }

    /// Whether something has to be done.
    pub fn is_bad(&self) -> bool {
        self.state == State::Bad
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Bad => "bad",
        }
    }
}

/// Looks at everything, in the order in which a request would need it.
pub fn examine(home: &Home, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = vec![
        runtime(home),
        mode(&home.audit(), "audit log", 0o022, "0640"),
        mode(&home.key(), "private key", 0o077, "0600"),
        mode(&home.known_hosts(), "pinned host keys", 0o022, "0644"),
    ];
    match Config::load_and_examine(home) {
        Ok(config) => {
            findings.push(Finding::ok(format!(
                "configuration: mode {}, {} rules",
                config.scope.tier.word(),
                config.policy.rules()
            )));
            findings.push(program(&config.ssh.ssh_program));
            if config.inventory.iter().next().is_none() {
                let cure = format!(
                    "name a machine under `targets:` in {}",
                    home.config().display()
                );
                findings.push(Finding::warning("there are no targets", cure));
            }
            findings.extend(config.inventory.iter().map(|target| pinned(home, target)));
            findings.extend(approvers::examine(home, &config, now));
            findings.extend(evidence::examine(home, &config));
        }
        Err(fault) => {
            findings.push(Finding::bad(fault.to_string(), "aiops config check"));
        }
    }
    findings.extend(frozen(home));
    findings.extend(strangers(home));
    findings.push(log(home, now));
    findings
}

fn runtime(home: &Home) -> Finding {
    let path = home.runtime();
    if let Err(fault) = config::runtime_is_closed(&path) {
        return Finding::bad(fault.to_string(), format!("chmod 0700 {}", path.display()));
    }
    match config::runtime_is_own(&path) {
        Ok(()) => Finding::ok(format!("runtime directory `{}`", path.display())),
        Err(fault) => Finding::warning(
            fault.to_string(),
            "sudo -u aiopsexec /opt/aiops/aiops doctor",
        ),
    }
}

/// What keeps everything, or one target, from running.
fn frozen(home: &Home) -> Vec<Finding> {
    let dir = home.freezes();
    match Freezes::new(&dir).all() {
        Ok(freezes) => freezes
            .iter()
            .map(|freeze| Finding::warning(freeze.to_string(), freeze.extent.cure()))
            .collect(),
        Err(fault) => {
            let what = format!("nobody can know what is frozen, so nothing runs: {fault}");
            let cure = format!(
                "ls -ld {}: has to be a directory of mode 0700",
                dir.display()
            );
            vec![Finding::bad(what, cure)]
        }
    }
}

/// A file that another user made in the runtime directory is one that the executor cannot use.
fn strangers(home: &Home) -> Option<Finding> {
    let owner = fs::metadata(home.runtime()).ok()?.uid();
    let mut folders = vec![home.runtime()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let facts = entry.metadata().ok()?;
            let path = entry.path();
            if facts.uid() != owner {
                let what = format!("`{}` belongs to user {}", path.display(), facts.uid());
                return Some(Finding::bad(
                    what,
                    format!("chown {owner} {}", path.display()),
                ));
            }
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    None
}

fn mode(path: &Path, what: &str, forbidden: u32, cure: &str) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(facts) if facts.mode() & forbidden != 0 => Finding::bad(
            format!("{what} `{shown}` has mode {:04o}", facts.mode() & 0o7777),
            format!("chmod {cure} {shown}"),
        ),
        Ok(_) => Finding::ok(format!("{what} `{shown}`")),
        Err(fault) => Finding::bad(
            format!("{what} `{shown}`: {fault}"),
            "sudo ./setup-aiops-mvp.sh hermes <TARGET_IP>",
        ),
    }
}

fn program(path: &Path) -> Finding {
    if path.is_file() {
        Finding::ok(format!("ssh is `{}`", path.display()))
    } else {
        let what = format!("there is no `{}`", path.display());
        Finding::bad(what, "apt-get install openssh-client")
    }
}

/// ssh-keygen(1) knows every form of a line in known_hosts, hashed names included.
#[expect(
    clippy::disallowed_types,
    reason = "asks ssh-keygen about a file; nothing runs on a target"
)]
fn pinned(home: &Home, target: &Target) -> Finding {
    let host = target.host();
    let known = match host.port() {
        22 => host.address().to_owned(),
        port => format!("[{}]:{port}", host.address()),
    };
    let found = std::process::Command::new("ssh-keygen")
        .arg("-F")
        .arg(&known)
        .arg("-f")
        .arg(home.known_hosts())
        .output();
    match found {
        Ok(found) if found.status.success() => {
            Finding::ok(format!("target `{}` has a pinned host key", target.name()))
        }
        Ok(_) => Finding::bad(
            format!(
                "target `{}` ({known}) has no pinned host key",
                target.name()
            ),
            format!(
                "ssh-keyscan -p {} {} >> {}, then compare its fingerprint with the machine's own",
                host.port(),
                host.address(),
                home.known_hosts().display()
            ),
        ),
        Err(fault) => Finding::warning(
            format!(
                "cannot look for the host key of `{}`: {fault}",
                target.name()
            ),
            "apt-get install openssh-client",
        ),
    }
}

fn log(home: &Home, now: DateTime<Utc>) -> Finding {
    let cure = "aiops audit verify";
    match audit::verify(home, audit::Verify::default(), now, &mut |_| {}) {
        Ok((report, _)) if !report.is_whole() => Finding::bad(
            format!("the audit log is damaged in {} places", report.damage.len()),
            cure,
        ),
        Ok((report, _)) => {
            let missing = report
                .open
                .iter()
                .filter(|open| !open.may_be_running)
                .count();
            if missing == 0 {
                Finding::ok(format!(
                    "the audit log is whole: {} records",
                    report.records
                ))
            } else {
                Finding::warning(
                    format!("{missing} runs in the audit log have no outcome"),
                    cure,
                )
            }
        }
        Err(fault) => Finding::bad(format!("the audit log cannot be read: {fault}"), cure),
    }
}
