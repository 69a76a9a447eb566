//! Says of a file that could not be read all that is wrong with it.
//!
//! **Reads** the tree of the file and the table of its keys.
//! **Gives** a [`Fault`] for each key and value that does not belong.
//! **Never** repeats a value: a secret could stand where a number should.

use serde_yaml::Location;
use serde_yaml::Spanned;

use super::Fault;
use super::Quantity;
use super::shape;
use super::shape::Key;
use super::shape::Shape;
use super::tree::Lines;
use super::tree::Node;
use super::tree::Tree;
use super::tree::spot;
use crate::visible;

/// All that is wrong with the keys and values of a file.
pub(super) fn faults(text: &str, tree: &Tree) -> Vec<Fault> {
    let mut walk = Walk {
        lines: Lines::new(text),
        faults: Vec::new(),
    };
    let file = At {
        owner: String::new(),
        path: String::new(),
        named: None,
    };
    walk.value(&tree.root, &Shape::Keys(shape::FILE), &file);
    walk.faults.sort_by_key(|fault| (fault.line, fault.column));
    walk.faults
}

struct Walk<'t> {
    lines: Lines<'t>,
    faults: Vec<Fault>,
}

/// Where the walk is, in words.
#[derive(Clone)]
struct At {
    /// The rule or target that it is in: "rule `x`: ".
    owner: String,
    /// The keys down to here, since the owner.
    path: String,
    /// The name of one's own choice that it is in, where it is in one.
    named: Option<Location>,
}

impl At {
    fn key(&self, key: &str) -> At {
        let key = visible::line(key);
        let path = match self.path.as_str() {
            "" => key.into_owned(),
            above => format!("{above}.{key}"),
        };
        At {
            owner: self.owner.clone(),
            path,
            named: None,
        }
    }

    /// An item that has keys of its own, named by its id or by its place in the list.
    fn item(&self, node: &Node, number: usize) -> At {
        let (kind, list) = match self.path.rsplit('.').next().unwrap_or_default() {
            "redact" => ("redact rule", "redact"),
            list => ("rule", list),
        };
        let name = match node.text("id") {
            Some(id) => visible::line(id).into_owned(),
            None => format!("{list}-{}", number + 1),
        };
        At {
            owner: format!("{kind} `{name}`: "),
            path: String::new(),
            named: None,
        }
    }

    fn has_to_be(&self, what: &str) -> String {
        match (self.owner.as_str(), self.path.as_str()) {
            ("", "") => format!("the file has to be {what}"),
            (owner, "") => format!("{owner}it has to be {what}"),
            (owner, path) => format!("{owner}`{path}` has to be {what}"),
        }
    }

    fn each_has_to_be(&self, what: &str) -> String {
        let At { owner, path, .. } = self;
        format!("{owner}each item of `{path}` has to be {what}")
    }
}

impl Walk<'_> {
    fn fault(&mut self, place: &Location, what: String, hint: Option<String>) {
        let mut fault = Fault {
            hint,
            ..Fault::new(None, what)
        };
        if let Some(spot) = spot(place) {
            self.lines.tell(&mut fault, spot);
        }
        self.faults.push(fault);
    }

    fn value(&mut self, node: &Spanned<Node>, shape: &Shape, at: &At) {
        let is_text = matches!(node.value, Node::Text(_));
        match (shape, &node.value) {
            (Shape::Keys(keys), Node::Keys(entries)) => self.keys(node, keys, entries, at),
            (Shape::Named(each), Node::Keys(entries)) => {
                for (nth, (name, value)) in entries.iter().enumerate() {
                    self.doubled(name, entries.get(..nth).unwrap_or_default());
                    let at = At {
                        named: Some(name.defined),
                        ..at.key(&name.value)
                    };
                    self.value(value, each, &at);
                }
            }
            (Shape::List(item), Node::List(items)) => {
                let has_keys = matches!(item, Shape::Keys(_) | Shape::PatternOr(_));
                for (number, value) in items.iter().enumerate() {
                    if has_keys {
                        self.value(value, item, &at.item(&value.value, number));
                    } else if let Some(what) = wrong(&value.value, item) {
                        self.fault(&value.defined, at.each_has_to_be(&what), None);
                    }
                }
            }
            (Shape::PatternOr(_) | Shape::CommandOr(_), _) if is_text => {}
            (Shape::PatternOr(more) | Shape::CommandOr(more), Node::List(_) | Node::Keys(_))
                if wrong(&node.value, more).is_none() =>
            {
                self.value(node, more, at);
            }
            (Shape::Number(limit), _) => {
                if let Some(what) = quantity(&node.value).map_or_else(
                    || wrong(&node.value, shape).map(|what| at.has_to_be(&what)),
                    |written| {
                        limit
                            .fault(written)
                            .map(|what| format!("{}{what}", at.owner))
                    },
                ) {
                    self.fault(&node.defined, what, None);
                }
            }
            _ => {
                if let Some(what) = wrong(&node.value, shape) {
                    self.fault(&node.defined, at.has_to_be(&what), None);
                }
            }
        }
    }

    fn keys(
        &mut self,
        node: &Spanned<Node>,
        keys: &[Key],
        entries: &[(Spanned<String>, Spanned<Node>)],
        at: &At,
    ) {
        for (nth, (name, value)) in entries.iter().enumerate() {
            let before = entries.get(..nth).unwrap_or_default();
            let Some(key) = keys.iter().find(|key| key.is(&name.value)) else {
                let shown = visible::line(&name.value);
                let what = format!("{}there is no key `{shown}` here", at.owner);
                self.fault(&name.defined, what, Some(known(keys, &name.value)));
                continue;
            };
            if !self.doubled(name, before)
                && let Some((other, _)) = before.iter().find(|(other, _)| key.is(&other.value))
            {
                let (one, two) = (&name.value, &other.value);
                let what = format!("{}`{one}` and `{two}` mean the same", at.owner);
                self.fault(&name.defined, what, Some("keep one of the two".to_owned()));
            }
            if !(key.empty && matches!(value.value, Node::Nothing)) {
                self.value(value, &key.shape, &at.key(key.name));
            }
        }
        for key in keys.iter().filter(|key| key.needed) {
            if !entries.iter().any(|(name, _)| key.is(&name.value)) {
                let within = match at.path.as_str() {
                    "" => String::new(),
                    path => format!(" in `{path}`"),
                };
                let what = format!("{}the key `{}` is missing{within}", at.owner, key.name);
                self.fault(&at.named.unwrap_or(node.defined), what, None);
            }
        }
    }

    fn doubled(
        &mut self,
        name: &Spanned<String>,
        before: &[(Spanned<String>, Spanned<Node>)],
    ) -> bool {
        let Some((first, _)) = before.iter().find(|(key, _)| key.value == name.value) else {
            return false;
        };
        let what = format!("the key `{}` stands twice", visible::line(&name.value));
        let hint = format!("it stands in line {} already", first.defined.line());
        self.fault(&name.defined, what, Some(hint));
        true
    }
}

