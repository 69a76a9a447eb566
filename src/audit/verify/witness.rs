//! Compares the tree of the log with what was signed of it.
//!
//! **Reads** checkpoints that lie beside the log, and those that were kept elsewhere.
//! **Gives** [`Witness`].
//! **Never** trusts a key because a checkpoint that it signed says so: another key that is trusted
//! has to have signed the record that announces it.

use std::collections::VecDeque;

use super::Damage;
use super::Kind;
use super::Report;
use crate::audit::checkpoint::Written;
use crate::evidence::note::Checkpoint;
use crate::evidence::note::CheckpointError;
use crate::evidence::note::Note;
use crate::evidence::note::Verifier;
use crate::evidence::tree::Hash;
use crate::evidence::tree::Range;

/// What is signed of the log, and by whom.
pub(super) struct Witness {
    trusted: Vec<Verifier>,
    vouched: bool,
    /// Keys that records announced, with the numbers of those.
    announced: Vec<(u64, Verifier)>,
    /// Checkpoints in the order of their sizes.
    waiting: VecDeque<Waiting>,
    /// Their sizes, each once.
    cuts: Vec<u64>,
    /// What could not even be read.
    broken: Vec<Damage>,
    /// Whether another log than the signed one was found already.
    rewritten: bool,
    /// Whether there is any checkpoint.
    any: bool,
    origin: Option<String>,
}

struct Waiting {
    size: u64,
    file: String,
    line: u64,
    note: Note,
}

impl Witness {
    pub(super) fn new(
        vouched: Vec<Verifier>,
        own: Vec<Verifier>,
        beside: Vec<Written>,
        elsewhere: Vec<String>,
    ) -> Self {
        let is_vouched = !vouched.is_empty();
        let mut witness = Self {
            trusted: if is_vouched { vouched } else { own },
            vouched: is_vouched,
            announced: Vec::new(),
            waiting: VecDeque::new(),
            cuts: Vec::new(),
            broken: Vec::new(),
            rewritten: false,
            any: false,
            origin: None,
        };
        let beside = beside
            .into_iter()
            .map(|written| (BESIDE, written.line, written.text));
        let elsewhere = elsewhere.into_iter().map(|text| (GIVEN, 1, text));
        let mut waiting: Vec<Waiting> = Vec::new();
        for (file, line, text) in beside.chain(elsewhere) {
            witness.any = true;
            match Note::parse(&text).map_err(CheckpointError::from) {
                Ok(note) => match Checkpoint::parse(note.text()) {
                    Ok(checkpoint) => waiting.push(Waiting {
                        size: checkpoint.size(),
                        file: file.to_owned(),
                        line,
                        note,
                    }),
                    Err(fault) => witness.broken(file, line, &fault),
                },
                Err(fault) => witness.broken(file, line, &fault),
            }
        }
        waiting.sort_by_key(|waiting| waiting.size);
        witness.cuts = waiting.iter().map(|waiting| waiting.size).collect();
        witness.cuts.dedup();
        witness.waiting = waiting.into();
        witness
    }

    fn broken(&mut self, file: &str, line: u64, fault: &CheckpointError) {
        self.broken.push(Damage {
            file: file.to_owned(),
            line,
            kind: Kind::Signature,
            what: format!("it is no checkpoint: {fault}"),
        });
    }

    /// The sizes of the tree that are still to be looked at, in order.
    pub(super) fn cuts(&self) -> &[u64] {
        &self.cuts
    }

    /// A record says that this key signs from now on.
    pub(super) fn announced(&mut self, seq: u64, key: &str) {
        if let Ok(key) = key.parse() {
            self.announced.push((seq, key));
        }
    }

    /// Trusts keys that were trusted before.
    pub(super) fn trust(&mut self, keys: &[String]) {
        for key in keys.iter().filter_map(|key| key.parse().ok()) {
            self.add(key);
        }
    }

    fn add(&mut self, key: Verifier) {
        if !self.trusted.contains(&key) {
            self.trusted.push(key);
        }
    }

    /// The keys that are trusted by now.
    pub(super) fn trusted(&self) -> Vec<String> {
        self.trusted.iter().map(ToString::to_string).collect()
    }

    /// The keys that records announced and that nobody has signed for yet.
    pub(super) fn waiting_keys(&self) -> Vec<(u64, String)> {
        let keys = self.announced.iter();
        keys.map(|(seq, key)| (*seq, key.to_string())).collect()
    }

    /// Whether whoever asks vouches for the keys.
    pub(super) fn is_vouched(&self) -> bool {
        self.vouched
    }

