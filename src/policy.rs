//! The rules and the judgement: the strictest thing that can be said of a script is said.
//!
//! **Reads** rules, and a `Script`.
//! **Gives** a `Verdict`: the decision, the rule that decided, and every command that was found.
//! **Never** allows what is opaque, or what an unreadable rule might have forbidden.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::shell;
use crate::shell::Reached;
use crate::shell::Script;
use crate::shell::SimpleCommand;

mod examine;
mod judged;
mod needs;
mod prefix;
mod rule;
mod verdict;

pub use examine::Fault;
pub use judged::Allowed;
pub use judged::Case;
pub use judged::Forbidden;
pub use judged::Judged;
pub use judged::NeedsApproval;
pub use verdict::Finding;
pub use verdict::Verdict;

use rule::Broken;
use rule::Rule;
use verdict::Reason;

/// What may happen to a script, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It runs without asking.
    Allow,
    /// A human decides.
    RequireApproval,
    /// It does not run, whoever approves.
    Forbid,
}

impl Decision {
    /// The word for it in answers, in the log and in `config.yml`.
    pub fn risk(self) -> &'static str {
        match self {
            Decision::Allow => "auto_allowed",
            Decision::RequireApproval => "approval_required",
            Decision::Forbid => "forbidden",
        }
    }
}

/// A rule as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name of the rule; without one it is named by its list and its place there.
    pub id: Option<String>,
    /// What the rule does where it matches.
    pub effect: Decision,
    /// A regular expression.
    pub pattern: String,
    /// One sentence for the people who are refused or asked.
    pub why: Option<String>,
    /// Commands that the rule must match.
    pub matches: Vec<String>,
    /// Commands that it must not match.
    pub not_matches: Vec<String>,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
}

impl Definition {
    /// An empty rule of this effect.
    pub fn new(effect: Decision) -> Definition {
        Definition {
            id: None,
            effect,
            pattern: String::new(),
            why: None,
            matches: Vec::new(),
            not_matches: Vec::new(),
            line: None,
        }
    }
}

/// What becomes of a command that no rule knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// A human is asked.
    Ask,
    /// It is refused.
    Reject,
}

/// All rules, and what becomes of what they do not name.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// Rules that allow, by the first word that they demand; under `None` those that demand none.
    allowing: HashMap<Option<String>, Vec<usize>>,
    unknown: Unknown,
    limits: shell::Limits,
}

impl Policy {
    /// Takes the rules as they are. No pattern is compiled before a text needs it.
    pub fn new(
        definitions: Vec<Definition>,
        unknown: Unknown,
        limits: shell::Limits,
        regex_bytes: usize,
    ) -> Policy {
        let mut places: HashMap<Decision, usize> = HashMap::new();
        let mut allowing: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        let mut rules = Vec::with_capacity(definitions.len());
        for definition in definitions {
            if definition.effect == Decision::Allow {
                let word = needs::first_word(&definition.pattern).map(str::to_owned);
                allowing.entry(word).or_default().push(rules.len());
            }
            let place = places.entry(definition.effect).or_default();
            *place += 1;
            rules.push(Rule::new(definition, *place, regex_bytes));
        }
        Policy {
            rules,
            allowing,
            unknown,
            limits,
        }
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Compiles every pattern and tries every example; gives all problems at once.
    pub fn examine(&self) -> Vec<Fault> {
        examine::examine(self)
    }

    /// Judges a script. The same script and the same rules give the same verdict.
    pub fn verdict(&self, script: &Script) -> Verdict {
        let reasons: Vec<Reason> = script
            .commands()
            .iter()
            .map(|command| self.reason(script, command))
            .collect();
        let whole = self.reason_of_whole(script, &reasons);
        Verdict::new(script, reasons, whole)
    }

    /// Whether one rule has its say on a script, whatever the others say.
    fn rule_covers(&self, rule: &Rule, script: &Script) -> bool {
        let hit = |text: &str| rule.matches(text).unwrap_or(false);
        if rule.definition.effect == Decision::Allow {
            let mut outer = script
                .commands()
                .iter()
                .filter(|c| c.reached() == Reached::Outer)
                .peekable();
            return may_be_allowed(script)
                && outer.peek().is_some()
                && outer.all(|command| command.is_literal() && hit(&command.canonical()));
        }
        let commands = script.commands();
        commands
            .iter()
            .any(|command| hit(&command.canonical()) || hit(&command.bare()))
            || wide_texts(script).iter().any(|text| hit(text))
    }

    /// What is to be said of one simple command by itself.
    fn reason(&self, script: &Script, command: &SimpleCommand) -> Reason {
        let canonical = command.canonical();
        let bare = command.bare();
        if let Some(reason) = self.strict(&[&canonical, &bare]) {
            return reason;
        }
        let outer = command.reached() == Reached::Outer;
        if !(may_be_allowed(script) && outer && command.is_literal()) {
            return Reason::Unknown;
        }
        if let Some(reason) = self.allowed(&command.argv(), &canonical) {
            return reason;
        }
        // `timeout 5 df` does what `df` does, so a rule for `df` is enough.
        let words: Vec<&str> = command.argv().into_iter().flatten().collect();
        let behind = words
            .get(prefix::count(&words)..)
            .filter(|behind| behind.len() < words.len());
        let Some(behind) = behind else {
            return Reason::Unknown;
        };
        let argv: Vec<Option<&str>> = behind.iter().copied().map(Some).collect();
        let quoted: Vec<Cow<'_, str>> = behind.iter().map(|word| shell::quote(word)).collect();
        self.allowed(&argv, &quoted.join(" "))
            .unwrap_or(Reason::Unknown)
    }

    /// The first rule that allows a command, or one that could not be compiled while it was asked.
    fn allowed(&self, argv: &[Option<&str>], canonical: &str) -> Option<Reason> {
        let word = argv.first().copied().flatten().map(str::to_owned);
        let mut candidates: Vec<usize> = [word, None]
            .iter()
            .filter_map(|word| self.allowing.get(word))
            .flatten()
            .copied()
            .collect();
        candidates.sort_unstable();
        for place in candidates {
            let Some(rule) = self.rules.get(place) else {
                continue;
            };
            match rule.matches(canonical) {
                Ok(true) => return Some(Reason::rule(rule)),
                Ok(false) => {}
                Err(broken) => return Some(Reason::broken(rule, broken)),
            }
        }
        None
    }

    /// The strictest of the rules that ask or forbid, on any of these texts.
    fn strict(&self, texts: &[&str]) -> Option<Reason> {
        let mut asks = None;
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.definition.effect != Decision::Allow)
        {
            for text in texts {
                match rule.matches(text) {
                    Ok(false) => continue,
                    Err(broken) => return Some(Reason::broken(rule, broken)),
                    Ok(true) if rule.definition.effect == Decision::Forbid => {
                        return Some(Reason::rule(rule));
                    }
                    Ok(true) => {
                        asks = asks.or_else(|| Some(Reason::rule(rule)));
                    }
                }
                break;
            }
        }
        asks
    }

