//! The file of the index.
//!
//! **Reads** and **writes** `audit/index.sqlite`.
//! **Gives** [`Store`], [`Known`].
//! **Never** holds anything that is not in the log.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::OptionalExtension as _;
use rusqlite::params;
use sha2::Digest as _;
use sha2::Sha256;

use super::Error;
use super::column;
use super::column::COLUMNS;
use super::column::Column;
use crate::audit::Files;
use crate::audit::Place;

/// The index of a log.
pub(super) struct Store {
    pub(super) db: Connection,
    path: PathBuf,
}

/// What the index knows of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// SHA-256 of the log's first line.
    pub(super) beginning: Vec<u8>,
    /// Records that are in the index.
    pub(super) records: u64,
    /// Where the first line behind them begins.
    pub(super) next: Place,
}

/// Rows of a block.
pub(super) const ROWS: u64 = 8192;

/// Blocks that an index can have; more are a broken file.
const MOST_BLOCKS: u64 = 1 << 32;

/// The version of this format; another one is made anew.
const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE known (id INTEGER PRIMARY KEY CHECK (id = 1), beginning BLOB NOT NULL,
    records INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL);
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE block (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL,
    earliest INTEGER NOT NULL, latest INTEGER NOT NULL);
CREATE TABLE part (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE VIRTUAL TABLE text USING fts5(words, content='', detail=full, columnsize=0, prefix='2 3',
    tokenize=\"ascii tokenchars '_'\");
INSERT INTO text(text, rank) VALUES('hashsize', 67108864);
";

impl Store {
    /// Opens an index to be read.
    ///
    /// # Errors
    ///
    /// It is not there, or is none.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::opened(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// Opens an index to be written, and makes it where it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be written, or is none.
    pub(super) fn open_for_writing(path: &Path, log: &Path) -> Result<Self, Error> {
        let made = make(path, log).map_err(|fault| Error::Index {
            path: path.to_owned(),
            why: fault.to_string(),
        })?;
        let store = Self::opened(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if made {
            store
                .db
                .execute_batch(&format!(
                    "BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"
                ))
                .map_err(|fault| store.failed(&fault))?;
        }
        Ok(store)
    }

    fn opened(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        let failed = |fault: rusqlite::Error| Error::Index {
            path: path.to_owned(),
            why: fault.to_string(),
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let db = Connection::open_with_flags(path, flags).map_err(failed)?;
        db.busy_timeout(PATIENCE).map_err(failed)?;
        // A rollback journal and no write-ahead log: who may only read makes no files. What is not
        // committed stays in memory, so that readers are not kept out while much is read in.
        db.execute_batch(
            "PRAGMA cache_spill = OFF; PRAGMA cache_size = -65536; PRAGMA mmap_size = 0;
             PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed)?;
        Ok(Self {
            db,
            path: path.to_owned(),
        })
    }

    /// What it knows. None where it is empty or of another version.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn known(&self) -> Result<Option<Known>, Error> {
        let version: i64 = self
            .db
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|fault| self.failed(&fault))?;
        if version != VERSION {
            return Ok(None);
        }
        self.db
            .query_row(
                "SELECT beginning, records, segment, offset FROM known",
                [],
                |row| {
                    Ok(Known {
                        beginning: row.get(0)?,
                        records: row.get::<_, i64>(1)?.cast_unsigned(),
                        next: Place {
                            segment: row.get::<_, i64>(2)?.cast_unsigned(),
                            offset: row.get::<_, i64>(3)?.cast_unsigned(),
                        },
                    })
                },
            )
            .optional()
            .map(|known| known.filter(|known| known.records < MOST_BLOCKS * ROWS))
            .map_err(|fault| self.failed(&fault))
    }

    /// Whether nothing was read into it yet.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn is_new(&self) -> Result<bool, Error> {
        self.db
            .query_row("SELECT count(*) = 0 FROM known", [], |row| row.get(0))
            .map_err(|fault| self.failed(&fault))
    }

    /// Whether it was made from this log, as far as the log's beginning or the last record tells, and
    /// the log still has the place where it goes on.
    pub(super) fn is_of(&self, files: &Files) -> Result<Option<Known>, Error> {
        let Some(known) = self.known()? else {
            return Ok(None);
        };
        // Where only the first line differs, it is this log, and that line is damage.
        let same = beginning(files)?.is_some_and(|now| now == known.beginning)
            || self.has_the_last_of(&known, files)?;
        Ok((same && reaches(files, known.next)?).then_some(known))
    }

    /// Whether the last record of the index still stands where it stood.
    fn has_the_last_of(&self, known: &Known, files: &Files) -> Result<bool, Error> {
        let Some(row) = known.records.checked_sub(1) else {
            return Ok(false);
        };
        let (block, at) = (row / ROWS, (row % ROWS) as usize);
        let of = |column| -> Result<u64, Error> {
            let values = self.column(block, at + 1, column)?;
            Ok(values.get(at).copied().unwrap_or(0))
        };
        let place = Place {
            segment: of(Column::Segment)?,
            offset: of(Column::Offset)?,
        };
        let hash = of(Column::Hash)?;
        Ok(files
            .line_at(place)
            .is_ok_and(|line| super::build::short(&line) == hash))
    }

    /// The number of a text.
    pub(super) fn number(&self, text: &str) -> Result<Option<u32>, Error> {
        self.db
            .prepare_cached("SELECT id FROM word WHERE text = ?1")
            .and_then(|mut asked| asked.query_row([text], |row| row.get(0)).optional())
            .map_err(|fault| self.failed(&fault))
    }

    /// The numbers of all texts that begin so.
    pub(super) fn numbers(&self, beginning: &str) -> Result<Vec<u32>, Error> {
        let read = || {
            let mut asked = self
                .db
                .prepare_cached("SELECT id FROM word WHERE text >= ?1 AND text < ?1 || ?2")?;
            let rows = asked.query_map([beginning, "\u{10ffff}"], |row| row.get(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|fault: rusqlite::Error| self.failed(&fault))
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> Result<Option<String>, Error> {
        self.db
            .prepare_cached("SELECT text FROM word WHERE id = ?1")
            .and_then(|mut asked| asked.query_row([number], |row| row.get(0)).optional())
            .map_err(|fault| self.failed(&fault))
    }

    /// The highest number of a text.
    pub(super) fn last_number(&self) -> Result<u32, Error> {
        self.db
            .query_row("SELECT coalesce(max(id), 0) FROM word", [], |row| {
                row.get(0)
            })
            .map_err(|fault| self.failed(&fault))
    }

    /// The blocks that may hold something of that time, in order, each with its rows.
    pub(super) fn blocks(
        &self,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Result<Vec<(u64, usize)>, Error> {
        let read = || {
            let mut asked = self.db.prepare_cached(
                "SELECT id, rows FROM block WHERE latest >= ?1 AND earliest < ?2 ORDER BY id",
            )?;
            let bounds = [since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)];
            let rows = asked.query_map(bounds, |row| {
                Ok((
                    row.get::<_, i64>(0)?.cast_unsigned(),
                    row.get::<_, u32>(1)? as usize,
                ))
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let blocks = read().map_err(|fault: rusqlite::Error| self.failed(&fault))?;
        // What is allocated follows from these numbers.
        let odd = |(id, rows): &(u64, usize)| *id > MOST_BLOCKS || *rows as u64 > ROWS;
        match blocks.iter().find(|block| odd(block)) {
            Some((id, _)) => Err(self.broken(format!("block {id} is broken"))),
            None => Ok(blocks),
        }
    }

    /// One column of a block.
    pub(super) fn column(
        &self,
        block: u64,
        rows: usize,
        column: Column,
    ) -> Result<Rc<Vec<u64>>, Error> {
        let id = part(block, column);
        let packed: Vec<u8> = self
            .db
            .prepare_cached("SELECT data FROM part WHERE id = ?1")
            .and_then(|mut asked| asked.query_row([id], |row| row.get(0)))
            .map_err(|fault| self.failed(&fault))?;
        let numbers = column::unpack(column, &packed, rows);
        numbers
            .map(Rc::new)
            .ok_or_else(|| self.broken(format!("part {id} is broken")))
    }

    /// Writes a block.
    pub(super) fn write_block(
        &self,
        block: u64,
        columns: &[Vec<u64>],
        (earliest, latest): (i64, i64),
    ) -> Result<(), Error> {
        let rows = columns.first().map_or(0, Vec::len);
        let write = || {
            self.db
                .prepare_cached("INSERT OR REPLACE INTO block VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![block.cast_signed(), rows as i64, earliest, latest])?;
            let mut into = self
                .db
                .prepare_cached("INSERT OR REPLACE INTO part VALUES (?1, ?2)")?;
            for (column, numbers) in Column::ALL.into_iter().zip(columns) {
                let packed = column::pack(column, numbers)
                    .map_err(|fault| rusqlite::Error::ToSqlConversionFailure(fault.into()))?;
                into.execute(params![part(block, column), packed])?;
            }
            Ok(())
        };
        write().map_err(|fault: rusqlite::Error| self.failed(&fault))
    }

    /// Writes what is known of the log.
    pub(super) fn write_known(&self, known: &Known) -> Result<(), Error> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO known VALUES (1, ?1, ?2, ?3, ?4)")
            .and_then(|mut into| {
                into.execute(params![
                    known.beginning,
                    known.records.cast_signed(),
                    known.next.segment.cast_signed(),
                    known.next.offset.cast_signed(),
                ])
            })
            .map(|_| ())
            .map_err(|fault| self.failed(&fault))
    }

    /// One moment: what is read until it is dropped is as it was then, whatever is added meanwhile.
    /// No writer commits as long, so it has to be short.
    pub(super) fn moment(&self) -> Result<Moment<'_>, Error> {
        self.run("BEGIN")?;
        Ok(Moment(self))
    }

    /// Runs statements without an answer.
    pub(super) fn run(&self, statements: &str) -> Result<(), Error> {
        self.db
            .execute_batch(statements)
            .map_err(|fault| self.failed(&fault))
    }

    pub(super) fn failed(&self, fault: &rusqlite::Error) -> Error {
        self.broken(fault.to_string())
    }

    fn broken(&self, why: String) -> Error {
        Error::Index {
            path: self.path.clone(),
            why,
        }
    }
}

/// See [`Store::moment`].
pub(super) struct Moment<'a>(&'a Store);

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // Nothing was written, so there is nothing to be lost.
        let _ = self.0.run("COMMIT");
    }
}

fn part(block: u64, column: Column) -> i64 {
    block.cast_signed() * COLUMNS + column.number() as i64
}

/// SHA-256 of the first line of a log; none where it is empty.
pub(super) fn beginning(files: &Files) -> Result<Option<Vec<u8>>, Error> {
    let mut entries = files.entries(None).map_err(Error::Log)?;
    let first = entries.next().transpose().map_err(Error::Log)?;
    let first = first.filter(|first| !first.torn);
    Ok(first.map(|first| Sha256::digest(&first.line).to_vec()))
}

/// Whether the log reaches to this place.
fn reaches(files: &Files, place: Place) -> Result<bool, Error> {
    let segments = files.segments().map_err(Error::Log)?;
    let found = segments
        .iter()
        .find(|segment| segment.first == place.segment);
    let Some(segment) = found else {
        return Ok(false);
    };
    let length = fs::metadata(&segment.path).map_err(Error::Log)?.len();
    // The live file may just have been rotated away; then there is another look at the next question.
    Ok(length >= place.offset)
}

/// Makes an empty file for the index, which whoever may read the log may read. Root leaves it to the
/// owner of the log. False where one is there.
fn make(path: &Path, log: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640))?;
    own(path, log)?;
    Ok(true)
}

/// Makes the folder that the index lies in, where it is not there.
pub(super) fn make_folder(index: &Path, log: &Path) -> io::Result<()> {
    let Some(folder) = index.parent().filter(|folder| !folder.exists()) else {
        return Ok(());
    };
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o750))?;
    own(folder, log)
}

/// Leaves what root made to the owner of the log.
pub(super) fn own(path: &Path, log: &Path) -> io::Result<()> {
    let log = fs::metadata(log)?;
    let made = fs::metadata(path)?;
    let other_group = made.gid() != log.gid();
    if made.uid() != log.uid() || other_group {
        let done = std::os::unix::fs::chown(path, Some(log.uid()), Some(log.gid()));
        // Only root gives a file away; everybody else is its owner already, or may not write here.
        if made.uid() == 0 {
            return done;
        }
    }
    Ok(())
}

/// How long to wait for a reader or a writer of the index.
const PATIENCE: Duration = Duration::from_secs(30);
