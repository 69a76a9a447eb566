//! The waiting room: requests that need a human, one file each, until they have their answer.
//!
//! **Reads** and **writes** the directory `runtime/approvals`.
//! **Gives** [`Pending`], [`Grant`], [`Refused`].
//! **Never** keeps a right: what lies on disk is a request, and it is judged again.

use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use crate::assurance::Assurance;
use crate::caller::Caller;
use crate::policy::NeedsApproval;
use crate::request;
use crate::request::Code;
use crate::request::Request;
use crate::request::Which;
use crate::target::Target;

mod store;
mod ticket;

pub use store::Error;
pub use ticket::Answer;
pub use ticket::First;
pub use ticket::Ticket;
pub use ticket::Via;

/// Bounds of the waiting room.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a request waits for its answer.
    pub ttl: Duration,
    /// How many may wait at once.
    pub pending: usize,
    /// How long answered requests are kept, to tell a second answer who was first.
    pub keep_decided: Duration,
    /// How long to wait for the lock of the room.
    pub lock_wait: Duration,
    /// Bytes of one file.
    pub file_bytes: usize,
}

/// The waiting room of one installation.
#[derive(Debug)]
pub struct Approvals {
    dir: PathBuf,
    limits: Limits,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    ticket: Ticket,
}

/// A human's yes, taken out of the room: good for one run of its own request.
#[derive(Debug)]
pub struct Grant {
    request: Request,
    decision: Answer,
}

/// A human's no, taken out of the room.
#[derive(Debug)]
pub struct Denial {
    ticket: Ticket,
    decision: Answer,
}

/// What came of telling about a request before it waits.
#[derive(Debug)]
pub enum Told<T> {
    /// It is recorded, and may wait.
    Recorded(T),
    /// It is not, or it cannot be shown, and must not wait.
    Withheld(T),
}

/// Which waiting request a reply means.
#[derive(Debug)]
pub enum Found {
    /// These; more than one only for `Deny all`.
    These(Vec<Pending>),
    /// Several wait and the reply names none.
    Ambiguous(Vec<Pending>),
    /// None waits under that name.
    None {
        /// The last one that was answered, or whose time was over; it may explain why.
        last: Option<Box<Ticket>>,
        /// How many wait under other names.
        others: usize,
    },
}

