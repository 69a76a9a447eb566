//! Reads a log twice: for what belongs to the report, and for whether it is proven.
//!
//! **Reads** a [`Source`].
//! **Gives** [`gather`].
//! **Never** holds more of the log than the records that it is about.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;

use chrono::DateTime;
use chrono::Utc;

use super::Source;
use super::action;
use super::chain::Chain;
use super::checkpoint::Signed;
use super::fact::Action;
use super::fact::Cite;
use super::fact::Evidence;
use super::fact::Figures;
use super::fact::Happening;
use super::fact::LogFacts;
use super::fact::Period;
use super::fact::Policy;
use super::fact::Report;
use super::fact::SCHEMA;
use super::fact::Unverified;
use super::figure;
use super::happening;
use super::moment::Moment;
use super::narrative::Narrative;
use super::noted::Link;
use super::noted::Noted;
use super::selection::Selection;
use super::span;
use super::step;
use crate::audit::stamp;

/// What a report needs beside the log.
#[derive(Debug, Clone)]
pub struct Given {
    /// Which records it is about.
    pub selection: Selection,
    /// Its title, where somebody chose one.
    pub title: Option<String>,
    /// When it is made.
    pub now: DateTime<Utc>,
    /// What was signed of the log.
    pub signed: Signed,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("cannot read the log: {0}")]
    Io(#[from] io::Error),
    /// No record is what was asked for.
    #[error(
        "no record of the log is what you ask for, so there is nothing to report; `aiops audit tail` shows the last records"
    )]
    Nothing,
    /// More than people can read.
    #[error(
        "more than {MOST_RECORDS} records are what you ask for; narrow it with `--since`, `--until`, `--target` or `--incident`"
    )]
    TooMany,
}

/// One record that is kept.
pub(super) struct Kept {
    pub(super) noted: Noted,
    pub(super) cite: Cite,
    pub(super) segment: u64,
    place: u64,
}

/// What the first reading finds.
#[derive(Default)]
struct Wanted {
    lines: u64,
    requests: BTreeSet<String>,
    targets: BTreeSet<String>,
    first: Option<String>,
    last: Option<String>,
}

/// What the second reading finds.
#[derive(Default)]
struct Found {
    chain: Chain,
    segments: BTreeSet<u64>,
    requests: Vec<Kept>,
    happenings: Vec<Kept>,
    others: BTreeSet<String>,
}

