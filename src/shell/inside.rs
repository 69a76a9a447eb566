//! A look inside opaque text, by a library parser: for what is forbidden, never for what is allowed.
//!
//! **Reads** text that the strict reader refused.
//! **Gives** every simple command that can be found in it, and texts that a shell would read next.
//! **Never** makes text plain; its failure finds less and allows nothing.

use rable::Node;
use rable::NodeKind;

use super::Limits;
use super::variable::Variables;
use super::word::Word;
use super::wrapper;

mod substitution;
mod tree;

use substitution::substitutions;
use tree::children;

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) commands: Vec<Found>,
    /// Places in `commands` that feed each other through pipes.
    pub(super) pipelines: Vec<Vec<usize>>,
    /// Bodies of substitutions.
    pub(super) texts: Vec<String>,
    pub(super) variables: Variables,
}

/// One simple command in opaque text.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<String>,
    /// Texts that this command is given to read, where it is a shell.
    pub(super) fed: Vec<String>,
}

/// Looks into `text`. Where the library cannot, the text is split crudely.
pub(super) fn look(text: &str, limits: &Limits) -> Inside {
    let parsed = if nesting_is_bounded(text, limits) {
        // The parser is young: a panic of it must cost us nothing but its findings.
        std::panic::catch_unwind(|| rable::parse(text, false).or_else(|_| rable::parse(text, true)))
            .ok()
            .and_then(Result::ok)
    } else {
        None
    };
    let mut inside = Inside::default();
    match parsed {
        Some(nodes) => {
            for node in &nodes {
                inside.note_variables(node, 0);
            }
            for node in &nodes {
                inside.visit(node, 0);
            }
        }
        None => inside.split(text),
    }
    inside
}

