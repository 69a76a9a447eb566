//! What stands in one row of the picture.
//!
//! **Reads** the actions of a report.
//! **Gives** [`Bar`]s by target, and their rows where several share one.
//! **Never** draws a preview: it belongs to the request that waits.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::fact::Action;
use super::fact::Report;
use super::fact::State;
use super::span;

/// One request as a picture shows it; all moments in milliseconds.
pub(super) struct Bar<'a> {
    pub(super) action: &'a Action,
    pub(super) state: State,
    /// Its first record.
    pub(super) from: i64,
    /// From question to answer; to the last thing that is known where none came.
    pub(super) wait: Option<(i64, i64)>,
    /// From start to end.
    pub(super) run: Option<(i64, i64)>,
    /// Where its end is marked.
    pub(super) to: i64,
}

impl<'a> Bar<'a> {
    /// None where a stamp is no moment: then it can be read in the table only.
    fn of(action: &'a Action, last: i64) -> Option<Self> {
        let from = ms(&action.asked_at)?;
        let asked = action.waits_from.as_deref().and_then(ms);
        let answered = action.answered_at.as_deref().and_then(ms);
        let started = action.started_at.as_deref().and_then(ms);
        let ended = action.ended_at.as_deref().and_then(ms);
        // Expired or taken back: the wait ends with its last record.
        let over = answered.or(started);
        let wait = asked.map(|asked| (asked, over.unwrap_or(last).max(asked)));
        let run = started.map(|started| (started, ended.unwrap_or(last).max(started)));
        let to = run.or(wait).map_or(from, |(_, to)| to);
        Some(Self {
            action,
            state: action.state,
            from,
            wait,
            run,
            to,
        })
    }
}

/// The bars of every target, both in order.
pub(super) fn by_target(report: &Report) -> BTreeMap<&str, Vec<Bar<'_>>> {
    let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
    let mut last = 0;
    for moment in &report.timeline {
        let Some(at) = ms(&moment.at) else { continue };
        last = last.max(at);
        if let Some(id) = &moment.request_id {
            let end = ends.entry(id).or_insert(at);
            *end = at.max(*end);
        }
    }
    let mut targets: BTreeMap<&str, Vec<Bar<'_>>> = BTreeMap::new();
    for action in report.actions.iter().filter(|action| !action.is_preview()) {
        let own = ends.get(action.request_id.as_str()).copied();
        let until = own.filter(|_| !action.state.is_open()).unwrap_or(last);
        if let Some(bar) = Bar::of(action, until) {
            let target = action.target.as_deref().unwrap_or_default();
            targets.entry(target).or_default().push(bar);
        }
    }
    targets
}

/// The row of each bar where bars share rows: the first in which it has place.
pub(super) fn rows(bars: &[Bar<'_>], axis: &Axis, most: usize) -> Vec<usize> {
    let mut ends: Vec<f64> = Vec::new();
    bars.iter()
        .map(|bar| {
            let (left, right) = (axis.x(bar.from) - MARK, axis.x(bar.to) + MARK);
            let free = ends.iter().position(|end| *end <= left);
            let row = free.unwrap_or_else(|| ends.len().min(most.saturating_sub(1)));
            match ends.get_mut(row) {
                Some(end) => *end = right.max(*end),
                None => ends.push(right),
            }
            row
        })
        .collect()
}

/// A stamp in milliseconds.
pub(super) fn ms(stamp: &str) -> Option<i64> {
    span::moment(stamp).map(|at| at.timestamp_millis())
}

/// Half of the width of a mark, and of the place around it.
const MARK: f64 = 9.0;
