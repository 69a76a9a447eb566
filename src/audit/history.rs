//! What was asked so far, read from the log: each command on each target once, and what became of it.
//!
//! **Reads** the lines of a log, one at a time.
//! **Gives** [`History`], [`Asked`].
//! **Never** holds more than one line, and each distinct command once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::io;
use std::io::BufRead;

use serde::Deserialize;

use super::Event;
use super::LONGEST_LINE;
use crate::lines;
use crate::lines::Line;
use crate::redact;

/// Everything that was asked and judged, each command on each target once.
#[derive(Debug, Default)]
pub struct History {
    /// Lines that were read.
    pub lines: u64,
    /// Records of a judgement: one for each request.
    pub judgements: u64,
    /// Lines that are no records of this program.
    pub strange: u64,
    /// Judgements of commands that a secret was taken out of: they cannot be judged again.
    pub redacted: u64,
    /// Judgements that were left out because there are too many different commands.
    pub left_out: u64,
    places: HashMap<String, HashMap<String, usize>>,
    asked: Vec<Asked>,
}

/// One command on one target, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The target.
    pub target: String,
    /// The command as it was asked for.
    pub command: String,
    /// How often it was judged.
    pub times: u64,
    /// When it was last judged.
    pub last: String,
    /// What was decided then.
    pub risk: String,
    /// The rule that decided then.
    pub rule: Option<String>,
    /// The rules that asked for a human's approval, with how often.
    pub asked_by: BTreeMap<String, u64>,
    /// How often a human approved it.
    pub approved: u64,
    /// Who approved, and how far that can be believed: `alice (out_of_band)`.
    pub approvers: BTreeSet<String>,
    /// Whether every approval was only relayed by whoever asked.
    pub only_relayed: bool,
    /// When it was last approved.
    pub last_approved: String,
    /// How often a human said no.
    pub denied: u64,
    /// How often nobody answered in time.
    pub expired: u64,
    /// How often an approved run ended with 0.
    pub good: u64,
    /// How often an approved run ended otherwise.
    pub bad: u64,
}

impl Asked {
    /// How often it was asked and a human had to decide.
    pub fn questions(&self) -> u64 {
        self.asked_by.values().sum()
    }
}

/// What is needed of a record; the rest of the line is passed over.
#[derive(Deserialize)]
struct Noted<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    /// Other programs' lines have no number.
    #[serde(rename = "seq")]
    _seq: u64,
    event: Event,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    risk: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rule: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    approver: Option<Cow<'a, str>>,
    #[serde(default)]
    assurance: Option<crate::assurance::Assurance>,
    #[serde(default)]
    exit_code: Option<i32>,
}

/// What a record tells of a command.
enum Told {
    Judged,
    Approved,
    Denied,
    Expired,
    Ended,
}

impl Noted<'_> {
    fn told(&self) -> Option<Told> {
        let by_human = self.approver.is_some();
        let status = self.status.as_deref().unwrap_or_default();
        match (self.event, status) {
            (Event::Intent, _) if by_human => Some(Told::Approved),
            (Event::Outcome, _) if by_human => Some(Told::Ended),
            (Event::Decision | Event::Approval, "denied") => Some(Told::Denied),
            // With a human's name it is an answer that came too late to a request decided before.
            (Event::Decision | Event::Approval, "expired") => (!by_human).then_some(Told::Expired),
            (Event::Decision | Event::Request | Event::Intent, _) => {
                (!by_human).then_some(Told::Judged)
            }
            _ => None,
        }
    }
}

