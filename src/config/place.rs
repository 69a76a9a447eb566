//! Where something stands in the file, said by keys and not by lines.
//!
//! **Reads** nothing.
//! **Gives** [`Place`], which `tree` turns into a line and a column.
//! **Never** is made on the way of a good file: only a fault has one.

use crate::policy;
use crate::policy::Part;

/// The way from the top of the file to a value, and a point in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) steps: Vec<Step>,
    /// The byte of the value that is meant, where it is not all of it.
    pub(super) within: Option<usize>,
    /// Whether the last key is meant and not its value.
    pub(super) itself: bool,
}

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, from 0.
    Item(usize),
}

impl Place {
    /// Where the policy has a problem.
    pub(super) fn in_policy(place: &policy::Place) -> Place {
        match place {
            policy::Place::Fragment { name, number, byte } => {
                Place::of("fragments").key(name).item(*number).within(*byte)
            }
            policy::Place::FragmentName(name) => Place::of("fragments").key(name).itself(),
            policy::Place::Rule {
                effect,
                number,
                part,
            } => {
                let rule = Place::of(effect.risk()).item(*number);
                match part {
                    Part::Whole => rule,
                    Part::Id => rule.key("id"),
                    Part::Pattern { number, byte } => {
                        rule.key("pattern").item(*number).within(*byte)
                    }
                    Part::Match(number) => rule.key("match").item(*number),
                    Part::NotMatch(number) => rule.key("not_match").item(*number),
                    Part::Preview(number) => rule.key("preview").item(*number),
                }
            }
        }
    }

    /// The value of a key, written with those above it: `limits.timeout`.
    pub(super) fn of(keys: &str) -> Place {
        Place {
            steps: keys
                .split('.')
                .map(|key| Step::Key(key.to_owned()))
                .collect(),
            within: None,
            itself: false,
        }
    }

    /// The value of a key in it.
    pub(super) fn key(mut self, key: &str) -> Place {
        self.steps.push(Step::Key(key.to_owned()));
        self
    }

    /// An item of it, from 0.
    pub(super) fn item(mut self, number: usize) -> Place {
        self.steps.push(Step::Item(number));
        self
    }

    /// A byte of it.
    pub(super) fn within(mut self, byte: Option<usize>) -> Place {
        self.within = byte;
        self
    }

    /// The key and not its value.
    pub(super) fn itself(mut self) -> Place {
        self.itself = true;
        self
    }
}
