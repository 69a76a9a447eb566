//! The files of the people who approve by a code: made whole, changed by one rename.
//!
//! **Reads** and **writes** `runtime/approvers/<name>.json` and `tries.json`.
//! **Gives** [`Open`], the directory while nobody else may touch it; [`Name`], [`Listed`].
//! **Never** repeats what stands in a file, and never takes a broken one for a good one.

use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use rustix::fs::OFlags;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Enrolment;
use super::Factors;
use super::RecoveryCodes;
use super::Tries;
use super::recovery::Hash;
use super::secret::Secret;
use crate::assurance::Principal;
use crate::folder;
use crate::folder::Fault;
use crate::lock;

/// The name of a person who approves by a code, and of their file. It is formed like that of a Unix
/// user, and need not be one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// A text that is no such name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a person who approves is named like a Unix user, such as `alice`, and `tries` is taken")]
pub struct BadName;

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// It is not formed like a Unix user's, or taken for another file.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        match Principal::parse(text) {
            Ok(Principal::Person(name)) if name != TRIES => Ok(Self(name)),
            _ => Err(BadName),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// Why the files could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] Fault),
    /// A file is not what this program wrote. What stands in it is not repeated.
    #[error("`{}` {fault}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what cures it.
        fault: String,
    },
    /// Others held the lock for too long.
    #[error("the lock of the approvers was not free in time")]
    Locked,
    /// No randomness.
    #[error("the system gives no random bytes")]
    Random,
}

/// What is kept of one person.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) name: Name,
    pub(super) secret: Secret,
    /// The last step of time whose code was used; none before it is good any more.
    pub(super) last_step: i64,
    /// The recovery codes that were not used.
    pub(super) recovery: Vec<Hash>,
    pub(super) enrolled: DateTime<Utc>,
    pub(super) enrolled_by: String,
}

/// One person, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub name: Name,
    /// What is known.
    pub state: State,
}

/// What is known of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All of it but the secret.
    Enrolled {
        /// When.
        enrolled: DateTime<Utc>,
        /// The Unix user that did it.
        enrolled_by: String,
        /// How many recovery codes are left.
        recovery_left: usize,
    },
    /// The file cannot be used.
    Broken {
        /// Why.
        fault: String,
    },
}

impl Factors {
    /// Takes the directory, which is made where it is not there, until the value is dropped.
    ///
    /// # Errors
    ///
    /// It cannot be made or locked.
    pub fn open(&self) -> Result<Open<'_>, Error> {
        let held = folder::lock(&self.dir, self.limits.lock_wait)?.ok_or(Error::Locked)?;
        let open = Open {
            dir: &self.dir,
            _held: held,
        };
        // Nobody else is writing now.
        folder::sweep(&self.dir)?;
        Ok(open)
    }

    /// Everybody who is enrolled, in the order of their names. Changes nothing.
    ///
    /// # Errors
    ///
    /// The directory cannot be read; a broken file is listed as one.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let state = |name: &Name| match read_person(&self.dir, name) {
            Ok(None) => None,
            Ok(Some(kept)) => Some(State::Enrolled {
                enrolled: kept.enrolled,
                enrolled_by: kept.enrolled_by,
                recovery_left: kept.recovery.len(),
            }),
            Err(fault) => Some(State::Broken {
                fault: fault.to_string(),
            }),
        };
        let listed = |name: Name| state(&name).map(|state| Listed { name, state });
        Ok(names(&self.dir)?.into_iter().filter_map(listed).collect())
    }

    /// Since when somebody has been enrolled with the secret they have now; none where nobody of
    /// this name is, or where that cannot be known. Changes nothing.
    pub fn enrolled(&self, name: &str) -> Option<DateTime<Utc>> {
        let name = Name::parse(name).ok()?;
        Some(read_person(&self.dir, &name).ok()??.enrolled)
    }

    /// The wrong codes through relays that are remembered, where there are any. Changes nothing.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is broken.
    pub fn tries(&self) -> Result<Option<Tries>, Error> {
        read_file(&tries_path(&self.dir, None), UNLOCK)
    }
}

/// The directory, while this process alone may change it.
#[derive(Debug)]
pub struct Open<'a> {
    dir: &'a Path,
    _held: lock::Held,
}