/// Makes a report. `progress` is told now and then how many lines were read, twice over.
///
/// # Errors
///
/// The log cannot be read, or holds nothing of what is asked for, or too much.
pub fn gather(
    source: &dyn Source,
    given: Given,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, Error> {
    let wanted = Wanted::read(source, &given.selection, progress)?;
    let found = Found::read(source, &wanted, &given, progress)?;
    if found.is_nothing(&given.selection) {
        return Err(Error::Nothing);
    }
    Ok(found.report(given))
}

impl Wanted {
    fn read(
        source: &dyn Source,
        selection: &Selection,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for line in source.lines()? {
            let line = line?;
            wanted.lines += 1;
            if wanted.lines.is_multiple_of(PROGRESS_LINES) {
                progress(wanted.lines);
            }
            let Some(link) = Link::of(&line.bytes).filter(|_| !line.torn) else {
                continue;
            };
            if !selection.takes(&link) {
                continue;
            }
            let Some(id) = link.request_id.filter(|_| is_request(&link.event)) else {
                continue;
            };
            wanted.requests.insert(id.into_owned());
            if wanted.requests.len() > MOST_RECORDS {
                return Err(Error::TooMany);
            }
            if let Some(target) = link.target {
                wanted.targets.insert(target.into_owned());
            }
            let at = link.timestamp.into_owned();
            if span::moment(&at).is_none() {
                continue;
            }
            if wanted.first.as_ref().is_none_or(|first| at < *first) {
                wanted.first = Some(at.clone());
            }
            if wanted.last.as_ref().is_none_or(|last| at > *last) {
                wanted.last = Some(at);
            }
        }
        Ok(wanted)
    }

    /// Whether a moment lies between the first and the last record that was asked for.
    fn spans(&self, at: &str) -> bool {
        self.first.as_deref().is_some_and(|first| at >= first)
            && self.last.as_deref().is_some_and(|last| at <= last)
    }

    /// Whether something that is no request belongs to the report: in its time, and on its targets
    /// or everywhere.
    fn takes_happening(&self, link: &Link<'_>, selection: &Selection) -> bool {
        let by_time = selection.since.is_some() || selection.until.is_some();
        let only_time_and_place = selection.incident.is_none()
            && selection.requesters.is_empty()
            && selection.requests.is_empty();
        let in_time = if by_time && only_time_and_place {
            selection.holds(&link.timestamp)
        } else {
            self.spans(&link.timestamp)
        };
        let target = link.target.as_deref();
        let in_place = match target {
            None => true,
            Some(target) if selection.targets.is_empty() && only_time_and_place => {
                // Everything in a period is about every target.
                !target.is_empty()
            }
            Some(target) => {
                self.targets.contains(target)
                    || selection.targets.iter().any(|wanted| wanted == target)
            }
        };
        in_time && in_place
    }
}

impl Found {
    fn read(
        source: &dyn Source,
        wanted: &Wanted,
        given: &Given,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, Error> {
        let selection = &given.selection;
        let mut found = Self {
            chain: Chain::new(given.signed.clone()),
            ..Self::default()
        };
        let mut lines = 0;
        for line in source.lines()? {
            let line = line?;
            // What was written since the first reading is not part of it: its other half might be
            // missing.
            if lines == wanted.lines {
                break;
            }
            lines += 1;
            if lines.is_multiple_of(PROGRESS_LINES) {
                progress(wanted.lines + lines);
            }
            found.segments.insert(line.segment);
            let link = Link::of(&line.bytes);
            let taken = found.chain.take(&line.bytes, line.torn, link.as_ref());
            let (Some(link), Some((place, cite))) = (link, taken) else {
                continue;
            };
            let request = link
                .request_id
                .as_deref()
                .filter(|_| is_request(&link.event));
            let into = match request {
                Some(id) if wanted.requests.contains(id) => &mut found.requests,
                Some(id) => {
                    let same = link
                        .target
                        .as_deref()
                        .is_some_and(|target| wanted.targets.contains(target));
                    let few = found.others.len() < MOST_OTHERS;
                    if same && few && wanted.spans(&link.timestamp) {
                        found.others.insert(id.to_owned());
                    }
                    continue;
                }
                None if wanted.takes_happening(&link, selection) => &mut found.happenings,
                None if link.event == "grant" => &mut found.happenings,
                None => continue,
            };
            // What is a link and cannot be read further is kept with what can be cited of it.
            let noted = serde_json::from_slice(&line.bytes).unwrap_or_else(|_| Noted::bare(&link));
            into.push(Kept {
                noted,
                cite,
                segment: line.segment,
                place,
            });
            if found.requests.len() + found.happenings.len() > MOST_RECORDS {
                return Err(Error::TooMany);
            }
        }
        found.chain.end();
        found.forget_other_grants(wanted, selection);
        Ok(found)
    }

    /// Whether nothing of what was asked for was found. What the log says of itself is told beside a
    /// target that was named, and is nothing without it.
    fn is_nothing(&self, selection: &Selection) -> bool {
        let counts = |kept: &Kept| {
            selection.targets.is_empty()
                || kept.noted.target.is_some()
                || kept.noted.event == "freeze"
        };
        self.requests.is_empty() && !self.happenings.iter().any(counts)
    }

    /// Grants are kept wherever they were given, since a use of one may come much later; those that
    /// were not used here and lie outside of the time go.
    fn forget_other_grants(&mut self, wanted: &Wanted, selection: &Selection) {
        let used: BTreeSet<String> = self
            .requests
            .iter()
            .filter_map(|kept| kept.noted.grant.as_ref())
            .map(|grant| grant.id.clone())
            .collect();
        self.happenings.retain(|kept| {
            kept.noted.event != "grant"
                || kept
                    .noted
                    .grant
                    .as_ref()
                    .is_some_and(|grant| used.contains(&grant.id))
                || wanted.takes_happening(&kept.noted.link(), selection)
        });
    }

    fn report(self, given: Given) -> Report {
        let Self {
            chain,
            segments,
            requests,
            happenings,
            others,
        } = self;
        let proven = |kept: &Kept| chain.proves(kept.place);
        let mut evidence = Vec::new();
        let mut unverified = Vec::new();
        for kept in requests.iter().chain(&happenings) {
            if proven(kept) {
                evidence.push(kept.evidence());
            } else {
                unverified.push(Unverified {
                    cite: kept.cite.clone(),
                    segment: kept.segment,
                });
            }
        }
        evidence.sort_by_key(|evidence| evidence.cite.seq);
        unverified.sort_by_key(|unverified| unverified.cite.seq);
        let mut timeline: Vec<(u64, Moment)> = Vec::new();
        let mut groups: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        let mut loose: BTreeMap<String, u64> = BTreeMap::new();
        for kept in requests {
            let id = kept.noted.request_id.clone().unwrap_or_default();
            if proven(&kept) {
                groups.entry(id).or_default().push(kept);
            } else {
                *loose.entry(id).or_default() += 1;
            }
        }
        let policies = policies(groups.values().flatten());
        let mut actions: Vec<Action> = Vec::new();
        for (id, records) in groups {
            let mut action = action::of(id, &records);
            action.unverified_records = loose.get(&action.request_id).copied().unwrap_or(0);
            for (place, moment) in step::of(&action, &records) {
                timeline.push((place, moment));
            }
            actions.push(action);
        }
        actions.sort_by_key(|action| action.records.first().map_or(0, |cite| cite.seq));
        let mut told: Vec<Happening> = Vec::new();
        for kept in happenings.iter().filter(|kept| proven(kept)) {
            let happening = happening::of(kept);
            timeline.push((kept.place, happening::moment(&happening)));
            told.push(happening);
        }
        // Two steps of one record stay in their order.
        timeline.sort_by_key(|(place, _)| *place);
        let figures = Figures {
            others: others.len() as u64,
            ..figure::of(&actions)
        };
        let period = period(&evidence);
        Report {
            schema: SCHEMA,
            made_at: stamp(given.now),
            made_by: concat!("aiops ", env!("CARGO_PKG_VERSION")).to_owned(),
            title: given.title.unwrap_or_else(|| given.selection.title()),
            selection: given.selection,
            period,
            log: log_facts(chain, segments.len() as u64),
            figures,
            narrative: Narrative::default(),
            targets: figure::targets(&actions),
            askers: figure::askers(&actions),
            approvers: figure::approvers(&actions),
            policies,
            actions,
            happenings: told,
            timeline: timeline.into_iter().map(|(_, moment)| moment).collect(),
            evidence,
            unverified,
        }
    }
}

impl Kept {
    /// A number that grows in the order of the log.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            cite: self.cite.clone(),
            at: self.noted.timestamp.clone(),
            event: self.noted.event.clone(),
            segment: self.segment,
        }
    }
}