/// Whether the text is shallow enough for the library, whose time and stack grow with depth.
fn nesting_is_bounded(text: &str, limits: &Limits) -> bool {
    let mut depth = 0usize;
    let mut deepest = 0usize;
    let mut backquotes = 0usize;
    for character in text.chars() {
        match character {
            '(' | '{' | '[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            '`' => backquotes += 1,
            _ => {}
        }
    }
    let compound = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '!')
        .filter(|word| COMPOUND.contains(word))
        .count();
    let heredocs = text.matches("<<").count();
    deepest <= limits.depth
        && backquotes <= 2 * limits.depth
        && compound <= 4 * limits.depth
        && heredocs <= limits.depth
}

const COMPOUND: &[&str] = &[
    "if", "while", "until", "for", "case", "select", "function", "coproc", "time", "!", "elif",
];

/// How deep our own walk over the parsed tree goes.
const DEEPEST_NODE: usize = 200;

impl Inside {
    /// Notes what the assignments of the text set.
    fn note_variables(&mut self, node: &Node, depth: usize) {
        if depth > DEEPEST_NODE {
            return;
        }
        match &node.kind {
            NodeKind::Command {
                assignments, words, ..
            } => {
                let mut raw = words.iter().filter_map(raw_word);
                let declares = raw.next().is_some_and(|first| DECLARES.contains(&first));
                for assigned in assignments.iter().filter_map(raw_word) {
                    self.note(assigned, true);
                }
                if declares {
                    for assigned in words.iter().filter_map(raw_word).skip(1) {
                        self.note(assigned, false);
                    }
                }
            }
            NodeKind::For { var, words, .. } => {
                let words = words.iter().flatten().filter_map(raw_word);
                let values: Vec<String> = words
                    .map(|raw| Word::unquote(raw, &self.variables).shown().to_owned())
                    .collect();
                self.variables.set(var, Some(&values.join(" ")));
            }
            _ => {}
        }
        for child in children(&node.kind) {
            self.note_variables(child, depth + 1);
        }
    }

    fn note(&mut self, raw: &str, assignment: bool) {
        match raw.split_once('=') {
            Some((name, value)) => {
                let value = Word::unquote(value, &self.variables);
                self.variables
                    .set(name.trim_end_matches('+'), value.value());
            }
            None if !assignment && !raw.starts_with('-') => self.variables.set(raw, None),
            None => {}
        }
    }

    fn visit(&mut self, node: &Node, depth: usize) {
        if depth > DEEPEST_NODE {
            return;
        }
        match &node.kind {
            NodeKind::Command {
                assignments,
                words,
                redirects,
            } => {
                for assigned in assignments.iter().filter_map(raw_word) {
                    self.substitutions_of(assigned);
                }
                self.command(words, redirects);
                return;
            }
            NodeKind::Pipeline { commands, .. } => {
                let first = self.commands.len();
                for command in commands {
                    self.visit(command, depth + 1);
                }
                self.pipelines.push((first..self.commands.len()).collect());
                return;
            }
            NodeKind::Word { value, .. } | NodeKind::CondTerm { value, .. } => {
                self.substitutions_of(value);
            }
            NodeKind::ForArith {
                init, cond, incr, ..
            } => {
                for raw in [init, cond, incr] {
                    self.substitutions_of(raw);
                }
            }
            NodeKind::ArithmeticCommand { raw_content, .. } => self.substitutions_of(raw_content),
            NodeKind::Redirect { .. } | NodeKind::HereDoc { .. } => {
                // Of a group or a loop: noted as a command without words.
                self.command(&[], std::slice::from_ref(node));
                return;
            }
            _ => {}
        }
        for child in children(&node.kind) {
            self.visit(child, depth + 1);
        }
    }

    fn command(&mut self, words: &[Node], redirects: &[Node]) {
        let mut found = Found::default();
        for raw in words.iter().filter_map(raw_word) {
            self.substitutions_of(raw);
            found.words.extend(
                expand_braces(raw)
                    .iter()
                    .flat_map(|raw| Word::unquote(raw, &self.variables).split()),
            );
        }
        for redirect in redirects {
            match &redirect.kind {
                NodeKind::HereDoc {
                    content, quoted, ..
                } => {
                    if !quoted {
                        self.substitutions_of(&content.replace('\'', " "));
                    }
                    found.fed.push(content.clone());
                }
                NodeKind::Redirect { op, target, fd, .. } => {
                    let Some(raw) = raw_word(target) else {
                        continue;
                    };
                    self.substitutions_of(raw);
                    let target = Word::unquote(raw, &self.variables);
                    if op == "<<<" {
                        found.fed.push(target.shown().to_owned());
                    }
                    if !is_harmless(op, target.shown()) {
                        let descriptor = if *fd >= 0 {
                            fd.to_string()
                        } else {
                            String::new()
                        };
                        found
                            .redirects
                            .push(format!("{descriptor}{op}{}", target.straight()));
                    }
                }
                _ => {}
            }
        }
        self.commands.push(found);
    }

    fn substitutions_of(&mut self, raw: &str) {
        substitutions(raw, &mut self.texts);
    }

    /// Splits text that no parser reads: better a crude look than none.
    fn split(&mut self, text: &str) {
        for piece in text.split([';', '|', '&', '\n', '(', ')', '{', '}', '`']) {
            let words: Vec<Word> = piece
                .split([' ', '\t', '\r', '\u{b}', '\u{c}'])
                .filter(|raw| !raw.is_empty())
                .map(|raw| Word::unquote(raw.trim_matches(['"', '\'']), &self.variables))
                .collect();
            let opening = |word: &Word| {
                COMPOUND.contains(&word.shown()) || ["then", "do", "else"].contains(&word.shown())
            };
            let words: Vec<Word> = words.into_iter().skip_while(opening).collect();
            if !words.is_empty() {
                self.commands.push(Found {
                    words,
                    ..Found::default()
                });
            }
        }
    }
}

const DECLARES: &[&str] = &[
    "export",
    "declare",
    "typeset",
    "local",
    "readonly",
    "read",
    "mapfile",
    "readarray",
    "unset",
    "getopts",
    "let",
];

fn raw_word(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Word { value, .. } => Some(value),
        _ => None,
    }
}

fn is_harmless(operator: &str, target: &str) -> bool {
    match operator {
        "<<<" => true,
        ">&" | "<&" | ">&-" => target.bytes().all(|b| b.is_ascii_digit()),
        _ => target == "/dev/null",
    }
}

