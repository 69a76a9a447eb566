//! The right edge of a tree: all that is needed to let it grow.
//!
//! **Reads** nothing.
//! **Gives** [`Range`].
//! **Never** holds more than one hash for each bit of the number of records.

use serde::Deserialize;
use serde::Serialize;

use super::Hash;
use super::fold;
use super::node;

/// Records that a tree can have here. No log comes near it, and no sum of two sizes overflows.
const MOST: u64 = 1 << 62;

/// The roots of the full subtrees that the first records of a log fill, the largest first: a tree as
/// far as its root and its growth are concerned.
///
/// As JSON: `{"size": 3, "hashes": ["…", "…"]}`, the hashes in base64.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Range {
    size: u64,
    hashes: Vec<Hash>,
}

/// What was read and not looked at yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    size: u64,
    hashes: Vec<Hash>,
}

/// Why something does not fit a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The number of hashes does not belong to the number of records.
    #[error("a tree of {size} records has {} subtrees, not {hashes}", size.count_ones())]
    Count {
        /// Records in the tree.
        size: u64,
        /// Hashes that were given.
        hashes: usize,
    },
    /// A subtree of this size cannot begin here.
    #[error("a subtree of 2^{level} records cannot begin behind {size} records")]
    Unaligned {
        /// The binary logarithm of the records in the subtree.
        level: u32,
        /// Records that the tree has already.
        size: u64,
    },
    /// More records than there can be.
    #[error("a tree has no more than {MOST} records")]
    TooLarge,
}

impl Range {
    /// The tree without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree from what was kept of it.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, Misfit> {
        if size > MOST {
            return Err(Misfit::TooLarge);
        }
        if hashes.len() as u64 != u64::from(size.count_ones()) {
            let hashes = hashes.len();
            return Err(Misfit::Count { size, hashes });
        }
        Ok(Self { size, hashes })
    }

    /// Lets the tree grow by one leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.merge(leaf, self.size);
        self.size += 1;
    }

    /// Lets the tree grow by the root of `2^level` leaves at once, where such a subtree can begin.
    pub fn push_subtree(&mut self, level: u32, root: Hash) -> Result<(), Misfit> {
        let size = self.size;
        let leaves = 1_u64.checked_shl(level).ok_or(Misfit::TooLarge)?;
        if size & (leaves - 1) != 0 {
            return Err(Misfit::Unaligned { level, size });
        }
        let after = size
            .checked_add(leaves)
            .filter(|after| *after <= MOST)
            .ok_or(Misfit::TooLarge)?;
        self.merge(root, size >> level);
        self.size = after;
        Ok(())
    }

    /// Puts a root behind the others. As many as there are ones at the end of the number of subtrees
    /// of its size become one with it.
    fn merge(&mut self, mut root: Hash, before: u64) {
        for _ in 0..before.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                root = node(left, root);
            }
        }
        self.hashes.push(root);
    }

    /// How many records there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, the largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The root of the tree; the SHA-256 of nothing where it has no records.
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }
}

impl TryFrom<Parts> for Range {
    type Error = Misfit;

    fn try_from(parts: Parts) -> Result<Self, Misfit> {
        Self::from_parts(parts.size, parts.hashes)
    }
}
