//! What the lines read so far amount to, line by line where something is out of the ordinary.
//!
//! **Reads** blocks of the log, in order, and files beside it.
//! **Gives** [`Follow`].
//! **Never** reads a line more closely than it needs to.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use super::Block;
use super::Bookmark;
use super::Damage;
use super::End;
use super::Kind;
use super::OpenIntent;
use super::Report;
use super::sweep;
use super::sweep::Loose;
use super::sweep::Sweep;
use super::witness::Witness;
use crate::audit::FoundFacts;
use crate::audit::GENESIS;
use crate::audit::Outputs;
use crate::audit::Place;
use crate::audit::SideFile;
use crate::evidence::tree;
use crate::evidence::tree::Range;
use crate::hex;

/// What the lines read so far amount to.
pub(super) struct Follow {
    pub(super) report: Report,
    /// Where the next line begins; none at the beginning of the log.
    pub(super) next: Option<Place>,
    pub(super) file: String,
    /// Lines of the file that were read.
    pub(super) line: u64,
    pub(super) last: Option<Last>,
    /// Two records claim one number; the one behind them tells which was put in.
    rival: Option<Rival>,
    /// The damage that says that a line was changed, which the next line may put right.
    suspect: Option<usize>,
    /// Lines that are no records, waiting for the record that speaks of them.
    strange: Strange,
    pub(super) open: HashMap<String, OpenIntent>,
    pub(super) tree: Range,
    /// Whether the tree still is that of the records in their places.
    grows: bool,
    pub(super) witness: Witness,
    outputs: Option<Outputs>,
}

/// The last record.
#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) seq: u64,
    pub(super) hash: [u8; 32],
    pub(super) place: Place,
    pub(super) file: String,
    pub(super) line: u64,
}

struct Rival {
    last: Last,
    damage: usize,
}

/// Lines that stand where records should.
#[derive(Default)]
struct Strange {
    lines: u64,
    first: u64,
    file: String,
    hash: Sha256,
}

/// What is needed of a record.
#[derive(Deserialize)]
struct Noted<'a> {
    seq: u64,
    #[serde(borrow)]
    prev: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(default)]
    limit_s: Option<u64>,
    #[serde(default)]
    found: Option<FoundFacts>,
    #[serde(default)]
    stdout_file: Option<SideFile>,
    #[serde(default)]
    stderr_file: Option<SideFile>,
    #[serde(borrow, default)]
    verifier_key: Option<Cow<'a, str>>,
}

impl<'a> Noted<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let noted: Self = serde_json::from_slice(line).ok()?;
        (noted.prev.len() == GENESIS.len()).then_some(noted)
    }

    fn open(&self) -> OpenIntent {
        let word = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        OpenIntent {
            seq: self.seq,
            timestamp: word(&self.timestamp).unwrap_or_default(),
            request_id: word(&self.request_id),
            target: word(&self.target),
            command: word(&self.command),
            limit_s: self.limit_s,
            may_be_running: false,
        }
    }
}

/// Whether the last line is a record as a whole. Of the others the record behind them tells.
fn ends_well(bytes: &[u8]) -> bool {
    bytes.is_empty() || Noted::read(last_line(bytes)).is_some()
}

fn last_line(bytes: &[u8]) -> &[u8] {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    body.get(start..).unwrap_or_default()
}

impl Follow {
    pub(super) fn new(witness: Witness, outputs: Option<Outputs>) -> Self {
        Self {
            report: Report::default(),
            next: None,
            file: String::new(),
            line: 0,
            last: None,
            rival: None,
            suspect: None,
            strange: Strange::default(),
            open: HashMap::new(),
            tree: Range::new(),
            grows: true,
            witness,
            outputs,
        }
    }

    /// Takes the next lines of the log.
    pub(super) fn block(&mut self, block: &Block) {
        let calm = self.strange.lines == 0 && self.rival.is_none() && self.suspect.is_none();
        let swept = calm
            .then(|| sweep::sweep(&block.bytes, self.witness.cuts()))
            .flatten()
            .filter(|swept| self.continues(swept) && ends_well(&block.bytes));
        self.take_block(block, swept);
    }

    /// [`Follow::block`] that looks at each line closely.
    #[cfg(test)]
    pub(super) fn block_closely(&mut self, block: &Block) {
        self.take_block(block, None);
    }

