//! The waiting room: requests that need a human, one file each, until they have their answer.
//!
//! **Reads** and **writes** the directory `runtime/approvals`.
//! **Gives** [`Pending`], [`Approved`], [`Refused`].
//! **Never** keeps a right: what lies on disk is a request, and it is judged again.

use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::assurance::Missing;
use crate::caller::Caller;
use crate::factor::Factors;
use crate::policy::NeedsApproval;
use crate::request;
use crate::request::Code;
use crate::request::Draft;
use crate::request::Request;

mod answer;
mod digest;
mod found;
mod heard;
mod shown;
mod state;
mod store;
mod ticket;

pub use answer::APPROVERS;
pub use answer::Answer;
pub use answer::Asker;
pub use answer::Earlier;
pub use answer::Giver;
pub use answer::Trust;
pub use answer::Via;
pub use digest::Facts;
pub use digest::over as digest_over;
pub use digest::words as digest_words;
pub use found::Doubt;
pub use found::Found;
pub use found::Seeker;
pub use shown::Shown;
pub use state::State;
pub use store::Error;
pub use ticket::Preview;
pub use ticket::Ticket;
pub use ticket::is_over;

/// Bounds of the waiting room.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a request waits for its answer where no rule says otherwise.
    pub ttl: Duration,
    /// The longest that any request may wait.
    pub longest_ttl: Duration,
    /// How many may wait at once.
    pub pending: usize,
    /// How many of one caller may.
    pub pending_per_requester: usize,
    /// How much longer than a moment a request has to have been shown for a bare word to mean it.
    pub notice: Duration,
    /// How long after a request has ended a bare word may still have been meant for it.
    pub word_window: Duration,
    /// How long answered requests are kept, to tell a second answer who was first.
    pub keep_decided: Duration,
    /// How many are kept at most.
    pub remembered: usize,
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
    trust: Trust,
    factors: Factors,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    ticket: Ticket,
}

/// A human's yes, taken out of the room: good for one run of its own request.
#[derive(Debug)]
pub struct Approved {
    request: Request,
    decision: Answer,
}

/// A human's no, taken out of the room.
#[derive(Debug)]
pub struct Denial {
    ticket: Ticket,
    decision: Answer,
}

/// What is known of a request beside its judgement when it is put.
#[derive(Debug)]
pub struct Putting<'a> {
    /// The id of the request.
    pub id: Uuid,
    /// Who asks.
    pub caller: &'a Caller,
    /// When.
    pub now: DateTime<Utc>,
    /// How long it waits.
    pub ttl: Duration,
    /// What reading commands showed of the state before.
    pub previews: Vec<Preview>,
    /// That somebody said no to the same before, and why.
    pub before: Option<String>,
}

/// What came of telling about a request before it waits.
#[derive(Debug)]
pub enum Told<T> {
    /// It is recorded, and may wait.
    Recorded(T),
    /// It is not, or it cannot be shown, and must not wait.
    Withheld(T),
}

/// What became of putting a request.
#[derive(Debug)]
pub struct Put<T> {
    /// What was told.
    pub told: T,
    /// The same request by the same caller as it waited before, where what it came down to has
    /// changed since; it was taken out.
    pub outdated: Vec<Ticket>,
}

