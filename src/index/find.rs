//! Finds in the index where the records lie that a question means.
//!
//! **Reads** the index.
//! **Gives** [`Finder`], [`Found`].
//! **Never** takes what it finds for the truth: it says where to look.

use std::collections::HashMap;
use std::rc::Rc;

use super::Error;
use super::build;
use super::column::Column;
use super::query;
use super::query::Facet;
use super::query::Query;
use super::store::ROWS;
use super::store::Store;
use super::tally::Facts;
use crate::audit::Place;

/// A record as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Its place in the index.
    pub(super) row: u64,
    /// Its number.
    pub(super) seq: u64,
    /// Where it lies.
    pub(super) place: Place,
    /// The first eight bytes of its hash.
    pub(super) hash: u64,
}

/// A question, put so that the index can answer it.
pub(super) struct Finder<'a> {
    store: &'a Store,
    query: &'a Query,
    /// The numbers of the values that a field may have.
    wanted: Vec<(Column, Vec<u64>)>,
    text: Option<String>,
    /// The first row that is not looked at.
    end: u64,
    /// The blocks that may hold something.
    blocks: Vec<(u64, usize)>,
    held: Option<u64>,
    columns: HashMap<usize, Rc<Vec<u64>>>,
    counted: Option<(u64, Vec<Rc<Vec<u64>>>)>,
}

impl<'a> Finder<'a> {
    /// Looks at the first `end` records. None where none of them is meant.
    pub(super) fn new(store: &'a Store, query: &'a Query, end: u64) -> Result<Option<Self>, Error> {
        let mut wanted = Vec::new();
        let mut text: Vec<String> = query.terms.iter().map(super::Term::to_match).collect();
        for (facet, values) in &query.facets {
            let mut numbers = Vec::new();
            for value in values {
                match value.strip_suffix('*') {
                    Some(beginning) => numbers.extend(store.numbers(beginning)?),
                    None => numbers.extend(store.number(&super::dictionary::bounded(value))?),
                }
            }
            if numbers.is_empty() {
                return Ok(None);
            }
            if build::is_word(*facet) && numbers.len() <= MOST_WORDS {
                let words = numbers.iter().map(|number| {
                    let word = build::value_word(*facet, *number);
                    format!("\"{word}\"")
                });
                text.push(format!("({})", words.collect::<Vec<_>>().join(" OR ")));
            }
            let mut numbers: Vec<u64> = numbers.into_iter().map(u64::from).collect();
            numbers.sort_unstable();
            wanted.push((Column::Of(*facet), numbers));
        }
        if let Some(request) = &query.request {
            wanted.push((Column::Request, vec![query::request(Some(request))]));
        }
        // The fewer values there are to be had, the more a field narrows; that is only a guess.
        wanted.sort_by_key(|(column, numbers)| (!matches!(column, Column::Request), numbers.len()));
        // Without a word to look for, columns are faster than lists of words.
        let text = (!query.terms.is_empty()).then(|| text.join(" AND "));
        let blocks = store.blocks(query.since, query.until)?;
        Ok((!blocks.is_empty()).then_some(Self {
            store,
            query,
            wanted,
            text,
            end,
            blocks,
            held: None,
            columns: HashMap::new(),
            counted: None,
        }))
    }

    /// Tells of each row that is meant, behind the row `after` in the order that is asked for, until
    /// `each` wants no more.
    pub(super) fn rows(
        &mut self,
        newest_first: bool,
        after: Option<u64>,
        each: &mut dyn FnMut(&mut Self, u64) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if self.text.is_some() {
            self.by_text(newest_first, after, each)
        } else {
            self.by_column(newest_first, after, each)
        }
    }

    fn by_text(
        &mut self,
        newest_first: bool,
        after: Option<u64>,
        each: &mut dyn FnMut(&mut Self, u64) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let first = self.blocks.first().map_or(0, |(block, _)| block * ROWS);
        let last = self
            .blocks
            .last()
            .map_or(0, |(block, rows)| block * ROWS + *rows as u64);
        let last = last.min(self.end);
        let (first, last) = match after {
            Some(after) if newest_first => (first, last.min(after)),
            Some(after) => (first.max(after + 1), last),
            None => (first, last),
        };
        let order = if newest_first { "DESC" } else { "ASC" };
        let store = self.store;
        let mut asked = store
            .db
            .prepare_cached(&format!(
                "SELECT rowid FROM text WHERE text MATCH ?1 AND rowid BETWEEN ?2 AND ?3
                 ORDER BY rowid {order}"
            ))
            .map_err(|fault| store.failed(&fault))?;
        // A row of the index is one more than its number.
        let bounds = (first.cast_signed() + 1, last.cast_signed());
        let mut rows = asked
            .query((self.text.clone(), bounds.0, bounds.1))
            .map_err(|fault| store.failed(&fault))?;
        while let Some(row) = rows.next().map_err(|fault| store.failed(&fault))? {
            let row = row.get::<_, i64>(0).map_err(|fault| store.failed(&fault))?;
            let row = (row - 1).cast_unsigned();
            if self.is_meant(row)? && !each(self, row)? {
                break;
            }
        }
        Ok(())
    }

