//! Answers a question: out of the index as far as it reaches, and out of the log itself behind it.
//!
//! **Reads** the log and the index.
//! **Gives** [`search()`], [`count`], [`stats`], [`Hit`], [`Answer`].
//! **Never** gives a line that is not in the log now, and never one that is not as it was.

use std::collections::VecDeque;

use super::Error;
use super::Noted;
use super::Query;
use super::Searched;
use super::Stats;
use super::Tally;
use super::dictionary::Dictionary;
use super::query;
use super::tally::Facts;
use crate::audit::Entry;
use crate::audit::Place;

#[cfg(feature = "search")]
use super::find::Finder;
#[cfg(feature = "search")]
use super::find::Found;
#[cfg(feature = "search")]
use super::reread::Reread;
#[cfg(feature = "search")]
use super::store::Store;
#[cfg(feature = "search")]
use super::update;

/// A record that is meant, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it lies.
    pub place: Place,
    /// Its bytes, without the line break.
    pub line: Vec<u8>,
}

/// A record that does not stand in the log as it did when it was read into the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// The number that it had.
    pub seq: u64,
    /// Where it lay.
    pub place: Place,
}

/// What came of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Records that are meant.
    pub hits: u64,
    /// Records that the log does not hold any more as it did.
    pub differs: Vec<Differs>,
    /// What a person should know about the index.
    pub notes: Vec<String>,
}

/// Hands out the records that a question means, in order, until there are `most` of them or nobody
/// wants more. An index that is not there, or cannot be read, costs time and no record.
///
/// # Errors
///
/// The log cannot be read; the index breaks while it is read; or those of `each`.
pub fn search(
    searched: &Searched,
    query: &Query,
    most: Option<usize>,
    newest_first: bool,
    each: &mut dyn FnMut(Hit) -> std::io::Result<()>,
) -> Result<Answer, Error> {
    let mut answer = Answer::default();
    let indexed = Indexed::open(searched, &mut answer.notes)?;
    let most = most.unwrap_or(usize::MAX);
    let mut give = |line: Vec<u8>, place: Place, hits: &mut u64| {
        *hits += 1;
        each(Hit { place, line }).map_err(Error::Out)
    };
    if newest_first {
        let mut behind = VecDeque::new();
        for entry in Rest::new(searched, &indexed)? {
            let entry = entry?;
            if is_meant(query, &entry) {
                behind.push_back(entry.place);
                if behind.len() > most {
                    behind.pop_front();
                }
            }
        }
        for place in behind.into_iter().rev() {
            let line = searched.files.line_at(place).map_err(Error::Log)?;
            give(line, place, &mut answer.hits)?;
        }
        in_index(
            searched,
            &indexed,
            query,
            most,
            true,
            &mut answer,
            &mut give,
        )?;
    } else {
        in_index(
            searched,
            &indexed,
            query,
            most,
            false,
            &mut answer,
            &mut give,
        )?;
        for entry in Rest::new(searched, &indexed)? {
            if answer.hits >= most as u64 {
                break;
            }
            let entry = entry?;
            if is_meant(query, &entry) {
                give(entry.line, entry.place, &mut answer.hits)?;
            }
        }
    }
    Ok(answer)
}

/// Counts the records that a question means. What is in the index is counted there and not read
/// again.
///
/// # Errors
///
/// As [`search()`].
pub fn count(searched: &Searched, query: &Query) -> Result<Answer, Error> {
    let mut answer = Answer::default();
    let indexed = Indexed::open(searched, &mut answer.notes)?;
    #[cfg(feature = "search")]
    if let Some(store) = &indexed.store
        && let _moment = store.moment()?
        && let Some(mut finder) = Finder::new(store, query, indexed.records)?
    {
        finder.rows(false, None, &mut |_, _| {
            answer.hits += 1;
            Ok(true)
        })?;
    }
    for entry in Rest::new(searched, &indexed)? {
        answer.hits += u64::from(is_meant(query, &entry?));
    }
    Ok(answer)
}

