//! Which rules a text could match, in one pass over it.
//!
//! **Reads** nothing.
//! **Gives** [`Keywords`], [`Place`].
//! **Never** misses a keyword, in any letter case of ASCII.

/// What a word has to stand in, so that prose with that word costs nothing. Each holds wherever a
/// pattern of that place finds something, and in some more texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Anywhere.
    Anywhere,
    /// A name with `=` or `:` behind it.
    Setting,
    /// An option: a name behind `-`.
    Option,
    /// A parameter of a URL: a name behind `?`, `&`, `;` or `#`.
    Parameter,
    /// The sign before who logs in: an `@` follows before any `/`.
    Login,
}

impl Place {
    /// Whether the word of `length` bytes at `at` stands in it.
    fn holds(self, text: &[u8], at: usize, length: usize) -> bool {
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, &[]));
        let behind = rest.get(length..).unwrap_or_default();
        match self {
            Self::Anywhere => true,
            Self::Setting => {
                let behind = without(behind, NAME, is_of_name);
                let behind = without(behind, SIGN, |byte| b"\\\"']".contains(&byte));
                let behind = without(behind, SIGN, |byte| b" \t".contains(&byte));
                behind.first().is_some_and(|byte| b"=:".contains(byte))
            }
            Self::Option => begun(before).0.first() == Some(&b'-'),
            Self::Parameter => begun(before).1.is_some_and(|sign| b"?&;#".contains(&sign)),
            Self::Login => {
                let is_of_login = |byte: &&u8| byte.is_ascii_graphic() && !b"/@".contains(byte);
                let mut login = behind.iter().take(LOGIN).skip_while(is_of_login);
                login.next() == Some(&b'@')
            }
        }
    }
}

/// The part of a name that stands before a word, and the sign before it.
fn begun(before: &[u8]) -> (&[u8], Option<u8>) {
    let backwards = before.iter().rev().take(NAME);
    let length = backwards.take_while(|byte| is_of_name(**byte)).count();
    let (rest, name) = before
        .split_at_checked(before.len() - length)
        .unwrap_or((before, &[]));
    (name, rest.last().copied())
}

fn without(text: &[u8], most: usize, skipped: impl Fn(u8) -> bool) -> &[u8] {
    let first = text.iter().take(most);
    let count = first.take_while(|byte| skipped(**byte)).count();
    text.get(count..).unwrap_or_default()
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

/// Bytes of a name before or behind a word of it; no pattern takes more.
const NAME: usize = 160;

/// Signs of one kind between a name and its value.
const SIGN: usize = 16;

/// Bytes between `://` and `@`; no pattern takes more.
const LOGIN: usize = 400;

/// The words of all rules, by their first two bytes.
#[derive(Debug, Clone)]
pub(super) struct Keywords {
    /// One bit for each pair of bytes with which a word begins.
    begins: Vec<u64>,
    /// The words, sorted by that pair.
    words: Vec<Word>,
}

#[derive(Debug, Clone)]
struct Word {
    pair: u16,
    /// In small letters.
    text: Vec<u8>,
    place: Place,
    /// The number of the rule it belongs to.
    rule: usize,
}

impl Keywords {
    /// Takes words, each with the number of its rule. Words of less than two bytes are none: what
    /// has one is always tried.
    pub(super) fn of<'a>(words: impl Iterator<Item = (usize, Place, &'a str)>) -> Self {
        let mut begins = vec![0; 1 << 10];
        let mut words: Vec<Word> = words
            .filter_map(|(rule, place, text)| {
                let text = text.to_ascii_lowercase().into_bytes();
                let pair = text.first_chunk::<2>().copied().map(pair)?;
                Some(Word {
                    pair,
                    text,
                    place,
                    rule,
                })
            })
            .collect();
        words.sort_by_key(|word| word.pair);
        for word in &words {
            set(&mut begins, word.pair, true);
        }
        Self { begins, words }
    }

    /// Notes in `found` which rules have a word in this text.
    pub(super) fn look(&self, text: &str, found: &mut [bool]) {
        let mut begins = self.begins.clone();
        for at in text.as_bytes().windows(2).enumerate() {
            let (at, &[first, second]) = at else { continue };
            let here = pair([first.to_ascii_lowercase(), second.to_ascii_lowercase()]);
            let bit = begins.get(usize::from(here >> 6)).copied().unwrap_or(0);
            if bit & (1 << (here & 63)) == 0 {
                continue;
            }
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            let mut open = false;
            let first = self.words.partition_point(|word| word.pair < here);
            for word in self.words.iter().skip(first) {
                if word.pair != here {
                    break;
                }
                let Some(known) = found.get_mut(word.rule).filter(|known| !**known) else {
                    continue;
                };
                let here = rest.get(..word.text.len());
                *known = here.is_some_and(|here| here.eq_ignore_ascii_case(&word.text))
                    && word.place.holds(text.as_bytes(), at, word.text.len());
                open |= !*known;
            }
            // Where all of them are known it is not looked at again.
            set(&mut begins, here, open);
        }
    }
}

fn pair(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}

fn set(begins: &mut [u64], pair: u16, on: bool) {
    if let Some(bits) = begins.get_mut(usize::from(pair >> 6)) {
        let bit = 1 << (pair & 63);
        *bits = if on { *bits | bit } else { *bits & !bit };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [(usize, &str); 6] = [
        (0, "password"),
        (1, "pass"),
        (2, "://"),
        (3, "pa"),
        (0, "token"),
        (4, "ke\u{e9}"),
    ];

    fn found(text: &str) -> [bool; 5] {
        let mut found = [false; 5];
        let words = WORDS
            .into_iter()
            .map(|(rule, word)| (rule, Place::Anywhere, word));
        Keywords::of(words).look(text, &mut found);
        found
    }

    #[test]
    fn words_are_found_at_both_ends_and_in_any_case() {
        assert_eq!(found("PassWord"), [true, true, false, true, false]);
        assert_eq!(found("a://"), [false, false, true, false, false]);
        assert_eq!(found("xtoken"), [true, false, false, false, false]);
        assert_eq!(found("tokepas"), [false, false, false, true, false]);
        assert_eq!(found("p"), [false; 5]);
        assert_eq!(found(""), [false; 5]);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_for_each_word_finds(text in "([pPaAsSwWoOrRdDtTkKeEn:/\u{e9}]|pass|token){0,40}") {
            let lowered = text.to_ascii_lowercase();
            let mut expected = [false; 5];
            for (rule, word) in WORDS {
                expected[rule] |= lowered.contains(word);
            }
            prop_assert_eq!(found(&text), expected);
        }
    }
}
