//! Which waiting request a reply means.
//!
//! **Reads** the waiting room.
//! **Gives** [`Found`], [`Seeker`], [`Doubt`].
//! **Never** lets a bare word mean a request that its giver cannot have seen.

use std::cell::LazyCell;

use chrono::DateTime;
use chrono::Utc;

use super::Approvals;
use super::Error;
use super::Pending;
use super::State;
use super::Ticket;
use super::Via;
use super::before;
use super::store;
use crate::caller;
use crate::caller::Caller;
use crate::request::Which;
use crate::uptime::Moment;

/// Who looks for the request that is meant.
#[derive(Debug, Clone, Copy)]
pub struct Seeker<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// Whether the word came on standard input: then it means the caller's own requests first, and
    /// those of others only where the caller is an approver or an admin.
    pub own_first: bool,
    /// For a yes: since when the caller has had its word. A bare word means only what was shown
    /// before that.
    pub since: Option<Moment>,
}

/// Why a bare word does not say which request it means.
#[derive(Debug)]
pub enum Doubt {
    /// Several wait.
    Several,
    /// The only one came when the word was on its way already, or was not shown to anybody yet.
    Unseen,
    /// Another one ended a moment ago without this caller's word; it may have been meant.
    Ended(Box<(State, Ticket)>),
}

/// Which waiting request a reply means.
#[derive(Debug)]
pub enum Found {
    /// These; more than one only for `Deny all`.
    These(Vec<Pending>),
    /// The reply names none, and it is not clear which one is meant of these.
    Ambiguous(Vec<Pending>, Doubt),
    /// None waits under that name.
    None {
        /// The last one that stopped waiting; it may explain why.
        last: Option<Box<(State, Ticket)>>,
        /// How many wait under other names.
        others: usize,
    },
}

impl Approvals {
    /// Finds what a reply means.
    ///
    /// A bare word means the only request of its caller; where the caller has none that waits, and
    /// may see what others ask, the only request of all. As a yes it counts only if that request was shown before the word came
    /// into the caller's hands, and if no other request that it could have meant ended a moment ago
    /// in a way that the giver need not have noticed.
    pub fn find(&self, which: &Which, by: &Seeker<'_>, now: DateTime<Utc>) -> Result<Found, Error> {
        let mut waiting = self.waiting(now)?;
        let own = |ticket: &Ticket| ticket.caller_uid == by.caller.uid;
        let sees_all = LazyCell::new(|| !by.own_first || self.sees_all(by.caller));
        let sees = |ticket: &Ticket| own(ticket) || *sees_all;
        waiting.retain(|pending| sees(&pending.ticket));
        let all = waiting.len();
        if let Which::Code(code) = which {
            waiting.retain(|pending| pending.ticket.code == *code);
        } else if by.own_first && waiting.iter().any(|pending| own(&pending.ticket)) {
            waiting.retain(|pending| own(&pending.ticket));
        }
        if waiting.is_empty() {
            let last = match which {
                Which::Code(code) => self.last(|ticket| ticket.code == *code && sees(ticket))?,
                Which::Only | Which::All => self.last(sees)?,
            };
            let last = match last {
                Some((_, ticket)) if !ticket.is_noted() => self.winner(&ticket.id)?,
                told => told,
            };
            let last = last.map(Box::new);
            return Ok(Found::None { last, others: all });
        }
        if matches!(which, Which::Only)
            && let Some(doubt) = self.doubt(&waiting, by, now)?
        {
            return Ok(Found::Ambiguous(waiting, doubt));
        }
        Ok(Found::These(waiting))
    }

    /// What one user asks is no other's business, but for those who decide: a name that is looked up
    /// only where there is something to see.
    fn sees_all(&self, caller: &Caller) -> bool {
        let own = rustix::process::geteuid().as_raw();
        caller.is_admin(own) || caller::is_member(&caller.user, &self.trust.group)
    }

    fn doubt(
        &self,
        waiting: &[Pending],
        by: &Seeker<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Doubt>, Error> {
        let [only] = waiting else {
            return Ok(Some(Doubt::Several));
        };
        let Some(since) = by.since else {
            return Ok(None);
        };
        let only = &only.ticket;
        let own = by.own_first && only.caller_uid == by.caller.uid;
        let seen = store::shown(&self.dir, &only.id)
            .is_some_and(|shown| shown.is_before(since, self.limits.notice));
        if !seen {
            return Ok(Some(Doubt::Unseen));
        }
        // A file is at least as young as what it tells of; a second is for the clock's own grain.
        let window = before(now, self.limits.word_window);
        let recent = before(window, std::time::Duration::from_secs(1));
        let past = store::past(&self.dir, self.limits.file_bytes, recent)?;
        let unnoticed = past.into_iter().find(|(_, ticket)| {
            let same_way = |via: Via| by.own_first != (via == Via::Command);
            let by_this_caller = ticket
                .decided
                .as_ref()
                .is_some_and(|answer| answer.uid == by.caller.uid && same_way(answer.via));
            // Whoever answers for another person may have meant anybody's.
            let may_be_meant = !own || ticket.caller_uid == by.caller.uid;
            // Whoever ended it may have died before noting when; its file is young enough.
            // Whoever meant the same request when it waited before means this one.
            may_be_meant
                && !ticket.asks_the_same(only)
                && !by_this_caller
                && (!ticket.is_noted() || ticket.ended_at() > window)
        });
        Ok(unnoticed.map(|ended| Doubt::Ended(Box::new(ended))))
    }
}