/// What a value should have been, where it is not.
fn wrong(node: &Node, shape: &Shape) -> Option<String> {
    let good = match (shape, node) {
        (Shape::Text, Node::Nothing | Node::List(_) | Node::Keys(_)) => false,
        (Shape::Text, _) => true,
        (Shape::Truth, Node::Truth) => true,
        (Shape::Truth, Node::Text(text)) => TRUTHS.contains(&text.to_ascii_lowercase().as_str()),
        (Shape::Port, Node::Number(number)) => u16::try_from(*number).is_ok(),
        (Shape::Port, Node::Text(text)) => text.parse::<u16>().is_ok(),
        (Shape::Number(_) | Shape::Duration, _) => quantity(node).is_some(),
        (Shape::Word(words), Node::Text(text)) => words.contains(&text.as_str()),
        (Shape::List(_), Node::List(_)) => true,
        (Shape::Keys(_) | Shape::Named(_), Node::Keys(_)) => true,
        (Shape::PatternOr(_) | Shape::CommandOr(_), Node::Text(_)) => true,
        (Shape::PatternOr(more) | Shape::CommandOr(more), _) => wrong(node, more).is_none(),
        _ => false,
    };
    if good {
        return None;
    }
    Some(match shape {
        Shape::Text => "text".to_owned(),
        Shape::Truth => "`true` or `false`".to_owned(),
        Shape::Port => "a port, a number up to 65535".to_owned(),
        Shape::Number(_) => "a number, a duration like `15m` or a size like `64KiB`".to_owned(),
        Shape::Duration => "a duration like `15m`".to_owned(),
        Shape::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Shape::List(_) => "a list".to_owned(),
        Shape::Keys(_) => "an object with keys".to_owned(),
        Shape::Named(_) => "an object with a key for each name".to_owned(),
        Shape::PatternOr(Shape::List(_)) => "a pattern, or a list of patterns".to_owned(),
        Shape::CommandOr(_) => "a command, or a list of commands".to_owned(),
        Shape::PatternOr(_) => "a pattern, or an object with `pattern` and more".to_owned(),
    })
}

fn quantity(node: &Node) -> Option<Quantity> {
    match node {
        Node::Number(number) => Some(Quantity::of(*number)),
        Node::Text(text) => Quantity::parse(text),
        _ => None,
    }
}

/// The words of YAML for yes and no, which are understood in quotes too.
const TRUTHS: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n"];

/// The key that was meant, or all there are.
fn known(keys: &[Key], written: &str) -> String {
    nearest(keys.iter().map(|key| key.name), written).unwrap_or_else(|| {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        format!("known keys: {}", names.join(", "))
    })
}

/// The question whether another name was meant, where one is near.
pub(super) fn nearest<'a>(names: impl Iterator<Item = &'a str>, written: &str) -> Option<String> {
    let (far, name) = names.map(|name| (distance(written, name), name)).min()?;
    (far <= 1 + name.len() / 4).then(|| format!("did you mean `{name}`?"))
}

/// How many letters have to be put in, taken out or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, letter) in one.chars().enumerate() {
        let mut left = nth + 1;
        let mut next = vec![left];
        for (beside, above) in other.iter().zip(row.windows(2)) {
            if let [corner, above] = above {
                left = (corner + usize::from(letter != *beside))
                    .min(above + 1)
                    .min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
