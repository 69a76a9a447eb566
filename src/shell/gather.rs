//! All simple commands of a text: its own, those inside what is opaque, those behind wrappers.
//!
//! **Reads** a text and what the strict reader said of it.
//! **Gives** the commands, each with the one that would run it, and the pipelines.
//! **Never** grows without bound: depth and number are limited, and reaching a limit is told.

use std::collections::VecDeque;

use super::Limits;
use super::Opaque;
use super::Reached;
use super::SimpleCommand;
use super::gate;
use super::inside;
use super::reader;
use super::reader::Join;
use super::reader::Stage;
use super::word::Word;
use super::wrapper;
use super::wrapper::Inner;

/// What was found.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) commands: Vec<SimpleCommand>,
    pub(super) pipelines: Vec<Vec<usize>>,
    /// False where a text that is handed to another shell is not plain.
    pub(super) inner_plain: bool,
    /// False where a limit ended the search.
    pub(super) complete: bool,
}

/// The most commands that are looked for behind the ones of the text itself.
const MOST_INNER: usize = 512;

/// How much text all of these may have together, in lengths of the longest command.
const MOST_INNER_TEXT: usize = 8;

enum Task {
    Text {
        text: String,
        wrapped_in: Option<usize>,
        depth: usize,
    },
    Look {
        place: usize,
        depth: usize,
    },
}

/// Gathers every simple command of `text`.
pub(super) fn gather(text: &str, read: &Result<Vec<Stage>, Opaque>, limits: &Limits) -> Gathered {
    let mut gathering = Gathering {
        found: Gathered {
            commands: Vec::new(),
            pipelines: Vec::new(),
            inner_plain: true,
            complete: true,
        },
        tasks: VecDeque::new(),
        limits,
        budget: limits.command_bytes.saturating_mul(MOST_INNER_TEXT),
    };
    match read {
        Ok(stages) => gathering.plain(stages, None, 0),
        // Text beyond the size limit is not looked into at all.
        Err(Opaque::TooLong { .. }) => {}
        Err(_) => gathering.opaque(text, None, 0),
    }
    gathering.run();
    gathering.found
}

struct Gathering<'a> {
    found: Gathered,
    tasks: VecDeque<Task>,
    limits: &'a Limits,
    /// Bytes of text that may still be gathered behind wrappers.
    budget: usize,
}

