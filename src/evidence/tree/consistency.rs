//! The proof that a tree grew out of another one (RFC 6962, section 2.1.2; RFC 9162, section 2.1.4).
//!
//! **Reads** nothing.
//! **Gives** [`consistency`], [`verify_consistency`].
//! **Never** asks for more hashes than two for each level of the tree.

use super::Hash;
use super::ProofError;
use super::Unproved;
use super::fold;
use super::node;
use super::root_of;
use super::split;

/// The hashes that show that the first `old` of `new` records are those of the tree of `old`
/// records. Empty where the trees are the same or the earlier one is empty.
///
/// `source` is that of [`proof`](super::proof).
pub fn consistency<E>(
    old: u64,
    new: u64,
    mut source: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, Unproved<E>> {
    if old > new {
        return Err(Unproved::Impossible(ProofError::Shrunk { old, new }));
    }
    let mut hashes = Vec::new();
    if old == 0 {
        return Ok(hashes);
    }
    let (mut begin, mut end) = (0, new);
    while old < end {
        let middle = begin + split(end - begin);
        if old <= middle {
            hashes.push(root_of(middle, end, &mut source)?);
            end = middle;
        } else {
            hashes.push(root_of(begin, middle, &mut source)?);
            begin = middle;
        }
    }
    // Whoever checks holds the old root, and it is that of the leftmost subtree.
    if begin != 0 {
        hashes.push(root_of(begin, end, &mut source)?);
    }
    hashes.reverse();
    Ok(hashes)
}

/// Checks that the tree of `new` records begins with the tree of `old` records. Both roots have to
/// come from checkpoints.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: Hash,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    if old == 0 && old_root != fold(&[]) {
        return Err(ProofError::OldRoot);
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length);
        }
        let same = old == 0 && new != 0 || old_root == new_root;
        return same.then_some(()).ok_or(ProofError::Root);
    }
    // A full subtree at the left edge is what the old root is itself.
    let known = old.is_power_of_two().then_some(old_root);
    let mut hashes = known.into_iter().chain(proof.iter().copied());
    let first = hashes.next().ok_or(ProofError::Length)?;
    let full = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> full, (new - 1) >> full);
    let (mut found_old, mut found_new) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            found_old = node(hash, found_old);
            found_new = node(hash, found_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            found_new = node(found_new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        Err(ProofError::Length)
    } else if found_old != old_root {
        Err(ProofError::OldRoot)
    } else if found_new != new_root {
        Err(ProofError::Root)
    } else {
        Ok(())
    }
}
