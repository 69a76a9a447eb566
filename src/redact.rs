//! Takes secrets out of text before it is stored or shown.
//!
//! **Reads** nothing; `config` fills a [`Redaction`].
//! **Gives** [`Redaction::apply`].
//! **Never** decides anything: what runs is not changed by it.

use regex::Regex;
use regex::RegexBuilder;

/// A kind of secret and how it looks.
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
    /// Its place among all of them, from 0.
    pub number: usize,
    /// Its name.
    pub id: String,
    /// What is wrong.
    pub why: String,
    /// The byte of the pattern at which reading it ended.
    pub byte: Option<usize>,
}

/// All kinds of secrets to take out.
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    secrets: Vec<Secret>,
    regex_bytes: usize,
}

impl Redaction {
    /// Collects kinds of secrets; `regex_bytes` bounds each compiled pattern.
    pub fn new(secrets: Vec<Secret>, regex_bytes: usize) -> Self {
        Self {
            secrets,
            regex_bytes,
        }
    }

    /// Compiles every pattern and names those that cannot be compiled.
    pub fn examine(&self) -> Vec<Broken> {
        let fault = |(number, secret): (usize, &Secret)| {
            let error = self.compile(secret).err()?;
            // The parser below `regex` says it in one line, and where.
            let (why, byte) = match regex_syntax::parse(&secret.pattern).err() {
                Some(regex_syntax::Error::Parse(error)) => {
                    (error.kind().to_string(), Some(error.span().start.offset))
                }
                Some(regex_syntax::Error::Translate(error)) => {
                    (error.kind().to_string(), Some(error.span().start.offset))
                }
                _ => (error.to_string(), None),
            };
            Some(Broken {
                number,
                id: secret.id.clone(),
                why,
                byte,
            })
        };
        self.secrets.iter().enumerate().filter_map(fault).collect()
    }

    /// The text with `[REDACTED:name]` in the place of each secret.
    ///
    /// A pattern that cannot be compiled takes out the whole text: `config check` finds it, and
    /// until then nothing leaks.
    pub fn apply(&self, text: &str) -> String {
        let lowered = text.to_ascii_lowercase();
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            let may_match = secret.keywords.is_empty()
                || secret
                    .keywords
                    .iter()
                    .any(|word| lowered.contains(word.as_str()));
            if !may_match {
                continue;
            }
            let mark = format!("{MARK}{}]", secret.id);
            match self.compile(secret) {
                Ok(pattern) => clean = replaced(&clean, &pattern, &mark),
                Err(_) if clean.is_empty() => {}
                Err(_) => return mark,
            }
        }
        clean
    }

    fn compile(&self, secret: &Secret) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&secret.pattern)
            .size_limit(self.regex_bytes)
            .build()
    }
}

fn replaced(text: &str, pattern: &Regex, mark: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = 0;
    for found in pattern.captures_iter(text) {
        let Some(part) = found.name("secret").or_else(|| found.get(0)) else {
            continue;
        };
        if part.is_empty() || part.start() < rest {
            continue;
        }
        clean.push_str(text.get(rest..part.start()).unwrap_or_default());
        clean.push_str(mark);
        rest = part.end();
    }
    clean.push_str(text.get(rest..).unwrap_or_default());
    clean
}

/// How the mark begins that stands in the place of a secret.
pub const MARK: &str = "[REDACTED:";

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(id: &str, pattern: &str, keywords: &[&str]) -> Secret {
        Secret {
            id: id.to_owned(),
            pattern: pattern.to_owned(),
            keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn the_named_group_is_taken_out_and_the_rest_stays() {
        let redaction = Redaction::new(
            vec![secret(
                "password",
                r"(?i)password=(?P<secret>\S+)",
                &["password"],
            )],
            1 << 20,
        );
        assert_eq!(
            redaction.apply("user=a Password=hunter2 host=b password=x"),
            "user=a Password=[REDACTED:password] host=b password=[REDACTED:password]"
        );
    }

    #[test]
    fn text_without_a_keyword_is_left_alone() {
        let redaction = Redaction::new(vec![secret("k", r"\d+", &["key"])], 1 << 20);
        assert_eq!(redaction.apply("12345"), "12345");
        assert_eq!(redaction.apply("KEY 12345"), "KEY [REDACTED:k]");
    }

    #[test]
    fn a_broken_pattern_leaks_nothing_and_is_found_by_examining() {
        let redaction = Redaction::new(vec![secret("broken", "(", &[])], 1 << 20);
        assert_eq!(redaction.apply("anything"), "[REDACTED:broken]");
        assert_eq!(redaction.examine().len(), 1);
    }
}
