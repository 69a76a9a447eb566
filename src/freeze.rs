//! The kill switch: marks that keep everything, or one target, from running.
//!
//! **Reads** and **writes** `runtime/freeze/all.json` and `runtime/freeze/target-<name>.json`.
//! **Gives** [`Freezes`], [`Freeze`], [`Clear`], [`Brake`].
//! **Never** takes a doubt for a thaw: a mark that cannot be read counts, and so does a look that
//! fails.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::caller::Caller;
use crate::folder;
use crate::lock;
use crate::target::Name;
use crate::visible;

mod store;

/// What a freeze is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Every target there is.
    Everything,
    /// One target.
    Target(Name),
}

/// Who froze it, when and why: what a mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The Unix user that froze it.
    pub by: String,
    /// The id of that user.
    pub uid: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in that user's words.
    pub reason: String,
    /// Whether runs in progress are ended.
    pub stop: bool,
}

/// Something is frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// What.
    pub extent: Extent,
    /// What its mark says; None where there is a mark and nobody can read it.
    pub mark: Option<Mark>,
}

/// The proof that somebody looked and nothing was frozen. Only [`Freezes::clear`] makes one.
///
/// ```compile_fail,E0451
/// let forged = aiops::freeze::Clear { looked: () };
/// ```
#[derive(Debug)]
pub struct Clear {
    #[expect(dead_code, reason = "it keeps everybody else from making one")]
    looked: (),
}

/// Why nothing may run.
#[derive(Debug, thiserror::Error)]
pub enum Frozen {
    /// Somebody froze it.
    #[error("{0}; an operator lifts it with `{cure}`", cure = .0.extent.cure())]
    Held(Freeze),
    /// Nobody can know whether somebody did.
    #[error("nobody can know whether it is frozen: {0}")]
    Unknown(#[from] Error),
}

/// Why the marks could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] folder::Fault),
    /// Others held the lock for too long.
    #[error("another freeze or thaw has not come to its end within {} s", .0.as_secs())]
    Locked(Duration),
}

/// All freezes of one installation.
#[derive(Debug, Clone)]
pub struct Freezes {
    dir: PathBuf,
}

/// What became of a freeze that was asked for. While it lives no thaw begins, so that the log can
/// tell of both in their order.
#[derive(Debug)]
#[must_use = "a freeze belongs into the log"]
pub struct Put {
    /// What holds now.
    pub freeze: Freeze,
    /// What was done for it.
    pub change: Change,
    /// Why it may not last, although it holds now.
    pub doubt: Option<Error>,
    _lock: Option<lock::Held>,
}

/// What a freeze that was asked for did to what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not frozen before.
    Made,
    /// It was frozen; now runs in progress are ended too.
    Stricter,
    /// It was frozen like that already.
    Nothing,
}

/// A freeze that is about to be lifted, and that no other process can lift or renew meanwhile.
#[derive(Debug)]
#[must_use = "it stays frozen"]
pub struct Lifting {
    freezes: Freezes,
    freeze: Freeze,
    _lock: lock::Held,
}

/// What the room that runs looks at: whether one target is frozen.
#[derive(Debug, Clone)]
pub struct Brake {
    freezes: Freezes,
    target: Name,
}

impl Extent {
    /// Everything, or the target that is named.
    pub fn of(target: Option<Name>) -> Self {
        target.map_or(Self::Everything, Self::Target)
    }

    /// The target that is meant, where it is only one.
    pub fn target(&self) -> Option<&Name> {
        match self {
            Self::Everything => None,
            Self::Target(name) => Some(name),
        }
    }

    /// The command that lifts a freeze of it.
    pub fn cure(&self) -> String {
        match self {
            Self::Everything => "aiops thaw".to_owned(),
            Self::Target(name) => format!("aiops thaw --target {name}"),
        }
    }

    /// All that keeps one target from running, the widest first.
    fn over(target: &Name) -> [Self; 2] {
        [Self::Everything, Self::Target(target.clone())]
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Target(name) => write!(f, "target `{name}`"),
        }
    }
}

impl Mark {
    /// What a caller's mark says.
    pub fn new(caller: &Caller, at: DateTime<Utc>, reason: impl Into<String>, stop: bool) -> Self {
        Self {
            by: caller.user.clone(),
            uid: caller.uid,
            at,
            reason: reason.into(),
            stop,
        }
    }
}

impl Freeze {
    /// Whether runs in progress are ended. A mark that cannot be read may have said so.
    pub fn stops(&self) -> bool {
        self.mark.as_ref().is_none_or(|mark| mark.stop)
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mark {
            Some(mark) => write!(
                f,
                "{} is frozen by {} since {}: {}",
                self.extent,
                visible::line(&mark.by),
                mark.at.to_rfc3339_opts(SecondsFormat::Secs, true),
                visible::line(&mark.reason)
            ),
            None => write!(f, "{} is frozen; the mark cannot be read", self.extent),
        }
    }
}

