//! Says of each record whether the end of the log proves it.
//!
//! **Reads** the lines of a log from its beginning, one at a time.
//! **Gives** [`Chain`]: the breaks, and which records stand behind none.
//! **Never** takes a record for proven because others before it are.

use std::collections::VecDeque;
use std::ops::Range;

use sha2::Digest as _;
use sha2::Sha256;

use super::checkpoint::Comparison;
use super::checkpoint::Signed;
use super::fact::Break;
use super::fact::Cite;
use super::noted::Link;
use crate::audit::GENESIS;
use crate::hex;

/// The chain as far as it was read.
///
/// A record holds the hash of the one before it. So the last record proves the one before it, and
/// that one the next; the proof runs backwards, and it ends at the first break it comes to. What
/// stands before a break is proven by nothing: whoever could change one record there could have made
/// all that lead to it, since a chain can be begun by anybody. Only where a record continues an
/// earlier one than its neighbour is the proof taken up again there, and what stands between the two
/// was put in.
///
/// A checkpoint that fits proves all that it covers, breaks or not.
#[derive(Default)]
pub(super) struct Chain {
    /// Records so far.
    pub(super) records: u64,
    /// The first of all records.
    pub(super) first: Option<Cite>,
    /// The last record so far.
    pub(super) last: Option<Cite>,
    /// Whether there is nothing before the first record.
    pub(super) from_genesis: bool,
    /// Lines of another program before the first record.
    pub(super) sealed_lines: u64,
    /// Lines that are no records, and acknowledged.
    pub(super) recovered_lines: u64,
    /// Bytes behind the last line break.
    pub(super) torn_bytes: u64,
    /// Breaks in all; the first of them are kept.
    pub(super) break_count: u64,
    /// Where it breaks, in order.
    pub(super) breaks: Vec<Break>,
    /// Places, counted from 0, of records that nothing proves; in order, and they do not overlap.
    loose: Vec<Range<u64>>,
    /// What was signed, compared with what is there.
    pub(super) signed: Comparison,
    recent: VecDeque<String>,
    strange: Strange,
}

/// Lines that stand where records should.
#[derive(Default)]
struct Strange {
    lines: u64,
    hash: Sha256,
}

impl Chain {
    /// Of a log of which this was signed.
    pub(super) fn new(signed: Signed) -> Self {
        Self {
            signed: Comparison::new(signed),
            ..Self::default()
        }
    }

