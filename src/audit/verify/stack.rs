//! Hashes of the tree between two places that nobody has looked at yet.
//!
//! **Reads** nothing.
//! **Gives** [`Stack`].
//! **Never** keeps more than two hashes a level.

use crate::evidence::tree;
use crate::evidence::tree::Hash;

/// The roots of as few full subtrees as cover some leaves in a row, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Stack {
    /// Leaves before it.
    at: u64,
    /// Level and root.
    items: Vec<(u32, Hash)>,
}

impl Stack {
    /// Begins behind so many leaves.
    pub(in crate::audit) fn new(at: u64) -> Self {
        Self {
            at,
            items: Vec::new(),
        }
    }

    /// Leaves before the next one.
    pub(in crate::audit) fn end(&self) -> u64 {
        self.at
    }

    /// Adds the root of the next `2^level` leaves; two halves of one subtree become one.
    pub(in crate::audit) fn push(&mut self, level: u32, root: Hash) {
        self.at += 1 << level;
        let (mut level, mut root) = (level, root);
        // The end is a multiple of the larger size: then the two are its halves.
        while let Some((_, left)) = self
            .items
            .pop_if(|(left, _)| *left == level && self.at.trailing_zeros() > level)
        {
            root = tree::node(left, root);
            level += 1;
        }
        self.items.push((level, root));
    }

    /// Level and root of each subtree, in order.
    pub(in crate::audit) fn items(&self) -> &[(u32, Hash)] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tree::Range;

    fn leaf(n: u64) -> Hash {
        tree::leaf_of_line(&n.to_be_bytes())
    }

    #[test]
    fn a_tree_of_stacks_is_the_tree_of_their_leaves() {
        for size in 0..80 {
            let mut whole = Range::new();
            (0..size).for_each(|n| whole.push(leaf(n)));
            for cut in 0..=size {
                let mut range = Range::new();
                for (from, to) in [(0, cut), (cut, size)] {
                    let mut stack = Stack::new(from);
                    (from..to).for_each(|n| stack.push(0, leaf(n)));
                    assert_eq!(stack.end(), to);
                    for (level, root) in stack.items() {
                        range.push_subtree(*level, *root).unwrap();
                    }
                }
                assert_eq!(range, whole, "{cut} of {size}");
            }
        }
    }

    #[test]
    fn a_full_subtree_becomes_one_root() {
        let mut stack = Stack::new(24);
        (24..32).for_each(|n| stack.push(0, leaf(n)));
        let leaves: Vec<_> = (24..32).map(leaf).collect();
        assert_eq!(stack.items(), [(3, tree::subtree_root(&leaves))]);
    }
}
