//! The file as a tree of values that know where they stand. Made only where something is wrong.
//!
//! **Reads** YAML text.
//! **Gives** [`Tree`], [`Spot`], and the line of the file with a mark under what is meant.
//! **Never** is made for a file without a fault, and never shows a hidden character as it is.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_yaml::Location;
use serde_yaml::Spanned;
use serde_yaml::options::DuplicateKeyPolicy;

use super::Fault;
use super::place::Place;
use super::place::Step;
use crate::visible;

/// Any value.
#[derive(Debug)]
pub(super) enum Node {
    Nothing,
    Truth,
    /// A whole number from 0.
    Number(u64),
    /// Any other number.
    OtherNumber,
    Text(String),
    List(Vec<Spanned<Node>>),
    /// The entries in order, doubled keys included.
    Keys(Vec<(Spanned<String>, Spanned<Node>)>),
}

/// The whole file.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Spanned<Node>,
}

/// A stretch of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    start: usize,
    bytes: usize,
}

impl Tree {
    /// Reads any YAML. Doubled keys are kept, so that they can be told with everything else.
    pub(super) fn parse(text: &str) -> Result<Tree, serde_yaml::Error> {
        let options = serde_yaml::options! { duplicate_keys: DuplicateKeyPolicy::PassThrough };
        serde_yaml::from_str_with_options(text, options).map(|root| Tree { root })
    }

    /// Finds a place, or as much of the way to it as there is.
    pub(super) fn spot(&self, lines: &Lines<'_>, place: &Place) -> Option<Spot> {
        let mut node = &self.root;
        let mut key = None;
        if let Some(Step::Key(first)) = place.steps.first()
            && ["auto_allowed", "approval_required", "forbidden"].contains(&first.as_str())
            && let Some((name, nested)) = node.value.entry("policy")
        {
            (node, key) = (nested, Some(name));
        }
        let mut arrived = true;
        for step in &place.steps {
            let next = match step {
                Step::Key(name) => node
                    .value
                    .entry(name)
                    .map(|(key, value)| (Some(key), value)),
                Step::Item(number) => node.value.item(*number).map(|value| (None, value)),
            };
            let Some((name, value)) = next else {
                // A text stands for all that could be said below it.
                arrived = matches!(node.value, Node::Text(_));
                break;
            };
            (node, key) = (value, name);
        }
        let whole = spot(&node.defined);
        match (key, &node.value) {
            (Some(key), _) if place.itself || !arrived => spot(&key.defined),
            (Some(key), Node::List(_) | Node::Keys(_) | Node::Nothing) => spot(&key.defined),
            (_, Node::Text(value)) => match place.within {
                Some(byte) if arrived => whole.map(|whole| whole.inside(lines, value, byte)),
                _ => whole,
            },
            _ => whole,
        }
    }
}

impl Node {
    /// A key and its value. Where it stands twice, the last one, which is what the other reading
    /// would have stopped at.
    fn entry(&self, name: &str) -> Option<(&Spanned<String>, &Spanned<Node>)> {
        let Node::Keys(entries) = self else {
            return None;
        };
        let found = entries.iter().rev().find(|(key, _)| key.value == name);
        found.map(|(key, value)| (key, value))
    }

    fn item(&self, number: usize) -> Option<&Spanned<Node>> {
        match self {
            Node::List(items) => items.get(number),
            _ => None,
        }
    }

