//! What the records amount to: decisions, commands, waiting, questions.
//!
//! **Reads** nothing.
//! **Gives** [`Tally`], [`Stats`].
//! **Never** counts a request twice: a judgement counts when it is made, an approval when it is given.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::HashMap;

use chrono::DateTime;
use serde::Serialize;

use super::dictionary::NONE;

/// What the log amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Records that were counted.
    pub records: u64,
    /// Decisions of each day that had any, in order.
    pub days: Vec<Day>,
    /// The commands that were asked for most.
    pub commands: Vec<Command>,
    /// Different commands in all.
    pub different_commands: u64,
    /// Requests for which a human was asked.
    pub questions: u64,
    /// Runs that began by a human's yes.
    pub approved: u64,
    /// Requests that a human said no to.
    pub denied: u64,
    /// Requests that nobody answered in time.
    pub expired: u64,
    /// Requests that policy refused.
    pub forbidden: u64,
    /// How long requests waited for a human's answer.
    pub waits: Waits,
    /// Questions that humans always said yes to, those asked most first.
    pub needless: Vec<Needless>,
    /// Runs that ended, by their status.
    pub runs: BTreeMap<String, u64>,
}

/// The decisions of one day, in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Which one, as `2026-11-28`.
    pub day: String,
    /// Allowed by a rule.
    pub auto_allowed: u64,
    /// A human had to decide.
    pub approval_required: u64,
    /// Refused.
    pub forbidden: u64,
}

/// A command, and how often it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// As it was asked for.
    pub command: String,
    /// How often.
    pub times: u64,
    /// How often a human had to decide.
    pub questions: u64,
}

/// How long requests waited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// How many.
    pub count: u64,
    /// Half of them waited at most so long, in milliseconds.
    pub median_ms: u64,
    /// Nine of ten waited at most so long.
    pub p90_ms: u64,
    /// The longest.
    pub longest_ms: u64,
    /// How many waited at most so many milliseconds, and longer than the one before.
    pub up_to_ms: Vec<(u64, u64)>,
}

/// A question that was always answered with yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needless {
    /// The target.
    pub target: String,
    /// The command.
    pub command: String,
    /// How often it was asked.
    pub questions: u64,
    /// How often it was approved.
    pub approved: u64,
    /// How often nobody answered.
    pub expired: u64,
}

/// What is counted of one record; texts are numbers of a dictionary.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) time: i64,
    pub(super) event: u32,
    pub(super) status: u32,
    pub(super) risk: u32,
    pub(super) target: u32,
    pub(super) command: u32,
    pub(super) approver: u32,
    pub(super) request: u64,
    /// Milliseconds and one more.
    pub(super) waited: u64,
}

/// Counts records.
#[derive(Debug)]
pub struct Tally {
    known: Vocabulary,
    records: u64,
    days: BTreeMap<i64, [u64; 3]>,
    commands: HashMap<u32, [u64; 2]>,
    asked: HashMap<(u32, u32), Asked>,
    /// When it was asked for requests without an answer so far.
    waiting: HashMap<u64, i64>,
    waits: Vec<u64>,
    runs: HashMap<u32, u64>,
    sums: Asked,
    forbidden: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    questions: u64,
    approved: u64,
    denied: u64,
    expired: u64,
}

/// The numbers of the words that mean something here.
#[derive(Debug)]
struct Vocabulary {
    events: [u32; 5],
    risks: [u32; 3],
    requested: u32,
    denied: u32,
    expired: u32,
    cancelled: u32,
}

const DECISION: usize = 0;
const REQUEST: usize = 1;
const APPROVAL: usize = 2;
const INTENT: usize = 3;
const OUTCOME: usize = 4;

impl Tally {
    /// Begins to count, with a dictionary that knows the words.
    pub(super) fn new<E>(mut number: impl FnMut(&str) -> Result<u32, E>) -> Result<Self, E> {
        let mut events = [NONE; 5];
        let words = ["decision", "request", "approval", "intent", "outcome"];
        for (place, word) in events.iter_mut().zip(words) {
            *place = number(word)?;
        }
        let mut risks = [NONE; 3];
        let words = ["auto_allowed", "approval_required", "forbidden"];
        for (place, word) in risks.iter_mut().zip(words) {
            *place = number(word)?;
        }
        Ok(Self {
            known: Vocabulary {
                events,
                risks,
                requested: number("approval_requested")?,
                denied: number("denied")?,
                expired: number("expired")?,
                cancelled: number("cancelled")?,
            },
            records: 0,
            days: BTreeMap::new(),
            commands: HashMap::new(),
            asked: HashMap::new(),
            waiting: HashMap::new(),
            waits: Vec::new(),
            runs: HashMap::new(),
            sums: Asked::default(),
            forbidden: 0,
        })
    }

    /// Counts one record.
    pub(super) fn take(&mut self, facts: &Facts) {
        self.records += 1;
        let known = &self.known;
        let event = known.events.iter().position(|event| *event == facts.event);
        let by_human = facts.approver != NONE;
        let ended = [known.denied, known.expired, known.cancelled].contains(&facts.status);
        match event {
            Some(OUTCOME) => *self.runs.entry(facts.status).or_default() += 1,
            Some(INTENT) if by_human => self.answered(facts, |asked| asked.approved += 1),
            Some(DECISION | APPROVAL) if facts.status == known.denied => {
                self.answered(facts, |asked| asked.denied += 1);
            }
            // With a human's name it is an answer that came too late to a request decided before, and
            // where nothing was judged it is a reply that found nothing waiting.
            Some(DECISION)
                if facts.status == known.expired && !by_human && facts.risk == known.risks[1] =>
            {
                self.waiting.remove(&facts.request);
                self.count(facts, |asked| asked.expired += 1);
            }
            Some(DECISION | INTENT | REQUEST) if !by_human && !ended => self.judged(facts),
            _ => {}
        }
    }

