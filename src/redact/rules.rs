//! The secrets that are known without being configured.
//!
//! **Reads** nothing.
//! **Gives** [`built_in`], [`BuiltIn`].
//! **Never** repeats without bound what may still fail behind it, so that time is linear (a test holds
//! every pattern to that).

use super::keyword::Place;
use super::value::Doubt;

mod argument;
mod assignment;
mod block;
mod header;
mod token;

pub(super) use block::before as block_before;

/// A kind of secret that is known without being configured.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name, which `redact_off` takes.
    pub id: &'static str,
    /// What it takes out, in a few words.
    pub about: &'static str,
    /// Words one of which every such text holds, in any letter case.
    pub(super) keywords: &'static [&'static str],
    /// What such a word has to stand in.
    pub(super) place: Place,
    /// What it looks like, with names of pieces in double braces.
    pub(super) shape: &'static str,
    /// What is passed over of that.
    pub(super) doubt: Doubt,
    /// Whether what stands before a match is the secret, as far as it is base64.
    pub(super) backwards: bool,
}

/// All of them, in the order in which they are tried: first what the words around a secret say, then
/// what a secret says by itself.
pub fn built_in() -> impl Iterator<Item = &'static BuiltIn> {
    block::RULES
        .iter()
        .chain(header::RULES)
        .chain(argument::RULES)
        .chain(assignment::RULES)
        .chain(token::RULES)
}

const fn rule(
    id: &'static str,
    about: &'static str,
    keywords: &'static [&'static str],
    shape: &'static str,
) -> BuiltIn {
    BuiltIn {
        id,
        about,
        keywords,
        shape,
        place: Place::Anywhere,
        doubt: Doubt::None,
        backwards: false,
    }
}

impl BuiltIn {
    const fn doubting(self, doubt: Doubt) -> Self {
        Self { doubt, ..self }
    }

    const fn within(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn backwards(self) -> Self {
        Self {
            backwards: true,
            ..self
        }
    }

    /// The regular expression.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = self.shape.to_owned();
        for (name, piece) in PIECES {
            pattern = pattern.replace(name, piece);
        }
        // Where a word ends is asked of ASCII alone: to ask it of all letters makes the search slow.
        pattern.replace(r"\b", r"(?-u:\b)")
    }
}

/// Pieces that several patterns share.
const PIECES: &[(&str, &str)] = &[
    // One word of a shell, however it is quoted.
    (
        "{{word}}",
        r#"(?:\\"(?P<secret2>[^"\\\n]+)|(?P<secret>\$?'[^'\n]*(?:'\\''[^'\n]*)*'?|"(?:[^"\\\n]|\\[^\n])*"?|(?:[^\s'"\\;|&()<>]|\\[^\n])+))"#,
    ),
    // What stands behind a name and its sign in a file of settings, JSON or YAML.
    (
        "{{value}}",
        r#"(?:\\{1,3}"(?P<secret2>[^"\\\n]+)|(?P<secret>"(?:[^"\\\n]|\\[^\n])*"?|'[^'\n]*(?:'\\''[^'\n]*)*'?|[^\s'"\\,;&|()<>\[\]{}][^\s'"\\,;&|()<>]*))"#,
    ),
    // The words of a command between its name and an option. In ASCII alone, here and where else much
    // repeats: a pattern of all letters takes ten times as long to compile.
    ("{{words}}", r"[\t -%'-:<-{}~]{0,200}?"),
    // Letters and digits, without what else folds to them where letter case means nothing.
    ("{{alnum}}", r"(?-i:[A-Za-z0-9])"),
    ("{{gap}}", r"[ \t]{1,8}"),
    // The sign between a name and its value.
    (
        "{{sign}}",
        r#"(?:\\{0,3}["']\]?)?[ \t]{0,8}(?:=>|:=|={1,2}|:)[ \t]{0,32}"#,
    ),
];

#[cfg(test)]
mod tests;
