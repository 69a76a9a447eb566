//! The strict reader: the small language that may be allowed without asking.
//!
//! **Reads** text that passed the gate.
//! **Gives** fully literal simple commands and how they are joined, or the reason why not.
//! **Never** guesses: what is not in this grammar is opaque.

use std::iter::Peekable;
use std::str::Chars;

use super::Opaque;
use super::builtin;
use super::quote::quote_all;

/// One simple command whose every word is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) words: Vec<String>,
    pub(super) redirects: Vec<String>,
    pub(super) join: Join,
}

/// What stands behind a simple command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Pipe,
    And,
    Or,
    Then,
}

impl Join {
    fn text(self) -> &'static str {
        match self {
            Join::Pipe => " | ",
            Join::And => " && ",
            Join::Or => " || ",
            Join::Then => "; ",
        }
    }
}

/// Reads `text` as literal simple commands, or says why it is opaque.
pub(super) fn read(text: &str) -> Result<Vec<Stage>, Opaque> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        stages: Vec::new(),
        words: Vec::new(),
        redirects: Vec::new(),
        dangling: false,
    };
    while reader.step()? {}
    if reader.dangling {
        return Err(Opaque::Construct("an operator with nothing behind it"));
    }
    if reader.stages.is_empty() {
        return Err(Opaque::Empty);
    }
    Ok(reader.stages)
}

/// Writes the stages back as text, every word quoted by us.
pub(super) fn rebuild(stages: &[Stage]) -> String {
    let mut text = String::new();
    let mut join = None;
    for stage in stages {
        text.push_str(join.map_or("", Join::text));
        text.push_str(&quote_all(stage.words.iter().map(String::as_str)));
        for redirect in &stage.redirects {
            text.push(' ');
            text.push_str(redirect);
        }
        join = Some(stage.join);
    }
    text
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    stages: Vec<Stage>,
    words: Vec<String>,
    redirects: Vec<String>,
    /// An operator stands before the present place and wants a command behind it.
    dangling: bool,
}