/// Why an answer did not count.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else's answer was first, or its time was over.
    #[error("it was already decided")]
    Decided(Option<Box<(State, Ticket)>>),
    /// It was taken out of the room and could not be read back.
    #[error("{0}; the approval is used up, ask for the command again")]
    Spent(Error),
    /// Too old, or from the future.
    #[error("it expired at {}", .0.expires.format("%H:%M:%S UTC"))]
    Expired(Box<Ticket>),
    /// The answer does not carry the assurance that policy demands; it stays pending.
    #[error("this approval is too weak: {0} is demanded")]
    TooWeak(Assurance),
    /// Who answers is who asked, and another person is demanded; it stays pending.
    #[error("this approval is too weak: `{0}` asked for it, and another person has to approve it")]
    OwnRequest(String),
    /// Who answers is no approver; it stays pending.
    #[error("this approval is too weak: `{person}` is not in the group `{group}`")]
    NoApprover {
        /// The one that answered.
        person: String,
        /// The group of the approvers.
        group: String,
    },
    /// The answer counts, and more have to come; it stays pending.
    #[error("{0}")]
    NotYet(Missing),
    /// The same person said so before, and more have to come; it stays pending.
    #[error("you approved it already, and {0}")]
    Again(Missing),
    /// What would run is not what was shown; it is taken out of the room.
    #[error("what would run now is not what was shown: {0}")]
    Changed(String),
    /// The room itself failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Approvals {
    /// Takes a directory as the waiting room.
    pub fn new(dir: PathBuf, limits: Limits, trust: Trust, factors: Factors) -> Self {
        Self {
            dir,
            limits,
            trust,
            factors,
        }
    }

    /// What is believed of answers.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Bounds of the room.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Puts a request into the room, or joins one that is the same in everything that counts and
    /// still waits: an assistant that repeats itself is not two questions. One that asks the same
    /// and was shown under other circumstances is taken out: nobody could approve it any more.
    ///
    /// `tell` records and words the answer. It comes before the request can be found by anybody:
    /// what is not in the log must not be there to be approved.
    pub fn put<T>(
        &self,
        asked: &NeedsApproval,
        facts: &Facts<'_>,
        putting: &Putting<'_>,
        tell: impl FnOnce(&Pending) -> Told<T>,
    ) -> Result<Put<T>, Error> {
        let _lock = store::lock(&self.dir, self.limits.lock_wait)?;
        store::forget(&self.dir, putting.now, &self.limits)?;
        let ticket = Ticket::new(asked, putting, facts);
        let mut unlike = Vec::new();
        let mut waiting = Vec::new();
        for pending in self.waiting(putting.now)? {
            if !pending.ticket.asks_the_same(&ticket) {
                waiting.push(pending);
            } else if pending.joins(&ticket, facts) {
                let (Told::Recorded(told) | Told::Withheld(told)) = tell(&pending);
                let outdated = self.outdated(unlike, putting.now)?;
                return Ok(Put { told, outdated });
            } else {
                unlike.push(pending);
            }
        }
        let own = |pending: &&Pending| pending.ticket.caller_uid == putting.caller.uid;
        if waiting.iter().filter(own).count() >= self.limits.pending_per_requester {
            return Err(Error::FullOf(self.limits.pending_per_requester));
        }
        if waiting.len() >= self.limits.pending {
            return Err(Error::Full(self.limits.pending));
        }
        let code = store::new_code(&self.dir, Code::random)?;
        let ticket = ticket.with_code(code).sealed(facts);
        let pending = Pending { ticket };
        let written = store::write(&self.dir, &pending.ticket)?;
        // Only now, so that whoever hears of a failure has not lost anything without a record.
        let outdated = self.outdated(unlike, putting.now)?;
        let told = match tell(&pending) {
            Told::Recorded(told) => {
                store::publish(&self.dir, written, &pending.ticket)?;
                told
            }
            Told::Withheld(told) => told,
        };
        Ok(Put { told, outdated })
    }

    /// Takes out what waits under other circumstances than those of now.
    fn outdated(&self, unlike: Vec<Pending>, now: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
        let why = "what it came down to has changed, and it was asked for again";
        let mut outdated = Vec::new();
        for pending in unlike {
            outdated.extend(self.cancel(pending, why, now)?);
        }
        Ok(outdated)
    }

    /// Whether the same request waits already, and nothing about it has changed: then nobody has to
    /// look at the machine again before it is put.
    pub fn would_join(
        &self,
        asked: &NeedsApproval,
        facts: &Facts<'_>,
        putting: &Putting<'_>,
    ) -> Result<bool, Error> {
        let ticket = Ticket::new(asked, putting, facts);
        let waiting = self.waiting(putting.now)?;
        Ok(waiting
            .iter()
            .any(|pending| pending.ticket.asks_the_same(&ticket) && pending.joins(&ticket, facts)))
    }

    /// All requests that wait and whose time is not over, oldest first.
    pub fn waiting(&self, now: DateTime<Utc>) -> Result<Vec<Pending>, Error> {
        let mut waiting: Vec<Pending> = self
            .stored(now)?
            .into_iter()
            .filter(|ticket| !ticket.is_over(now))
            .map(|ticket| Pending { ticket })
            .collect();
        waiting.sort_by_key(|pending| pending.ticket.created);
        Ok(waiting)
    }

    fn stored(&self, now: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
        store::pending(
            &self.dir,
            self.limits.file_bytes,
            before(now, self.limits.longest_ttl),
        )
    }

    /// All requests that do not wait any more and are still remembered, the last one first.
    pub fn past(&self) -> Result<Vec<(State, Ticket)>, Error> {
        let mut past = store::past(&self.dir, self.limits.file_bytes, DateTime::<Utc>::MIN_UTC)?;
        past.sort_by_key(|(_, ticket)| std::cmp::Reverse(ticket.ended_at()));
        Ok(past)
    }

    /// Takes out of the room what nobody answered in time, and gives what this process took out.
    pub fn sweep(&self, now: DateTime<Utc>) -> Result<Vec<Ticket>, Error> {
        let mut swept = Vec::new();
        for ticket in self.stored(now)? {
            if ticket.is_over(now) && store::leave(&self.dir, &ticket.id, State::Expired)? {
                swept.push(self.ended(ticket, State::Expired, now));
            }
        }
        Ok(swept)
    }

    /// Takes out of the room what another version of this program put there, and gives what was
    /// asked for, where that can still be read.
    pub fn sweep_foreign(&self) -> Result<Vec<Option<Draft>>, Error> {
        store::take_foreign(&self.dir, self.limits.file_bytes)
    }

    /// Notes when a request stopped waiting. It is out of the room already; where it cannot be
    /// noted, the file tells less.
    fn ended(&self, ticket: Ticket, state: State, now: DateTime<Utc>) -> Ticket {
        let ended = Ticket {
            ended: Some(now),
            ..ticket
        };
        let _ = store::note(&self.dir, &ended, state);
        ended
    }

    /// Takes a request back. None where somebody's answer was first.
    pub fn cancel(
        &self,
        pending: Pending,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Ticket>, Error> {
        let ticket = pending.ticket;
        if !store::leave(&self.dir, &ticket.id, State::Cancelled)? {
            return Ok(None);
        }
        let cancelled = Ticket {
            cancelled: Some(why.to_owned()),
            ..ticket
        };
        Ok(Some(self.ended(cancelled, State::Cancelled, now)))
    }

    /// Spends a request on a yes. Only one process can: it is the one whose rename succeeds.
    ///
    /// The order is rename, then read back what was renamed: the request that runs is the one in
    /// the file that nobody else can spend any more.
    pub fn take(
        &self,
        pending: Pending,
        answer: Answer,
        facts: &Facts<'_>,
        limits: &request::Limits,
    ) -> Result<Approved, Refused> {
        let Pending { ticket } = pending;
        if ticket.is_over(answer.at) {
            if store::leave(&self.dir, &ticket.id, State::Expired)? {
                let ticket = self.ended(ticket, State::Expired, answer.at);
                return Err(Refused::Expired(Box::new(ticket)));
            }
            return Err(Refused::Decided(self.winner(&ticket.id)?.map(Box::new)));
        }
        let decision = self.heard(&ticket, answer)?;
        let ticket = self.spend(&ticket, State::Approved, &decision)?;
        let request = self
            .as_shown(&ticket, facts, limits)
            .inspect_err(|_| self.advance(&ticket.id, State::Approved, State::Failed))?;
        Ok(Approved { request, decision })
    }

    /// The request in a file that was spent, where it still comes down to what was shown.
    fn as_shown(
        &self,
        ticket: &Ticket,
        facts: &Facts<'_>,
        limits: &request::Limits,
    ) -> Result<Request, Refused> {
        // The limits of a message may have become tighter since.
        let request = Request::from_draft(ticket.request.clone(), limits)
            .map_err(|fault| Refused::Changed(fault.to_string()))?;
        if ticket.policy != facts.policy {
            return Err(Refused::Changed(
                "the configuration was changed meanwhile".to_owned(),
            ));
        }
        let facts = Facts {
            script: request.script(),
            ..*facts
        };
        if ticket.host != facts.target.host().to_string() || !ticket.is_what_was_shown(&facts) {
            return Err(Refused::Changed(format!(
                "target `{}`, its host key or the command line is another one now",
                facts.target.name()
            )));
        }
        Ok(request)
    }

    /// Spends a request on a no.
    pub fn deny(&self, pending: Pending, decision: Answer) -> Result<Denial, Refused> {
        let ticket = self.spend(&pending.ticket, State::Denied, &decision)?;
        Ok(Denial { ticket, decision })
    }

    fn spend(&self, ticket: &Ticket, state: State, decision: &Answer) -> Result<Ticket, Refused> {
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

    /// Says where an approved request stands by now. The log proves it; this only tells, so a
    /// failure to do so changes nothing.
    pub fn advance(&self, id: &Uuid, from: State, to: State) {
        let _ = store::go(&self.dir, id, from, to);
    }

    /// The handle with which the one that shows a request says that it was shown.
    pub fn shown(&self, id: Uuid) -> Shown {
        Shown::new(self.dir.clone(), id)
    }

    /// Who was first. The winner writes its name a moment after its rename, so a loser looks again
    /// a few times.
    fn winner(&self, id: &Uuid) -> Result<Option<(State, Ticket)>, Error> {
        let mut found = None;
        for _ in 0..WINNER_LOOKS {
            // Between two looks it may be on its way from one state to the next.
            found = self.stands(id)?.or(found);
            if found.as_ref().is_some_and(|(_, ticket)| ticket.is_noted()) {
                break;
            }
            std::thread::sleep(WINNER_PAUSE);
        }
        Ok(found)
    }

    /// The request that stopped waiting last, among those that are meant.
    fn last(&self, meant: impl Fn(&Ticket) -> bool) -> Result<Option<(State, Ticket)>, Error> {
        let past = store::past(&self.dir, self.limits.file_bytes, DateTime::<Utc>::MIN_UTC)?;
        Ok(past
            .into_iter()
            .filter(|(_, ticket)| meant(ticket))
            .max_by_key(|(_, ticket)| ticket.ended_at()))
    }

    /// The request by this id, wherever it stands.
    pub fn stands(&self, id: &Uuid) -> Result<Option<(State, Ticket)>, Error> {
        self.last(|ticket| ticket.id == *id)
    }
}

impl Pending {
    /// What waits.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The same, where today's policy may demand more than it did when the request was put.
    #[must_use]
    pub fn demanding(mut self, demand: &Demand) -> Self {
        self.ticket.demand = self.ticket.demand.and(demand);
        self
    }

    /// Whether asking again is the same question: nothing has changed since, and no more is
    /// demanded.
    fn joins(&self, again: &Ticket, facts: &Facts<'_>) -> bool {
        self.ticket.host == again.host
            && self.ticket.demand == again.demand
            && self.ticket.rule == again.rule
            && self.ticket.is_what_was_shown(facts)
    }
}

impl Approved {
    /// Who said yes: the last of several names those before.
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

/// A moment that long ago.
fn before(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(span)
        .ok()
        .and_then(|span| now.checked_sub_signed(span))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// How often, and how far apart, a loser looks for the winner's name.
const WINNER_LOOKS: u32 = 40;
const WINNER_PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
