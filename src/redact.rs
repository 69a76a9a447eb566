//! Takes secrets out of text before it is stored or shown.
//!
//! **Reads** the key of this installation, where a text holds a secret.
//! **Gives** [`Redaction::apply`].
//! **Never** decides anything: what runs is not changed by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use regex::Regex;
use regex::RegexBuilder;

mod key;
mod keyword;
mod mark;
mod rules;
mod value;

use keyword::Keywords;
use keyword::Place;
use mark::Piece;
use mark::Pieces;
use rules::BuiltIn;
use value::Doubt;

pub use key::Key;
pub use mark::MARK;
pub use rules::built_in;

/// A kind of secret and how it looks, as a configuration says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The name that stands in the place of the secret.
    pub id: String,
    /// What it looks like. A group named `secret` is the part to take out, else all of it is.
    pub pattern: String,
    /// Words one of which every such text holds, in small letters. The pattern is compiled only
    /// for a text with one of them; none at all means always.
    pub keywords: Vec<String>,
}

/// A kind of secret whose pattern cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its place among those of the configuration, from 0.
    pub number: usize,
    /// Its name.
    pub id: String,
    /// What is wrong.
    pub why: String,
    /// The byte of the pattern at which reading it ended.
    pub byte: Option<usize>,
}

/// All kinds of secrets to take out.
#[derive(Debug, Clone)]
pub struct Redaction {
    rules: Arc<[Rule]>,
    keywords: Arc<Keywords>,
    key: Arc<Key>,
}

/// A kind of secret, and its pattern once it was needed.
#[derive(Debug)]
struct Rule {
    id: String,
    shape: Shape,
    /// Whether it is tried on every text.
    always: bool,
    compiled: OnceLock<Option<Pattern>>,
}

#[derive(Debug)]
enum Shape {
    BuiltIn(&'static BuiltIn),
    Own {
        /// Its place in the configuration.
        number: usize,
        pattern: String,
        regex_bytes: usize,
    },
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// The groups that hold what is to be taken out.
    groups: Vec<usize>,
}

impl Default for Redaction {
    /// The built-in kinds, and no key.
    fn default() -> Self {
        Self::new(Vec::new(), &[], 0, Key::default())
    }
}

impl Redaction {
    /// The built-in kinds without those that are `off`, and `own` ones, which come first; one of
    /// these takes the place of a built-in one of the same name. `regex_bytes` bounds each compiled
    /// pattern of one's own.
    pub fn new(own: Vec<Secret>, off: &[String], regex_bytes: usize, key: Key) -> Self {
        let mut words: Vec<(usize, Place, String)> = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        let is_own = |id: &str| own.iter().any(|secret| secret.id == id);
        let stays = |id: &str| !is_own(id) && !off.iter().any(|off| off == id);
        let built_in: Vec<&BuiltIn> = built_in().filter(|rule| stays(rule.id)).collect();
        for (number, secret) in own.into_iter().enumerate() {
            let of_rule = secret.keywords.iter();
            words.extend(of_rule.map(|word| (number, Place::Anywhere, word.clone())));
            rules.push(Rule {
                // A word of one letter is hardly one: such a pattern is always tried.
                always: secret.keywords.is_empty()
                    || secret.keywords.iter().any(|word| word.len() < 2),
                id: secret.id,
                shape: Shape::Own {
                    number,
                    pattern: secret.pattern,
                    regex_bytes,
                },
                compiled: OnceLock::new(),
            });
        }
        for rule in built_in {
            let number = rules.len();
            let of_rule = rule
                .keywords
                .iter()
                .map(|word| (number, rule.place, (*word).to_owned()));
            words.extend(of_rule);
            rules.push(Rule {
                id: rule.id.to_owned(),
                shape: Shape::BuiltIn(rule),
                always: false,
                compiled: OnceLock::new(),
            });
        }
        let words = words
            .iter()
            .map(|(rule, place, word)| (*rule, *place, word.as_str()));
        Self {
            keywords: Arc::new(Keywords::of(words)),
            rules: rules.into(),
            key: Arc::new(key),
        }
    }

    /// As [`Redaction::default`], with the key in this file.
    pub fn built_in(key: PathBuf) -> Self {
        Self::new(Vec::new(), &[], 0, Key::at(key))
    }

    /// The key of this installation.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The names of rules of one's own that took the place of built-in ones.
    pub fn instead(&self) -> impl Iterator<Item = &str> {
        let own = |rule: &&Rule| matches!(rule.shape, Shape::Own { .. });
        let ids = self.rules.iter().filter(own).map(|rule| rule.id.as_str());
        ids.filter(|id| built_in().any(|known| known.id == *id))
    }

    /// Compiles every pattern of the configuration and names those that cannot be compiled.
    pub fn examine(&self) -> Vec<Broken> {
        let fault = |rule: &Rule| {
            let Shape::Own {
                number, pattern, ..
            } = &rule.shape
            else {
                return None;
            };
            let error = rule.compile().err()?;
            // The parser below `regex` says it in one line, and where.
            let (why, byte) = match regex_syntax::parse(pattern).err() {
                Some(regex_syntax::Error::Parse(error)) => {
                    (error.kind().to_string(), Some(error.span().start.offset))
                }
                Some(regex_syntax::Error::Translate(error)) => {
                    (error.kind().to_string(), Some(error.span().start.offset))
                }
                _ => (error.to_string(), None),
            };
            Some(Broken {
                number: *number,
                id: rule.id.clone(),
                why,
                byte,
            })
        };
        self.rules.iter().filter_map(fault).collect()
    }

