//! Numbers for texts that come again and again.
//!
//! **Reads** nothing.
//! **Gives** [`Dictionary`], [`bounded`].
//! **Never** gives one number to two texts.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::Digest as _;
use sha2::Sha256;

use crate::hex;

/// The number of a text that is not there.
pub(super) const NONE: u32 = 0;

/// Texts and their numbers, from 1.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    numbers: HashMap<String, u32>,
    /// The highest number, with those that are kept elsewhere.
    last: u32,
    /// Those that were added, in order.
    added: Vec<(u32, String)>,
}

impl Dictionary {
    /// One that goes on behind the numbers that are kept elsewhere.
    #[cfg(feature = "search")]
    pub(super) fn behind(last: u32) -> Self {
        Self {
            last,
            ..Self::default()
        }
    }

    /// The number of a text; a new one where neither this nor `elsewhere` has one.
    ///
    /// # Errors
    ///
    /// Those of `elsewhere`.
    pub(super) fn number<E>(
        &mut self,
        text: Option<&str>,
        elsewhere: impl FnOnce(&str) -> Result<Option<u32>, E>,
    ) -> Result<u32, E> {
        let Some(text) = text else { return Ok(NONE) };
        let text = bounded(text);
        if let Some(number) = self.numbers.get(&*text) {
            return Ok(*number);
        }
        let number = match elsewhere(&text)? {
            Some(number) => number,
            None => {
                self.last = self.last.saturating_add(1);
                self.added.push((self.last, text.clone().into_owned()));
                self.last
            }
        };
        self.numbers.insert(text.into_owned(), number);
        Ok(number)
    }

    /// The text of a number that was added here.
    pub(super) fn added(&self, number: u32) -> Option<&str> {
        let at = self
            .added
            .binary_search_by_key(&number, |(added, _)| *added);
        at.ok()
            .and_then(|at| self.added.get(at))
            .map(|(_, text)| text.as_str())
    }

    /// Hands out what was added, to be kept elsewhere from now on, and forgets what takes much room.
    #[cfg(feature = "search")]
    pub(super) fn give(&mut self) -> Vec<(u32, String)> {
        if self.numbers.len() > MOST_HELD {
            self.numbers.clear();
        }
        std::mem::take(&mut self.added)
    }
}

/// A text of at most [`LONGEST`] bytes. The end of a longer one is put as its hash, so that two that
/// differ stay two.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let head = text.floor_char_boundary(LONGEST - 40);
    let hash = hex::of(&Sha256::digest(text));
    let head = text.get(..head).unwrap_or_default();
    Cow::Owned(format!("{head}… {}", hash.get(..32).unwrap_or_default()))
}

/// Bytes of a text that is held whole.
const LONGEST: usize = 512;

/// Texts that are held at most once they are kept elsewhere.
#[cfg(feature = "search")]
const MOST_HELD: usize = 200_000;