    /// What is shorter than what was looked at before is not looked at again. Gives the size of one
    /// that was handed in for that, if there is any.
    pub(super) fn pass(&mut self, size: u64) -> Option<u64> {
        let given = |waiting: &&Waiting| waiting.size < size && waiting.file == GIVEN;
        let passed = self.waiting.iter().find(given).map(|given| given.size);
        self.waiting.retain(|waiting| waiting.size >= size);
        self.cuts.retain(|cut| *cut >= size);
        passed
    }

    /// The tree has this size and this root.
    pub(super) fn reached(&mut self, size: u64, root: Hash, report: &mut Report) {
        self.cuts.retain(|cut| *cut > size);
        while self
            .waiting
            .front()
            .is_some_and(|waiting| waiting.size == size)
        {
            if let Some(waiting) = self.waiting.pop_front() {
                self.compare(&waiting, root, report);
            }
        }
    }

    fn compare(&mut self, waiting: &Waiting, root: Hash, report: &mut Report) {
        let (checkpoint, signed) = match Checkpoint::believe(&waiting.note, &self.trusted) {
            Ok(good) => good,
            Err(fault) => {
                report.damage.push(waiting.damage(
                    Kind::Signature,
                    format!("the checkpoint of {} records: {fault}", waiting.size),
                ));
                return;
            }
        };
        let origin = self
            .origin
            .get_or_insert_with(|| checkpoint.origin().to_owned());
        if origin != checkpoint.origin() {
            let what = format!("it is of another log, `{}`", checkpoint.origin());
            report.damage.push(waiting.damage(Kind::Signature, what));
            return;
        }
        if checkpoint.root() != root {
            // Every later one would say the same.
            if !std::mem::replace(&mut self.rewritten, true) {
                let what = format!(
                    "the records from {} to {} are not all those that were signed",
                    report.checkpoints.covered + 1,
                    waiting.size
                );
                report.damage.push(waiting.damage(Kind::Rewritten, what));
            }
            return;
        }
        report.checkpoints.good += 1;
        report.checkpoints.covered = report.checkpoints.covered.max(waiting.size);
        let by = signed.by().iter().map(ToString::to_string);
        report.checkpoints.by.extend(by);
        // What a trusted key signed may tell of the next one.
        let (known, later) = std::mem::take(&mut self.announced)
            .into_iter()
            .partition(|(seq, _)| *seq <= waiting.size);
        self.announced = later;
        let known: Vec<(u64, Verifier)> = known;
        known.into_iter().for_each(|(_, key)| self.add(key));
    }

    /// The log ends after so many records.
    pub(super) fn finish(&mut self, records: u64, report: &mut Report) {
        report.checkpoints.vouched = self.vouched;
        // Nothing was signed, in so many words.
        self.reached(0, Range::new().root(), report);
        report.damage.append(&mut self.broken);
        if self.vouched && !self.any {
            report.damage.push(Damage {
                file: BESIDE.to_owned(),
                line: 0,
                kind: Kind::CutOff,
                what: "no checkpoint is there that the given keys signed".to_owned(),
            });
        }
        let beyond: Vec<_> = std::mem::take(&mut self.waiting)
            .into_iter()
            .filter(|waiting| waiting.size > records)
            .collect();
        let believed = |waiting: &Waiting| Checkpoint::believe(&waiting.note, &self.trusted);
        // Whoever invents a checkpoint does not make a log look cut off, nor hide that it is.
        let (good, bad): (Vec<_>, Vec<_>) =
            beyond.iter().partition(|waiting| believed(waiting).is_ok());
        if let Some(waiting) = good.iter().max_by_key(|waiting| waiting.size) {
            let what = format!(
                "{} records were signed and {records} are there: the last {} are gone",
                waiting.size,
                waiting.size - records
            );
            report.damage.push(waiting.damage(Kind::CutOff, what));
        }
        if let Some(waiting) = bad.iter().max_by_key(|waiting| waiting.size)
            && let Err(fault) = believed(waiting)
        {
            let what = format!("the checkpoint of {} records: {fault}", waiting.size);
            report.damage.push(waiting.damage(Kind::Signature, what));
        }
    }
}

impl Waiting {
    fn damage(&self, kind: Kind, what: String) -> Damage {
        Damage {
            file: self.file.clone(),
            line: self.line,
            kind,
            what,
        }
    }
}

/// The file of checkpoints.
const BESIDE: &str = "checkpoints";

/// A checkpoint that was handed in.
const GIVEN: &str = "the given checkpoint";
