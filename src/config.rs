//! `config.yml` to inventory, policy and limits; refuses what it does not know.
//!
//! **Reads** `config.yml`, and the mark of the last one that was examined, which it also writes.
//! **Gives** [`Config`].
//! **Never** guesses: an unknown key, a doubled key or a loose file mode is an error.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use sha2::Digest as _;
use sha2::Sha256;

use crate::approval;
use crate::approval::Approvals;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Record;
use crate::audit::checkpoint;
use crate::caller::Caller;
use crate::factor;
use crate::factor::Factors;
use crate::freeze::Freezes;
use crate::grant;
use crate::grant::Grants;
use crate::hex;
use crate::home::Home;
use crate::pipeline;
use crate::pipeline::Line;
use crate::policy::Policy;
use crate::redact::Redaction;
use crate::ssh;
use crate::target::Inventory;
use crate::target::Scope;
use crate::target::Target;
use crate::uptime::Moment;

mod build;
mod fault;
mod limit;
mod place;
mod quantity;
mod quorum;
mod rules;
mod schema;
mod shape;
mod tree;
mod walk;
mod yaml;

use place::Place;

pub use fault::Fault;
pub use quantity::Quantity;
pub use schema::schema;

/// One installation's configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// What is demanded where a command is judged for no machine in particular.
    pub scope: Scope,
    /// The machines there are.
    pub inventory: Inventory,
    /// What may run.
    pub policy: Policy,
    /// Bounds of the waiting room.
    pub approvals: approval::Limits,
    /// Whose word is worth what.
    pub trust: approval::Trust,
    /// Bounds of grants.
    pub grants: grant::Limits,
    /// Bounds of codes from phones.
    pub factors: factor::Limits,
    /// Bounds of the log.
    pub audit: audit::Limits,
    /// When the log is signed, and who gets what was signed.
    pub checkpoints: checkpoint::Settings,
    /// What is taken out of text.
    pub redaction: Redaction,
    /// How targets are reached.
    pub ssh: ssh::Settings,
    /// Bounds of messages and answers.
    pub limits: pipeline::Limits,
    /// SHA-256 of the file, in hexadecimal digits.
    pub digest: String,
    /// What is not written down yet about its content.
    news: News,
}

/// Whether this content of the file was examined, and judged by, before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum News {
    /// It was.
    #[default]
    None,
    /// It was examined just now. Before it judged the content of this hash, if any did.
    Examined(Option<String>),
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may write something that is to be believed.
    #[error("`{}` {fault}", path.display())]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong, and the command that cures it.
        fault: String,
    },
    /// It does not say what it should.
    #[error("`{}` cannot be used: {}", path.display(), fault::joined(.faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// Every fault that was found.
        faults: Vec<Fault>,
    },
}

impl Config {
    /// Reads and checks the configuration of an installation.
    ///
    /// The patterns and examples of its rules are examined once for each content of the file: that
    /// they are good is remembered in the runtime directory by the file's hash. A request after
    /// that compiles only the patterns that could match it.
    pub fn load(home: &Home) -> Result<Self, Error> {
        let config = Self::load_only(home)?;
        runtime_is_own(&home.runtime())?;
        runtime_is_closed(&home.runtime())?;
        Ok(config)
    }

    /// As [`Config::load`], wherever the runtime directory is.
    pub fn load_only(home: &Home) -> Result<Self, Error> {
        let path = home.config();
        let text = read_safely(&path)?;
        let (mut config, faults) = Self::understood(&text, &path, home)?;
        let mark = fs::read_to_string(home.runtime().join(MARK)).ok();
        if faults.is_empty() && mark.as_deref() == Some(config.mark().as_str()) {
            return Ok(config);
        }
        let before = mark.as_deref().and_then(digest_in).map(str::to_owned);
        config.news = News::Examined(before);
        config.without_faults(&path, &text, faults)
    }

    /// What is remembered of a configuration that was examined: by which program, and its hash.
    fn mark(&self) -> String {
        format!("{} {}\n", env!("CARGO_PKG_VERSION"), self.digest)
    }

    /// As [`Config::load`], and examines every rule whether or not that was done before.
    pub fn load_and_examine(home: &Home) -> Result<Self, Error> {
        let path = home.config();
        let text = read_safely(&path)?;
        let (config, faults) = Self::understood(&text, &path, home)?;
        config.without_faults(&path, &text, faults)
    }

    /// Reads and examines a configuration that belongs to no installation, to judge by it. Nothing
    /// can be reached with it: no key lies where it looks for one.
    pub fn load_file(path: &Path) -> Result<Self, Error> {
        Self::of_text(&read_safely(path)?, path)
    }

