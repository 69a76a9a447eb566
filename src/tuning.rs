//! Changing the policy with what was asked so far in view.
//!
//! **Reads** a [`History`](crate::audit::History) and a configuration.
//! **Gives** [`replay`], [`suggest`].
//! **Never** writes anything, and never judges otherwise than the line does.

pub mod replay;
pub mod suggest;