    fn take_block(&mut self, block: &Block, swept: Option<Vec<Sweep<'_>>>) {
        if std::mem::take(&mut self.report.torn_bytes) > 0 {
            let what = "it has no end, and the log goes on behind it";
            self.damage(self.line + 1, Kind::Strange, what);
        }
        if self.next.is_none_or(|next| next.segment != block.first) {
            self.line = 0;
        }
        self.file.clone_from(&block.name);
        self.report.bytes += block.bytes.len() as u64;
        match swept {
            Some(swept) => self.take_all(swept, block),
            None => self.take_each(block),
        }
        self.next = Some(Place {
            segment: block.first,
            offset: block.at + block.bytes.len() as u64 - self.report.torn_bytes,
        });
    }

    /// Whether each stretch continues the one before it.
    fn continues(&self, swept: &[Sweep<'_>]) -> bool {
        let genesis = || (0, hex::read(GENESIS.as_bytes()).unwrap_or_default());
        let before = self.last.as_ref().map(|last| (last.seq, last.hash));
        let mut before = before.unwrap_or_else(genesis);
        swept.iter().all(|sweep| {
            let (seq, hash) = std::mem::replace(&mut before, (sweep.last, sweep.hash));
            sweep.first == seq + 1 && sweep.prev == hash
        }) && self.runs_fit(swept)
    }

    /// Whether each run begins once, and ends after it began.
    fn runs_fit(&self, swept: &[Sweep<'_>]) -> bool {
        // What began before, or elsewhere in these stretches, and whether it is open still.
        let mut begun: HashMap<String, bool> = HashMap::new();
        for sweep in swept {
            let mut elsewhere = self.open.keys().chain(begun.keys());
            if elsewhere.any(|id| sweep.ended.contains(id.as_bytes())) {
                return false;
            }
            for loose in &sweep.loose {
                let (id, begins) = match loose {
                    Loose::Intent(_, line) => {
                        let id = Noted::read(line).and_then(|noted| noted.request_id);
                        (id.map(Cow::into_owned), true)
                    }
                    Loose::Outcome(_, id) => (String::from_utf8(id.clone()).ok(), false),
                };
                let Some(id) = id else { return false };
                let known = begun.get(&id).copied();
                if known.unwrap_or_else(|| self.open.contains_key(&id)) == begins {
                    return false;
                }
                begun.insert(id, begins);
            }
        }
        true
    }

    fn take_all(&mut self, swept: Vec<Sweep<'_>>, block: &Block) {
        let last_line = block.bytes.len() as u64 - last_line(&block.bytes).len() as u64 - 1;
        for sweep in swept {
            let count = sweep.last + 1 - sweep.first;
            let line_of = |seq: u64, line: u64| line + seq - sweep.first + 1;
            for (seq, line) in &sweep.beside {
                if let Some(noted) = Noted::read(line) {
                    self.beside(&noted, line_of(*seq, self.line));
                }
            }
            for stack in &sweep.pieces {
                for (level, root) in stack.items() {
                    self.grows = self.grows && self.tree.push_subtree(*level, *root).is_ok();
                }
                self.reached(stack.end());
            }
            for loose in &sweep.loose {
                match loose {
                    Loose::Intent(_, line) => {
                        if let Some(noted) = Noted::read(line)
                            && let Some(id) = &noted.request_id
                        {
                            self.open.insert(id.clone().into_owned(), noted.open());
                        }
                    }
                    Loose::Outcome(_, id) => {
                        self.open.remove(&*String::from_utf8_lossy(id));
                    }
                }
            }
            self.report.records += count;
            self.line += count;
            self.last = Some(Last {
                seq: sweep.last,
                hash: sweep.hash,
                place: Place {
                    segment: block.first,
                    offset: block.at + last_line,
                },
                file: self.file.clone(),
                line: self.line,
            });
        }
    }

    fn take_each(&mut self, block: &Block) {
        let mut at = block.at;
        for line in block.bytes.split_inclusive(|byte| *byte == b'\n') {
            let place = Place {
                segment: block.first,
                offset: at,
            };
            at += line.len() as u64;
            match line.strip_suffix(b"\n") {
                Some(line) => self.take(line, place),
                None => self.report.torn_bytes = line.len() as u64,
            }
        }
    }

    fn take(&mut self, line: &[u8], place: Place) {
        self.line += 1;
        if let Some(noted) = Noted::read(line) {
            self.take_record(&noted, line, place);
            return;
        }
        if self.strange.lines == 0 {
            self.strange.first = self.line;
            self.strange.file.clone_from(&self.file);
        }
        self.strange.lines += 1;
        self.strange.hash.update(line);
        self.strange.hash.update(b"\n");
    }

    fn take_record(&mut self, noted: &Noted<'_>, line: &[u8], place: Place) {
        let sealed = self.take_strange(noted);
        let last = Last {
            seq: noted.seq,
            hash: tree::record_hash(line),
            place,
            file: self.file.clone(),
            line: self.line,
        };
        let prev = hex::read::<32>(noted.prev.as_bytes());
        self.settle_rival(prev);
        let counts = match self.last.clone() {
            None => self.take_first(noted, prev, sealed),
            Some(before) => self.take_next(&before, &last, prev),
        };
        if !counts {
            return;
        }
        self.last = Some(last);
        self.report.records += 1;
        self.beside(noted, self.line);
        if self.grows {
            let hash = self.last.as_ref().map(|last| last.hash).unwrap_or_default();
            self.tree.push(tree::leaf(&hash));
            self.reached(noted.seq);
        }
        self.follow_run(noted);
    }

    /// Puts lines that are no records in their place. Gives the hash of those that stand before the
    /// first record of all.
    fn take_strange(&mut self, noted: &Noted<'_>) -> Option<String> {
        let strange = std::mem::take(&mut self.strange);
        let event = noted.event.as_deref();
        let speaks = matches!(event, Some("recovered" | "sealed"));
        let told = noted.found.as_ref().filter(|_| speaks);
        let found = hex::of(&strange.hash.finalize());
        let believed = told.is_some_and(|told| told.sha256 == found && told.lines == strange.lines);
        if strange.lines > 0 && !believed {
            let (kind, what) = match told {
                Some(_) => (
                    Kind::Changed,
                    "it is not what the record behind it speaks of",
                ),
                None => (Kind::Strange, "it is no record"),
            };
            self.damage_in(strange.file, strange.first, kind, what);
        } else if strange.lines == 0 && speaks {
            self.damage(self.line, Kind::Removed, "what it speaks of is not there");
        }
        let sealed = strange.lines > 0 && self.last.is_none();
        if believed {
            let count = if sealed {
                &mut self.report.sealed_lines
            } else {
                &mut self.report.recovered
            };
            *count += strange.lines;
        }
        sealed.then(|| told.map_or(found, |told| told.sha256.clone()))
    }

    fn take_first(
        &mut self,
        noted: &Noted<'_>,
        prev: Option<[u8; 32]>,
        sealed: Option<String>,
    ) -> bool {
        let before = sealed.as_deref().unwrap_or(GENESIS);
        if noted.seq != 1 {
            let what = format!("the log begins with record {}", noted.seq);
            self.grows = false;
            self.damage(self.line, Kind::Removed, what);
        } else if prev.is_none() || prev != hex::read(before.as_bytes()) {
            let what = "it is no first record: it speaks of a line before it";
            self.damage(self.line, Kind::Changed, what);
        }
        true
    }

    /// Compares a record with the one before it. False where it is passed over.
    fn take_next(&mut self, before: &Last, last: &Last, prev: Option<[u8; 32]>) -> bool {
        let chained = prev == Some(before.hash);
        let was_suspect = self.suspect.take();
        if last.seq == before.seq + 1 {
            if chained {
                return true;
            }
            // One of the two was changed. Where the line before was in doubt already, it is that
            // one, and the damage moves to it.
            if let Some(damage) = was_suspect.and_then(|at| self.report.damage.get_mut(at)) {
                damage.file.clone_from(&before.file);
                damage.line = before.line;
            } else {
                self.suspect = Some(self.report.damage.len());
                let what = format!(
                    "the record behind it, {}, was written after another one than this",
                    last.seq
                );
                self.damage_in(before.file.clone(), before.line, Kind::Changed, what);
            }
            return true;
        }
        self.grows = false;
        if last.seq > before.seq + 1 {
            let what = match (before.seq + 1, last.seq - 1) {
                (one, only) if one == only => format!("record {one} before it is missing"),
                (one, other) => format!("records {one} to {other} before it are missing"),
            };
            self.damage(last.line, Kind::Removed, what);
            return true;
        }
        if last.seq == before.seq && last.hash != before.hash {
            self.rival = Some(Rival {
                last: before.clone(),
                damage: self.report.damage.len(),
            });
            let what = format!("there is a second record {}", last.seq);
            self.damage(last.line, Kind::Inserted, what);
            return true;
        }
        let what = format!("record {} stands behind record {}", last.seq, before.seq);
        self.damage(last.line, Kind::Moved, what);
        false
    }

    /// Of two records with one number, the one that the next record continues was there before.
    fn settle_rival(&mut self, prev: Option<[u8; 32]>) {
        let (Some(rival), Some(last)) = (self.rival.take(), &mut self.last) else {
            return;
        };
        if prev == Some(rival.last.hash) {
            *last = rival.last;
        } else if let Some(damage) = self.report.damage.get_mut(rival.damage) {
            damage.file = rival.last.file;
            damage.line = rival.last.line;
        }
    }

    fn follow_run(&mut self, noted: &Noted<'_>) {
        let Some(id) = &noted.request_id else { return };
        match noted.event.as_deref() {
            Some("intent") => {
                let open = noted.open();
                if self.open.insert(id.clone().into_owned(), open).is_some() {
                    let what = format!("request {id} was started twice");
                    self.damage(self.line, Kind::Run, what);
                }
            }
            Some("outcome") if self.open.remove(&**id).is_none() => {
                let what = format!("request {id} ended without having been started");
                self.damage(self.line, Kind::Run, what);
            }
            _ => {}
        }
    }

    /// Looks at what a record speaks of that is not in the log.
    fn beside(&mut self, noted: &Noted<'_>, line: u64) {
        if noted.event.as_deref() == Some("key")
            && let Some(key) = &noted.verifier_key
        {
            self.witness.announced(noted.seq, key);
        }
        let Some(outputs) = self.outputs.clone() else {
            return;
        };
        for file in [&noted.stdout_file, &noted.stderr_file]
            .into_iter()
            .flatten()
        {
            match outputs.load(file) {
                Ok(_) => self.report.outputs += 1,
                Err(fault) => {
                    let path = outputs.path(&file.sha256);
                    let name = path.file_name().unwrap_or_default().display();
                    let what = format!("its output `outputs/{name}` cannot be believed: {fault}");
                    self.damage(line, Kind::Output, what);
                }
            }
        }
    }

    /// The tree has so many leaves now.
    pub(super) fn reached(&mut self, size: u64) {
        if self.grows && self.witness.cuts().first() == Some(&size) {
            self.witness
                .reached(size, self.tree.root(), &mut self.report);
        }
    }

    fn damage(&mut self, line: u64, kind: Kind, what: impl Into<String>) {
        self.damage_in(self.file.clone(), line, kind, what);
    }

    fn damage_in(&mut self, file: String, line: u64, kind: Kind, what: impl Into<String>) {
        self.report.damage.push(Damage {
            file,
            line,
            kind,
            what: what.into(),
        });
    }

    pub(super) fn finish(mut self, now: DateTime<Utc>) -> (Report, Option<Bookmark>) {
        let strange = std::mem::take(&mut self.strange);
        if strange.lines > 0 {
            let what = "it is no record, and no record behind it speaks of it";
            self.damage_in(strange.file, strange.first, Kind::Strange, what);
        }
        let records = self.last.as_ref().map_or(0, |last| last.seq);
        self.witness.finish(records, &mut self.report);
        self.report.last = self.last.as_ref().map(|last| End {
            seq: last.seq,
            sha256: hex::of(&last.hash),
            root: self.grows.then(|| self.tree.root().to_base64()),
        });
        let verified = self.verified();
        let mut open: Vec<_> = self.open.into_values().collect();
        open.sort_by_key(|open| open.seq);
        for open in &mut open {
            open.may_be_running = open.is_in_time(now);
        }
        self.report.open = open;
        (self.report, verified)
    }
}
