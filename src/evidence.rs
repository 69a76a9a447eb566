//! What makes the log worth more than the word of whoever keeps it: a tree, signed notes, a key.
//!
//! **Reads** and **writes** the file of the signing key.
//! **Gives** [`tree`], [`note`], [`key`].
//! **Never** reads the log: whoever holds records hands in their hashes.

pub mod key;

pub mod note;

pub mod tree;