/// Counts what the records of a time amount to, on one target or on all. `most` is how many commands
/// are named.
///
/// # Errors
///
/// As [`search()`].
pub fn stats(searched: &Searched, query: &Query, most: usize) -> Result<(Stats, Answer), Error> {
    let mut answer = Answer::default();
    let indexed = Indexed::open(searched, &mut answer.notes)?;
    let mut dictionary = indexed.dictionary()?;
    let mut tally = Tally::new(|word| dictionary.number(Some(word), |text| indexed.number(text)))?;
    #[cfg(feature = "search")]
    if let Some(store) = &indexed.store
        && let _moment = store.moment()?
        && let Some(mut finder) = Finder::new(store, query, indexed.records)?
    {
        finder.facts(&mut |facts| tally.take(facts))?;
    }
    for entry in Rest::new(searched, &indexed)? {
        let entry = entry?;
        if entry.torn {
            continue;
        }
        let Some(noted) = Noted::of(&entry.line).filter(|noted| query.matches(noted)) else {
            continue;
        };
        let mut number = |text: Option<&str>| dictionary.number(text, |text| indexed.number(text));
        tally.take(&Facts {
            time: noted.millis(),
            event: number(Some(&noted.event))?,
            status: number(noted.status.as_deref())?,
            risk: number(noted.risk.as_deref())?,
            target: number(noted.target.as_deref())?,
            command: number(noted.command.as_deref())?,
            approver: number(noted.approver.as_deref())?,
            request: query::request(noted.request_id.as_deref()),
            waited: noted.waited_ms.map_or(0, |waited| waited.saturating_add(1)),
        });
    }
    let stats = tally.stats(most, |number| match dictionary.added(number) {
        Some(text) => Ok(text.to_owned()),
        None => indexed.text(number),
    })?;
    Ok((stats, answer))
}

fn is_meant(query: &Query, entry: &Entry) -> bool {
    !entry.torn && Noted::of(&entry.line).is_some_and(|noted| query.matches(&noted))
}

/// The index, as far as it can be used, and where the log goes on behind it.
struct Indexed {
    #[cfg(feature = "search")]
    store: Option<Store>,
    /// Records that were in the index when it was opened.
    #[cfg(feature = "search")]
    records: u64,
    next: Option<Place>,
}

#[cfg(feature = "search")]
impl Indexed {
    /// Brings the index up to date where that is allowed and does not take long, and opens it.
    fn open(searched: &Searched, notes: &mut Vec<String>) -> Result<Self, Error> {
        let mut standing = Self::standing(searched)?;
        let from = standing.as_ref().ok().and_then(|indexed| indexed.next);
        let missing = update::missing(&searched.files, from)?;
        if missing > 0 && missing <= searched.catch_up {
            // Whoever reads keeps a writer from its commit.
            drop(standing);
            match update::update(searched, false, std::time::Duration::ZERO, &mut |_| ()) {
                Ok(updated) => {
                    if let Some(why) = updated.anew {
                        notes.push(format!("the index was made anew: {why}"));
                    }
                }
                // Who may only read, or came second, reads.
                Err(Error::Index { .. } | Error::Busy) => {}
                Err(other) => return Err(other),
            }
            standing = Self::standing(searched)?;
        } else if missing > 0 {
            notes.push(format!(
                "{} MB of the log are not in the index and are read line by line; `aiops audit index` reads them in",
                missing >> 20
            ));
        }
        match standing {
            Ok(indexed) => Ok(indexed),
            Err(why) => {
                if let Some(why) = why {
                    notes.push(format!("the index is not used: {why}"));
                }
                Ok(Self {
                    store: None,
                    records: 0,
                    next: None,
                })
            }
        }
    }

    /// The index where it can be used; otherwise why not, if a person should know.
    fn standing(searched: &Searched) -> Result<Result<Self, Option<String>>, Error> {
        if !searched.index.exists() {
            return Ok(Err(None));
        }
        let opened = Store::open(&searched.index).and_then(|store| {
            let known = {
                let _moment = store.moment()?;
                store.is_of(&searched.files)?
            };
            Ok((known, store))
        });
        match opened {
            Ok((Some(known), store)) => Ok(Ok(Self {
                store: Some(store),
                records: known.records,
                next: Some(known.next),
            })),
            Ok((None, _)) => Ok(Err(Some(
                "it is empty, or was made from another log".to_owned(),
            ))),
            Err(Error::Index { why, .. }) => Ok(Err(Some(why))),
            Err(other) => Err(other),
        }
    }

