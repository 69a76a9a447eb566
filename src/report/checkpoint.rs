//! What was signed of the log, to be compared with what is there.
//!
//! **Reads** the text of signed notes.
//! **Gives** [`Signed`], [`Checkpoints`].
//! **Never** takes a note for signed that no known key signed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::audit::checkpoint::notes;
use crate::evidence::note;
use crate::evidence::note::Verifier;
use crate::evidence::tree::Range;

/// What known keys signed, by the number of records that it covers.
#[derive(Debug, Clone, Default)]
pub struct Signed {
    notes: Vec<note::Checkpoint>,
    keys: Vec<String>,
    unbelieved: u64,
}

/// What became of comparing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checkpoints {
    /// Signed checkpoints that fit the log.
    pub fit: u64,
    /// Signed checkpoints that do not fit it: what they cover was changed or is gone.
    pub misfit: u64,
    /// Notes that no known key signed, and what is no note.
    pub unbelieved: u64,
    /// Records that the newest checkpoint which fits covers, from the first one on.
    pub covered: u64,
    /// Its root, in base64.
    pub root: Option<String>,
    /// The keys that signed, as `name+number`.
    pub keys: Vec<String>,
}

impl Signed {
    /// Reads a file of notes, one behind the other with an empty line between them.
    pub fn read(&mut self, text: &str, known: &[Verifier]) {
        for written in notes(text) {
            match note::Checkpoint::open(&written.text, known) {
                Ok((checkpoint, verified)) => {
                    for key in verified.by() {
                        let key = key.to_string();
                        if !self.keys.contains(&key) {
                            self.keys.push(key);
                        }
                    }
                    self.notes.push(checkpoint);
                }
                Err(_) => self.unbelieved += 1,
            }
        }
        self.notes.sort_by_key(note::Checkpoint::size);
    }
}

/// A log that grows record by record beside what was signed of it.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    tree: Range,
    rest: std::vec::IntoIter<note::Checkpoint>,
    next: Option<note::Checkpoint>,
    pub(super) found: Checkpoints,
}

impl Comparison {
    pub(super) fn new(signed: Signed) -> Self {
        let mut rest = signed.notes.into_iter();
        let found = Checkpoints {
            unbelieved: signed.unbelieved,
            keys: signed.keys,
            ..Checkpoints::default()
        };
        Self {
            tree: Range::new(),
            next: rest.next(),
            rest,
            found,
        }
    }

    /// Takes the next record. Where something that was signed does not fit, it is said.
    pub(super) fn take(&mut self, line: &[u8]) -> Option<String> {
        self.next.as_ref()?;
        self.tree.push(crate::evidence::tree::leaf_of_line(line));
        let mut fault = None;
        while let Some(signed) = self.next.take_if(|next| next.size() <= self.tree.size()) {
            if signed.size() == self.tree.size() && signed.root() == self.tree.root() {
                self.found.fit += 1;
                self.found.covered = signed.size();
                self.found.root = Some(signed.root().to_base64());
            } else {
                self.found.misfit += 1;
                fault = Some(format!(
                    "a signed checkpoint over the first {} records does not fit: some of them were changed since it was signed",
                    signed.size()
                ));
            }
            self.next = self.rest.next();
        }
        fault
    }

    /// The log ends after so many records. Where more were signed, it is said.
    pub(super) fn end(&mut self, records: u64) -> Option<String> {
        let last = self.next.take().into_iter().chain(self.rest.by_ref());
        let (mut count, mut most) = (0, 0);
        for signed in last {
            count += 1;
            most = signed.size().max(most);
        }
        self.found.misfit += count;
        (count > 0).then(|| {
            format!("a signed checkpoint covers {most} records, and the log holds {records}: records were cut off at its end")
        })
    }

    /// The log does not begin with its first record, so nothing that was signed can be found in it:
    /// whoever removes one record must not be rid of every signature. Where something was, it is said.
    pub(super) fn beside(&mut self) -> Option<String> {
        let count = self
            .next
            .take()
            .into_iter()
            .chain(self.rest.by_ref())
            .count() as u64;
        self.found.misfit += count;
        (count > 0).then(|| {
            format!("{count} signed checkpoints cover the first records, which are not there: none of them fits this log")
        })
    }
}
