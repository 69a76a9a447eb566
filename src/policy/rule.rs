//! One rule: compiled when a text first needs it, and kept from then on.
//!
//! **Reads** its definition and the texts it is tried on.
//! **Gives** whether it matches, or that it is broken.
//! **Never** takes a broken pattern for one that does not match.

use std::sync::OnceLock;

use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::Look;

use super::Decision;
use super::Definition;
use super::needs::Needs;

/// One line of policy.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) definition: Definition,
    /// Scanned when first asked: a rule that the index passes over is never even read.
    needs: OnceLock<Needs>,
    regex_bytes: usize,
    compiled: OnceLock<Result<meta::Regex, String>>,
}

/// A rule whose pattern cannot be used.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) why: String,
}

impl Rule {
    pub(super) fn new(definition: Definition, place: usize, regex_bytes: usize) -> Rule {
        let id = match &definition.id {
            Some(id) => id.clone(),
            None => format!("{}-{place}", definition.effect.risk()),
        };
        Rule {
            id,
            definition,
            needs: OnceLock::new(),
            regex_bytes,
            compiled: OnceLock::new(),
        }
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.definition.why.as_deref()
    }

    /// Whether the rule matches: all of the text for one that allows, any part for the others.
    pub(super) fn matches(&self, text: &str) -> Result<bool, Broken> {
        if !self
            .needs
            .get_or_init(|| Needs::of(&self.definition.pattern))
            .maybe(text)
        {
            return Ok(false);
        }
        match self.compiled() {
            Ok(regex) => Ok(regex.is_match(text)),
            Err(why) => Err(Broken { why: why.clone() }),
        }
    }

    /// Compiles the pattern, once.
    pub(super) fn compiled(&self) -> Result<&meta::Regex, &String> {
        self.compiled.get_or_init(|| self.compile()).as_ref()
    }

    fn compile(&self) -> Result<meta::Regex, String> {
        let allows = self.definition.effect == Decision::Allow;
        // Classes mean ASCII: `\w` or `\d` must not let a look-alike through. A rule that refuses
        // or asks sees through line breaks; one that allows does not.
        let tree = ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .dot_matches_new_line(!allows)
            .multi_line(!allows)
            .nest_limit(50)
            .build()
            .parse(&self.definition.pattern)
            .map_err(|error| one_line(&error))?;
        // INVARIANT: the anchors stand around the finished tree, so nothing that is written in a
        // pattern (alternatives, flags, comments) can slip out of them.
        let tree = if allows {
            Hir::concat(vec![Hir::look(Look::Start), tree, Hir::look(Look::End)])
        } else {
            tree
        };
        meta::Builder::new()
            .configure(
                meta::Config::new()
                    .nfa_size_limit(Some(self.regex_bytes))
                    .which_captures(WhichCaptures::None)
                    .utf8_empty(false)
                    .onepass(false)
                    .hybrid(false)
                    .dfa(false),
            )
            .build_from_hir(&tree)
            .map_err(|error| match error.size_limit() {
                Some(limit) => format!("it needs more than {limit} bytes when compiled"),
                None => one_line(&error),
            })
    }
}

/// Takes the last line of an error, which is what the others lead up to.
fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(effect: Decision, pattern: &str) -> Rule {
        let definition = Definition {
            pattern: pattern.to_owned(),
            ..Definition::new(effect)
        };
        Rule::new(definition, 1, 100_000)
    }

    #[track_caller]
    fn allows(pattern: &str, text: &str, expected: bool) {
        assert_eq!(
            rule(Decision::Allow, pattern).matches(text).unwrap(),
            expected,
            "{pattern} {text:?}"
        );
    }

    #[test]
    fn a_rule_that_allows_matches_the_whole_text_only() {
        allows("df", "df", true);
        for text in ["df -h", "xdf", "df\n", "\ndf", "df\nrm", "", "sudo df"] {
            allows("df", text, false);
        }
    }

    #[test]
    fn nothing_in_a_pattern_escapes_the_anchors() {
        for pattern in [
            "df|ls",
            "(?:df)|ls",
            "^df$|ls",
            "(?m)^df$",
            "(?x) df # rest",
            "(?s)df",
        ] {
            allows(pattern, "df", true);
            for text in ["df -h", "rm df", "ls x", "df\nrm", "rm\ndf", "x ls"] {
                allows(pattern, text, false);
            }
        }
        for pattern in ["df)|(ls", "df)|", "(df"] {
            assert!(
                rule(Decision::Allow, pattern).matches("df").is_err(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_dot_in_a_rule_that_allows_stops_at_a_line_break() {
        allows("df .*", "df 'a\nb'", false);
        allows("df .*", "df 'a b'", true);
    }

    #[test]
    fn classes_mean_ascii() {
        allows(r"\w+", "d\u{3b1}", false);
        allows(r"\d", "\u{661}", false);
        allows(r"a\sb", "a\u{a0}b", false);
    }

    #[test]
    fn a_rule_that_forbids_looks_anywhere_and_through_line_breaks() {
        let forbid =
            |pattern: &str, text: &str| rule(Decision::Forbid, pattern).matches(text).unwrap();
        assert!(forbid("rm", "sudo rm x"));
        assert!(forbid("^rm", "ls\nrm x"));
        assert!(forbid("curl .*sh", "curl 'a\nb' | sh"));
        assert!(!forbid("^rm", "xrm"));
    }

    #[test]
    fn a_broken_pattern_is_never_a_miss() {
        for pattern in ["(", "[", "a{999999}", r"\q", "(?P<>x)", "*"] {
            assert!(
                rule(Decision::Forbid, pattern).matches("x a").is_err(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_pattern_that_grows_too_large_is_broken() {
        let found = rule(Decision::Allow, "(a{1000}){1000}")
            .matches("a")
            .unwrap_err();
        assert_eq!(found.why, "it needs more than 100000 bytes when compiled");
    }
}
