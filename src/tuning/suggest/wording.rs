//! How a suggested rule is written down.
//!
//! **Reads** the words of a command, and what became of it.
//! **Gives** pattern, id and the lines of YAML.
//! **Never** lets a word of the log stand in the file unquoted.

use std::collections::BTreeSet;

use super::Suggestion;
use crate::config::Config;
use crate::shell;
use crate::visible;

/// The fragment that stands for a number.
pub(super) const NUMBER: &str = "number";

/// The pattern of exactly these words; with `numbers`, of any number in the place of one.
pub(super) fn pattern(words: &[String], numbers: bool) -> String {
    let one = |word: &String| {
        if numbers && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{{{{{NUMBER}}}}}")
        } else {
            escaped(&shell::quote(word))
        }
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// A rule of this pattern, with nothing counted yet.
pub(super) fn suggestion(pattern: String, sudo: bool) -> Suggestion {
    Suggestion {
        id: String::new(),
        pattern,
        targets: BTreeSet::new(),
        sudo,
        approved: 0,
        approvers: BTreeSet::new(),
        only_relayed: true,
        good: 0,
        bad: 0,
        last: String::new(),
        commands: BTreeSet::new(),
        examples: BTreeSet::new(),
    }
}

/// Gives each rule an id that no other has.
pub(super) fn name(rules: &mut [Suggestion], config: &Config) {
    let mut taken = BTreeSet::new();
    for rule in rules {
        let first = rule.examples.first().map_or("", String::as_str);
        let mut slug = String::from("approved");
        for part in first.split(|c: char| !c.is_ascii_alphanumeric()) {
            if !part.is_empty() && slug.len() + part.len() < LONGEST_ID {
                slug.push('-');
                slug.push_str(&part.to_ascii_lowercase());
            }
        }
        let mut id = slug.clone();
        let mut number = 2;
        while config.policy.has_rule(&id) || !taken.insert(id.clone()) {
            id = format!("{slug}-{number}");
            number += 1;
        }
        rule.id = id;
    }
}

impl Suggestion {
    /// The rule as lines of YAML, from its comment on.
    pub(super) fn lines(&self) -> Vec<String> {
        let list = |texts: &BTreeSet<String>| {
            let quoted: Vec<String> = texts.iter().take(EXAMPLES).map(|t| quoted(t)).collect();
            quoted.join(", ")
        };
        let approvers: Vec<&str> = self.approvers.iter().map(String::as_str).collect();
        let mut lines = vec![
            format!(
                "# Approved {}x by {}, the last time {}; never denied.",
                self.approved,
                visible::line(&approvers.join(", ")),
                visible::line(&self.last)
            ),
            format!(
                "# {} of {} runs ended with 0.",
                self.good,
                self.good + self.bad
            ),
        ];
        if self.only_relayed {
            lines.push(
                "# Every approval was relayed by whoever asked: nothing proves that a human gave it."
                    .to_owned(),
            );
        }
        lines.push(format!("- id: {}", self.id));
        lines.push(format!("  pattern: {}", quoted(&self.pattern)));
        lines.push(format!("  targets: [{}]", list(&self.targets)));
        if self.sudo {
            lines.push("  sudo: allowed".to_owned());
        }
        lines.push(format!("  match: [{}]", list(&self.examples)));
        lines
    }
}

/// A text in single quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Characters of an id that is made from a command.
const LONGEST_ID: usize = 48;

/// Targets or examples that are written out: as many as a list in one line can bear. Targets are
/// never so many that one is left out, since proving would find it.
const EXAMPLES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_pattern_means_its_words_and_nothing_else() {
        assert_eq!(pattern(&words("df -h /srv.x"), false), r"df -h /srv\.x");
        assert_eq!(pattern(&words("a $(b)"), false), r"a '\$\(b\)'");
        assert_eq!(pattern(&words("tail -n 50"), true), "tail -n {{number}}");
        assert_eq!(
            pattern(&words("x {{number}}"), false),
            r"x '\{\{number\}\}'"
        );
    }

    #[test]
    fn what_stands_in_the_file_is_quoted() {
        assert_eq!(quoted("it's: #x"), "'it''s: #x'");
    }
}
