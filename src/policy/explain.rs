//! A verdict with what would have to change for the command to pass.
//!
//! **Reads** a policy, a `Script`, and the `Scope` it is to run in.
//! **Gives** [`Explanation`], [`Change`].
//! **Never** judges: the verdict is the one of [`Policy::verdict`].

use std::fmt;

use super::Decision;
use super::Near;
use super::Policy;
use super::Verdict;
use super::decide;
use super::reason::Reason;
use crate::assurance::Demand;
use crate::shell::Opaque;
use crate::shell::Reached;
use crate::shell::Script;
use crate::target::Scope;
use crate::target::Unknown;

/// A verdict and what it rests on.
#[derive(Debug)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// Each command of [`Verdict::findings`], as rules that allow are compared with it.
    pub texts: Vec<String>,
    /// What would have to change for it to pass; nothing where it passes.
    pub changes: Vec<Change>,
}

/// One thing that keeps a command from running by itself. Displays as advice for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A rule forbids it.
    Forbidden(Saying),
    /// A rule that would have to be asked cannot be read.
    Broken(Saying),
    /// The text cannot be read beforehand.
    Opaque(Opaque),
    /// A text is handed to another shell, and cannot be read there or is not known there.
    HandedOver {
        /// The command in that text, where one is to be named.
        text: Option<String>,
    },
    /// A rule asks a human.
    Asked {
        /// The rule.
        by: Saying,
        /// What it and the machine demand of the approval.
        demand: Demand,
    },
    /// A word of the command spans lines.
    Lines {
        /// The place of the command in [`Verdict::findings`].
        place: usize,
    },
    /// No rule knows the command.
    Unknown {
        /// The place of the command in [`Verdict::findings`].
        place: usize,
        /// What a rule would have to match.
        text: String,
        /// The rules for the same program.
        near: Vec<Near>,
    },
}

/// A rule that has its say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// The id of the rule.
    pub rule: String,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
    /// The reason its author gave, or what is wrong with it.
    pub why: Option<String>,
}

impl Policy {
    /// Judges a script for a machine, and says what would have to change for it to pass.
    pub fn explain(&self, script: &Script, scope: &Scope) -> Explanation {
        let verdict = self.verdict(script, scope);
        let texts = script.commands().iter().map(|c| c.canonical()).collect();
        let changes = match verdict.decision() {
            Decision::Allow => Vec::new(),
            _ => self.changes(script, scope, &verdict),
        };
        Explanation {
            verdict,
            texts,
            changes,
        }
    }

    fn changes(&self, script: &Script, scope: &Scope, verdict: &Verdict) -> Vec<Change> {
        let reasons: Vec<Reason> = verdict
            .findings()
            .iter()
            .map(|finding| finding.reason().clone())
            .collect();
        let mut said = Vec::new();
        for reason in reasons.iter().chain([verdict.reason()]) {
            let change = of_rule(reason);
            if change.is_some() && !said.contains(&change) {
                said.push(change);
            }
        }
        let (strict, asked): (Vec<Change>, Vec<Change>) = said
            .into_iter()
            .flatten()
            .partition(|change| !matches!(change, Change::Asked { .. }));
        // What is forbidden stays so, whatever else is changed.
        if !strict.is_empty() {
            return strict;
        }
        let mut changes = Vec::new();
        if let Some(opaque) = script.opaque() {
            changes.push(Change::Opaque(opaque.clone()));
        } else if !script.inner_texts_are_plain() {
            changes.push(Change::HandedOver { text: None });
        }
        changes.extend(asked);
        if decide::may_be_allowed(script) {
            changes.extend(self.unknown(script, scope, &reasons));
        }
        changes
    }

    fn unknown(&self, script: &Script, scope: &Scope, reasons: &[Reason]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (place, (command, reason)) in script.commands().iter().zip(reasons).enumerate() {
            if !matches!(reason, Reason::Unknown) {
                continue;
            }
            let text = command.canonical();
            match command.reached() {
                Reached::Outer if decide::asked_about_behind_prefix(script, reasons, place) => {}
                Reached::Outer if !command.is_literal() => changes.push(Change::Lines { place }),
                Reached::Outer => changes.push(Change::Unknown {
                    place,
                    text,
                    near: self.near(command, scope, MOST_NEAR),
                }),
                Reached::Text if scope.unknown == Unknown::Reject => {
                    changes.push(Change::HandedOver { text: Some(text) });
                }
                Reached::Text | Reached::Program => {}
            }
        }
        changes
    }
}

fn of_rule(reason: &Reason) -> Option<Change> {
    let saying = |id: &str, line: Option<u64>, why: Option<&str>| Saying {
        rule: id.to_owned(),
        line,
        why: why.map(|why| why.trim().trim_end_matches('.').to_owned()),
    };
    match reason {
        Reason::Rule {
            id,
            decision,
            why,
            line,
            demand,
            ..
        } => {
            let by = saying(id, *line, why.as_deref());
            match decision {
                Decision::Allow => None,
                Decision::RequireApproval => Some(Change::Asked {
                    by,
                    demand: demand.clone(),
                }),
                Decision::Forbid => Some(Change::Forbidden(by)),
            }
        }
        Reason::Broken { id, line, problem } => {
            Some(Change::Broken(saying(id, *line, Some(problem))))
        }
        Reason::Unknown | Reason::Default(_) | Reason::Opaque(_) | Reason::Audited => None,
    }
}