    /// Takes the next line. For a record, its place counted from 0 and its hash.
    pub(super) fn take(
        &mut self,
        line: &[u8],
        torn: bool,
        link: Option<&Link<'_>>,
    ) -> Option<(u64, Cite)> {
        if torn {
            self.torn_bytes = line.len() as u64;
            return None;
        }
        let Some(link) = link else {
            self.strange.lines += 1;
            self.strange.hash.update(line);
            self.strange.hash.update(b"\n");
            return None;
        };
        let cite = Cite {
            seq: link.seq,
            sha256: hex::of(&Sha256::digest(line)),
        };
        let place = self.records;
        let seals = self.take_strange(link);
        match self.last.take() {
            None => self.begin(link, &cite, seals.as_deref()),
            Some(before) => self.go_on(link, &before),
        }
        self.records += 1;
        // What was signed counts from the first record on.
        if self.from_genesis
            && let Some(what) = self.signed.take(line)
        {
            self.breaks_at(None, Some(link.seq), what);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(cite.sha256.clone());
        self.last = Some(cite.clone());
        Some((place, cite))
    }

    /// Whether the end of the log or something signed proves the record at a place; to be asked when
    /// all was read. Where something signed does not fit, this is another log than the one that was
    /// signed, and its own end proves nothing.
    pub(super) fn proves(&self, place: u64) -> bool {
        if place < self.signed.found.covered {
            return true;
        }
        if self.signed.found.misfit > 0 {
            return false;
        }
        let behind = self.loose.partition_point(|range| range.end <= place);
        self.loose
            .get(behind)
            .is_none_or(|range| !range.contains(&place))
    }

    /// The log ends here.
    pub(super) fn end(&mut self) {
        let signed = if self.from_genesis || self.records == 0 {
            self.signed.end(self.records)
        } else {
            self.signed.beside()
        };
        if let Some(what) = signed {
            let after = self.last.as_ref().map(|last| last.seq);
            self.breaks_at(after, None, what);
        }
        if self.strange.lines > 0 {
            let lines = self.strange.lines;
            let after = self.last.as_ref().map(|last| last.seq);
            self.breaks_at(after, None, format!("{lines} lines behind it are no records, and no record speaks of them; they may be a write that a crash ended"));
        }
    }

    fn begin(&mut self, link: &Link<'_>, cite: &Cite, seals: Option<&str>) {
        self.first = Some(cite.clone());
        self.from_genesis = link.seq == 1;
        if !self.from_genesis {
            let what = "the log begins with it: what stood before it was removed";
            self.breaks_at(None, Some(link.seq), what.to_owned());
        }
        let expected = seals.unwrap_or(GENESIS);
        if link.seq == 1 && link.prev != expected {
            let what = "it should be the first record, and continues another one: what stood before it was cut off";
            self.breaks_at(None, Some(link.seq), what.to_owned());
        }
    }

    fn go_on(&mut self, link: &Link<'_>, before: &Cite) {
        if link.prev == before.sha256 {
            if link.seq != before.seq + 1 {
                let what = format!("its number should be {}", before.seq + 1);
                self.breaks_at(Some(before.seq), Some(link.seq), what);
            }
            return;
        }
        let here = self.records;
        let behind = self.recent.iter().rev().position(|hash| *hash == link.prev);
        let (from, what) = match behind {
            Some(count) => (
                here.saturating_sub(count as u64),
                format!("it continues an earlier record: {count} records before it were put in"),
            ),
            None => (
                0,
                "it does not continue the record before it: one of the two was changed, or records between them were removed".to_owned(),
            ),
        };
        self.loosen(from..here);
        self.breaks_at(Some(before.seq), Some(link.seq), what);
    }

    /// Says what is not proven any more. What was thought so since the record before these came is
    /// taken back: that record is the end of the proof again.
    fn loosen(&mut self, range: Range<u64>) {
        while self.loose.pop_if(|last| last.end >= range.start).is_some() {}
        self.loose.push(range);
    }

    /// What the strange lines before a record amount to: the hash of those that it seals, where it
    /// is the first record.
    fn take_strange(&mut self, link: &Link<'_>) -> Option<String> {
        let strange = std::mem::take(&mut self.strange);
        let told = link.found.as_ref().filter(|_| link.speaks_of_strange());
        let found = hex::of(&strange.hash.finalize());
        let believed = told.is_some_and(|told| told.sha256 == found && told.lines == strange.lines);
        let after = self.last.as_ref().map(|last| last.seq);
        if strange.lines > 0 && !believed {
            let what = format!(
                "{} lines before it are no records of this program, and it does not speak of them",
                strange.lines
            );
            self.breaks_at(after, Some(link.seq), what);
        } else if strange.lines == 0 && link.speaks_of_strange() {
            self.breaks_at(
                after,
                Some(link.seq),
                "what it speaks of is not there".to_owned(),
            );
        }
        if !believed {
            return None;
        }
        if self.last.is_none() {
            self.sealed_lines += strange.lines;
            return Some(found);
        }
        self.recovered_lines += strange.lines;
        None
    }

    fn breaks_at(&mut self, after: Option<u64>, at: Option<u64>, what: String) {
        self.break_count += 1;
        if self.breaks.len() < MOST_BREAKS {
            self.breaks.push(Break { after, at, what });
        }
    }
}

/// Breaks that are told one by one.
const MOST_BREAKS: usize = 50;

/// How far back a record is looked for that another one continues.
const RECENT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, prev: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-23T09:14:03.428Z","seq":{seq},"prev":"{prev}","event":"decision"}}"#
        )
    }

    fn hash(line: &str) -> String {
        hex::of(&Sha256::digest(line))
    }

    /// A whole log of so many records.
    fn log(count: u64) -> Vec<String> {
        let mut prev = GENESIS.to_owned();
        (1..=count)
            .map(|seq| {
                let line = line(seq, &prev);
                prev = hash(&line);
                line
            })
            .collect()
    }

    /// Which records are proven, and how many breaks there are.
    fn read(lines: &[String]) -> (Vec<bool>, u64) {
        let mut chain = Chain::default();
        for line in lines {
            chain.take(line.as_bytes(), false, Link::of(line.as_bytes()).as_ref());
        }
        chain.end();
        let proven = (0..chain.records)
            .map(|place| chain.proves(place))
            .collect();
        (proven, chain.break_count)
    }

    #[test]
    fn a_whole_log_proves_every_record() {
        assert_eq!(read(&log(5)), (vec![true; 5], 0));
        assert_eq!(read(&[]), (vec![], 0));
    }

    #[test]
    fn a_changed_record_and_all_before_it_are_not_proven() {
        let mut lines = log(5);
        lines[2] = lines[2].replace("decision", "outcome");
        assert_eq!(read(&lines), (vec![false, false, false, true, true], 1));
    }

    #[test]
    fn what_is_sealed_only_by_forged_records_is_not_proven() {
        // Somebody writes the second record anew, and a third that fits to it.
        let mut lines = log(5);
        lines[1] = lines[1].replace("decision", "outcome");
        lines[2] = line(3, &hash(&lines[1]));
        assert_eq!(read(&lines).0, [false, false, false, true, true]);
    }

    #[test]
    fn a_removed_record_leaves_a_break() {
        let mut lines = log(5);
        lines.remove(2);
        assert_eq!(read(&lines), (vec![false, false, true, true], 1));
    }

    #[test]
    fn records_that_were_put_in_are_told_from_those_around_them() {
        let mut lines = log(4);
        let first = line(3, &hash(&lines[1]));
        let second = line(4, &hash(&first));
        lines.splice(2..2, [first, second]);
        assert_eq!(
            read(&lines),
            (vec![true, true, false, false, true, true], 1)
        );
    }

    #[test]
    fn only_what_the_last_record_leads_back_to_is_proven() {
        // The third continues the first, and the fifth the second: then the second is proven, and
        // what stands between is not.
        let mut lines = log(2);
        lines.push(line(3, &hash(&lines[0])));
        lines.push(line(4, &hash(&lines[2])));
        lines.push(line(5, &hash(&lines[1])));
        assert_eq!(read(&lines), (vec![true, true, false, false, true], 2));
    }

    #[test]
    fn a_later_break_takes_the_earlier_ones_in() {
        let mut lines = log(6);
        lines[1] = lines[1].replace("decision", "outcome");
        lines[4] = lines[4].replace("decision", "outcome");
        assert_eq!(
            read(&lines),
            (vec![false, false, false, false, false, true], 2)
        );
    }

    #[test]
    fn a_line_of_somebody_else_is_a_break_that_takes_no_proof_away() {
        let mut lines = log(3);
        lines.insert(1, "nonsense".to_owned());
        assert_eq!(read(&lines), (vec![true; 3], 1));
        lines.push("{}".to_owned());
        assert_eq!(read(&lines), (vec![true; 3], 2));
    }

    #[test]
    fn a_log_without_its_first_records_is_broken_and_its_end_proves_what_is_left() {
        assert_eq!(read(&log(4)[2..]), (vec![true; 2], 1));
    }

    #[test]
    fn the_first_record_may_not_continue_what_is_not_there() {
        assert_eq!(read(&[line(1, &"ab".repeat(32))]), (vec![true], 1));
    }
}
