//! Looks at many lines at once, each as little as will do.
//!
//! **Reads** bytes of the log.
//! **Gives** [`Sweep`], what a stretch of good records amounts to.
//! **Never** says what is wrong: where a line is not as it should be, [`super::follow`] reads it.

use std::collections::HashMap;
use std::collections::HashSet;
use std::thread;

use crate::audit::head::Head;
use crate::evidence::tree;

use super::stack::Stack;

/// A stretch of records, each of which continues the one before it.
#[derive(Debug)]
pub(in crate::audit) struct Sweep<'a> {
    /// The number of the first one.
    pub(in crate::audit) first: u64,
    /// What the first one says of the line before.
    pub(in crate::audit) prev: [u8; 32],
    /// The number of the last one.
    pub(in crate::audit) last: u64,
    /// The hash of the last one.
    pub(in crate::audit) hash: [u8; 32],
    /// Its part of the tree, cut where somebody wants to look at the tree.
    pub(in crate::audit) pieces: Vec<Stack>,
    /// What began and did not end in it, or ended and did not begin, in order.
    pub(in crate::audit) loose: Vec<Loose>,
    /// The requests of what began and ended in it.
    pub(in crate::audit) ended: HashSet<&'a [u8]>,
    /// The lines that speak of something beside the log: side files, another key.
    pub(in crate::audit) beside: Vec<(u64, Vec<u8>)>,
}

/// One end of a run whose other end is elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::audit) enum Loose {
    /// A run that begins at this record, whose line this is.
    Intent(u64, Vec<u8>),
    /// The run of this request ends at this record.
    Outcome(u64, Vec<u8>),
}

impl Loose {
    fn seq(&self) -> u64 {
        match self {
            Self::Intent(seq, _) | Self::Outcome(seq, _) => *seq,
        }
    }
}

/// Looks at all lines of some bytes, with as many threads as there are processors. `cuts` are the
/// sizes of the tree at which the pieces are cut, in order. None where a line is anything else than a
/// record in its place.
pub(in crate::audit) fn sweep<'a>(bytes: &'a [u8], cuts: &[u64]) -> Option<Vec<Sweep<'a>>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts = parts(bytes, threads);
    if let [only] = parts[..] {
        return stretch(only, cuts).map(|swept| vec![swept]);
    }
    thread::scope(|scope| {
        let running: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || stretch(part, cuts)))
            .collect();
        let swept = running
            .into_iter()
            .map(|running| running.join().ok().flatten());
        swept.collect()
    })
}

/// Cuts bytes into about equal parts of whole lines.
fn parts(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    for left in (1..=most).rev() {
        let near = rest.len() / left;
        let end = match rest
            .get(near..)
            .and_then(|rest| memchr::memchr(b'\n', rest))
        {
            Some(at) if left > 1 && rest.len() > SMALL => near + at + 1,
            _ => rest.len(),
        };
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if !part.is_empty() {
            parts.push(part);
        }
        rest = behind;
    }
    parts
}

/// A stretch whose lines are still being looked at.
struct Stretch<'a> {
    sweep: Sweep<'a>,
    /// What began in it, by its request; none where it ended too.
    runs: HashMap<&'a [u8], Option<(u64, &'a [u8])>>,
}

fn stretch<'a>(bytes: &'a [u8], cuts: &[u64]) -> Option<Sweep<'a>> {
    let mut found: Option<Stretch<'_>> = None;
    let mut cuts = cuts.iter().copied().peekable();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(start..end)?;
        start = end + 1;
        let head = Head::read(line)?;
        let stretch = match &mut found {
            None => found.insert(Stretch::beginning_at(&head)?),
            Some(stretch) => stretch,
        };
        stretch.take(&head, line)?;
        while cuts.next_if(|cut| *cut < head.seq).is_some() {}
        if cuts.next_if_eq(&head.seq).is_some() {
            stretch.sweep.pieces.push(Stack::new(head.seq));
        }
    }
    found
        .filter(|_| start == bytes.len())
        .map(Stretch::finished)
}

impl<'a> Stretch<'a> {
    fn beginning_at(head: &Head<'_>) -> Option<Self> {
        let before = head.seq.checked_sub(1)?;
        Some(Self {
            sweep: Sweep {
                first: head.seq,
                prev: head.prev,
                last: before,
                hash: head.prev,
                pieces: vec![Stack::new(before)],
                loose: Vec::new(),
                ended: HashSet::new(),
                beside: Vec::new(),
            },
            runs: HashMap::new(),
        })
    }

    fn take(&mut self, head: &Head<'a>, line: &'a [u8]) -> Option<()> {
        let sweep = &mut self.sweep;
        if head.seq != sweep.last + 1 || head.prev != sweep.hash {
            return None;
        }
        sweep.last = head.seq;
        sweep.hash = tree::record_hash(line);
        sweep.pieces.last_mut()?.push(0, tree::leaf(&sweep.hash));
        match head.event {
            // What stands before them is no record.
            b"recovered" | b"sealed" => return None,
            b"key" => sweep.beside.push((head.seq, line.to_vec())),
            b"intent" => {
                let run = Some((head.seq, line));
                if self.runs.insert(head.request?, run).is_some() {
                    return None;
                }
            }
            b"outcome" => {
                let request = head.request?;
                match self.runs.get_mut(request) {
                    Some(run) => _ = run.take()?,
                    None => {
                        let outcome = Loose::Outcome(head.seq, request.to_vec());
                        sweep.loose.push(outcome);
                    }
                }
            }
            _ => {}
        }
        if head.event != b"key" && speaks_of_a_file(line) {
            sweep.beside.push((head.seq, line.to_vec()));
        }
        Some(())
    }

    fn finished(self) -> Sweep<'a> {
        let mut sweep = self.sweep;
        for (request, run) in self.runs {
            match run {
                Some((seq, line)) => sweep.loose.push(Loose::Intent(seq, line.to_vec())),
                None => _ = sweep.ended.insert(request),
            }
        }
        sweep.loose.sort_by_key(Loose::seq);
        sweep
    }
}

/// Whether a record may name a side file. The words inside of a text are escaped and do not count.
pub(in crate::audit) fn speaks_of_a_file(line: &[u8]) -> bool {
    memchr::memmem::find(line, br#"_file":{"sha256":""#).is_some()
}

/// Bytes that are not worth a thread.
const SMALL: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_lines_and_all_of_them() {
        let bytes = b"some line\n".repeat(20_000);
        for most in 1..5 {
            let parts = parts(&bytes, most);
            assert_eq!(parts.len(), most);
            assert!(parts.iter().all(|part| part.ends_with(b"\n")));
            assert_eq!(parts.concat(), bytes);
        }
        assert_eq!(parts(b"a\nb\n", 2), [b"a\nb\n"]);
        let long = b"x".repeat(1 << 20);
        assert_eq!(parts(&long, 2).concat(), long);
        assert!(parts(b"", 2).is_empty());
    }

    #[test]
    fn what_is_no_line_of_ours_is_left_to_others() {
        for bytes in [&b"{}\n"[..], b"\n", b"no end", b"{\"seq\":1}\n"] {
            assert!(sweep(bytes, &[]).is_none());
        }
        assert_eq!(sweep(b"", &[]).map(|swept| swept.len()), Some(0));
    }
}
