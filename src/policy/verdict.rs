//! The verdict: a decision, and what it rests on.
//!
//! **Reads** the reasons that the judgement found.
//! **Gives** the decision, the deciding rule, a sentence for people, a finding for each command.
//! **Never** decides anything itself.

use std::time::Duration;

use super::Decision;
use super::ask::Asked;
use super::reason::Reason;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::shell::Opaque;
use crate::shell::Reached;
use crate::shell::Script;

/// What was decided of one script, and why.
#[derive(Debug, Clone)]
pub struct Verdict {
    decision: Decision,
    reason: Reason,
    opaque: Option<Opaque>,
    unknown: Option<String>,
    findings: Vec<Finding>,
    asked: Asked,
    would_have: Option<WouldHave>,
}

/// What would have been decided if nothing were only recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WouldHave {
    /// The decision.
    pub decision: Decision,
    /// The id of the rule, as in [`Verdict::rule`].
    pub rule: String,
}

/// What is to be said of one simple command.
#[derive(Debug, Clone)]
pub struct Finding {
    argv: Vec<Option<String>>,
    wrapped_in: Option<usize>,
    reached: Reached,
    reason: Reason,
}

impl Verdict {
    pub(super) fn new(
        script: &Script,
        reasons: Vec<Reason>,
        whole: Reason,
        asked: Asked,
    ) -> Verdict {
        let commands = script.commands();
        let unknown = commands
            .iter()
            .zip(&reasons)
            .find(|(command, reason)| {
                matches!(reason, Reason::Unknown) && command.reached() != Reached::Program
            })
            .map(|(command, _)| command.canonical());
        let findings = commands
            .iter()
            .zip(reasons)
            .map(|(command, reason)| Finding {
                argv: command
                    .argv()
                    .into_iter()
                    .map(|word| word.map(str::to_owned))
                    .collect(),
                wrapped_in: command.wrapped_in(),
                reached: command.reached(),
                reason,
            })
            .collect();
        Verdict {
            // A reason without a decision cannot stand for the whole; if it did, it refuses.
            decision: whole.decision().unwrap_or(Decision::Forbid),
            reason: whole,
            opaque: script.opaque().cloned(),
            unknown,
            findings,
            asked,
            would_have: None,
        }
    }

    /// The same verdict beside the one of a policy in which nothing is only recorded.
    pub(super) fn beside(mut self, enforced: &Verdict) -> Verdict {
        let differs = enforced.decision != self.decision;
        self.would_have = enforced.rule().filter(|_| differs).map(|rule| WouldHave {
            decision: enforced.decision,
            rule: rule.to_owned(),
        });
        self
    }

    /// The decision.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The id of the deciding rule, or `unknown_default`, or `opaque`.
    pub fn rule(&self) -> Option<&str> {
        self.reason.id()
    }

    /// The reason that the author of the deciding rule gave.
    pub fn why(&self) -> Option<&str> {
        match &self.reason {
            Reason::Rule { why, .. } => why.as_deref(),
            _ => None,
        }
    }

    /// What is demanded of an approval: by the machine and by every rule that asks and matches,
    /// whichever of them decides.
    pub fn demand(&self) -> &Demand {
        &self.asked.demand
    }

    /// The assurance that an approval needs.
    pub fn needs(&self) -> Assurance {
        self.asked.demand.level
    }

    /// How long the question waits for an answer, where a rule that asks says so: the shortest of
    /// their times.
    pub fn ttl(&self) -> Option<Duration> {
        self.asked.ttl
    }

    /// Commands that the rules which ask want to be shown with the question, in their order, none
    /// twice, at most four. None where nobody is asked. They are not judged here, and not known to
    /// be harmless: each has to be judged as a command of its own before it runs.
    pub fn previews(&self) -> &[String] {
        &self.asked.previews
    }

    /// Whether a rule says that it cannot be undone.
    pub fn is_irreversible(&self) -> bool {
        self.asked.irreversible || self.reasons().any(Reason::is_irreversible)
    }

    /// The rule that alone asks about it: it is one command that can be read, and nothing else in it
    /// needs a human.
    pub fn asks_only_by(&self) -> Option<&str> {
        self.asked.only.as_deref()
    }

    /// The time limit of the rules that decided, the longest of them.
    pub fn timeout(&self) -> Option<Duration> {
        self.reasons().filter_map(Reason::timeout).max()
    }

    /// What would have been decided if nothing were only recorded, where it differs.
    pub fn would_have(&self) -> Option<&WouldHave> {
        self.would_have.as_ref()
    }

    fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.findings
            .iter()
            .map(|finding| &finding.reason)
            .chain([&self.reason])
    }

    pub(super) fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Why the text cannot be read beforehand, where it cannot.
    pub fn opaque(&self) -> Option<&Opaque> {
        self.opaque.as_ref()
    }

    /// The line of the configuration that the deciding rule stands in.
    pub fn line(&self) -> Option<u64> {
        match &self.reason {
            Reason::Rule { line, .. } | Reason::Broken { line, .. } => *line,
            _ => None,
        }
    }

    /// Every simple command that would run; none for a word that cannot be known beforehand.
    pub fn commands(&self) -> impl Iterator<Item = Vec<Option<String>>> + '_ {
        self.findings
            .iter()
            .map(|finding| finding.argv.clone())
            .filter(|argv| !argv.is_empty())
    }

    /// What was found, command by command.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// One sentence or two for a person: what was decided, by which rule, and what would help.
    pub fn message(&self) -> String {
        let message = self.message_of_reason();
        match &self.would_have {
            Some(would) => format!(
                "{message} (Only recorded: `{}` would have made it {}.)",
                would.rule,
                would.decision.risk()
            ),
            None => message,
        }
    }

    fn message_of_reason(&self) -> String {
        match &self.reason {
            Reason::Rule {
                id,
                decision: Decision::Allow,
                ..
            } => match self.outer_count() {
                0 | 1 => format!("Rule `{id}` allows it."),
                count => format!("All {count} commands are allowed, the first by rule `{id}`."),
            },
            Reason::Rule {
                id,
                decision: Decision::RequireApproval,
                why,
                ..
            } => {
                format!(
                    "Rule `{id}` asks for a human's approval{}.",
                    because(why.as_deref())
                )
            }
            Reason::Rule {
                id,
                decision: Decision::Forbid,
                why,
                ..
            } => format!(
                "Rule `{id}` forbids it{}. No approval lifts this; ask for something else instead.",
                because(why.as_deref())
            ),
            Reason::Broken { id, problem, .. } => format!(
                "Rule `{id}` cannot be read ({problem}), so nothing it might forbid may run. \
                 An admin has to correct it; `aiops config check` shows it."
            ),
            Reason::Default(Decision::Forbid) => format!(
                "No rule knows {}, and what no rule knows is rejected here. Ask for a command that \
                 a rule allows, or ask an admin to add a rule.",
                self.unknown_shown()
            ),
            Reason::Default(_) | Reason::Unknown => {
                format!(
                    "No rule knows {}, so a human has to approve it.",
                    self.unknown_shown()
                )
            }
            Reason::Audited => {
                "A human would have to approve it, and on this target that is only recorded."
                    .to_owned()
            }
            Reason::Opaque(decision) => {
                let why = match &self.opaque {
                    Some(opaque) => opaque.to_string(),
                    None => "a shell inside it is given text that is not plain".to_owned(),
                };
                let then = match decision {
                    Decision::Forbid => "and what cannot be read is rejected here",
                    _ => "so a human has to approve it",
                };
                format!(
                    "It cannot be read beforehand, because {why}, {then}. Literal words, quoted \
                     with '...', joined by `|`, `&&`, `||` or `;`, can be judged by the rules."
                )
            }
        }
    }

    /// The same in few words, command by command: `df by disk-free (line 30)`.
    pub fn explanation(&self) -> String {
        let mut parts: Vec<String> = self
            .findings
            .iter()
            .take(MOST_EXPLAINED)
            .map(Finding::explanation)
            .collect();
        if self.findings.len() > MOST_EXPLAINED {
            parts.push(format!("{} more", self.findings.len() - MOST_EXPLAINED));
        }
        if let Some(opaque) = &self.opaque {
            parts.push(format!("not readable: {opaque}"));
        }
        parts.join("; ")
    }

    fn outer_count(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.reached == Reached::Outer)
            .count()
    }

    fn unknown_shown(&self) -> String {
        match &self.unknown {
            Some(text) => format!("`{}`", excerpt(text)),
            None => "it".to_owned(),
        }
    }
}

impl Finding {
    /// The words of the command; none for one that cannot be known beforehand.
    pub fn argv(&self) -> &[Option<String>] {
        &self.argv
    }

    /// The place in [`Verdict::findings`] of the command that would run this one.
    pub fn wrapped_in(&self) -> Option<usize> {
        self.wrapped_in
    }

    /// How the command was found.
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// What a rule decided of this command alone; none where no rule knows it.
    pub fn decision(&self) -> Option<Decision> {
        self.reason.decision()
    }

    /// The rule that decided of this command.
    pub fn rule(&self) -> Option<&str> {
        self.reason.id()
    }

    /// The line of the configuration that this rule stands in.
    pub fn line(&self) -> Option<u64> {
        match &self.reason {
            Reason::Rule { line, .. } | Reason::Broken { line, .. } => *line,
            _ => None,
        }
    }

    /// The reason that the author of this rule gave, or what is wrong with it.
    pub fn why(&self) -> Option<&str> {
        match &self.reason {
            Reason::Rule { why, .. } => why.as_deref(),
            Reason::Broken { problem, .. } => Some(problem),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> &Reason {
        &self.reason
    }

    fn explanation(&self) -> String {
        let program = match self.argv.first() {
            Some(Some(word)) => excerpt(word),
            _ => "(unknown)".to_owned(),
        };
        match (self.rule(), self.line()) {
            (Some(rule), Some(line)) => format!("{program} by {rule} (line {line})"),
            (Some(rule), None) => format!("{program} by {rule}"),
            (None, _) if self.reached == Reached::Program => format!("{program} by its wrapper"),
            (None, _) => format!("{program} by no rule"),
        }
    }
}

fn because(why: Option<&str>) -> String {
    match why {
        Some(why) => format!(": {}", why.trim().trim_end_matches('.')),
        None => String::new(),
    }
}

/// The beginning of a text, on one line and with nothing hidden in it.
fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST_EXCERPT {
            shown.push('…');
            break;
        }
        match character {
            ' ' => shown.push(' '),
            c if c.is_ascii_graphic() || c.is_alphanumeric() => shown.push(c),
            c => shown.push_str(&format!("<U+{:04X}>", u32::from(c))),
        }
    }
    shown
}

const LONGEST_EXCERPT: usize = 80;

/// More commands than this are counted and not named.
const MOST_EXPLAINED: usize = 12;
