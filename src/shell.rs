//! Command text becomes a `Script`: literal simple commands, or text that is opaque to us.
//!
//! **Reads** the command of a request, as received.
//! **Gives** `Script`, its simple commands, and the text to send.
//! **Never** fails, runs anything, or calls text plain that bash could read otherwise.

use std::borrow::Cow;
use std::fmt;

mod builtin;
mod gate;
mod gather;
mod inside;
mod quote;
mod reader;
mod variable;
mod word;
mod wrapper;

pub use quote::quote;
pub use quote::quote_all;
pub use word::Word;

/// Numbers that stop the reading of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest command text that is looked into, in bytes.
    pub command_bytes: usize,
    /// How deep substitutions, groups and wrappers may stand in one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            command_bytes: 8192,
            depth: 16,
        }
    }
}

/// A command text and what we could read of it.
#[derive(Debug, Clone)]
pub struct Script {
    text: String,
    form: Form,
    commands: Vec<SimpleCommand>,
    pipelines: Vec<Vec<usize>>,
    inner_plain: bool,
}

#[derive(Debug, Clone)]
enum Form {
    Plain { rebuilt: String },
    Opaque(Opaque),
}

impl Script {
    /// Reads `text`. Whatever it is, the answer is a script; in doubt an opaque one.
    pub fn parse(text: &str, limits: &Limits) -> Script {
        let read = match gate::refuse(text, limits) {
            None => reader::read(text),
            Some(reason) => Err(reason),
        };
        let gathered = gather::gather(text, &read, limits);
        let form = match read {
            Ok(_) if !gathered.complete => Form::Opaque(Opaque::Depth),
            Ok(stages) => Form::Plain {
                rebuilt: reader::rebuild(&stages),
            },
            Err(reason) => Form::Opaque(reason),
        };
        Script {
            text: text.to_owned(),
            form,
            commands: gathered.commands,
            pipelines: gathered.pipelines,
            inner_plain: gathered.inner_plain,
        }
    }

    /// The text as it was received.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text written anew with our own quoting, where every word is known.
    ///
    /// What bash executes for it is exactly the outer commands of [`Script::commands`].
    pub fn rebuilt(&self) -> Option<String> {
        match &self.form {
            Form::Plain { rebuilt } => Some(rebuilt.clone()),
            Form::Opaque(_) => None,
        }
    }

    /// What is to be sent: the rebuilt text, or for an opaque script the text as it was shown.
    pub fn to_send(&self) -> Cow<'_, str> {
        match &self.form {
            Form::Plain { rebuilt } => Cow::Borrowed(rebuilt),
            Form::Opaque(_) => Cow::Borrowed(&self.text),
        }
    }

    /// Why the text cannot be read beforehand; nothing where it can.
    pub fn opaque(&self) -> Option<&Opaque> {
        match &self.form {
            Form::Plain { .. } => None,
            Form::Opaque(reason) => Some(reason),
        }
    }

    /// Every simple command that was found.
    ///
    /// Of a plain script first the outer ones in their order, then those that a wrapper such as
    /// `sudo` or `bash -c` would run. Of an opaque script whatever could be found.
    pub fn commands(&self) -> &[SimpleCommand] {
        &self.commands
    }

    /// Whether every text that a wrapper hands to another shell is plain too.
    pub fn inner_texts_are_plain(&self) -> bool {
        self.inner_plain
    }

    /// The commands that feed each other through pipes, as places in [`Script::commands`].
    pub fn pipelines(&self) -> &[Vec<usize>] {
        &self.pipelines
    }
}

/// One simple command: a program and its arguments, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleCommand {
    words: Vec<Word>,
    redirects: Vec<String>,
    wrapped_in: Option<usize>,
    reached: Reached,
    has_input: bool,
}

/// How a simple command was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It stands in the text itself.
    Outer,
    /// A wrapper runs exactly this one: `sudo df`.
    Program,
    /// A wrapper hands text to a shell that runs it: `bash -c 'df'`.
    Text,
}

impl SimpleCommand {
    /// The words; none for a word whose value cannot be known beforehand.
    pub fn argv(&self) -> Vec<Option<&str>> {
        self.words.iter().map(Word::value).collect()
    }