impl Reader<'_> {
    /// Reads one token; false at the end of the text.
    fn step(&mut self) -> Result<bool, Opaque> {
        let Some(&next) = self.rest.peek() else {
            if !self.nothing_yet() {
                self.close(Join::Then)?;
            }
            return Ok(false);
        };
        match next {
            ' ' | '\t' => self.skip(),
            '\n' => {
                self.skip();
                if !self.nothing_yet() {
                    self.close(Join::Then)?;
                }
            }
            ';' => {
                self.skip();
                if matches!(self.rest.peek(), Some(';' | '&')) {
                    return Err(Opaque::Construct("the end of a `case` branch"));
                }
                self.close(Join::Then)?;
            }
            '|' => {
                self.skip();
                match self.rest.peek() {
                    Some('|') => {
                        self.skip();
                        self.close(Join::Or)?;
                    }
                    Some('&') => return Err(Opaque::Construct("`|&`")),
                    _ => self.close(Join::Pipe)?,
                }
            }
            '&' => {
                self.skip();
                match self.rest.peek() {
                    Some('&') => {
                        self.skip();
                        self.close(Join::And)?;
                    }
                    Some('>') => {
                        self.skip();
                        self.redirect_both()?;
                    }
                    _ => return Err(Opaque::Construct("a command in the background (`&`)")),
                }
            }
            '<' | '>' => self.redirect("")?,
            '#' => return Err(Opaque::Construct("a comment (`#`)")),
            '0' | '1' | '2' if self.descriptor_follows() => {
                self.skip();
                self.redirect(match next {
                    '0' => "0",
                    '1' => "1",
                    _ => "2",
                })?;
            }
            _ => {
                let word = self.word()?;
                self.dangling = false;
                self.words.push(word);
            }
        }
        Ok(true)
    }

    fn skip(&mut self) {
        self.rest.next();
    }

    fn nothing_yet(&self) -> bool {
        self.words.is_empty() && self.redirects.is_empty()
    }

    /// Ends the present simple command.
    fn close(&mut self, join: Join) -> Result<(), Opaque> {
        let Some(command_word) = self.words.first() else {
            return Err(if self.redirects.is_empty() {
                Opaque::Construct("an operator with nothing before it")
            } else {
                Opaque::Construct("a redirection without a command")
            });
        };
        if !builtin::is_plain_use(&self.words) {
            builtin::refuse(command_word)?;
        }
        self.stages.push(Stage {
            words: std::mem::take(&mut self.words),
            redirects: std::mem::take(&mut self.redirects),
            join,
        });
        self.dangling = join != Join::Then;
        Ok(())
    }

    /// Whether a digit at the present place is the descriptor of a redirection.
    fn descriptor_follows(&self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        matches!(ahead.next(), Some('<' | '>'))
    }

    /// Reads a redirection whose descriptor is already read. Only harmless ones pass.
    fn redirect(&mut self, descriptor: &str) -> Result<(), Opaque> {
        let reads = self.rest.next() == Some('<');
        if reads && !matches!(descriptor, "" | "0") || !reads && descriptor == "0" {
            return Err(Opaque::Redirection);
        }
        if !reads && self.rest.peek() == Some(&'&') {
            self.skip();
            let to = match self.rest.next() {
                Some('1') => "1",
                Some('2') => "2",
                _ => return Err(Opaque::Redirection),
            };
            self.end_of_token()?;
            self.redirects.push(format!("{descriptor}>&{to}"));
            return Ok(());
        }
        if !reads && self.rest.peek() == Some(&'>') {
            self.skip();
        }
        self.null_device()?;
        let operator = if reads { '<' } else { '>' };
        self.redirects
            .push(format!("{descriptor}{operator}/dev/null"));
        Ok(())
    }

    fn redirect_both(&mut self) -> Result<(), Opaque> {
        self.null_device()?;
        self.redirects.push("&>/dev/null".to_owned());
        Ok(())
    }

    /// Reads `/dev/null`, the only file that a redirection may name.
    fn null_device(&mut self) -> Result<(), Opaque> {
        while matches!(self.rest.peek(), Some(' ' | '\t')) {
            self.skip();
        }
        for expected in "/dev/null".chars() {
            if self.rest.next() != Some(expected) {
                return Err(Opaque::Redirection);
            }
        }
        self.end_of_token()
    }

    fn end_of_token(&mut self) -> Result<(), Opaque> {
        match self.rest.peek() {
            None | Some(' ' | '\t' | '\n' | ';' | '|' | '&') => Ok(()),
            Some(_) => Err(Opaque::Redirection),
        }
    }

    fn word(&mut self) -> Result<String, Opaque> {
        let mut word = String::new();
        while let Some(&next) = self.rest.peek() {
            match next {
                ' ' | '\t' | '\n' | ';' | '|' | '&' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' => self.escaped(&mut word)?,
                '{' => self.empty_braces(&mut word)?,
                // Inside a word it neither negates nor, in a shell that is not interactive, recalls.
                '!' if !word.is_empty() => {
                    self.skip();
                    word.push('!');
                }
                // An argument by itself (`find / ! -user x`); before the first word it negates.
                '!' if self.is_alone(|words| !words.is_empty()) => {
                    self.skip();
                    word.push('!');
                }
                // Alone, brackets are the name of a builtin and its end; in a word, a pattern.
                '[' | ']' if word.is_empty() && self.bracket_is_alone(next) => {
                    self.skip();
                    word.push(next);
                    return Ok(word);
                }
                _ if is_literal(next) => {
                    self.skip();
                    word.push(next);
                }
                _ => return Err(meaning(next)),
            }
        }
        Ok(word)
    }

    /// Whether a bracket is a word of its own, where the test builtin begins or ends.
    fn bracket_is_alone(&self, bracket: char) -> bool {
        self.is_alone(|words| match bracket {
            '[' => words.is_empty(),
            _ => words.first().is_some_and(|word| word == "["),
        })
    }

    /// Whether the next character is a word of its own, and the words before it are as they should.
    fn is_alone(&self, placed: impl Fn(&[String]) -> bool) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        placed(&self.words)
            && matches!(
                ahead.next(),
                None | Some(' ' | '\t' | '\n' | ';' | '|' | '&')
            )
    }

    fn single_quoted(&mut self, word: &mut String) -> Result<(), Opaque> {
        self.skip();
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(character) => word.push(character),
                None => return Err(Opaque::Construct("a quote that is never closed")),
            }
        }
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), Opaque> {
        self.skip();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                // Before the closing quote or a blank a dollar sign is only itself.
                Some('$') if matches!(self.rest.peek(), Some('"' | ' ')) => word.push('$'),
                Some('\\') => match self.rest.next() {
                    Some(plain @ ('$' | '`' | '"' | '\\')) => word.push(plain),
                    Some('\n') => return Err(Opaque::Construct("a continued line")),
                    Some('!') => return Err(meaning('!')),
                    Some(other) => word.extend(['\\', other]),
                    None => return Err(Opaque::Construct("a quote that is never closed")),
                },
                Some(special @ ('$' | '`' | '!')) => return Err(meaning(special)),
                Some(character) => word.push(character),
                None => return Err(Opaque::Construct("a quote that is never closed")),
            }
        }
    }

    fn escaped(&mut self, word: &mut String) -> Result<(), Opaque> {
        self.skip();
        match self.rest.next() {
            Some(plain) if plain.is_ascii_graphic() || plain == ' ' => {
                word.push(plain);
                Ok(())
            }
            Some('\n') => Err(Opaque::Construct("a continued line")),
            _ => Err(Opaque::Construct("a backslash before nothing plain")),
        }
    }

    /// `{}` is literal in bash; any other brace may expand or group.
    fn empty_braces(&mut self, word: &mut String) -> Result<(), Opaque> {
        self.skip();
        if self.rest.next() == Some('}') {
            word.push_str("{}");
            return Ok(());
        }
        Err(meaning('{'))
    }
}