impl Gathering<'_> {
    fn run(&mut self) {
        let outer = self.found.commands.len();
        while let Some(task) = self.tasks.pop_front() {
            let depth = match &task {
                Task::Text { depth, .. } | Task::Look { depth, .. } => *depth,
            };
            let spent = self.budget == 0 || self.found.commands.len() > outer + MOST_INNER;
            if depth > self.limits.depth || spent {
                // Looking at a command that wraps nothing costs nothing and ends nothing.
                if let Task::Look { place, .. } = task
                    && self.inner_of(place).is_empty()
                {
                    continue;
                }
                self.found.complete = false;
                continue;
            }
            match task {
                Task::Text {
                    text,
                    wrapped_in,
                    depth,
                } => self.text(&text, wrapped_in, depth),
                Task::Look { place, depth } => self.look_through(place, depth),
            }
        }
    }

    fn text(&mut self, text: &str, wrapped_in: Option<usize>, depth: usize) {
        if text.trim().is_empty() {
            return;
        }
        match gate::refuse(text, self.limits) {
            None => match reader::read(text) {
                Ok(stages) => self.plain(&stages, wrapped_in, depth),
                Err(_) => self.opaque(text, wrapped_in, depth),
            },
            Some(_) => self.opaque(text, wrapped_in, depth),
        }
    }

    fn plain(&mut self, stages: &[Stage], wrapped_in: Option<usize>, depth: usize) {
        let mut pipeline = Vec::new();
        let mut behind_pipe = false;
        for stage in stages {
            let words = stage.words.iter().map(Word::literal).collect();
            let reached = if depth == 0 {
                Reached::Outer
            } else {
                Reached::Text
            };
            let has_input = behind_pipe || stage.redirects.iter().any(|r| r.contains('<'));
            behind_pipe = stage.join == Join::Pipe;
            let place = self.push(words, Vec::new(), wrapped_in, reached, depth);
            self.note_input(place, has_input);
            pipeline.push(place);
            if stage.join != Join::Pipe {
                self.pipeline(std::mem::take(&mut pipeline), depth);
            }
        }
        self.pipeline(pipeline, depth);
    }

    fn opaque(&mut self, text: &str, wrapped_in: Option<usize>, depth: usize) {
        self.found.inner_plain &= depth == 0;
        let inside = inside::look(text, self.limits);
        let first = self.found.commands.len();
        for found in inside.commands {
            let reads_commands = inside::reads_commands(&found.words);
            let reached = if depth == 0 {
                Reached::Outer
            } else {
                Reached::Text
            };
            let place = self.push(found.words, found.redirects, wrapped_in, reached, depth);
            for text in found.fed.into_iter().filter(|_| reads_commands) {
                self.tasks.push_back(Task::Text {
                    text,
                    wrapped_in: Some(place),
                    depth: depth + 1,
                });
            }
        }
        for pipeline in inside.pipelines {
            let places = pipeline.into_iter().map(|place| place + first).collect();
            self.pipeline(places, depth);
        }
        for text in inside.texts {
            self.tasks.push_back(Task::Text {
                text,
                wrapped_in,
                depth: depth + 1,
            });
        }
    }

    fn push(
        &mut self,
        words: Vec<Word>,
        redirects: Vec<String>,
        wrapped_in: Option<usize>,
        reached: Reached,
        depth: usize,
    ) -> usize {
        let place = self.found.commands.len();
        if reached != Reached::Outer {
            let bytes: usize = words.iter().map(|word| word.shown().len() + 1).sum();
            self.budget = self.budget.saturating_sub(bytes);
        }
        self.found.commands.push(SimpleCommand {
            words,
            redirects,
            wrapped_in,
            reached,
            has_input: true,
        });
        self.tasks.push_back(Task::Look { place, depth });
        place
    }

    fn note_input(&mut self, place: usize, has_input: bool) {
        if let Some(command) = self.found.commands.get_mut(place) {
            command.has_input = has_input;
        }
    }

    /// Notes a pipeline, and the text that an `echo` in it feeds to a shell.
    fn pipeline(&mut self, places: Vec<usize>, depth: usize) {
        if places.len() < 2 {
            return;
        }
        for (&writer, &reader) in places.iter().zip(places.iter().skip(1)) {
            let writer = self.words(writer);
            if !inside::reads_commands(self.words(reader)) {
                continue;
            }
            let Some((program, arguments)) = writer.split_first() else {
                continue;
            };
            if matches!(program.program(), "echo" | "printf") {
                let arguments: Vec<&str> = arguments.iter().map(Word::shown).collect();
                let text = arguments.join(" ");
                let text = text.trim_start_matches("-e ").trim_start_matches("-n ");
                self.tasks.push_back(Task::Text {
                    text: text.replace("\\n", "\n"),
                    wrapped_in: Some(reader),
                    depth: depth + 1,
                });
            }
        }
        self.found.pipelines.push(places);
    }

    fn words(&self, place: usize) -> &[Word] {
        self.found
            .commands
            .get(place)
            .map_or(&[], |command| command.words.as_slice())
    }

    fn inner_of(&self, place: usize) -> Vec<Inner> {
        wrapper::look_through(self.words(place))
    }

    fn look_through(&mut self, place: usize, depth: usize) {
        for inner in self.inner_of(place) {
            match inner {
                Inner::Program(words) => {
                    let reached = Reached::Program;
                    let has_input = self.found.commands.get(place).is_none_or(|w| w.has_input);
                    let inner = self.push(words, Vec::new(), Some(place), reached, depth + 1);
                    self.note_input(inner, has_input);
                }
                Inner::Text(text) => self.tasks.push_back(Task::Text {
                    text,
                    wrapped_in: Some(place),
                    depth: depth + 1,
                }),
            }
        }
    }
}