impl Freezes {
    /// The freezes whose marks lie in a directory. It need not be there: then nothing is frozen.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// What keeps a target from running, if anything does: the freeze of everything before its own.
    ///
    /// # Errors
    ///
    /// It could not be looked for; then nothing may run.
    pub fn hold(&self, target: &Name) -> Result<Option<Freeze>, Error> {
        for extent in Extent::over(target) {
            if let Some(freeze) = self.find(&extent)? {
                return Ok(Some(freeze));
            }
        }
        Ok(None)
    }

    /// The proof that a target is not frozen, made by looking.
    ///
    /// # Errors
    ///
    /// It is frozen, or nobody can know.
    pub fn clear(&self, target: &Name) -> Result<Clear, Frozen> {
        match self.hold(target)? {
            Some(freeze) => Err(Frozen::Held(freeze)),
            None => Ok(Clear { looked: () }),
        }
    }

    /// The freeze of exactly this extent.
    ///
    /// # Errors
    ///
    /// It could not be looked for.
    pub fn find(&self, extent: &Extent) -> Result<Option<Freeze>, Error> {
        store::look(&self.dir, extent)
    }

    /// Every freeze, the widest first.
    ///
    /// # Errors
    ///
    /// They could not be looked for.
    pub fn all(&self) -> Result<Vec<Freeze>, Error> {
        let mut all = Vec::new();
        for extent in store::list(&self.dir)? {
            all.extend(self.find(&extent)?);
        }
        Ok(all)
    }

    /// Freezes. What is frozen already keeps its mark; it is only made to end runs too where the
    /// new mark does.
    ///
    /// It holds before the lock is waited for, so that nobody who holds the lock can delay it. A
    /// thaw that began before may still lift it; so it is looked at once more under the lock, and
    /// from then on it lasts until a thaw that begins later.
    ///
    /// # Errors
    ///
    /// It is not frozen by this.
    pub fn put(&self, extent: &Extent, mark: &Mark) -> Result<Put, Error> {
        store::open_room(&self.dir)?;
        let (mut change, mut freeze) = self.ensure(extent, mark)?;
        let mut settle = || {
            let lock = store::lock(&self.dir, LOCK_WAIT)?;
            let (again, now) = self.ensure(extent, mark)?;
            if again != Change::Nothing {
                change = again;
            }
            freeze = now;
            store::synced(&self.dir)?;
            Ok(lock)
        };
        let (lock, doubt) = match settle() {
            Ok(lock) => (Some(lock), None),
            Err(doubt) => (None, Some(doubt)),
        };
        Ok(Put {
            freeze,
            change,
            doubt,
            _lock: lock,
        })
    }

    /// Makes sure that a freeze is there. Whoever finds none and is not the first to make one looks
    /// again.
    fn ensure(&self, extent: &Extent, mark: &Mark) -> Result<(Change, Freeze), Error> {
        loop {
            match self.find(extent)? {
                None if store::create(&self.dir, extent, mark)? => {
                    let freeze = Freeze {
                        extent: extent.clone(),
                        mark: Some(mark.clone()),
                    };
                    return Ok((Change::Made, freeze));
                }
                None => {}
                Some(Freeze {
                    mark: Some(there), ..
                }) if mark.stop && !there.stop => {
                    let there = Mark {
                        stop: true,
                        ..there
                    };
                    store::replace(&self.dir, extent, &there)?;
                    let freeze = Freeze {
                        extent: extent.clone(),
                        mark: Some(there),
                    };
                    return Ok((Change::Stricter, freeze));
                }
                Some(freeze) => return Ok((Change::Nothing, freeze)),
            }
        }
    }

    /// Takes hold of a freeze to lift it. None where there is none.
    ///
    /// # Errors
    ///
    /// It could not be looked for, or others held the lock for too long; it stays frozen.
    pub fn take(&self, extent: &Extent) -> Result<Option<Lifting>, Error> {
        if self.find(extent)?.is_none() {
            return Ok(None);
        }
        let lock = store::lock(&self.dir, LOCK_WAIT)?;
        Ok(self.find(extent)?.map(|freeze| Lifting {
            freezes: self.clone(),
            freeze,
            _lock: lock,
        }))
    }
}

impl Lifting {
    /// What is about to be lifted.
    pub fn freeze(&self) -> &Freeze {
        &self.freeze
    }

    /// Lifts it.
    ///
    /// # Errors
    ///
    /// It stays frozen, or it is lifted and a crash of the machine may bring it back.
    pub fn lift(self) -> Result<(), Error> {
        store::remove(&self.freezes.dir, &self.freeze.extent)
    }
}

impl Brake {
    /// For runs on one target.
    pub fn new(freezes: Freezes, target: Name) -> Self {
        Self { freezes, target }
    }

    /// Why nothing may start now, if anything is in the way.
    pub fn holds(&self) -> Option<Frozen> {
        self.freezes.clear(&self.target).err()
    }

    /// Why what runs has to be ended now, if it has to.
    pub fn stops(&self) -> Option<Frozen> {
        Extent::over(&self.target)
            .iter()
            .find_map(|extent| match self.freezes.find(extent) {
                Ok(found) => found.filter(Freeze::stops).map(Frozen::Held),
                Err(fault) => Some(Frozen::Unknown(fault)),
            })
    }
}

/// How long to wait for the lock: a thaw holds it while it waits for the log.
const LOCK_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