    /// As [`Config::load_file`], of a text that was read already or is not in the file yet.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, Error> {
        let nowhere = Home::new(path.parent().unwrap_or(path));
        let (config, faults) = Self::understood(text, path, &nowhere)?;
        config.without_faults(path, text, faults)
    }

    fn understood(text: &str, path: &Path, home: &Home) -> Result<(Self, Vec<Fault>), Error> {
        let digest = hex::of(&Sha256::digest(text.as_bytes()));
        match yaml::parse(text) {
            Ok(raw) => Ok(build::build(raw, home, digest)),
            Err(faults) => Err(Error::Faults {
                path: path.to_owned(),
                faults,
            }),
        }
    }

    /// Examines every rule, and gives the configuration where that and what was found before it
    /// is nothing.
    fn without_faults(
        self,
        path: &Path,
        text: &str,
        mut faults: Vec<Fault>,
    ) -> Result<Self, Error> {
        let machines: Vec<&Scope> = std::iter::once(&self.scope)
            .chain(self.inventory.iter().map(Target::scope))
            .collect();
        let of_policy = self.policy.examine(&machines);
        faults.extend(of_policy.into_iter().map(|fault| Fault {
            hint: fault.hint().map(str::to_owned),
            ..Fault::at(Place::in_policy(fault.place()), fault.to_string())
        }));
        faults.extend(self.redaction.examine().into_iter().map(|broken| {
            let place = Place::of("redact").item(broken.number).key("pattern");
            let what = format!(
                "redact rule `{}`: the pattern cannot be used: {}",
                broken.id, broken.why
            );
            Fault::at(place.within(broken.byte), what)
        }));
        if faults.is_empty() {
            Ok(self)
        } else {
            fault::locate(text, &mut faults);
            Err(Error::Faults {
                path: path.to_owned(),
                faults,
            })
        }
    }

    /// Puts everything in its place for one message.
    pub fn into_line(
        self,
        home: &Home,
        caller: Caller,
        since: fn() -> Moment,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Line, audit::Error> {
        let mark = self.mark();
        let log = AuditLog::open(home, self.audit)?;
        if let News::Examined(before) = self.news {
            let lost = before.is_some_and(|before| {
                before != self.digest
                    && log
                        .append(change(&before, &self.digest, &caller, now()))
                        .is_err()
            });
            // What could not be recorded, or remembered, is found new once more.
            if !lost {
                let _ = fs::write(home.runtime().join(MARK), mark);
            }
        }
        let factors = Factors::new(home.approvers(), self.factors);
        Ok(Line {
            inventory: self.inventory,
            policy: self.policy,
            freezes: Freezes::new(home.freezes()),
            approvals: Approvals::new(
                home.approvals(),
                self.approvals,
                self.trust,
                factors.clone(),
            ),
            grants: Grants::new(home.grants(), self.grants),
            factors,
            log,
            checkpoints: self.checkpoints,
            redaction: self.redaction,
            ssh: self.ssh,
            limits: self.limits,
            caller,
            policy_digest: self.digest,
            since,
            now,
        })
    }
}

/// The digest that a mark remembers.
fn digest_in(mark: &str) -> Option<&str> {
    mark.trim_end().split_once(' ').map(|(_, digest)| digest)
}

/// The record of another configuration than before, and of who called first under it.
fn change(before: &str, digest: &str, caller: &Caller, now: DateTime<Utc>) -> Record {
    Record {
        policy: Some(digest.to_owned()),
        policy_before: Some(before.to_owned()),
        message: Some("from here on another content of config.yml judges".to_owned()),
        ..Record::called_by(caller, Event::ConfigChanged, now)
    }
}

/// Reads the file if nobody but its owner can have written it, and its owner is root or the user
/// of this process. The open file is checked, so it cannot be exchanged in between.
///
/// # Errors
///
/// The file cannot be read, or others may have written it, or it is too large.
pub fn read_safely(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    let unsafe_file = |fault: String| Error::Unsafe {
        path: path.to_owned(),
        fault,
    };
    let own = rustix::process::geteuid().as_raw();
    if facts.uid() != 0 && facts.uid() != own {
        let fault = format!("belongs to user {}; run `chown root` on it", facts.uid());
        return Err(unsafe_file(fault));
    }
    if facts.mode() & 0o022 != 0 {
        let fault = "is writable by group or others; run `chmod 0640` on it".to_owned();
        return Err(unsafe_file(fault));
    }
    let mut text = String::new();
    file.take(FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > FILE_BYTES {
        return Err(unsafe_file(format!("is larger than {FILE_BYTES} bytes")));
    }
    Ok(text)
}

/// Checks that the runtime directory is this user's: whoever else makes a file in it takes it away
/// from the executor.
///
/// # Errors
///
/// The directory is not there, or is another user's.
pub fn runtime_is_own(path: &Path) -> Result<(), Error> {
    let owner = facts_of(path)?.uid();
    let own = rustix::process::geteuid().as_raw();
    if owner == own {
        return Ok(());
    }
    let fault =
        format!("belongs to user {owner} and this is user {own}: run it as `sudo -u '#{owner}' …`");
    Err(Error::Unsafe {
        path: path.to_owned(),
        fault,
    })
}

/// Checks that the runtime directory is closed to everybody but its owner: approvals are believed
/// because nobody else can write there.
///
/// # Errors
///
/// The directory is not there, or is open to others.
pub fn runtime_is_closed(path: &Path) -> Result<(), Error> {
    if facts_of(path)?.mode() & 0o077 == 0 {
        return Ok(());
    }
    let fault = "is open to group or others; run `chmod 0700` on it".to_owned();
    Err(Error::Unsafe {
        path: path.to_owned(),
        fault,
    })
}

fn facts_of(path: &Path) -> Result<fs::Metadata, Error> {
    fs::metadata(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// The name of the file in the runtime directory that remembers an examined configuration.
const MARK: &str = "examined";

/// The largest configuration that is read: ten thousand rules fit ten times over.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod schema_tests;

#[cfg(test)]
mod fault_tests;
