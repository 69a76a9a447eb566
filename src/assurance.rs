//! How sure one has to be that a human said yes, and which humans.
//!
//! **Reads** nothing.
//! **Gives** [`Assurance`], [`Demand`], [`Voice`].
//! **Never** takes one kind for another: they have an order, and a demand is met from there upwards.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

mod demand;

pub use demand::Demand;
pub use demand::Missing;
pub use demand::NoPrincipal;
pub use demand::Principal;
pub use demand::Voice;
pub use demand::together;

/// What an approval is worth, and what a rule or a tier demands of one; weakest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// 0: a word on stdin will do, even from the user that asked.
    Relayed,
    /// 1: the client that asked confirmed it with its own human, by its own account.
    Client,
    /// 2: somebody whom the one that asked cannot act for: another Unix user that is an approver,
    /// or an approver's code from a phone.
    OutOfBand,
    /// 3: the same, and a second factor of that person or a second such person.
    SecondFactor,
}

impl Assurance {
    /// The word in the configuration, on the wire and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Client => "client",
            Self::OutOfBand => "out_of_band",
            Self::SecondFactor => "second_factor",
        }
    }

    /// The number by which the documents call it.
    pub fn level(self) -> u8 {
        match self {
            Self::Relayed => 0,
            Self::Client => 1,
            Self::OutOfBand => 2,
            Self::SecondFactor => 3,
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relayed => "a relayed word",
            Self::Client => "a confirmation by the client's own human",
            Self::OutOfBand => {
                "an approval by another person than the one that asked: an approver on the gateway, or an approver's code from a phone"
            }
            Self::SecondFactor => {
                "approvals by two people other than the one that asked, who are approvers, or by one of them on the gateway with a code from a phone"
            }
        })
    }
}
