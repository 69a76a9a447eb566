//! The Merkle tree over the records of the log (RFC 6962, section 2.1).
//!
//! **Reads** nothing.
//! **Gives** [`struct@Hash`], [`Range`], proofs that a record is in a tree and that a tree grew out of
//! another one, and what checks them.
//! **Never** keeps more than one hash a level, and never takes a hash of a record for one of two
//! others: each kind is hashed behind a byte of its own.

use sha2::Digest as _;
use sha2::Sha256;

mod consistency;
mod hash;
mod inclusion;
mod range;

pub use consistency::consistency;
pub use consistency::verify_consistency;
pub use hash::Hash;
pub use inclusion::proof;
pub use inclusion::verify_inclusion;
pub use range::Misfit;
pub use range::Range;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such record in such a tree.
    #[error("a tree of {size} records has none at index {index}")]
    Outside {
        /// The index that was asked for, from zero.
        index: u64,
        /// Records in the tree.
        size: u64,
    },
    /// A tree cannot have grown into a smaller one.
    #[error("a tree of {old} records cannot have become one of {new}")]
    Shrunk {
        /// Records in the earlier tree.
        old: u64,
        /// Records in the later tree.
        new: u64,
    },
    /// The proof has fewer or more hashes than one for these numbers.
    #[error("the proof has not the number of hashes that it needs")]
    Length,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
    /// The earlier tree is not the beginning of the later one.
    #[error("the proof leads to another root of the earlier tree")]
    OldRoot,
}

/// Why no proof could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproved<E> {
    /// What was asked for does not exist.
    #[error(transparent)]
    Impossible(ProofError),
    /// A hash could not be had.
    #[error("{0}")]
    Source(E),
}

impl<E> From<E> for Unproved<E> {
    fn from(error: E) -> Self {
        Self::Source(error)
    }
}

/// The hash of a record, and so what a leaf of the tree is made of: the SHA-256 of its line without
/// the line break.
pub fn record_hash(line: &[u8]) -> [u8; 32] {
    Sha256::digest(line).into()
}

/// The leaf of a record whose hash is known.
pub fn leaf(record_hash: &[u8; 32]) -> Hash {
    let mut bytes = [0; 33];
    let (kind, data) = bytes.split_at_mut(1);
    kind.fill(0);
    data.copy_from_slice(record_hash);
    Hash(Sha256::digest(bytes).into())
}

/// The leaf of a record, given its line without the line break.
pub fn leaf_of_line(line: &[u8]) -> Hash {
    leaf(&record_hash(line))
}

/// What stands above two others.
pub fn node(left: Hash, right: Hash) -> Hash {
    let mut bytes = [1; 65];
    let (_, data) = bytes.split_at_mut(1);
    let (first, second) = data.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash(Sha256::digest(bytes).into())
}

/// The root over all of these leaves, or over all of these subtrees of one size.
pub fn subtree_root(hashes: &[Hash]) -> Hash {
    let mut range = Range::new();
    for hash in hashes {
        range.push(*hash);
    }
    range.root()
}

/// The root over the records from `begin` up to `end`, which is where the left part of a split ended
/// or a whole number of its size later.
fn root_of<E>(
    begin: u64,
    end: u64,
    source: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut parts = Vec::new();
    let mut at = begin;
    while at < end {
        let level = (end - at).ilog2();
        parts.push(source(level, at >> level)?);
        at += 1 << level;
    }
    Ok(fold(&parts))
}

/// The root over subtrees that become smaller from left to right.
fn fold(parts: &[Hash]) -> Hash {
    let mut above = parts.iter().rev().copied();
    let Some(last) = above.next() else {
        return Hash(Sha256::digest([]).into());
    };
    above.fold(last, |right, left| node(left, right))
}

/// How many records stand to the left where a tree of at least two splits: the largest power of two
/// below its size.
fn split(size: u64) -> u64 {
    1 << size.saturating_sub(1).checked_ilog2().unwrap_or(0)
}

#[cfg(test)]
mod tests;
