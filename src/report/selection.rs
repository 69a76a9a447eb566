//! Which records a report is about.
//!
//! **Reads** nothing.
//! **Gives** [`Selection`].
//! **Never** takes a name that only resembles the one that was asked for.

use schemars::JsonSchema;
use serde::Serialize;

use super::noted::Link;
use super::span;

/// What was asked for; all that is given has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Selection {
    /// The incident's id, exactly.
    pub incident: Option<String>,
    /// From this moment on: RFC 3339, UTC, milliseconds.
    pub since: Option<String>,
    /// Up to and with this moment, likewise.
    pub until: Option<String>,
    /// One of these targets; any where there is none.
    pub targets: Vec<String>,
    /// Asked for by one of these, by their own account; by anybody where there is none.
    pub requesters: Vec<String>,
    /// One of these requests; any where there is none.
    pub requests: Vec<String>,
}

impl Selection {
    /// Whether it says anything at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All that was asked for, each with its name.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let one = [
            ("incident", &self.incident),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let one = one
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let all = [
            ("target", &self.targets),
            ("requester", &self.requesters),
            ("request", &self.requests),
        ];
        let all = all
            .into_iter()
            .flat_map(|(name, texts)| texts.iter().map(move |text| (name, text.as_str())));
        one.chain(all)
    }

    /// Whether the record makes its request part of the report.
    pub(super) fn takes(&self, link: &Link<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let one_of = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || wanted.iter().any(|wanted| found == Some(wanted.as_str()))
        };
        is(&self.incident, link.incident.as_deref())
            && one_of(&self.targets, link.target.as_deref())
            && one_of(&self.requesters, link.requester.as_deref())
            && one_of(&self.requests, link.request_id.as_deref())
            && self.holds(&link.timestamp)
    }

    /// Whether a moment lies in the period. All stamps of the log are of one form and in UTC, so
    /// their order is that of their letters.
    pub(super) fn holds(&self, timestamp: &str) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        span::moment(timestamp).is_some()
            && self.since.as_deref().is_none_or(|since| timestamp >= since)
            && self.until.as_deref().is_none_or(|until| timestamp <= until)
    }

    /// A title where nobody gave one.
    pub(super) fn title(&self) -> String {
        if let Some(incident) = &self.incident {
            return incident.clone();
        }
        if !self.requests.is_empty() {
            return format!("Request {}", self.requests.join(", "));
        }
        let what = if self.targets.is_empty() {
            "What happened".to_owned()
        } else {
            format!("What happened on {}", self.targets.join(", "))
        };
        let (since, until) = (self.since.as_deref(), self.until.as_deref());
        let when = match (since.map(minute), until.map(minute)) {
            (Some(since), Some(until)) => format!(" from {since} to {until}"),
            (Some(since), None) => format!(" since {since}"),
            (None, Some(until)) => format!(" until {until}"),
            (None, None) => String::new(),
        };
        format!("{what}{when}")
    }
}

/// A stamp without its seconds: `2026-11-23 09:14 UTC`.
fn minute(stamp: &str) -> String {
    let text: String = stamp.chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}
