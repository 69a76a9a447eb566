//! `aiops policy`: changing the rules with what was asked so far in view.
//!
//! **Reads** a log and a configuration.
//! **Gives** [`replay()`], [`suggest()`].
//! **Never** changes either.

mod recorded;
mod replay;
mod suggest;

pub(super) use replay::ReplayArgs;
pub(super) use replay::replay;
pub(super) use suggest::SuggestArgs;
pub(super) use suggest::suggest;