impl History {
    /// Reads one log. `since` is a moment as the log writes it; what is older does not count.
    /// `progress` is told now and then how many lines were read.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn read(
        &mut self,
        reader: &mut impl BufRead,
        since: Option<&str>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        let mut line = Vec::new();
        while let Some(kind) = lines::read(reader, LONGEST_LINE, &mut line)? {
            self.lines += 1;
            if self.lines.is_multiple_of(PROGRESS_LINES) {
                progress(self.lines);
            }
            let noted = match kind {
                Line::Whole => serde_json::from_slice::<Noted<'_>>(&line).ok(),
                Line::Torn | Line::TooLong => None,
            };
            match noted {
                // All stamps are of one form and in UTC, so their order is that of their letters.
                Some(noted) if since.is_some_and(|since| &*noted.timestamp < since) => {}
                Some(noted) => self.take(&noted),
                None => self.strange += 1,
            }
        }
        Ok(())
    }

    /// Every command that can be judged again.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    fn take(&mut self, noted: &Noted<'_>) {
        let (Some(risk), Some(target), Some(command)) =
            (&noted.risk, &noted.target, &noted.command)
        else {
            return;
        };
        let Some(told) = noted.told() else { return };
        let judged = matches!(told, Told::Judged);
        self.judgements += u64::from(judged);
        if command.contains(redact::MARK) {
            self.redacted += u64::from(judged);
            return;
        }
        let Some(asked) = self.place(target, command) else {
            self.left_out += u64::from(judged);
            return;
        };
        match told {
            Told::Judged => {
                asked.times += 1;
                asked.last = noted.timestamp.clone().into_owned();
                asked.risk = risk.clone().into_owned();
                asked.rule = noted.rule.clone().map(Cow::into_owned);
                if noted.status.as_deref() == Some("approval_requested") {
                    let rule = noted.rule.clone().unwrap_or_default().into_owned();
                    *asked.asked_by.entry(rule).or_default() += 1;
                }
            }
            Told::Approved => {
                let relayed = noted.assurance.is_none_or(|worth| worth == RELAYED);
                asked.only_relayed = relayed && (asked.only_relayed || asked.approved == 0);
                asked.approved += 1;
                asked.last_approved = noted.timestamp.clone().into_owned();
                let worth = if relayed { "relayed" } else { "out_of_band" };
                let who = noted.approver.as_deref().unwrap_or_default();
                asked.approvers.insert(format!("{who} ({worth})"));
            }
            Told::Denied => asked.denied += 1,
            Told::Expired => asked.expired += 1,
            Told::Ended if noted.exit_code == Some(0) => asked.good += 1,
            Told::Ended => asked.bad += 1,
        }
    }

    fn place(&mut self, target: &str, command: &str) -> Option<&mut Asked> {
        let known = self
            .places
            .get(target)
            .and_then(|commands| commands.get(command))
            .copied();
        let place = match known {
            Some(place) => place,
            None if self.asked.len() >= MOST_COMMANDS => return None,
            None => {
                let place = self.asked.len();
                self.asked.push(Asked {
                    target: target.to_owned(),
                    command: command.to_owned(),
                    ..Asked::default()
                });
                self.places
                    .entry(target.to_owned())
                    .or_default()
                    .insert(command.to_owned(), place);
                place
            }
        };
        self.asked.get_mut(place)
    }
}

const RELAYED: crate::assurance::Assurance = crate::assurance::Assurance::Relayed;

/// Different commands that are kept; more of them are counted and left out.
const MOST_COMMANDS: usize = 1_000_000;

/// After so many lines it is told how far the reading has come.
const PROGRESS_LINES: u64 = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[serde_json::Value], since: Option<&str>) -> History {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut history = History::default();
        history
            .read(&mut text.as_bytes(), since, &mut |_| {})
            .unwrap();
        history
    }

    fn record(event: &str, status: &str, command: &str) -> serde_json::Value {
        serde_json::json!({
            "timestamp": "2026-03-02T10:00:00.000Z", "schema": 1, "seq": 1, "prev": "", "event": event,
            "status": status, "risk": "approval_required", "rule": "unknown_default",
            "target": "srv1", "command": command,
        })
    }

    fn by(mut record: serde_json::Value, who: &str, exit: Option<i32>) -> serde_json::Value {
        record["approver"] = who.into();
        record["assurance"] = "out_of_band".into();
        record["exit_code"] = exit.into();
        record
    }

    #[test]
    fn a_request_counts_once_from_question_to_end() {
        let history = read(
            &[
                record("decision", "approval_requested", "df /srv"),
                by(record("intent", "started", "df /srv"), "alice", None),
                by(record("outcome", "executed", "df /srv"), "alice", Some(0)),
            ],
            None,
        );
        let [asked] = history.asked() else { panic!() };
        assert_eq!(
            (asked.times, asked.approved, asked.good, asked.bad),
            (1, 1, 1, 0)
        );
        assert_eq!(asked.questions(), 1);
        assert!(asked.approvers.contains("alice (out_of_band)"));
        assert!(!asked.only_relayed);
    }

    #[test]
    fn a_late_answer_is_no_expiry() {
        let history = read(
            &[
                record("decision", "approval_requested", "df /srv"),
                record("decision", "expired", "df /srv"),
                by(record("decision", "expired", "df /srv"), "alice", None),
                by(record("decision", "denied", "df /srv"), "alice", None),
            ],
            None,
        );
        let [asked] = history.asked() else { panic!() };
        assert_eq!((asked.times, asked.expired, asked.denied), (1, 1, 1));
    }

    #[test]
    fn what_cannot_be_judged_again_is_counted() {
        let history = read(
            &[
                record("decision", "rejected", "login [REDACTED:password]"),
                serde_json::json!({"timestamp": "2020", "command": "of another program"}),
                record("intent", "started", "uptime"),
            ],
            None,
        );
        assert_eq!(
            (history.redacted, history.strange, history.judgements),
            (1, 1, 2)
        );
        assert_eq!(history.asked().len(), 1);
    }

    #[test]
    fn what_is_older_does_not_count() {
        let lines = [record("intent", "started", "uptime")];
        assert_eq!(read(&lines, Some("2026-03-02T10:00:00.001Z")).judgements, 0);
        assert_eq!(read(&lines, Some("2026-03-02T10:00:00.000Z")).judgements, 1);
    }
}