fn log_facts(chain: Chain, segments: u64) -> LogFacts {
    LogFacts {
        whole: chain.break_count == 0,
        records: chain.records,
        segments,
        checkpoints: chain.signed.found,
        first: chain.first,
        last: chain.last,
        from_genesis: chain.from_genesis,
        sealed_lines: chain.sealed_lines,
        recovered_lines: chain.recovered_lines,
        torn_bytes: chain.torn_bytes,
        break_count: chain.break_count,
        breaks: chain.breaks,
    }
}

fn period(evidence: &[Evidence]) -> Option<Period> {
    let stamps = || {
        let stamps = evidence.iter().map(|evidence| &evidence.at);
        stamps.filter(|at| span::moment(at).is_some())
    };
    let (from, to) = (stamps().min()?.clone(), stamps().max()?.clone());
    let ms = span::between(&from, &to);
    Some(Period { from, to, ms })
}

fn policies<'a>(records: impl Iterator<Item = &'a Kept>) -> Vec<Policy> {
    let mut by_hash: BTreeMap<&str, (&Kept, &Kept)> = BTreeMap::new();
    for kept in records {
        let Some(policy) = kept.noted.policy.as_deref() else {
            continue;
        };
        let (first, last) = by_hash.entry(policy).or_insert((kept, kept));
        if kept.place < first.place {
            *first = kept;
        }
        if kept.place > last.place {
            *last = kept;
        }
    }
    let mut policies: Vec<Policy> = by_hash
        .into_iter()
        .map(|(sha256, (first, last))| Policy {
            sha256: sha256.to_owned(),
            first: first.cite.clone(),
            last: last.cite.clone(),
        })
        .collect();
    policies.sort_by_key(|policy| policy.first.seq);
    policies
}

/// Whether an event is a step of one request. Anything that this version does not know is told by
/// itself.
fn is_request(event: &str) -> bool {
    matches!(
        event,
        "decision" | "intent" | "outcome" | "request" | "approval"
    )
}

/// Records of one report.
const MOST_RECORDS: usize = 20_000;

/// Other requests that are counted.
const MOST_OTHERS: usize = 100_000;

/// After so many lines it is told how far the reading has come.
const PROGRESS_LINES: u64 = 20_000;