impl Change {
    /// The word for its kind.
    pub fn word(&self) -> &'static str {
        match self {
            Change::Forbidden(_) => "forbidden",
            Change::Broken(_) => "broken",
            Change::Opaque(_) => "opaque",
            Change::HandedOver { .. } => "handed_over",
            Change::Asked { .. } => "asked",
            Change::Lines { .. } => "lines",
            Change::Unknown { .. } => "unknown",
        }
    }

    /// The rule it is about.
    pub fn saying(&self) -> Option<&Saying> {
        match self {
            Change::Forbidden(by) | Change::Broken(by) | Change::Asked { by, .. } => Some(by),
            _ => None,
        }
    }

    /// The rules for the same program.
    pub fn near(&self) -> &[Near] {
        match self {
            Change::Unknown { near, .. } => near,
            _ => &[],
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Forbidden(by) => write!(
                f,
                "{by} forbids it. Nothing lifts that, neither an approval nor another rule; ask \
                 for something else."
            ),
            Change::Broken(by) => write!(f, "{by} cannot be read. Correct its pattern first."),
            Change::Opaque(opaque) => {
                write!(
                    f,
                    "It cannot be read, because {opaque}. {}",
                    instead(opaque)
                )
            }
            Change::HandedOver { text: None } => f.write_str(
                "A text in it is handed to another shell and cannot be read there. Ask for the \
                 commands themselves, in literal words.",
            ),
            Change::HandedOver { text: Some(text) } => write!(
                f,
                "`{text}` is in a text that is handed to another shell, where no rule can allow \
                 it. Ask for it directly."
            ),
            Change::Asked { by, demand } => write!(
                f,
                "{by} asks a human; it passes with {demand}. To pass without, the rule has to be \
                 made narrower, and another one has to allow it."
            ),
            Change::Lines { place } => write!(
                f,
                "A word of command {} spans lines, and no rule allows that. Write it in one line.",
                place + 1
            ),
            Change::Unknown { text, .. } => write!(
                f,
                "No rule knows `{text}`. A rule in `auto_allowed` has to match all of this text."
            ),
        }
    }
}

impl fmt::Display for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule `{}`", self.rule)?;
        match (self.line, &self.why) {
            (Some(line), Some(why)) => write!(f, " (line {line}: {why})"),
            (Some(line), None) => write!(f, " (line {line})"),
            (None, Some(why)) => write!(f, " ({why})"),
            (None, None) => Ok(()),
        }
    }
}

/// What to write instead of what cannot be read.
fn instead(opaque: &Opaque) -> &'static str {
    match opaque {
        Opaque::Empty => "Ask for a command.",
        Opaque::TooLong { .. } => "Ask for less at a time.",
        Opaque::Control(_) => "Leave that character out.",
        Opaque::Character(_) => {
            "Write letters, digits and the signs of a plain keyboard; look whether it was pasted."
        }
        Opaque::ForeignCommand(_) => "Write the command's name in ASCII.",
        Opaque::LeadingDash => "Begin with the name of a command.",
        Opaque::Construct(what) => instead_of_construct(what),
        Opaque::Redirection => {
            "Leave the redirection out: the output is in the answer. `2>&1` and `/dev/null` may stay."
        }
        Opaque::Reserved(_) => {
            "Ask for each command by itself, joined by `|`, `&&`, `||` or `;`; quote the word if \
             it is an argument."
        }
        Opaque::Builtin(_) => "Name files by their whole path, and ask for the command alone.",
        Opaque::Depth => "Ask for the innermost command with fewer wrappers.",
    }
}

fn instead_of_construct(what: &str) -> &'static str {
    let known = CONSTRUCTS
        .iter()
        .find(|(beginning, _)| what.starts_with(beginning));
    known.map_or(
        "Write literal words, in '...' where a sign is to be taken as it stands.",
        |(_, advice)| advice,
    )
}

/// What to write instead of each construct, by the beginning of its name.
const CONSTRUCTS: [(&str, &str); 11] = [
    ("an expansion", VALUE),
    ("a command substitution", VALUE),
    ("an assignment", "Write the value itself where it is used."),
    ("a file name pattern", FILES),
    ("braces", FILES),
    ("a home directory", FILES),
    (
        "a command in the background",
        "Leave the `&` out and wait for the command.",
    ),
    (
        "a comment",
        "Leave the comment out; the reason of a request is the place for it.",
    ),
    ("a quote that is never closed", "Close the quote."),
    ("a continued line", "Write it in one line."),
    (
        "a command word",
        "Begin each command with the name or the whole path of a program.",
    ),
];

const VALUE: &str = "Ask for the inner command first, then write the value itself; in '...' a `$` \
                     is only a sign.";

const FILES: &str = "Name each file by its whole path; in '...' the program gets the sign itself.";

/// More rules for the same program than this are not named.
const MOST_NEAR: usize = 5;

#[cfg(test)]
mod tests;
