//! What only people can tell.
//!
//! **Reads** nothing.
//! **Gives** [`Narrative`], with every field empty.
//! **Never** fills one in.

use schemars::JsonSchema;
use serde::Serialize;

/// The part of a report that people write. The fields are those of the postmortem in Google's "Site
/// Reliability Engineering" (appendix D), with PagerDuty's contributing factors and severity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Narrative {
    /// Draft, in review, final.
    pub status: Option<String>,
    /// How bad it was, by the house's own scale.
    pub severity: Option<String>,
    /// Who writes this.
    pub authors: Option<String>,
    /// What happened, in three sentences.
    pub summary: Option<String>,
    /// Who noticed what, for how long.
    pub impact: Option<String>,
    /// What in the systems made it possible.
    pub root_causes: Option<String>,
    /// What set it off.
    pub trigger: Option<String>,
    /// How it was noticed, and after how long.
    pub detection: Option<String>,
    /// What ended it.
    pub resolution: Option<String>,
    /// What made it more likely, longer or worse.
    pub contributing_factors: Option<String>,
    /// What helped.
    pub went_well: Option<String>,
    /// What did not.
    pub went_wrong: Option<String>,
    /// What helped by chance.
    pub were_lucky: Option<String>,
    /// What is to be done about it.
    pub action_items: Vec<Item>,
}

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Item {
    /// What.
    pub what: String,
    /// To prevent, to notice sooner, to mend faster.
    pub kind: String,
    /// Who sees to it.
    pub owner: String,
    /// Until when.
    pub due: String,
}

/// What stands where people are to write.
pub(super) const EMPTY: &str = "to be written";

/// The headings of the longer texts, each with the question that it answers.
pub(super) const TEXTS: [(&str, &str); 6] = [
    ("Summary", "What happened, in three sentences?"),
    ("Impact", "Who noticed what, and for how long?"),
    ("Trigger", "What set it off?"),
    (
        "Detection",
        "How was it noticed, and how long after it began?",
    ),
    ("Root causes", "What in the systems made it possible?"),
    ("Resolution", "What ended it, and how is that known?"),
];

/// The same for what stands behind the facts.
pub(super) const LESSONS: [(&str, &str); 4] = [
    (
        "Contributing factors",
        "What made it more likely, longer or worse?",
    ),
    ("What went well", "What helped, and should stay?"),
    ("What went wrong", "What in the systems stood in the way?"),
    ("Where we were lucky", "What helped only by chance?"),
];

/// The first lines of a report.
pub(super) const HEAD: [&str; 3] = ["Status", "Severity", "Authors"];

/// The heading of the action items, and their columns.
pub(super) const ITEMS: [&str; 4] = ["Action", "Kind (prevent, notice, mend)", "Owner", "Due"];
