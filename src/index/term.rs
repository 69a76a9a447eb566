//! Words and phrases, as they are searched for.
//!
//! **Reads** nothing.
//! **Gives** [`Term`], and the words of a text.
//! **Never** hands a character with a meaning of its own to the index: a word is letters and digits.

/// One word, or several that stand one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    words: Vec<String>,
    /// Whether the last word only has to begin so.
    prefix: bool,
}

impl Term {
    /// Reads what a person typed. Words are separated by blanks and all of them are required; a part in
    /// double quotes is a phrase, and so is an argument with blanks and without any quote, since its
    /// quotes were the shell's. A `*` at the end stands for every ending.
    ///
    /// # Errors
    ///
    /// A part without a letter or digit, or more than there may be.
    pub fn read(arguments: &[String]) -> Result<Vec<Self>, String> {
        let mut terms = Vec::new();
        for argument in arguments {
            if argument.contains('"') {
                for (at, part) in argument.split('"').enumerate() {
                    if at % 2 == 1 {
                        terms.push(Self::of(part)?);
                    } else {
                        for word in part.split_whitespace() {
                            // What follows a phrase without a blank is its star.
                            match terms.last_mut() {
                                Some(Self { prefix, .. }) if word == "*" && at > 0 => {
                                    *prefix = true
                                }
                                _ => terms.push(Self::of(word)?),
                            }
                        }
                    }
                }
            } else {
                terms.push(Self::of(argument)?);
            }
        }
        if terms.iter().map(|term| term.words.len()).sum::<usize>() > MOST_WORDS {
            return Err(format!("more than {MOST_WORDS} words to search for"));
        }
        Ok(terms)
    }

    fn of(text: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        read(text, &mut words);
        words.retain(|word| word != BETWEEN);
        if words.is_empty() {
            return Err(format!(
                "there is nothing to search for in `{}`: words are made of letters and digits",
                crate::visible::line(text)
            ));
        }
        Ok(Self {
            words,
            prefix: text.ends_with('*'),
        })
    }

    /// Whether it stands among these words.
    pub(super) fn is_in(&self, words: &[String]) -> bool {
        let last = self.words.len() - 1;
        words.windows(self.words.len()).any(|here| {
            here.iter()
                .zip(&self.words)
                .enumerate()
                .all(|(at, (word, wanted))| {
                    if at == last && self.prefix {
                        word.starts_with(wanted)
                    } else {
                        word == wanted
                    }
                })
        })
    }

    /// The same in the language of SQLite's FTS5, where a text in quotes has no syntax.
    #[cfg(feature = "search")]
    pub(super) fn to_match(&self) -> String {
        let star = if self.prefix { " *" } else { "" };
        format!("\"{}\"{star}", self.words.join(" "))
    }
}

/// Adds the words of a text: runs of letters and digits in lower case. Of a long text only its two
/// ends are read.
pub(super) fn read(text: &str, words: &mut Vec<String>) {
    let mut ends = [text, ""];
    if text.len() > LONGEST_TEXT {
        let head = text.floor_char_boundary(LONGEST_TEXT / 2);
        let tail = text.ceil_char_boundary(text.len() - LONGEST_TEXT / 2);
        ends = [
            text.get(..head).unwrap_or_default(),
            text.get(tail..).unwrap_or_default(),
        ];
    }
    for end in ends {
        let before = words.len();
        let found = end.split(|c: char| !c.is_alphanumeric()).map(folded);
        words.extend(found.filter(|word| !word.is_empty()));
        if words.len() > before {
            words.push(BETWEEN.to_owned());
        }
    }
}

/// A word in the one spelling that is compared.
fn folded(word: &str) -> String {
    let word = word
        .char_indices()
        .nth(LONGEST_WORD)
        .map_or(word, |(at, _)| word.get(..at).unwrap_or_default());
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    // Lower case may bring marks that are no letters; they would end the word in the index.
    let lower = word.chars().flat_map(char::to_lowercase);
    lower.filter(|c| c.is_alphanumeric()).collect()
}

/// Stands between two texts.
pub(super) const BETWEEN: &str = "_";

/// Bytes of a text that are read for words.
const LONGEST_TEXT: usize = 16 << 10;

/// Characters of a word that count.
const LONGEST_WORD: usize = 64;

/// Words of a question.
const MOST_WORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(arguments: &[&str]) -> Result<Vec<Term>, String> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        Term::read(&arguments)
    }

    fn found(arguments: &[&str], text: &str) -> bool {
        let mut words = Vec::new();
        read(text, &mut words);
        terms(arguments)
            .unwrap()
            .iter()
            .all(|term| term.is_in(&words))
    }

    #[test]
    fn all_words_are_required_in_any_order() {
        assert!(found(&["two", "one"], "one, Two three"));
        assert!(!found(&["two", "four"], "one two three"));
    }

    #[test]
    fn a_phrase_is_words_in_this_order_without_others_between() {
        assert!(found(&["\"out of memory\""], "error: Out of memory!"));
        assert!(found(&["out of memory"], "error: Out of memory!"));
        assert!(found(&["/var/log/x.log"], "tail /var/log/x.log"));
        assert!(!found(&["out of memory"], "out of all memory"));
        assert!(!found(&["\"memory of\""], "out of memory"));
    }

    #[test]
    fn a_star_stands_for_every_ending() {
        assert!(found(&["mem*"], "out of memory"));
        assert!(found(&["\"out of me\"*"], "out of memory"));
        assert!(found(&["out of me*"], "out of memory"));
        assert!(!found(&["em*"], "out of memory"));
        assert!(!found(&["mem"], "out of memory"));
    }

    #[test]
    fn a_word_without_letters_is_refused() {
        for odd in ["--", "*", "\"\"", "\"", "", "a \"*\""] {
            let said = terms(&[odd]);
            assert!(said.is_err() || odd == "\"", "{odd}: {said:?}");
        }
        assert!(terms(&[&"a ".repeat(65)]).is_err());
    }

    #[test]
    fn only_the_ends_of_a_long_text_are_read() {
        let text = format!(
            "first {} middle {} last",
            "x ".repeat(9000),
            "y ".repeat(9000)
        );
        assert!(found(&["first", "last"], &text));
        assert!(!found(&["middle"], &text));
        assert!(!found(&["x y"], &text));
    }

    #[cfg(feature = "search")]
    #[test]
    fn the_syntax_of_the_index_is_only_text() {
        let hostile = terms(&["a OR b", "NEAR(c d)", "command:e", "^f", "-g", "h)"]).unwrap();
        let matches: Vec<String> = hostile.iter().map(Term::to_match).collect();
        assert_eq!(
            matches,
            [
                "\"a or b\"",
                "\"near c d\"",
                "\"command e\"",
                "\"f\"",
                "\"g\"",
                "\"h\""
            ]
        );
    }
}