    /// The text behind a key.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match &self.entry(name)?.1.value {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Where something stands that the library has read.
pub(super) fn spot(location: &Location) -> Option<Spot> {
    let span = location.span();
    Some(Spot {
        start: usize::try_from(span.byte_offset()?).ok()?,
        bytes: usize::try_from(span.byte_len()?).ok()?,
    })
}

impl Spot {
    /// One byte of a text that stands here, if its letters stand in the file as they are; else all
    /// of it.
    fn inside(self, lines: &Lines<'_>, value: &str, byte: usize) -> Spot {
        let Some(written) = lines.text.get(self.start..) else {
            return self;
        };
        let Some(before) = value.get(..byte) else {
            return self;
        };
        let quote = written.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let indent = lines.column(self.start).saturating_sub(1);
        let mut rest = written.strip_prefix(['\'', '"']).unwrap_or(written);
        for c in before.chars() {
            let Some(behind) = rest
                .strip_prefix(c)
                .filter(|_| c != '\\' || quote != Some('"'))
            else {
                return self;
            };
            rest = behind;
            if c == '\'' && quote == Some('\'') {
                rest = rest.strip_prefix('\'').unwrap_or(rest);
            }
            if c == '\n' {
                // A block of lines: each of them begins behind the same blanks.
                let blanks = rest.bytes().take_while(|b| *b == b' ').count();
                rest = rest.get(blanks.min(indent)..).unwrap_or(rest);
            }
        }
        Spot {
            start: lines.text.len() - rest.len(),
            bytes: 1,
        }
    }
}

/// Where the lines of the file begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1));
        Lines {
            text,
            starts: starts.collect(),
        }
    }

    /// Where something stands that the library has read. It knows of some places the line and the
    /// column alone.
    pub(super) fn spot(&self, location: &Location) -> Option<Spot> {
        spot(location).or_else(|| {
            let number = usize::try_from(location.line())
                .ok()
                .filter(|line| *line > 0)?;
            let column = usize::try_from(location.column()).ok()?.saturating_sub(1);
            let start = self.start(number);
            let line = self.text.get(start..)?.lines().next()?;
            let before = line
                .char_indices()
                .nth(column)
                .map_or(line.len(), |(at, _)| at);
            Some(Spot {
                start: start + before,
                bytes: 1,
            })
        })
    }

    /// Gives a fault its line, its column and its excerpt.
    pub(super) fn tell(&self, fault: &mut Fault, spot: Spot) {
        let number = self.number(spot.start);
        let column = self.column(spot.start);
        fault.line = u64::try_from(number).ok();
        fault.column = u64::try_from(column).ok();
        fault.excerpt = Some(self.excerpt(number, column, spot));
    }

    /// The number of the line that a byte stands in, from 1.
    fn number(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte)
    }

    fn start(&self, number: usize) -> usize {
        let index = number.saturating_sub(1);
        self.starts.get(index).copied().unwrap_or_default()
    }

    /// The column that a byte stands in, in characters from 1.
    fn column(&self, byte: usize) -> usize {
        let line = self.text.get(self.start(self.number(byte))..byte);
        line.unwrap_or_default().chars().count() + 1
    }

    /// The line with a mark under what is meant. A long line is cut on both sides of it.
    fn excerpt(&self, number: usize, column: usize, spot: Spot) -> String {
        let behind = self.text.get(self.start(number)..).unwrap_or_default();
        let line = behind.lines().next().unwrap_or_default();
        let meant = self.text.get(spot.start..spot.start + spot.bytes);
        let meant = meant.unwrap_or_default().lines().next().unwrap_or_default();
        let first = column.saturating_sub(1);
        let from = first.saturating_sub(BEFORE);
        let characters = line.chars().count();
        let shown = |from: usize, to: usize| {
            let part: String = line
                .chars()
                .skip(from)
                .take(to.saturating_sub(from))
                .collect();
            visible::line(&part).into_owned()
        };
        let mut before = shown(from, first);
        let to = characters.min(from + SHOWN);
        let mut after = shown(first, to);
        let meant = first + meant.chars().count().max(1);
        let mark = shown(first, meant.min(to)).chars().count().max(1);
        if from > 0 {
            before.insert(0, '…');
        }
        if to < characters {
            after.push('…');
        }
        let margin = " ".repeat(number.to_string().len());
        format!(
            "{margin} |\n{number} | {before}{after}\n{margin} | {}{}",
            " ".repeat(before.chars().count()),
            "^".repeat(mark)
        )
    }
}

/// How many characters of a long line are shown, and how many of them in front of the mark.
const SHOWN: usize = 100;
const BEFORE: usize = 50;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }

            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Truth)
            }

            fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
                Ok(Node::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::OtherNumber)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
                Ok(Node::OtherNumber)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
                Ok(Node::OtherNumber)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::OtherNumber)
            }

            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Keys(entries))
            }
        }

        yaml.deserialize_any(Any)
    }
}
