//! Which of the waiting requests is selected.
//!
//! **Reads** nothing.
//! **Gives** [`Choice`].
//! **Never** moves to another request by itself while a finger may be on its way to a key.

use std::time::Duration;
use std::time::Instant;

use uuid::Uuid;

use crate::approval::State;
use crate::approval::Ticket;

/// The selected request. It is kept by what it is and not by its row, since rows come and go.
#[derive(Debug, Default)]
pub(super) struct Choice {
    id: Option<Uuid>,
    row: usize,
    lost: Option<Lost>,
    /// Whether the operator was just told what became of the selected request.
    settled: bool,
}

/// What was selected until it ceased to wait.
#[derive(Debug)]
struct Lost {
    id: Uuid,
    /// When nobody can mean it any more.
    until: Instant,
}

impl Choice {
    /// Follows what waits now. Where the selected request waits no more none is selected, until a
    /// key moves on or enough time has passed for nobody to mean it any more.
    pub(super) fn follow(&mut self, waiting: &[(State, Ticket)], now: Instant) {
        if let Some(id) = self.id {
            match place(waiting, &id) {
                Some(row) => self.row = row,
                None => self.lose(id, now),
            }
        }
        self.settled = false;
        if self.lost.as_ref().is_some_and(|lost| now >= lost.until) {
            self.lost = None;
        }
        if self.id.is_none() && self.lost.is_none() {
            self.take(0, waiting);
        }
    }

    fn lose(&mut self, id: Uuid, now: Instant) {
        self.id = None;
        let until = now + LOST;
        self.lost = (!self.settled).then_some(Lost { id, until });
    }

    /// Moves by one row. After a loss it selects what stands in the place of what was lost.
    pub(super) fn step(&mut self, down: bool, waiting: &[(State, Ticket)]) {
        let row = match (self.lost.take(), down) {
            (Some(_), _) => self.row,
            (None, true) => self.row.saturating_add(1),
            (None, false) => self.row.saturating_sub(1),
        };
        self.take(row, waiting);
    }

    /// The operator was told what became of the selected request: if it waits no more, that is no
    /// surprise.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    fn take(&mut self, row: usize, waiting: &[(State, Ticket)]) {
        self.row = row.min(waiting.len().saturating_sub(1));
        self.id = waiting.get(self.row).map(|(_, ticket)| ticket.id);
    }

    /// The selected request among those that wait.
    pub(super) fn of<'a>(&self, waiting: &'a [(State, Ticket)]) -> Option<(usize, &'a Ticket)> {
        let row = place(waiting, &self.id?)?;
        waiting.get(row).map(|(_, ticket)| (row, ticket))
    }

    /// What is selected.
    pub(super) fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// The row that is or was selected.
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// What was selected and waits no more, until something else is.
    pub(super) fn lost(&self) -> Option<Uuid> {
        self.lost.as_ref().map(|lost| lost.id)
    }
}

fn place(waiting: &[(State, Ticket)], id: &Uuid) -> Option<usize> {
    waiting.iter().position(|(_, ticket)| ticket.id == *id)
}

/// How long after a loss nothing is selected by itself: longer than a finger is on its way.
const LOST: Duration = Duration::from_secs(5);