    /// Whether something is fed to it: it stands behind a pipe, or says `</dev/null`. True where
    /// that cannot be told.
    pub fn has_input(&self) -> bool {
        self.has_input
    }

    /// The place in [`Script::commands`] of the command that would run this one.
    pub fn wrapped_in(&self) -> Option<usize> {
        self.wrapped_in
    }

    /// How this command was found.
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// The words joined by one blank, each quoted by us where it is not plain.
    ///
    /// A rule that allows is compared with all of this text.
    pub fn canonical(&self) -> String {
        self.with_redirects(joined(self.canonical_words()))
    }

    /// The words as they stand in [`SimpleCommand::canonical`].
    pub fn canonical_words(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.words.iter().map(|word| match word.value() {
            Some(value) => quote(value),
            None => Cow::Borrowed(word.shown()),
        })
    }

    /// The words without any quotes, programs without their folder, paths without detours.
    ///
    /// `/bin/rm -rf '/etc/../'` is `rm -rf /` here, so that a pattern needs one spelling only.
    pub fn bare(&self) -> String {
        self.with_redirects(joined(self.bare_words()))
    }

    /// The words as they stand in [`SimpleCommand::bare`].
    pub fn bare_words(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.words
            .iter()
            .enumerate()
            .map(|(place, word)| match place {
                0 => Cow::Borrowed(word.program()),
                _ => word.straight(),
            })
    }

    /// Whether every word is known, none spans lines, and no redirection of weight is there.
    pub fn is_literal(&self) -> bool {
        self.redirects.is_empty()
            && self
                .words
                .iter()
                .all(|word| word.value().is_some_and(|value| !value.contains('\n')))
    }

    fn with_redirects(&self, mut text: String) -> String {
        for redirect in &self.redirects {
            text.push(' ');
            text.push_str(redirect);
        }
        text
    }
}

fn joined<'w>(words: impl Iterator<Item = Cow<'w, str>>) -> String {
    let mut text = String::new();
    for (place, word) in words.enumerate() {
        if place > 0 {
            text.push(' ');
        }
        text.push_str(&word);
    }
    text
}

/// Why a text cannot be read beforehand. Displays as a part of a sentence: "it holds ...".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opaque {
    /// There is no command in it.
    Empty,
    /// It is longer than the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It holds a control character.
    Control(char),
    /// It holds a character that is invisible or looks like another.
    Character(char),
    /// The name of a command holds a letter beyond ASCII.
    ForeignCommand(char),
    /// It begins with a dash.
    LeadingDash,
    /// It uses a part of the shell's language that is not literal.
    Construct(&'static str),
    /// It redirects to or from something else than `/dev/null`.
    Redirection,
    /// It uses a reserved word of the shell as a command.
    Reserved(String),
    /// It calls a builtin that changes the shell itself.
    Builtin(String),
    /// Wrappers stand in one another deeper than the limit.
    Depth,
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Opaque::Empty => f.write_str("it holds no command"),
            Opaque::TooLong { limit } => write!(f, "it is longer than {limit} bytes"),
            Opaque::Control(c) => {
                write!(f, "it holds the control character U+{:04X}", u32::from(*c))
            }
            Opaque::Character(c) => write!(
                f,
                "it holds the character U+{:04X}, which is easily misread",
                u32::from(*c)
            ),
            Opaque::ForeignCommand(c) => write!(
                f,
                "the name of a command holds the character U+{:04X}, which may look like another",
                u32::from(*c)
            ),
            Opaque::LeadingDash => f.write_str("it begins with `-`"),
            Opaque::Construct(what) => write!(f, "it holds {what}"),
            Opaque::Redirection => {
                f.write_str("it redirects to or from something else than `/dev/null`")
            }
            Opaque::Reserved(word) => write!(f, "it uses the shell's reserved word `{word}`"),
            Opaque::Builtin(word) => {
                write!(
                    f,
                    "it uses the shell builtin `{word}`, which can change what follows"
                )
            }
            Opaque::Depth => f.write_str("its commands are wrapped in one another too deep"),
        }
    }
}