    fn judged(&mut self, facts: &Facts) {
        let Some(risk) = self.known.risks.iter().position(|risk| *risk == facts.risk) else {
            return;
        };
        let is_question = facts.status == self.known.requested;
        if is_question && facts.request != 0 && self.waiting.contains_key(&facts.request) {
            return;
        }
        let day = self.days.entry(facts.time.div_euclid(DAY_MS)).or_default();
        if let Some(count) = day.get_mut(risk) {
            *count += 1;
        }
        self.forbidden += u64::from(risk == 2);
        if is_question {
            self.waiting.insert(facts.request, facts.time);
            self.count(facts, |asked| asked.questions += 1);
        }
        if facts.command != NONE {
            let [times, questions] = self.commands.entry(facts.command).or_default();
            *times += 1;
            *questions += u64::from(is_question);
        }
    }

    fn answered(&mut self, facts: &Facts, add: impl Fn(&mut Asked)) {
        let asked = self.waiting.remove(&facts.request);
        let since = asked.map(|asked| facts.time.saturating_sub(asked).max(0).cast_unsigned());
        // Older records do not say how long it waited, but when it was asked.
        self.waits.extend(facts.waited.checked_sub(1).or(since));
        self.count(facts, add);
    }

    fn count(&mut self, facts: &Facts, add: impl Fn(&mut Asked)) {
        add(&mut self.sums);
        add(self.asked.entry((facts.target, facts.command)).or_default());
    }

    /// What it amounts to. `text` gives the text of a number, and `most` is how many commands are
    /// named.
    pub(super) fn stats<E>(
        mut self,
        most: usize,
        mut text: impl FnMut(u32) -> Result<String, E>,
    ) -> Result<Stats, E> {
        let counted = self.commands.iter();
        let mut commands: Vec<_> = counted.map(|(number, counts)| (*number, *counts)).collect();
        let different_commands = commands.len() as u64;
        commands.sort_by_key(|(number, [times, _])| (Reverse(*times), *number));
        let mut named = Vec::new();
        for (number, [times, questions]) in commands.into_iter().take(most) {
            named.push(Command {
                command: text(number)?,
                times,
                questions,
            });
        }
        let always = |asked: &Asked| asked.approved >= LEAST_APPROVED && asked.denied == 0;
        let mut needless: Vec<_> = self
            .asked
            .iter()
            .filter(|(_, asked)| always(asked))
            .collect();
        needless.sort_by_key(|(key, asked)| (Reverse(asked.approved), **key));
        let mut candidates = Vec::new();
        for ((target, command), asked) in needless.into_iter().take(most) {
            candidates.push(Needless {
                target: text(*target)?,
                command: text(*command)?,
                questions: asked.questions,
                approved: asked.approved,
                expired: asked.expired,
            });
        }
        let mut runs = BTreeMap::new();
        for (status, count) in &self.runs {
            runs.insert(text(*status)?, *count);
        }
        self.waits.sort_unstable();
        Ok(Stats {
            records: self.records,
            days: self.days.iter().map(day).collect(),
            commands: named,
            different_commands,
            questions: self.sums.questions,
            approved: self.sums.approved,
            denied: self.sums.denied,
            expired: self.sums.expired,
            forbidden: self.forbidden,
            waits: waits(&self.waits),
            needless: candidates,
            runs,
        })
    }
}

fn day((day, counts): (&i64, &[u64; 3])) -> Day {
    let [auto_allowed, approval_required, forbidden] = *counts;
    let at = DateTime::from_timestamp_millis(day.saturating_mul(DAY_MS));
    Day {
        day: at.map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string()),
        auto_allowed,
        approval_required,
        forbidden,
    }
}

/// What sorted waits amount to.
fn waits(sorted: &[u64]) -> Waits {
    let at = |percent: usize| {
        // The nearest rank: the smallest value that so many are not above.
        let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(rank).copied().unwrap_or(0)
    };
    let mut up_to_ms = Vec::new();
    let mut before = 0;
    for bound in STEPS_MS {
        let end = sorted.partition_point(|wait| *wait <= bound);
        up_to_ms.push((bound, (end - before) as u64));
        before = end;
    }
    Waits {
        count: sorted.len() as u64,
        median_ms: at(50),
        p90_ms: at(90),
        longest_ms: sorted.last().copied().unwrap_or(0),
        up_to_ms,
    }
}

const DAY_MS: i64 = 86_400_000;

/// How often a command must have been approved before its question is called needless: as often as
/// for a suggested rule.
const LEAST_APPROVED: u64 = 3;

/// The steps of the plot, some three to a power of ten: from a second to a week, and all others.
const STEPS_MS: [u64; 14] = [
    1_000,
    3_000,
    10_000,
    30_000,
    60_000,
    180_000,
    600_000,
    1_800_000,
    3_600_000,
    10_800_000,
    43_200_000,
    86_400_000,
    604_800_000,
    u64::MAX,
];