    fn dictionary(&self) -> Result<Dictionary, Error> {
        // Far behind those of the index, which may grow meanwhile.
        Ok(Dictionary::behind(OWN_NUMBERS))
    }

    fn number(&self, text: &str) -> Result<Option<u32>, Error> {
        self.store
            .as_ref()
            .map_or(Ok(None), |store| store.number(text))
    }

    fn text(&self, number: u32) -> Result<String, Error> {
        let text = self
            .store
            .as_ref()
            .map_or(Ok(None), |store| store.text(number))?;
        Ok(text.unwrap_or_else(|| "-".to_owned()))
    }
}

#[cfg(not(feature = "search"))]
impl Indexed {
    fn open(_: &Searched, _: &mut Vec<String>) -> Result<Self, Error> {
        Ok(Self { next: None })
    }

    fn dictionary(&self) -> Result<Dictionary, Error> {
        Ok(Dictionary::default())
    }

    fn number(&self, _: &str) -> Result<Option<u32>, Error> {
        Ok(None)
    }

    fn text(&self, _: u32) -> Result<String, Error> {
        Ok("-".to_owned())
    }
}

/// The lines that are not in the index.
struct Rest(crate::audit::Entries);

impl Rest {
    fn new(searched: &Searched, indexed: &Indexed) -> Result<Self, Error> {
        let entries = searched.files.entries(indexed.next);
        entries.map(Self).map_err(Error::Log)
    }
}

impl Iterator for Rest {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.next();
        next.map(|entry| entry.map_err(Error::Log))
    }
}

/// Takes a line and its place, and counts it.
type Give<'a> = dyn FnMut(Vec<u8>, Place, &mut u64) -> Result<(), Error> + 'a;

#[cfg(feature = "search")]
fn in_index(
    searched: &Searched,
    indexed: &Indexed,
    query: &Query,
    most: usize,
    newest_first: bool,
    answer: &mut Answer,
    give: &mut Give<'_>,
) -> Result<(), Error> {
    let Some(store) = &indexed.store else {
        return Ok(());
    };
    let reread = Reread::new(&searched.files)?;
    let mut after = None;
    loop {
        let left = (most as u64).saturating_sub(answer.hits);
        let page = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE);
        if page == 0 {
            return Ok(());
        }
        let mut found: Vec<Found> = Vec::new();
        // Nobody is kept waiting while hits are read and printed.
        {
            let _moment = store.moment()?;
            let Some(mut finder) = Finder::new(store, query, indexed.records)? else {
                return Ok(());
            };
            finder.rows(newest_first, after, &mut |finder, row| {
                found.push(finder.found(row)?);
                Ok(found.len() < page)
            })?;
        }
        for one in &found {
            match reread.line(one)? {
                Some(line) => {
                    let noted = Noted::of(&line);
                    if noted.is_some_and(|noted| query.matches(&noted)) {
                        give(line, one.place, &mut answer.hits)?;
                    }
                }
                None => answer.differs.push(Differs {
                    seq: one.seq,
                    place: one.place,
                }),
            }
        }
        match found.last() {
            Some(last) if found.len() == page => after = Some(last.row),
            _ => return Ok(()),
        }
    }
}

#[cfg(not(feature = "search"))]
fn in_index(
    _: &Searched,
    _: &Indexed,
    _: &Query,
    _: usize,
    _: bool,
    _: &mut Answer,
    _: &mut Give<'_>,
) -> Result<(), Error> {
    Ok(())
}

/// Records that are looked up at once.
#[cfg(feature = "search")]
const PAGE: usize = 10_000;

/// Where the numbers begin that a count gives to texts which are not in the index.
#[cfg(feature = "search")]
const OWN_NUMBERS: u32 = 1 << 31;