/// Characters that stand for themselves outside quotes.
fn is_literal(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "_-./:=+,@%^#".contains(character)
    } else {
        character.is_alphanumeric()
    }
}

/// Names what an unquoted character would do.
fn meaning(character: char) -> Opaque {
    match character {
        '$' => Opaque::Construct("an expansion (`$`)"),
        '`' => Opaque::Construct("a command substitution (backquotes)"),
        '*' | '?' | '[' | ']' => Opaque::Construct("a file name pattern (`*`, `?`, `[`)"),
        '{' | '}' => Opaque::Construct("braces"),
        '~' => Opaque::Construct("a home directory (`~`)"),
        '!' => Opaque::Construct("an exclamation mark, which may negate or recall history"),
        '(' | ')' => Opaque::Construct("parentheses"),
        '<' | '>' => Opaque::Redirection,
        other => Opaque::Character(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: &[&[&str]]) {
        let stages = read(text).unwrap();
        let words: Vec<Vec<&str>> = stages
            .iter()
            .map(|s| s.words.iter().map(String::as_str).collect())
            .collect();
        assert_eq!(words, expected, "{text:?}");
    }

    #[track_caller]
    fn rebuilds(text: &str, expected: &str) {
        assert_eq!(rebuild(&read(text).unwrap()), expected);
    }

    #[track_caller]
    fn opaque(text: &str) {
        assert!(read(text).is_err(), "{text:?} was read: {:?}", read(text));
    }

    #[test]
    fn words_are_split_at_blanks() {
        reads("df  -h\t/var", &[&["df", "-h", "/var"]]);
    }

    #[test]
    fn the_three_quotings_give_one_word() {
        reads(r#"grep 'a b'"c d"e\ f /x"#, &[&["grep", "a bc de f", "/x"]]);
    }

    #[test]
    fn backslashes_in_double_quotes_are_read_as_bash_does() {
        reads(
            r#"grep "a\.b\|c\\d\$e\"f""#,
            &[&["grep", r#"a\.b\|c\d$e"f"#]],
        );
    }

    #[test]
    fn a_dollar_sign_at_the_end_of_double_quotes_is_literal() {
        reads(r#"grep "end$" x"#, &[&["grep", "end$", "x"]]);
    }

    #[test]
    fn empty_quotes_make_an_empty_word() {
        reads("grep '' x", &[&["grep", "", "x"]]);
    }

    #[test]
    fn operators_join_commands() {
        rebuilds("a && b||c;d|e\nf;", "a && b || c; d | e; f");
    }

    #[test]
    fn newlines_behind_an_operator_and_between_commands_are_skipped() {
        rebuilds("\n\na &&\n\n b |\n c\n\n\nd\n", "a && b | c; d");
    }

    #[test]
    fn harmless_redirections_are_kept_in_order() {
        rebuilds("ls 2>&1 >/dev/null", "ls 2>&1 >/dev/null");
        rebuilds(
            "ls >> /dev/null 2> /dev/null </dev/null",
            "ls >/dev/null 2>/dev/null </dev/null",
        );
        rebuilds("ls &>/dev/null|wc >&2", "ls &>/dev/null | wc >&2");
        rebuilds("2>/dev/null ls 2", "ls 2 2>/dev/null");
    }

    #[test]
    fn other_redirections_are_opaque() {
        for text in [
            "ls >x",
            "ls > /dev/nullx",
            "ls >/dev/null/",
            "ls >/dev/nul",
            "ls 3>/dev/null",
            "ls 2>&1x",
            "ls 2>&3",
            "ls 2>&-",
            "ls >&x",
            "ls 2>&1>x",
            "ls <x",
            "ls <<x",
            "ls <<<x",
            "ls <>/dev/null",
            "ls >|/dev/null",
            "ls &>>/dev/null",
            "ls &>x",
            "ls >'/dev/null'",
            "ls x>/dev/null",
            "ls 22>/dev/null",
            "ls <&0",
            "ls >/dev/null(x)",
            "ls >/dev/null'x'",
            "ls >/dev/null\\x",
            "ls 0>/dev/null",
            "ls 2</dev/null",
            ">/dev/null",
            "ls >",
            "ls >&",
            "ls > /dev/tcp/h/1",
            "ls >\n/dev/null",
            "ls 2>&\n1",
        ] {
            opaque(text);
        }
    }

    #[test]
    fn expansions_globs_groups_and_comments_are_opaque() {
        for text in [
            "ls $x",
            "ls ${x}",
            "ls $(x)",
            "ls `x`",
            "ls \"$x\"",
            "ls \"`x`\"",
            "ls $'x'",
            "ls $\"x\"",
            "ls *",
            "ls a?",
            "ls [a]",
            "ls {a,b}",
            "ls a{1..2}",
            "ls ~",
            "ls a=~/x",
            "ls !x",
            "! ls",
            "ls \"a!b\"",
            "(ls)",
            "{ ls; }",
            "ls () { x; }",
            "ls # x",
            "#",
            "ls &",
            "ls & x",
            "ls |& x",
            "ls ;; x",
            "ls ;& x",
            "ls <(x)",
            "ls >(x)",
            "ls @(x)",
            "ls x\\\ny",
            "ls \"x\\\ny\"",
            "ls 'x",
            "ls \"x",
            "ls x\\",
            "ls }",
            "ls ]",
            "ls {}{a,b}",
            "ls {a}{}",
            "ls \"$\tx\"",
            "ls $",
            "ls \\\u{e9}",
            "ls \"a\\!b\"",
        ] {
            opaque(text);
        }
    }

    #[test]
    fn operators_in_the_wrong_place_are_opaque() {
        for text in [
            "",
            " ",
            "\n",
            ";",
            "; ls",
            "ls ; ; ls",
            "&& ls",
            "ls &&",
            "ls ||\n",
            "ls |",
            "| ls",
            "ls && && ls",
            "ls\n&& ls",
            "ls && ; ls",
            "ls ||| ls",
            "ls &&& ls",
            "ls |\n;",
        ] {
            opaque(text);
        }
    }

    #[test]
    fn assignments_before_a_command_are_opaque() {
        for text in [
            "x=1 ls",
            "x=1",
            "x+=1 ls",
            "x[0]=1 ls",
            "ls; PATH=/x ls",
            "'x'=1 ls",
        ] {
            opaque(text);
        }
    }

    #[test]
    fn assignments_behind_a_command_are_words() {
        reads("dd if=/dev/zero", &[&["dd", "if=/dev/zero"]]);
    }

    #[test]
    fn empty_braces_are_literal() {
        reads(
            "find . -exec x {} y{}z {},{}",
            &[&["find", ".", "-exec", "x", "{}", "y{}z", "{},{}"]],
        );
    }
}
