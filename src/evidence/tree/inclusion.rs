//! The proof that a record is in a tree (RFC 6962, section 2.1.1; RFC 9162, section 2.1.3).
//!
//! **Reads** nothing.
//! **Gives** [`proof`], [`verify_inclusion`].
//! **Never** asks for more hashes than two for each level of the tree.

use super::Hash;
use super::ProofError;
use super::Unproved;
use super::node;
use super::root_of;
use super::split;

/// The hashes that lead from the record at `index`, counted from zero, to the root of the tree of
/// the first `size` records; the one beside the leaf first.
///
/// `source(level, number)` gives the root of a full subtree: the leaves from `number << level` on,
/// `1 << level` of them. All it is asked for lies within the first `size` records.
pub fn proof<E>(
    size: u64,
    index: u64,
    mut source: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, Unproved<E>> {
    if index >= size {
        return Err(Unproved::Impossible(ProofError::Outside { index, size }));
    }
    let mut hashes = Vec::new();
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            hashes.push(root_of(middle, end, &mut source)?);
            end = middle;
        } else {
            hashes.push(root_of(begin, middle, &mut source)?);
            begin = middle;
        }
    }
    hashes.reverse();
    Ok(hashes)
}

/// Checks that the leaf at `index`, counted from zero, is in the tree of `size` records with this
/// root.
///
/// The size and the root have to come from one checkpoint: a proof alone does not bind the size.
pub fn verify_inclusion(
    size: u64,
    index: u64,
    leaf: Hash,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    // The place of the node in its level, and the last place in that level.
    let (mut at, mut last) = (index, size - 1);
    let mut found = leaf;
    for hash in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            found = node(*hash, found);
            // A node that ends its level without a partner rises as it is.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            found = node(found, *hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        Err(ProofError::Length)
    } else if found != root {
        Err(ProofError::Root)
    } else {
        Ok(())
    }
}
