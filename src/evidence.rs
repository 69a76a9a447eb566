//! What makes the log worth more than the word of whoever keeps it: a tree, and signed notes.
//!
//! **Reads** nothing.
//! **Gives** [`tree`], [`note`].
//! **Never** reads the log: whoever holds records hands in their hashes.

pub mod note;
pub mod tree;
