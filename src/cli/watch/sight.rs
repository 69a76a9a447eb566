//! Looks, again and again, at what waits, what was decided and what is frozen.
//!
//! **Reads** the waiting room, the freezes, and `config.yml` where it changed.
//! **Gives** [`Sight`], [`Seen`].
//! **Never** decides anything, and never takes a look that failed for an empty room.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use super::super::World;
use super::super::people;
use crate::approval::Approvals;
use crate::approval::Error;
use crate::approval::State;
use crate::approval::Ticket;
use crate::config::Config;
use crate::factor::Factors;
use crate::freeze::Freezes;

/// What looks.
#[derive(Debug)]
pub(super) struct Sight {
    approvals: Approvals,
    freezes: Freezes,
    config: Watched,
    room: Watched,
    seen: Seen,
    /// Every request that was ever seen to wait.
    known: BTreeSet<Uuid>,
    unusable: Option<String>,
    unreadable: Option<String>,
}

/// What was seen the last time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What waits, oldest first.
    pub(super) waiting: Vec<(State, Ticket)>,
    /// What waits no more and is remembered, the last one first.
    pub(super) past: Vec<(State, Ticket)>,
    /// What is frozen, in one line each.
    pub(super) frozen: Vec<String>,
    /// What is wrong, in one line each.
    pub(super) troubles: Vec<String>,
    /// Whether nobody could look into the waiting room: then this is what was seen before.
    pub(super) is_blind: bool,
    /// Whether something waits that was never seen before.
    pub(super) is_new: bool,
}

impl Sight {
    /// Begins with the waiting room as it is configured now.
    pub(super) fn new(world: &World, approvals: Approvals) -> Self {
        Self {
            approvals,
            freezes: Freezes::new(world.home.freezes()),
            config: Watched::new(world.home.config()),
            room: Watched::new(world.home.approvals()),
            seen: Seen::default(),
            known: BTreeSet::new(),
            unusable: None,
            unreadable: None,
        }
    }

    /// Looks. A room that nobody touched since is not read again; what is over by now is left out
    /// all the same.
    pub(super) fn look(&mut self, world: &World) {
        let now = (world.now)();
        if self.config.has_changed() {
            match Config::load_only(&world.home) {
                Ok(config) => {
                    let room = world.home.approvals();
                    let factors = Factors::new(world.home.approvers(), config.factors);
                    self.approvals = Approvals::new(room, config.approvals, config.trust, factors);
                    self.unusable = None;
                }
                Err(fault) => self.unusable = Some(fault.to_string()),
            }
        }
        if self.room.has_changed() {
            let read = self.read(now);
            self.unreadable = read.err().map(|fault| fault.to_string());
            if self.unreadable.is_some() {
                self.room.forget();
            }
        }
        self.seen.is_blind = self.unreadable.is_some();
        self.seen.waiting.retain(|(_, ticket)| !ticket.is_over(now));
        self.seen.frozen = people::frozen(&self.freezes);
        let troubles = self.unusable.iter().chain(&self.unreadable);
        self.seen.troubles = troubles.cloned().collect();
        let before = self.known.len();
        let ids = self.seen.waiting.iter().map(|(_, ticket)| ticket.id);
        self.known.extend(ids);
        self.seen.is_new = self.known.len() > before;
    }

    fn read(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        let waiting = self.approvals.waiting(now)?;
        let waiting = waiting.iter().map(|pending| pending.ticket().clone());
        self.seen.waiting = waiting.map(|ticket| (State::Pending, ticket)).collect();
        self.seen.past = self.approvals.past()?;
        Ok(())
    }

    /// What was seen the last time.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Where a request stands, where it is still remembered.
    pub(super) fn stands(&self, id: &Uuid) -> Option<(State, Ticket)> {
        self.approvals.stands(id).ok().flatten()
    }
}

/// A file or directory whose time of change is watched.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    at: Option<SystemTime>,
    looked: bool,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        let at = None;
        let looked = false;
        Self { path, at, looked }
    }

    /// Whether it may have changed since the last time this was asked. The clock of a file system
    /// is coarse, so a change of just now may be followed by another one of the same time.
    fn has_changed(&mut self) -> bool {
        let at = fs::metadata(&self.path).and_then(|facts| facts.modified());
        let at = at.ok();
        let settled = at.is_none_or(|at| at.elapsed().is_ok_and(|age| age > COARSE));
        let same = self.looked && self.at == at && settled;
        self.at = at;
        self.looked = true;
        !same
    }

    /// Looks again the next time.
    fn forget(&mut self) {
        self.looked = false;
    }
}

/// How long after a change a file is looked at again whatever its time says.
const COARSE: Duration = Duration::from_secs(2);