    /// The text with a mark in the place of each secret. What holds marks already is not changed by
    /// them: the same again gives the same.
    ///
    /// A pattern that cannot be compiled takes out the whole text: `config check` finds it, and
    /// until then nothing leaks. So does a text that never comes to rest.
    pub fn apply(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for _ in 0..ROUNDS {
            match self.round(&clean) {
                Some(next) => clean = next,
                None => return clean,
            }
        }
        // What was taken out bared more each time: only a text made for that does so.
        mark::bare(RESTLESS)
    }

    /// Every rule once. None where nothing was found.
    fn round(&self, text: &str) -> Option<String> {
        let mut wanted: Vec<bool> = self.rules.iter().map(|rule| rule.always).collect();
        for piece in Pieces::of(text) {
            if let Piece::Text(text) = piece {
                self.keywords.look(text, &mut wanted);
            }
        }
        let mut clean = None;
        for (rule, _) in self.rules.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
            let before = clean.as_deref().unwrap_or(text);
            match rule.pattern() {
                Some(pattern) => {
                    if let Some(after) = self.replaced(before, rule, pattern) {
                        clean = Some(after);
                    }
                }
                None if Pieces::of(text).any(|piece| matches!(piece, Piece::Text(_))) => {
                    return Some(mark::bare(&rule.id));
                }
                None => {}
            }
        }
        clean
    }

    /// A rule looks at what stands between marks and never across one.
    fn replaced(&self, text: &str, rule: &Rule, pattern: &Pattern) -> Option<String> {
        let mut clean = String::new();
        let mut found = false;
        for piece in Pieces::of(text) {
            match piece {
                Piece::Mark(mark) => clean.push_str(mark),
                Piece::Text(text) => found |= self.replace(text, rule, pattern, &mut clean),
            }
        }
        found.then_some(clean)
    }

    fn replace(&self, text: &str, rule: &Rule, pattern: &Pattern, clean: &mut String) -> bool {
        let (doubt, backwards, quoted) = match rule.shape {
            Shape::BuiltIn(rule) => (rule.doubt, rule.backwards, !rule.backwards),
            Shape::Own { .. } => (Doubt::None, false, false),
        };
        let mut done = 0;
        for found in pattern.regex.captures_iter(text) {
            let group = pattern.groups.iter().find_map(|group| found.get(*group));
            let (Some(all), Some(part)) = (found.get(0), group.or(found.get(0))) else {
                continue;
            };
            let mut start = part.start();
            let mut secret = part.as_str();
            if quoted {
                secret = value::unquoted(secret);
                start += usize::from(secret.len() < part.len());
            }
            if backwards {
                let before = text.get(done..start).unwrap_or_default();
                start -= rules::block_before(before);
                secret = text.get(start..part.end()).unwrap_or_default();
            }
            let end = start + secret.len();
            let rest = text.get(end..).unwrap_or_default();
            let matched = text.get(all.start()..end).unwrap_or_default();
            let is_nothing = secret.trim_matches(['"', '\'']).is_empty();
            if is_nothing || start < done || doubt.passes(secret, matched, rest) {
                continue;
            }
            clean.push_str(text.get(done..start).unwrap_or_default());
            clean.push_str(&mark::mark(&rule.id, secret, &self.key));
            done = end;
        }
        clean.push_str(text.get(done..).unwrap_or_default());
        done > 0
    }
}

impl Rule {
    fn pattern(&self) -> Option<&Pattern> {
        let compiled = self.compiled.get_or_init(|| self.compile().ok());
        compiled.as_ref()
    }

    fn compile(&self) -> Result<Pattern, regex::Error> {
        let built = |pattern: &str, bytes| RegexBuilder::new(pattern).size_limit(bytes).build();
        let (regex, is_own) = match &self.shape {
            Shape::BuiltIn(rule) => (built(&rule.pattern(), BUILT_IN_BYTES)?, false),
            Shape::Own {
                pattern,
                regex_bytes,
                ..
            } => (built(pattern, *regex_bytes)?, true),
        };
        let is_secret = |name: &str| match name.strip_prefix("secret") {
            // A built-in pattern has one for each way to quote.
            Some(nth) => nth.is_empty() || !is_own,
            None => false,
        };
        let names = regex.capture_names().enumerate();
        let groups = names
            .filter(|(_, name)| name.is_some_and(is_secret))
            .map(|(group, _)| group)
            .collect();
        Ok(Pattern { regex, groups })
    }
}

/// The largest compiled pattern of a built-in rule; a test compiles all of them.
const BUILT_IN_BYTES: usize = 4 << 20;

/// How often a text is looked at. The second time finds next to nothing, the third nothing at all.
const ROUNDS: usize = 8;

/// What stands in the place of a text that never comes to rest.
const RESTLESS: &str = "restless-text";

#[cfg(test)]
mod tests;