/// Why an answer did not count.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else's answer was first, or its time was over.
    #[error("it was already decided")]
    Decided(Option<Box<Ticket>>),
    /// It was taken out of the room and could not be read back.
    #[error("{0}; the approval is used up, ask for the command again")]
    Spent(Error),
    /// Too old, or from the future.
    #[error("it expired at {}", .0.expires.format("%H:%M:%S UTC"))]
    Expired(Box<Ticket>),
    /// The answer does not carry the assurance that policy demands; it stays pending.
    #[error("this approval is too weak: {0} is demanded")]
    TooWeak(Assurance),
    /// The answer counts, and another person has to give one too; it stays pending.
    #[error("a second person has to approve it too")]
    OneOfTwo,
    /// The same person's second answer does not make two; it stays pending.
    #[error("you approved it already, and a second person has to")]
    SamePerson,
    /// What would run is not what was shown; it is taken out of the room.
    #[error("what would run now is not what was shown: {0}")]
    Changed(String),
    /// The room itself failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Approvals {
    /// Takes a directory as the waiting room.
    pub fn new(dir: PathBuf, limits: Limits) -> Self {
        Self { dir, limits }
    }

    /// Puts a request into the room, or joins one that is the same in everything that counts and
    /// still waits: an assistant that repeats itself is not two questions.
    ///
    /// `tell` records and words the answer. It comes before the request can be found by anybody:
    /// what is not in the log must not be there to be approved.
    pub fn put<T>(
        &self,
        asked: &NeedsApproval,
        id: Uuid,
        caller: &Caller,
        now: DateTime<Utc>,
        tell: impl FnOnce(&Pending) -> Told<T>,
    ) -> Result<T, Error> {
        let _lock = store::lock(&self.dir, self.limits.lock_wait)?;
        store::forget(&self.dir, now, self.limits.keep_decided)?;
        let waiting = self.waiting(now)?;
        let ticket = Ticket::new(asked, id, caller, now, self.limits.ttl);
        if let Some(same) = waiting
            .iter()
            .find(|pending| pending.ticket.asks_the_same(&ticket))
        {
            let (Told::Recorded(answer) | Told::Withheld(answer)) = tell(same);
            return Ok(answer);
        }
        if waiting.len() >= self.limits.pending {
            return Err(Error::Full(self.limits.pending));
        }
        let taken: Vec<&Code> = waiting.iter().map(|pending| &pending.ticket.code).collect();
        let ticket = ticket
            .with_free_code(&taken)
            .sealed(asked.case().target(), asked.case().request().script());
        let pending = Pending { ticket };
        let written = store::write(&self.dir, &pending.ticket)?;
        match tell(&pending) {
            Told::Recorded(answer) => {
                store::publish(&self.dir, written, &pending.ticket).map(|()| answer)
            }
            Told::Withheld(answer) => Ok(answer),
        }
    }

    /// All requests that wait and whose time is not over, oldest first.
    pub fn waiting(&self, now: DateTime<Utc>) -> Result<Vec<Pending>, Error> {
        let old = now - self.limits.ttl;
        let mut waiting: Vec<Pending> = store::pending(&self.dir, self.limits.file_bytes, old)?
            .into_iter()
            .filter(|ticket| !ticket.is_over(now))
            .map(|ticket| Pending { ticket })
            .collect();
        waiting.sort_by_key(|pending| pending.ticket.created);
        Ok(waiting)
    }

    /// Takes out of the room what nobody answered in time, and gives what this process took out.
    pub fn sweep(&self, now: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
        let old = now - self.limits.ttl;
        let mut swept = Vec::new();
        for ticket in store::pending(&self.dir, self.limits.file_bytes, old)? {
            if ticket.is_over(now) && store::leave(&self.dir, &ticket.id, store::State::Expired)? {
                swept.push(ticket);
            }
        }
        Ok(swept)
    }

    /// Finds what a reply means.
    pub fn find(&self, which: &Which, now: DateTime<Utc>) -> Result<Found, Error> {
        let mut waiting = self.waiting(now)?;
        let others = waiting.len();
        match which {
            Which::Code(code) => waiting.retain(|pending| pending.ticket.code == *code),
            Which::Only if waiting.len() > 1 => return Ok(Found::Ambiguous(waiting)),
            Which::Only | Which::All => {}
        }
        if !waiting.is_empty() {
            return Ok(Found::These(waiting));
        }
        let last = match which {
            Which::Code(code) => self.last(|ticket| ticket.code == *code)?,
            Which::Only | Which::All => self.last(|_| true)?,
        };
        Ok(Found::None {
            last: last.map(Box::new),
            others,
        })
    }

    /// Spends a request on a yes. Only one process can: it is the one whose rename succeeds.
    ///
    /// The order is rename, then read back what was renamed: the request that runs is the one in
    /// the file that nobody else can spend any more.
    pub fn take(
        &self,
        pending: Pending,
        decision: Answer,
        target: &Target,
        limits: &request::Limits,
    ) -> Result<Grant, Refused> {
        let Pending { ticket } = pending;
        if ticket.is_over(decision.at) {
            store::leave(&self.dir, &ticket.id, store::State::Expired)?;
            return Err(Refused::Expired(Box::new(ticket)));
        }
        let decision = self.strengthened(&ticket, decision)?;
        let ticket = self.spend(&ticket, store::State::Approved, &decision)?;
        // The limits of a message may have become tighter since, and the target may have moved.
        let request = Request::from_draft(ticket.request.clone(), limits)
            .map_err(|fault| Refused::Changed(fault.to_string()))?;
        if ticket.digest != ticket.digest_for(target, request.script()) {
            return Err(Refused::Changed(format!(
                "target `{}` or its command line is another one now",
                target.name()
            )));
        }
        Ok(Grant { request, decision })
    }

    /// The answer together with the first of two where that is demanded; refused where it is too
    /// weak, or is itself the first.
    fn strengthened(&self, ticket: &Ticket, answer: Answer) -> Result<Answer, Refused> {
        let alone = answer.assurance(ticket);
        if alone >= ticket.needs {
            return Ok(answer);
        }
        if alone < Assurance::OutOfBand {
            return Err(Refused::TooWeak(ticket.needs));
        }
        let limit = self.limits.file_bytes;
        let first = store::second(&self.dir, &ticket.id, &answer, limit)?;
        let Some(first) = first else {
            return Err(Refused::OneOfTwo);
        };
        let both = answer.second_to(&first);
        if both.assurance(ticket) < ticket.needs {
            return Err(Refused::SamePerson);
        }
        Ok(both)
    }

    /// Spends a request on a no.
    pub fn deny(&self, pending: Pending, decision: Answer) -> Result<Denial, Refused> {
        let ticket = self.spend(&pending.ticket, store::State::Denied, &decision)?;
        Ok(Denial { ticket, decision })
    }

    fn spend(
        &self,
        ticket: &Ticket,
        state: store::State,
        decision: &Answer,
    ) -> Result<Ticket, Refused> {
        if !store::leave(&self.dir, &ticket.id, state)? {
            return Err(Refused::Decided(self.winner(&ticket.id)?.map(Box::new)));
        }
        let mut spent = store::read(&self.dir, &ticket.id, state, self.limits.file_bytes)
            .map_err(Refused::Spent)?;
        if spent.id != ticket.id || spent.digest != ticket.digest {
            return Err(Refused::Changed(
                "the file of this request was changed".to_owned(),
            ));
        }
        spent.decided = Some(decision.clone());
        store::note(&self.dir, &spent, state).map_err(Refused::Spent)?;
        Ok(spent)
    }

    /// Who was first. The winner writes its name a moment after its rename, so a loser looks again
    /// a few times.
    fn winner(&self, id: &Uuid) -> Result<Option<Ticket>, Error> {
        let mut found = None;
        for _ in 0..WINNER_LOOKS {
            found = self.last(|ticket| ticket.id == *id)?;
            if found.as_ref().is_none_or(|ticket| ticket.decided.is_some()) {
                break;
            }
            std::thread::sleep(WINNER_PAUSE);
        }
        Ok(found)
    }

    /// The request answered last, among those that are meant.
    fn last(&self, meant: impl Fn(&Ticket) -> bool) -> Result<Option<Ticket>, Error> {
        let decided = store::decided(&self.dir, self.limits.file_bytes)?;
        Ok(decided
            .into_iter()
            .filter(meant)
            .max_by_key(Ticket::decided_at))
    }
}

impl Pending {
    /// What waits.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The same, where today's policy may demand more than it did when the request was put.
    #[must_use]
    pub fn demanding(mut self, needs: Assurance) -> Self {
        self.ticket.needs = self.ticket.needs.max(needs);
        self
    }
}

impl Grant {
    /// Who said yes: the second of two names the first.
    pub fn decision(&self) -> &Answer {
        &self.decision
    }

    /// Gives up its request, to be judged again.
    pub(crate) fn into_request(self) -> Request {
        self.request
    }
}

impl Denial {
    /// What was denied.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Who denied it and why.
    pub fn decision(&self) -> &Answer {
        &self.decision
    }
}

/// How often, and how far apart, a loser looks for the winner's name.
const WINNER_LOOKS: u32 = 40;
const WINNER_PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