/// Follows one brace expansion of commas, which is enough for `{rm,-rf,/}`.
fn expand_braces(raw: &str) -> Vec<String> {
    let whole = || vec![raw.to_owned()];
    if raw.contains(['\'', '"', '\\', '$', '`']) {
        return whole();
    }
    let Some((before, rest)) = raw.split_once('{') else {
        return whole();
    };
    let Some((inside, after)) = rest.split_once('}') else {
        return whole();
    };
    if !inside.contains(',') || inside.contains('{') || after.contains('{') {
        return whole();
    }
    inside
        .split(',')
        .map(|part| format!("{before}{part}{after}"))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether a command is one whose input is read as shell text.
pub(super) fn reads_commands(words: &[Word]) -> bool {
    words.iter().any(|word| {
        wrapper::is_shell(word.program())
            || matches!(word.program(), "ssh" | "su" | "at" | "batch" | "parallel")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(text: &str, expected: &[&str]) {
        let inside = look(text, &Limits::default());
        let commands: Vec<String> = inside
            .commands
            .iter()
            .map(|found| {
                let mut parts: Vec<&str> = found.words.iter().map(Word::shown).collect();
                parts.extend(found.redirects.iter().map(String::as_str));
                parts.join(" ")
            })
            .collect();
        assert_eq!(commands, expected, "{text}");
    }

    #[track_caller]
    fn substitutes(raw: &str, expected: &[&str]) {
        let mut texts = Vec::new();
        substitutions(raw, &mut texts);
        assert_eq!(texts, expected, "{raw}");
    }

    #[test]
    fn commands_in_compounds_are_found() {
        finds(
            "if a; then b; elif c; then d; else e; fi",
            &["a", "b", "c", "d", "e"],
        );
        finds(
            "while a; do b; done; until c; do d; done",
            &["a", "b", "c", "d"],
        );
        finds("for x in 1 2; do a $x; done", &["a 1 2"]);
        finds("case x in y) a;; *) b;; esac", &["a", "b"]);
        finds("(a; b) && { c; }", &["a", "b", "c"]);
        finds("f() { a; }; f", &["a", "f"]);
        finds("! a & time b", &["a", "b"]);
        finds("coproc a", &["a"]);
    }

    #[test]
    fn redirections_of_weight_are_kept() {
        finds(
            "echo x > /etc//sudoers.d/y 2>/dev/null",
            &["echo x >/etc/sudoers.d/y"],
        );
        finds("> /etc/passwd", &[" >/etc/passwd".trim_start()]);
        finds("{ a; } >> '/etc/x'", &["a", ">>/etc/x"]);
    }

    #[test]
    fn assigned_names_are_followed() {
        finds("x=rm; $x -rf /", &["", "rm -rf /"]);
        finds("x=rm y=-rf; $x${y} /", &["", "rm-rf /"]);
        finds("rm${IFS}-rf${IFS}/", &["rm -rf /"]);
        finds("{rm,-rf,/}", &["rm -rf /"]);
    }

    #[test]
    fn substitutions_are_found_in_raw_words() {
        substitutes("$(a $(b))", &["a $(b)"]);
        substitutes("\"x$(a)y\"`b \\`c\\``", &["a", "b `c`"]);
        substitutes("${x:-$(a)}", &["a"]);
        substitutes("\"${x:-'$(a)'}\"", &["a"]);
        substitutes("$((1+$(a)))", &["a"]);
        substitutes("<(a)", &["a"]);
        substitutes("'$(a)'\\$x", &[]);
    }

    #[test]
    fn text_that_no_parser_reads_is_split() {
        finds("if true; rm -rf / ; 'x", &["true", "rm -rf /", "x"]);
    }

    #[test]
    fn deep_nesting_is_not_given_to_the_library() {
        let deep = format!("{}a{}", "$(".repeat(40), ")".repeat(40));
        assert!(!nesting_is_bounded(&deep, &Limits::default()));
        assert!(!look(&deep, &Limits::default()).commands.is_empty());
    }
}
