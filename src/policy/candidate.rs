//! What a rule for one recorded command would have to match, and which strict rules it would meet.
//!
//! **Reads** a `Script`, and the rules of a policy.
//! **Gives** [`Candidate`], [`Touch`].
//! **Never** makes a candidate of what a rule that allows could not allow.

use super::Decision;
use super::Policy;
use super::prefix;
use crate::shell;
use crate::shell::Reached;
use crate::shell::Script;

/// The one command of a script, as a rule that allows would have to match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its words, without harmless prefixes and `sudo`.
    pub words: Vec<String>,
    /// Whether `sudo` stands before them.
    pub sudo: bool,
}

/// Why no rule could allow a script, or should be made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCandidate {
    /// It cannot be read beforehand.
    #[error("it cannot be read beforehand, and no rule allows that")]
    Opaque,
    /// There is more than one command in it.
    #[error("it holds several commands, and none of them was approved alone")]
    Several,
    /// It runs a command that it is given.
    #[error("it runs another command that it is given")]
    Wrapper,
}

/// A strict rule that has its say on a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The id of the rule.
    pub rule: String,
    /// What it does.
    pub decision: Decision,
    /// Whether it says that what it asks about cannot be undone.
    pub irreversible: bool,
    /// The line of the configuration it stands in.
    pub line: Option<u64>,
}

impl Candidate {
    /// Finds the one command of a script.
    ///
    /// # Errors
    ///
    /// There is none that a rule should be made from.
    pub fn of(script: &Script) -> Result<Candidate, NoCandidate> {
        if script.opaque().is_some() || !script.inner_texts_are_plain() {
            return Err(NoCandidate::Opaque);
        }
        let commands = script.commands();
        let mut outer = commands
            .iter()
            .filter(|command| command.reached() == Reached::Outer);
        let (Some(only), None) = (outer.next(), outer.next()) else {
            return Err(NoCandidate::Several);
        };
        if !only.is_literal() {
            return Err(NoCandidate::Opaque);
        }
        let words: Vec<&str> = only.argv().into_iter().flatten().collect();
        let wrapped = commands.iter().any(|command| {
            command.reached() != Reached::Outer && !prefix::leads_to(&words, &command.argv())
        });
        if wrapped {
            return Err(NoCandidate::Wrapper);
        }
        let (from, sudo) = prefix::steps(&words)
            .last()
            .map_or((0, false), |step| (step.words, step.sudo));
        let words = words.get(from..).unwrap_or_default();
        Ok(Candidate {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            sudo,
        })
    }

    /// What a rule compares: the words joined by one blank, each quoted where it is not plain.
    pub fn canonical(&self) -> String {
        shell::quote_all(self.words.iter().map(String::as_str))
    }
}

impl Policy {
    /// Every rule that forbids or asks and has its say on a script, wherever it holds and whether
    /// or not it is only recorded.
    pub fn touching(&self, script: &Script) -> Vec<Touch> {
        self.rules
            .iter()
            .filter(|rule| rule.definition.effect != Decision::Allow)
            .filter(|rule| self.rule_covers(rule, script))
            .map(|rule| Touch {
                rule: rule.id.clone(),
                decision: rule.definition.effect,
                irreversible: rule.definition.irreversible,
                line: rule.definition.line,
            })
            .collect()
    }

    /// Whether a fragment of this name is defined.
    pub fn has_fragment(&self, name: &str) -> bool {
        self.shared.fragments.iter().any(|(known, _)| known == name)
    }

    /// Whether a rule has this id.
    pub fn has_rule(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, bool), NoCandidate>) {
        let script = Script::parse(text, &shell::Limits::default());
        let found = Candidate::of(&script).map(|found| (found.canonical(), found.sudo));
        let expected = expected.map(|(text, sudo)| (text.to_owned(), sudo));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_candidate_is_one_command_without_what_changes_nothing_of_it() {
        check("df   -h", Ok(("df -h", false)));
        check("sudo -n df -h", Ok(("df -h", true)));
        check("timeout 5 sudo df", Ok(("df", true)));
        check("grep \"a b\" /x", Ok(("grep 'a b' /x", false)));
        check("df 2>/dev/null", Ok(("df", false)));
    }

    #[test]
    fn nothing_else_is_one() {
        check("df; ls", Err(NoCandidate::Several));
        check("df | wc", Err(NoCandidate::Several));
        check("echo $(df)", Err(NoCandidate::Opaque));
        check("echo x >/tmp/y", Err(NoCandidate::Opaque));
        for text in [
            "bash -c df",
            "xargs df",
            "find / -exec df \\;",
            "sudo -u postgres df",
            "env A=b df",
            "ssh host df",
        ] {
            check(text, Err(NoCandidate::Wrapper));
        }
    }
}
