//! The waiting room: requests that need a human, one file each, until they have their answer.
//!
//! **Reads** and **writes** the directory `runtime/approvals`.
//! **Gives** [`Pending`], [`Grant`], [`Refused`].
//! **Never** keeps a right: what lies on disk is a request, and it is judged again.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

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
pub use ticket::Decision;
pub use ticket::Needs;
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
    needs: Needs,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    ticket: Ticket,
}

/// A human's yes, taken out of the room: good for one run of its own request.
#[derive(Debug)]
pub struct Grant {
    ticket: Ticket,
    request: Request,
    decision: Decision,
}

/// A human's no, taken out of the room.
#[derive(Debug)]
pub struct Denial {
    ticket: Ticket,
    decision: Decision,
}

/// Which waiting request a reply means.
#[derive(Debug)]
pub enum Found {
    /// These; more than one only for `Deny all`.
    These(Vec<Pending>),
    /// Several wait and the reply names none.
    Ambiguous(Vec<Pending>),
    /// None waits under that name. The last answered one may explain why.
    None(Option<Box<Ticket>>),
}

/// Why an answer did not count.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else's answer was first, or the file is gone.
    #[error("it was already decided")]
    Decided(Option<Box<Ticket>>),
    /// Too old, or from the future.
    #[error("it expired at {}", .0.expires.format("%H:%M:%S UTC"))]
    Expired(Box<Ticket>),
    /// The answer does not carry the assurance that policy demands; it stays pending.
    #[error("this approval is too weak: {needs} is demanded")]
    TooWeak {
        /// What waits.
        ticket: Box<Ticket>,
        /// What is demanded.
        needs: Needs,
    },
    /// What would run is not what was shown; it is taken out of the room.
    #[error("what would run now is not what was shown: {0}")]
    Changed(String),
    /// The room itself failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Approvals {
    /// Takes a directory as the waiting room; `needs` is the assurance demanded of every approval.
    pub fn new(dir: PathBuf, limits: Limits, needs: Needs) -> Self {
        Self { dir, limits, needs }
    }

    /// Puts a request into the room, or joins one that is the same in everything that counts and
    /// still waits: an assistant that repeats itself is not two questions.
    pub fn put(
        &self,
        asked: &NeedsApproval,
        id: Uuid,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<Pending, Error> {
        let _lock = store::lock(&self.dir, self.limits.lock_wait)?;
        let waiting = self.waiting(now)?;
        let draft = asked.request().to_draft();
        let same = |pending: &&Pending| {
            let ticket = &pending.ticket;
            ticket.request == draft
                && ticket.caller_uid == caller.uid
                && ticket.is_for(asked.target())
        };
        if let Some(same) = waiting.iter().find(same) {
            return Ok(Pending {
                ticket: same.ticket.clone(),
            });
        }
        if waiting.len() >= self.limits.pending {
            return Err(Error::Full(self.limits.pending));
        }
        let taken: Vec<&Code> = waiting.iter().map(|pending| &pending.ticket.code).collect();
        let ticket = Ticket::new(asked, id, caller, now, self.limits.ttl, self.needs, &taken);
        store::create(&self.dir, &ticket)?;
        Ok(Pending { ticket })
    }

    /// All requests that wait, oldest first. Those whose time is over leave the room on the way.
    pub fn waiting(&self, now: DateTime<Utc>) -> Result<Vec<Pending>, Error> {
        let mut waiting = Vec::new();
        for ticket in store::pending(&self.dir, self.limits.file_bytes)? {
            if ticket.is_over(now) {
                store::leave(&self.dir, &ticket.id, store::State::Expired)?;
            } else {
                waiting.push(Pending { ticket });
            }
        }
        waiting.sort_by_key(|pending| pending.ticket.created);
        Ok(waiting)
    }

    /// Takes a request back that was put under this id just now, because it could not be recorded.
    pub fn withdraw(&self, pending: &Pending, id: Uuid) -> Result<(), Error> {
        if pending.ticket.id == id {
            store::leave(&self.dir, &id, store::State::Expired)?;
        }
        Ok(())
    }

    /// Finds what a reply means.
    pub fn find(&self, which: &Which, now: DateTime<Utc>) -> Result<Found, Error> {
        let mut waiting = self.waiting(now)?;
        match which {
            Which::Code(code) => waiting.retain(|pending| pending.ticket.code == *code),
            Which::Only if waiting.len() > 1 => return Ok(Found::Ambiguous(waiting)),
            Which::Only | Which::All => {}
        }
        if !waiting.is_empty() {
            return Ok(Found::These(waiting));
        }
        let code = match which {
            Which::Code(code) => Some(code),
            Which::Only | Which::All => None,
        };
        store::forget(&self.dir, now, self.limits.keep_decided)?;
        Ok(Found::None(self.last(code)?.map(Box::new)))
    }

    /// Spends a request on a yes. Only one process can: it is the one whose rename succeeds.
    ///
    /// The order is rename, then read back what was renamed: the request that runs is the one in
    /// the file that nobody else can spend any more.
    pub fn take(
        &self,
        pending: Pending,
        decision: Decision,
        target: &Target,
        limits: &request::Limits,
    ) -> Result<Grant, Refused> {
        let Pending { ticket } = pending;
        let needs = ticket.needs.max(self.needs);
        if ticket.is_over(decision.at) {
            store::leave(&self.dir, &ticket.id, store::State::Expired)?;
            return Err(Refused::Expired(Box::new(ticket)));
        }
        if decision.assurance(&ticket) < needs {
            return Err(Refused::TooWeak {
                ticket: Box::new(ticket),
                needs,
            });
        }
        let ticket = self.spend(&ticket, store::State::Approved, &decision)?;
        // The wire limits may have become tighter since; the target may have moved.
        let request = Request::from_draft(ticket.request.clone(), limits)
            .map_err(|fault| Refused::Changed(fault.to_string()))?;
        if ticket.digest != ticket.digest_for(target, request.script()) {
            return Err(Refused::Changed(format!(
                "target `{}` or its command line is another one now",
                target.name()
            )));
        }
        Ok(Grant {
            ticket,
            request,
            decision,
        })
    }

    /// Spends a request on a no.
    pub fn deny(&self, pending: Pending, decision: Decision) -> Result<Denial, Refused> {
        let ticket = self.spend(&pending.ticket, store::State::Denied, &decision)?;
        Ok(Denial { ticket, decision })
    }

    fn spend(
        &self,
        ticket: &Ticket,
        state: store::State,
        decision: &Decision,
    ) -> Result<Ticket, Refused> {
        if !store::leave(&self.dir, &ticket.id, state)? {
            return Err(Refused::Decided(
                self.last(Some(&ticket.code))?.map(Box::new),
            ));
        }
        let mut spent = store::read(&self.dir, &ticket.id, state, self.limits.file_bytes)?;
        spent.decided = Some(decision.clone());
        store::note(&self.dir, &spent, state)?;
        if spent.id != ticket.id || spent.digest != ticket.digest {
            return Err(Refused::Changed(
                "the file of this request was changed".to_owned(),
            ));
        }
        Ok(spent)
    }

    /// The request answered last, or the last one with this code.
    fn last(&self, code: Option<&Code>) -> Result<Option<Ticket>, Error> {
        let mut decided = store::decided(&self.dir, self.limits.file_bytes)?;
        decided.retain(|ticket| code.is_none_or(|code| ticket.code == *code));
        Ok(decided.into_iter().max_by_key(|ticket| ticket.decided_at()))
    }
}

impl Pending {
    /// What waits.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }
}

impl Grant {
    /// What was approved.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Takes the grant apart to judge its request again.
    pub(crate) fn into_parts(self) -> (Ticket, Request, Decision) {
        (self.ticket, self.request, self.decision)
    }
}

impl Denial {
    /// What was denied.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Who denied it and why.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

/// Makes the waiting room where a setup left only the runtime directory.
pub fn open_room(dir: &Path) -> Result<(), Error> {
    store::open_room(dir)
}

#[cfg(test)]
mod tests;
