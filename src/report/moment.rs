//! One line of the timeline.
//!
//! **Reads** nothing.
//! **Gives** [`Moment`], made of [`Piece`]s, [`Kind`].
//! **Never** mixes our words with text from outside: each form of the report shows the two apart.

use schemars::JsonSchema;
use serde::Serialize;

use super::fact::Cite;

/// One step, in words.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Moment {
    /// When: the record's stamp.
    pub at: String,
    /// What kind of step it is.
    pub kind: Kind,
    /// The target, where it is about one.
    pub target: Option<String>,
    /// The request, where it is about one.
    pub request_id: Option<String>,
    /// The step in one sentence; names and commands from outside stand between backquotes.
    pub text: String,
    /// The record.
    pub cite: Cite,
    /// The same as `text`, with what came from outside apart.
    #[serde(skip)]
    pub pieces: Vec<Piece>,
}

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Our own words.
    Words(String),
    /// Text from outside.
    Said(String),
}

/// What kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A question to a human.
    Asked,
    /// A human's yes.
    Approved,
    /// A human's no.
    Denied,
    /// A human's answer that was not enough or came too late.
    Answered,
    /// A command was about to start.
    Started,
    /// A command ended well.
    Succeeded,
    /// A command ended otherwise.
    Ended,
    /// Nothing ran.
    NotRun,
    /// An operator froze something.
    Frozen,
    /// An operator let something run again.
    Thawed,
    /// A grant was given or ended.
    Grant,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word that begins its line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Answered => "answered",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Ended => "ended",
            Self::NotRun => "not run",
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::Grant => "grant",
            Self::Other => "noted",
        }
    }
}

/// A sentence that grows.
#[derive(Default)]
pub(super) struct Sentence(Vec<Piece>);

impl Sentence {
    /// With our own words.
    pub(super) fn words(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// With text from outside.
    pub(super) fn said(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Said(text.into()));
        self
    }

    /// With words and a text, where the text is there.
    pub(super) fn maybe(self, words: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.words(words).said(text),
            None => self,
        }
    }

    /// Where it stands in the timeline.
    pub(super) fn at(
        self,
        at: &str,
        kind: Kind,
        target: Option<&str>,
        request_id: Option<&str>,
        cite: &Cite,
    ) -> Moment {
        let text = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Words(words) => words.clone(),
                Piece::Said(text) => format!("`{text}`"),
            })
            .collect();
        Moment {
            at: at.to_owned(),
            kind,
            target: target.map(str::to_owned),
            request_id: request_id.map(str::to_owned),
            text,
            cite: cite.clone(),
            pieces: self.0,
        }
    }
}