impl Open<'_> {
    /// Whether somebody of this name is enrolled, be the file broken or not.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn has(&self, name: &Name) -> Result<bool, Error> {
        let path = person_path(self.dir, name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Fault::of("inspect", &path)(error).into()),
        }
    }

    /// Enrols somebody, in the place of an earlier secret of theirs. `used` is the step of the code
    /// that was shown to prove that the secret has arrived: it is spent.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn enroll(
        &self,
        name: &Name,
        enrolment: &Enrolment,
        used: Option<i64>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.put(&Kept {
            name: name.clone(),
            secret: enrolment.secret.clone(),
            last_step: used.unwrap_or(0),
            recovery: enrolment.recovery.hashes(),
            enrolled: now,
            enrolled_by: by.to_owned(),
        })
    }

    /// Gives somebody new recovery codes in the place of all earlier ones.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or is not there.
    pub fn renew(&self, name: &Name, codes: &RecoveryCodes) -> Result<(), Error> {
        let path = person_path(self.dir, name);
        let gone = || Fault::of("read", &path)(io::ErrorKind::NotFound.into());
        let mut kept = self.read(name)?.ok_or_else(gone)?;
        kept.recovery = codes.hashes();
        self.put(&kept)
    }

    /// Whether what is kept of somebody can be used.
    ///
    /// # Errors
    ///
    /// The file is broken.
    pub fn check(&self, name: &Name) -> Result<(), Error> {
        self.read(name).map(|_| ())
    }

    /// Forgets somebody, be the file broken or not.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub fn remove(&self, name: &Name) -> Result<(), Error> {
        folder::remove(&person_path(self.dir, name))?;
        self.put_tries(Some(name), None)
    }

    /// Ends the wait after wrong codes, be the file broken or not.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub fn unlock(&self) -> Result<(), Error> {
        self.put_tries(None, None)?;
        for path in folder::names(self.dir, |file| file.ends_with(OWN_TRIES))? {
            folder::remove(&path)?;
        }
        Ok(())
    }

    /// Everybody. A file that cannot be read is an error: to leave somebody out would make
    /// another's code look like the only one.
    pub(super) fn all(&self) -> Result<Vec<Kept>, Error> {
        let mut people = Vec::new();
        for name in names(self.dir)? {
            people.extend(self.read(&name)?);
        }
        Ok(people)
    }

    pub(super) fn read(&self, name: &Name) -> Result<Option<Kept>, Error> {
        read_person(self.dir, name)
    }

    pub(super) fn put(&self, kept: &Kept) -> Result<(), Error> {
        let path = person_path(self.dir, &kept.name);
        Ok(folder::replace(folder::write(self.dir, kept)?, &path)?)
    }

    /// What was tried: by this person on the gateway, or through relays.
    pub(super) fn tries(&self, of: Option<&Name>) -> Result<Option<Tries>, Error> {
        read_file(&tries_path(self.dir, of), UNLOCK)
    }

    pub(super) fn put_tries(&self, of: Option<&Name>, tries: Option<&Tries>) -> Result<(), Error> {
        let path = tries_path(self.dir, of);
        match tries {
            Some(tries) => folder::replace(folder::write(self.dir, tries)?, &path)?,
            None if path.exists() => folder::remove(&path)?,
            None => {}
        }
        Ok(())
    }
}

fn person_path(dir: &Path, name: &Name) -> PathBuf {
    dir.join(format!("{name}{ENDING}"))
}

/// Whoever sends wrong codes through a relay must not keep anybody's own from being looked at.
fn tries_path(dir: &Path, of: Option<&Name>) -> PathBuf {
    match of {
        Some(name) => dir.join(format!("{name}{OWN_TRIES}")),
        None => dir.join(format!("{TRIES}{ENDING}")),
    }
}

fn read_person(dir: &Path, name: &Name) -> Result<Option<Kept>, Error> {
    let path = person_path(dir, name);
    let kept: Option<Kept> = read_file(&path, ENROLL)?;
    if kept.as_ref().is_some_and(|kept| kept.name != *name) {
        let fault = format!("is another person's; {ENROLL}");
        return Err(Error::Broken { path, fault });
    }
    Ok(kept)
}

/// The names of all people, sorted.
fn names(dir: &Path) -> Result<Vec<Name>, Error> {
    let person = |file: &str| Name::parse(file.strip_suffix(ENDING)?).ok();
    let mut names: Vec<Name> = folder::names(dir, |file| person(file).is_some())?
        .iter()
        .filter_map(|path| person(path.file_name()?.to_str()?))
        .collect();
    names.sort();
    Ok(names)
}

/// Reads a file of ours, or none where there is none. Nothing that stands in it is repeated in an
/// error: it holds a secret.
fn read_file<T: DeserializeOwned>(path: &Path, cure: &str) -> Result<Option<T>, Error> {
    let broken = |what: &str| Error::Broken {
        path: path.to_owned(),
        fault: format!("{what}; {cure}"),
    };
    // A pipe under this name must not make anybody wait, and a link leads elsewhere.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::of("read", path)(error).into()),
    };
    let facts = file.metadata().map_err(Fault::of("inspect", path))?;
    if !facts.is_file() {
        return Err(broken("is no regular file"));
    }
    if facts.mode() & 0o077 != 0 {
        return Err(broken("is open to group or others"));
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(Fault::of("read", path))?;
    if text.len() as u64 > FILE_BYTES {
        return Err(broken(&format!("is larger than {FILE_BYTES} bytes")));
    }
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|_| broken("is not what this program wrote"))
}

/// How the names of our files end.
const ENDING: &str = ".json";

/// The file of what was tried, without its ending: no person's name.
const TRIES: &str = "tries";

/// How the names of the files end that say what one person tried on the gateway.
const OWN_TRIES: &str = ".wrong";

/// The largest file: hundreds of recovery codes would fit.
const FILE_BYTES: u64 = 64 * 1024;

/// What cures a broken file of a person.
const ENROLL: &str = "an admin enrols that person again with `aiops approver enroll NAME --again`";

/// What cures a broken count.
const UNLOCK: &str = "an admin begins the count anew with `aiops approver unlock`";
