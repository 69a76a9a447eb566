//! How sure one has to be that a human said yes.
//!
//! **Reads** nothing.
//! **Gives** [`Assurance`].
//! **Never** takes one kind for another: they have an order, and a demand is met from there upwards.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// What an approval is worth, and what a rule or a tier demands of one; weakest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A word on stdin will do, even from the user that asked.
    Relayed,
    /// Another Unix user than the one that asked has to decide.
    OutOfBand,
    /// Two Unix users other than the one that asked have to decide, one after the other.
    SecondFactor,
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relayed => "a relayed word",
            Self::OutOfBand => "an approval by another Unix user than the one that asked",
            Self::SecondFactor => "approvals by two Unix users other than the one that asked",
        })
    }
}