    /// What is to be said of the script as a whole, given what was said of its commands.
    fn reason_of_whole(&self, script: &Script, reasons: &[Reason]) -> Reason {
        let wide = wide_texts(script);
        let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
        let strict = self.strict(&wide);
        let strictest = reasons.iter().chain(strict.as_ref()).max_by(|a, b| {
            // Of equals the first one decides, so a later one must be strictly more.
            a.weight()
                .cmp(&b.weight())
                .then(std::cmp::Ordering::Greater)
        });
        if let Some(reason) = strictest
            && reason.decision() == Some(Decision::Forbid)
        {
            return reason.clone();
        }
        if !may_be_allowed(script) {
            return match (self.unknown, strictest) {
                (Unknown::Reject, _) => Reason::Opaque(Decision::Forbid),
                (Unknown::Ask, Some(reason @ Reason::Rule { .. }))
                    if reason.decision() == Some(Decision::RequireApproval) =>
                {
                    reason.clone()
                }
                (Unknown::Ask, _) => Reason::Opaque(Decision::RequireApproval),
            };
        }
        // What a wrapper runs directly is judged with the wrapper; what it hands to a shell is a
        // script of its own, and each command of it has to be known.
        let unknown =
            script
                .commands()
                .iter()
                .zip(reasons)
                .enumerate()
                .any(|(place, (command, reason))| {
                    matches!(reason, Reason::Unknown)
                        && match command.reached() {
                            Reached::Outer => !asked_about_behind_sudo(script, reasons, place),
                            Reached::Program => false,
                            Reached::Text => self.unknown == Unknown::Reject,
                        }
                });
        match (unknown, self.unknown) {
            (true, Unknown::Reject) => Reason::Default(Decision::Forbid),
            (true, Unknown::Ask) => match strictest {
                Some(reason) if reason.decision() == Some(Decision::RequireApproval) => {
                    reason.clone()
                }
                _ => Reason::Default(Decision::RequireApproval),
            },
            (false, _) => strictest
                .cloned()
                .unwrap_or(Reason::Opaque(Decision::Forbid)),
        }
    }
}

/// Whether a command is `sudo` before one that a rule asks about: the human who is asked sees both,
/// so a rule for `systemctl restart` is one for `sudo systemctl restart` too.
fn asked_about_behind_sudo(script: &Script, reasons: &[Reason], place: usize) -> bool {
    let commands = script.commands();
    let is_sudo = commands.get(place).is_some_and(|command| {
        matches!(command.argv().first(), Some(Some("sudo" | "/usr/bin/sudo")))
    });
    is_sudo
        && commands.iter().zip(reasons).any(|(inner, reason)| {
            inner.wrapped_in() == Some(place)
                && inner.reached() == Reached::Program
                && matches!(reason, Reason::Rule { .. })
                && reason.decision() == Some(Decision::RequireApproval)
        })
}

/// Whether all of a script can be read, in it and in what it hands to another shell.
fn may_be_allowed(script: &Script) -> bool {
    script.opaque().is_none() && script.inner_texts_are_plain()
}

/// The texts that belong to no single command: all of it, and whole pipelines.
fn wide_texts(script: &Script) -> Vec<String> {
    let mut texts = vec![script.text().to_owned()];
    let commands = script.commands();
    for pipeline in script.pipelines() {
        let stages: Vec<&SimpleCommand> = pipeline
            .iter()
            .filter_map(|place| commands.get(*place))
            .collect();
        let innermost = pipeline.iter().filter_map(|place| {
            // The last one found behind a stage is the one that no wrapper hides.
            let mut place = *place;
            while let Some(inner) = commands
                .iter()
                .position(|c| c.wrapped_in() == Some(place) && c.reached() == Reached::Program)
            {
                place = inner;
            }
            commands.get(place)
        });
        let mut join = |stages: Vec<String>| {
            let text = stages.join(" | ");
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        join(stages.iter().map(|stage| stage.canonical()).collect());
        join(stages.iter().map(|stage| stage.bare()).collect());
        join(innermost.map(SimpleCommand::bare).collect());
    }
    texts
}

#[cfg(test)]
mod tests;
