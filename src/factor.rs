//! A code from a human's phone: proof that one person, and nobody who relays their words, said yes.
//!
//! **Reads** and **writes** `runtime/approvers/`: a secret a person, and what was tried.
//! **Gives** [`Factors`], [`Verified`], [`Refused`], [`Enrolment`].
//! **Never** takes a code twice, and never looks at one while too many were wrong.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;

use crate::request;

mod enrolment;
mod recovery;
mod secret;
mod store;
mod tries;

use store::Kept;

pub use enrolment::Enrolment;
pub use enrolment::Tried;
pub use recovery::RecoveryCodes;
pub use store::BadName;
pub use store::Error;
pub use store::Listed;
pub use store::Name;
pub use store::Open;
pub use store::State;
pub use tries::Tries;

/// How many wrong codes there may be, and how long nothing is looked at then.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Wrong codes until a wait begins.
    pub tries: u32,
    /// The first wait; it doubles with each further wrong code.
    pub lock: Duration,
    /// The longest wait.
    pub lock_max: Duration,
    /// How long to wait for the lock between processes.
    pub lock_wait: Duration,
}

/// Everybody's second factor.
#[derive(Debug, Clone)]
pub struct Factors {
    dir: PathBuf,
    limits: Limits,
}

/// Proof that one person showed what only they have. Only [`Factors::verify`] makes one, and what
/// was shown is spent by then.
#[derive(Debug)]
pub struct Verified {
    person: String,
    kind: Kind,
}

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Six digits that a phone makes of the time (RFC 6238).
    Totp,
    /// One of the codes for a day without the phone.
    Recovery,
}

/// Why a code proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No phone is enrolled at all.
    #[error(
        "no second factor is set up here: nobody's phone is enrolled; an admin does that with `aiops approver enroll NAME`"
    )]
    Nobody,
    /// This person has none.
    #[error("`{0}` has no phone enrolled; an admin does that with `aiops approver enroll NAME`")]
    Unknown(String),
    /// It is nobody's code.
    #[error("the code is wrong{}", .until.map(|until| format!("; no code is looked at before {}", Moment(until))).unwrap_or_default())]
    Wrong {
        /// Where too many were wrong: until when none is looked at.
        until: Option<DateTime<Utc>>,
    },
    /// It, or a later one, was used before.
    #[error("that code was used already; say the next one that the phone shows")]
    Used,
    /// It is right for more than one person.
    #[error("two people's phones show that code at once; say the next one")]
    Two,
    /// It was not looked at.
    #[error("too many wrong codes were said, so none is looked at before {}; an admin ends that with `aiops approver unlock`", Moment(*.0))]
    Waiting(DateTime<Utc>),
    /// The files could not be read or written.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A moment as it is said to people.
struct Moment(DateTime<Utc>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl Kind {
    /// The word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }
}

impl Verified {
    /// Whose it was.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// What it was.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// What of a person's was shown.
enum Shown {
    /// The code of this step of time.
    Step(i64),
    /// The recovery code with this hash.
    Recovery(recovery::Hash),
}

impl Factors {
    /// The secrets in a directory, which need not be there yet.
    pub fn new(dir: PathBuf, limits: Limits) -> Self {
        Self { dir, limits }
    }

    /// Says whose code this is, and spends it. `of` is the only person whose it may be, where that
    /// is known; `by` is the Unix user that passed it on.
    ///
    /// One process at a time does this. The code counts as a wrong one, on disk, before it is
    /// compared: whoever ends this process in between has had a try all the same. It is compared
    /// with all codes of all people, in constant time. That it is spent is on disk before anybody
    /// is told that it was right: a crash loses a code and never gives it back.
    ///
    /// # Errors
    ///
    /// See [`Refused`]. After an error nothing was proved, and what was shown may be spent.
    pub fn verify(
        &self,
        factor: &request::Factor,
        of: Option<&str>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Verified, Refused> {
        if !self.dir.exists() {
            return Err(unknown(of));
        }
        let open = self.open()?;
        let own = of.map(Name::parse).transpose().ok().flatten();
        let before = open.tries(own.as_ref())?;
        if let Some(until) = before.as_ref().and_then(|tries| tries.wait(now)) {
            return Err(Refused::Waiting(until));
        }
        let people = match (&own, of) {
            (Some(name), _) => open.read(name)?.into_iter().collect(),
            (None, Some(_)) => Vec::new(),
            (None, None) => open.all()?,
        };
        if people.is_empty() {
            return Err(unknown(of));
        }
        let counted = Tries::one_more(before.as_ref(), by, now, &self.limits);
        open.put_tries(own.as_ref(), Some(&counted))?;
        // Everybody is compared, so that the time it takes tells nothing.
        let mut found: Vec<(Kept, Shown)> = people
            .into_iter()
            .filter_map(|person| shown(&person, factor, now).map(|shown| (person, shown)))
            .collect();
        let (mut person, shown) = match (found.pop(), found.is_empty()) {
            (None, _) => {
                let until = counted.wait(now);
                return Err(Refused::Wrong { until });
            }
            (Some(one), true) => one,
            (Some(_), false) => {
                open.put_tries(own.as_ref(), before.as_ref())?;
                return Err(Refused::Two);
            }
        };
        let kind = match shown {
            Shown::Step(step) if step <= person.last_step => {
                open.put_tries(own.as_ref(), before.as_ref())?;
                return Err(Refused::Used);
            }
            Shown::Step(step) => {
                person.last_step = step;
                Kind::Totp
            }
            Shown::Recovery(hash) => {
                person.recovery.retain(|unused| *unused != hash);
                Kind::Recovery
            }
        };
        open.put(&person)?;
        // It was not a wrong one after all; those before it still were.
        open.put_tries(own.as_ref(), before.as_ref())?;
        Ok(Verified {
            person: person.name.as_str().to_owned(),
            kind,
        })
    }
}

fn unknown(of: Option<&str>) -> Refused {
    of.map_or(Refused::Nobody, |name| Refused::Unknown(name.to_owned()))
}

fn shown(person: &Kept, factor: &request::Factor, now: DateTime<Utc>) -> Option<Shown> {
    match (factor.digits(), factor.recovery()) {
        (Some(digits), _) => person
            .secret
            .last_step_of(digits, secret::step(now), REACH)
            .map(Shown::Step),
        (None, Some(code)) => {
            let hash = recovery::Hash::of(code);
            recovery::holds(&person.recovery, &hash).then_some(Shown::Recovery(hash))
        }
        (None, None) => None,
    }
}

/// How many steps a phone's clock may be ahead or behind, as RFC 6238 recommends: one.
const REACH: i64 = 1;

#[cfg(test)]
mod tests;
