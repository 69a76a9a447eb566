//! Records on their way into the index.
//!
//! **Reads** the last block of the index.
//! **Gives** [`Build`].
//! **Never** leaves half a record there: what is not committed is read from the log again.

use rusqlite::params;
use sha2::Digest as _;
use sha2::Sha256;

use super::Error;
use super::Noted;
use super::column::Column;
use super::dictionary::Dictionary;
use super::dictionary::NONE;
use super::query;
use super::query::Facet;
use super::store::Known;
use super::store::ROWS;
use super::store::Store;
use super::term;
use crate::audit::Entry;

/// Records that are read into the index, up to the next commit.
pub(super) struct Build<'a> {
    store: &'a Store,
    pub(super) known: Known,
    dictionary: Dictionary,
    /// The columns of the last block.
    columns: Vec<Vec<u64>>,
    times: (i64, i64),
}

impl<'a> Build<'a> {
    /// Goes on behind what the index knows.
    pub(super) fn new(store: &'a Store, known: Known) -> Result<Self, Error> {
        let (block, rows) = (known.records / ROWS, (known.records % ROWS) as usize);
        let mut build = Self {
            store,
            known,
            dictionary: Dictionary::behind(store.last_number()?),
            columns: vec![Vec::new(); Column::ALL.len()],
            times: NO_TIMES,
        };
        if rows > 0 {
            for (column, numbers) in Column::ALL.into_iter().zip(&mut build.columns) {
                *numbers = store.column(block, rows, column)?.to_vec();
            }
            let times = build.columns.get(Column::Time.number());
            for &time in times.into_iter().flatten() {
                let time = time.cast_signed();
                build.times = (build.times.0.min(time), build.times.1.max(time));
            }
        }
        store.run("BEGIN IMMEDIATE")?;
        Ok(build)
    }

    /// Takes one line.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), Error> {
        self.known.next = entry.next();
        let Some(noted) = Noted::of(&entry.line) else {
            return Ok(());
        };
        let mut facets = [NONE; Facet::ALL.len()];
        for (facet, number) in Facet::ALL.into_iter().zip(&mut facets) {
            *number = self.number(facet.of(&noted))?;
        }
        self.write_words(&noted, &facets)?;
        let time = noted.millis();
        let command = self.number(noted.command.as_deref())?;
        let waited = noted.waited_ms.map_or(0, |waited| waited.saturating_add(1));
        for (column, numbers) in Column::ALL.into_iter().zip(&mut self.columns) {
            numbers.push(match column {
                Column::Seq => noted.seq,
                Column::Segment => entry.place.segment,
                Column::Offset => entry.place.offset,
                Column::Hash => short(&entry.line),
                Column::Time => time.cast_unsigned(),
                Column::Of(facet) => facets.get(facet as usize).copied().unwrap_or(NONE).into(),
                Column::Request => query::request(noted.request_id.as_deref()),
                Column::Command => command.into(),
                Column::Waited => waited,
            });
        }
        self.times = (self.times.0.min(time), self.times.1.max(time));
        self.known.records += 1;
        if self.known.records.is_multiple_of(ROWS) {
            self.write_block(self.known.records / ROWS - 1)?;
            self.columns.iter_mut().for_each(Vec::clear);
            self.times = NO_TIMES;
        }
        Ok(())
    }

    fn number(&mut self, text: Option<&str>) -> Result<u32, Error> {
        self.dictionary.number(text, |text| self.store.number(text))
    }

    /// The words of a record, and its values as words of their own: so a rare value makes a question
    /// for a frequent word fast. They stand between two texts, and no phrase reaches across.
    fn write_words(&self, noted: &Noted<'_>, facets: &[u32]) -> Result<(), Error> {
        let mut values = Facet::ALL
            .into_iter()
            .zip(facets)
            .filter(|(facet, number)| is_word(*facet) && **number != NONE)
            .map(|(facet, number)| value_word(facet, *number));
        let mut text = String::with_capacity(1024);
        for word in noted.words() {
            if word == term::BETWEEN {
                text.push_str(values.next().as_deref().unwrap_or(term::BETWEEN));
            } else {
                text.push_str(&word);
            }
            text.push(' ');
        }
        for value in values {
            text.push_str(&value);
            text.push(' ');
        }
        let row = self.known.records.cast_signed() + 1;
        self.store
            .db
            .prepare_cached("INSERT INTO text(rowid, words) VALUES (?1, ?2)")
            .and_then(|mut into| into.execute(params![row, text]))
            .map(|_| ())
            .map_err(|fault| self.store.failed(&fault))
    }

    fn write_block(&self, block: u64) -> Result<(), Error> {
        self.store.write_block(block, &self.columns, self.times)
    }

    /// Commits what was taken, and begins the next part.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        for (number, text) in self.dictionary.give() {
            self.store
                .db
                .prepare_cached("INSERT INTO word VALUES (?1, ?2)")
                .and_then(|mut into| into.execute(params![number, text]))
                .map_err(|fault| self.store.failed(&fault))?;
        }
        if !self.known.records.is_multiple_of(ROWS) {
            self.write_block(self.known.records / ROWS)?;
        }
        self.store.write_known(&self.known)?;
        self.store.run("COMMIT; BEGIN IMMEDIATE")
    }
}

/// Whether the values of a field are words in the index too. What an event or a risk is stands in so
/// many records that it would narrow nothing.
pub(super) fn is_word(facet: Facet) -> bool {
    !matches!(facet, Facet::Event | Facet::Rule)
}

/// A value as a word that no text holds.
pub(super) fn value_word(facet: Facet, number: u32) -> String {
    format!("_{}_{number}", facet as usize)
}

/// The first eight bytes of a line's hash.
pub(super) fn short(line: &[u8]) -> u64 {
    query::first_bytes(&Sha256::digest(line))
}

const NO_TIMES: (i64, i64) = (i64::MAX, i64::MIN);
