//! One thing that is not right, and how many of them are told.
//!
//! **Reads** the text of the file, to look up places.
//! **Gives** [`Fault`].
//! **Never** shows the file in its own words: the excerpt stands apart.

use std::fmt;

use super::place::Place;
use super::tree::Lines;
use super::tree::Tree;

/// One thing in `config.yml` that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1, where one can be named.
    pub line: Option<u64>,
    /// Column in the line, from 1, where one can be named.
    pub column: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What helps.
    pub hint: Option<String>,
    /// The place in the file, for whoever may read it.
    pub excerpt: Option<String>,
    /// Where it stands, until its line is known.
    pub(super) place: Option<Place>,
}

impl Fault {
    pub(super) fn new(line: Option<u64>, what: impl Into<String>) -> Self {
        Self {
            line,
            column: None,
            what: what.into(),
            hint: None,
            excerpt: None,
            place: None,
        }
    }

    pub(super) fn at(place: Place, what: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            ..Self::new(None, what)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Gives each fault its line, column and excerpt, and puts them in the order of the file.
pub(super) fn locate(text: &str, faults: &mut [Fault]) {
    let lines = Lines::new(text);
    if let Ok(tree) = Tree::parse(text) {
        for fault in &mut *faults {
            if let Some(place) = fault.place.take()
                && let Some(spot) = tree.spot(&lines, &place)
            {
                lines.tell(fault, spot);
            }
        }
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
}

/// The first few of them: an answer is read in a chat.
pub(super) fn joined(faults: &[Fault]) -> String {
    let first: Vec<String> = faults.iter().take(TOLD).map(Fault::to_string).collect();
    let first = first.join("; ");
    match faults.len().saturating_sub(TOLD) {
        0 => first,
        more => format!("{first}; and {more} more, which `aiops config check` shows"),
    }
}

/// How many faults are told where there is no room for all.
const TOLD: usize = 10;