    fn by_column(
        &mut self,
        newest_first: bool,
        after: Option<u64>,
        each: &mut dyn FnMut(&mut Self, u64) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut blocks = self.blocks.clone();
        if newest_first {
            blocks.reverse();
        }
        for (block, rows) in blocks {
            let begin = block * ROWS;
            let over = |row: u64| {
                after.is_some_and(|after| {
                    if newest_first {
                        row >= after
                    } else {
                        row <= after
                    }
                })
            };
            let furthest = if newest_first {
                begin
            } else {
                begin + rows as u64 - 1
            };
            if over(furthest) {
                continue;
            }
            let mut left: Vec<usize> = (0..rows).collect();
            for (column, numbers) in self.wanted.clone() {
                if left.is_empty() {
                    break;
                }
                let values = self.column(block, column)?;
                left.retain(|at| is_among(&numbers, values.get(*at)));
            }
            if !left.is_empty() && (self.query.since.is_some() || self.query.until.is_some()) {
                let times = self.column(block, Column::Time)?;
                left.retain(|at| {
                    let time = times.get(*at).copied().unwrap_or(0).cast_signed();
                    self.query.is_in_time(time)
                });
            }
            if newest_first {
                left.reverse();
            }
            for at in left {
                let row = begin + at as u64;
                if row < self.end && !over(row) && !each(self, row)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether the columns of a row are as they are meant.
    fn is_meant(&mut self, row: u64) -> Result<bool, Error> {
        let (block, at) = (row / ROWS, (row % ROWS) as usize);
        // A block without anything of that time is not in the list.
        if self
            .blocks
            .binary_search_by_key(&block, |(id, _)| *id)
            .is_err()
        {
            return Ok(false);
        }
        for index in 0..self.wanted.len() {
            let Some(column) = self.wanted.get(index).map(|(column, _)| *column) else {
                continue;
            };
            let values = self.column(block, column)?;
            let numbers = self
                .wanted
                .get(index)
                .map(|(_, numbers)| numbers.as_slice());
            if !is_among(numbers.unwrap_or_default(), values.get(at)) {
                return Ok(false);
            }
        }
        if self.query.since.is_none() && self.query.until.is_none() {
            return Ok(true);
        }
        let times = self.column(block, Column::Time)?;
        let time = times.get(at).copied().unwrap_or(0).cast_signed();
        Ok(self.query.is_in_time(time))
    }

    /// What the index knows of a row.
    pub(super) fn found(&mut self, row: u64) -> Result<Found, Error> {
        let mut of = |column| -> Result<u64, Error> {
            let values = self.column(row / ROWS, column)?;
            Ok(values.get((row % ROWS) as usize).copied().unwrap_or(0))
        };
        Ok(Found {
            row,
            seq: of(Column::Seq)?,
            place: Place {
                segment: of(Column::Segment)?,
                offset: of(Column::Offset)?,
            },
            hash: of(Column::Hash)?,
        })
    }

    /// Tells what is counted of every row that is meant, in order. Words are not looked at.
    pub(super) fn facts(&mut self, each: &mut dyn FnMut(&Facts)) -> Result<(), Error> {
        self.by_column(false, None, &mut |finder, row| {
            let block = row / ROWS;
            if finder
                .counted
                .as_ref()
                .is_none_or(|(held, _)| *held != block)
            {
                let mut columns = Vec::with_capacity(COUNTED.len());
                for column in COUNTED {
                    columns.push(finder.column(block, column)?);
                }
                finder.counted = Some((block, columns));
            }
            let at = (row % ROWS) as usize;
            let columns = finder
                .counted
                .as_ref()
                .map(|(_, columns)| columns.as_slice());
            let of = |index: usize| {
                let column = columns.and_then(|columns| columns.get(index));
                column
                    .and_then(|column| column.get(at))
                    .copied()
                    .unwrap_or(0)
            };
            each(&Facts {
                time: of(0).cast_signed(),
                event: of(1) as u32,
                status: of(2) as u32,
                risk: of(3) as u32,
                target: of(4) as u32,
                command: of(5) as u32,
                approver: of(6) as u32,
                request: of(7),
                waited: of(8),
            });
            Ok(true)
        })
    }

    fn column(&mut self, block: u64, column: Column) -> Result<Rc<Vec<u64>>, Error> {
        if self.held != Some(block) {
            self.columns.clear();
            self.held = Some(block);
        }
        if let Some(held) = self.columns.get(&column.number()) {
            return Ok(Rc::clone(held));
        }
        let known = self.blocks.binary_search_by_key(&block, |(id, _)| *id);
        let rows = known
            .ok()
            .and_then(|at| self.blocks.get(at))
            .map_or(0, |(_, rows)| *rows);
        let values = self.store.column(block, rows, column)?;
        self.columns.insert(column.number(), Rc::clone(&values));
        Ok(values)
    }
}

fn is_among(numbers: &[u64], value: Option<&u64>) -> bool {
    let Some(value) = value else { return false };
    match numbers {
        [one] => one == value,
        many => many.binary_search(value).is_ok(),
    }
}

/// The columns that are counted, in the order of [`Facts`].
const COUNTED: [Column; 9] = [
    Column::Time,
    Column::Of(Facet::Event),
    Column::Of(Facet::Status),
    Column::Of(Facet::Risk),
    Column::Of(Facet::Target),
    Column::Command,
    Column::Of(Facet::Approver),
    Column::Request,
    Column::Waited,
];

/// Values of a field that are put as words; more are only compared.
const MOST_WORDS: usize = 16;
