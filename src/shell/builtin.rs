//! Which words may stand in the place of a command in text that is read statically.
//!
//! **Reads** the value of a command word.
//! **Gives** the reason why such a word makes the text opaque.
//! **Never** judges what a program does; that is policy.

use super::Opaque;

/// Refuses a command word that is not a program's name or path, or that changes the shell itself.
pub(super) fn refuse(word: &str) -> Result<(), Opaque> {
    if let Some(foreign) = word.chars().find(|c| !c.is_ascii()) {
        return Err(Opaque::ForeignCommand(foreign));
    }
    let assigns = word.contains('=');
    if assigns {
        return Err(Opaque::Construct("an assignment"));
    }
    let named = word
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_./+-".contains(&b));
    if word.is_empty() || !named || word.starts_with(['-', '+']) {
        return Err(Opaque::Construct(
            "a command word that is no program's name",
        ));
    }
    if RESERVED.contains(&word) {
        return Err(Opaque::Reserved(word.to_owned()));
    }
    if CHANGES_THE_SHELL.contains(&word) {
        return Err(Opaque::Builtin(word.to_owned()));
    }
    Ok(())
}

/// Whether the words ask about one path or one name, by a builtin, in a way that evaluates nothing.
///
/// `test -v` and `[ x -eq y ]` may evaluate a subscript; `command NAME` runs something.
pub(super) fn is_plain_question(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", operator, path] | ["[", operator, path, "]"] => {
            ASKS_ABOUT_A_PATH.contains(operator) && path.starts_with('/')
        }
        ["command", "-v", name] => {
            !name.is_empty()
                && !name.starts_with('-')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_.-+".contains(&b))
        }
        _ => false,
    }
}

const ASKS_ABOUT_A_PATH: &[&str] = &[
    "-b", "-c", "-d", "-e", "-f", "-h", "-L", "-p", "-r", "-s", "-S", "-w", "-x",
];

const RESERVED: &[&str] = &[
    "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while",
];

/// Builtins of bash that change what later words mean, evaluate a word a second time, or wait.
///
/// `test`, `[` and `printf` are here because a subscript in a name they are given is evaluated.
/// Left out, since they only print or signal: `echo`, `pwd`, `true`, `false`, `type`, `kill`.
const CHANGES_THE_SHELL: &[&str] = &[
    ".",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn question(text: &str) -> bool {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        is_plain_question(&words)
    }

    #[test]
    fn a_question_about_one_path_is_plain() {
        for text in ["test -f /x", "[ -d /x/y ]", "command -v docker"] {
            assert!(question(text), "{text}");
        }
    }

    #[test]
    fn a_question_that_may_evaluate_is_not_plain() {
        for text in [
            "test -v a[0]",
            "test -v /x",
            "[ -v /x ]",
            "[ -R /x ]",
            "[ -t /x ]",
            "[ -o /x ]",
            "[ 1 -eq /x ]",
            "[ -f /x",
            "[ -f x ]",
            "[ ! -f /x ]",
            "test -f /x -o -v /y",
            "test",
            "[",
            "]",
            "command ls",
            "command -p ls",
            "command -v -p",
            "command -V ls",
            "command -v ls rm",
            "command -v a[0]",
        ] {
            assert!(!question(text), "{text}");
        }
    }

    #[test]
    fn programs_pass() {
        for word in [
            "ls",
            "/usr/bin/df",
            "./x",
            "apt-get",
            "g++",
            "systemctl",
            "echo",
            "python3.11",
        ] {
            assert_eq!(refuse(word), Ok(()), "{word}");
        }
    }

    #[test]
    fn reserved_words_and_builtins_of_consequence_do_not() {
        for word in RESERVED.iter().chain(CHANGES_THE_SHELL) {
            assert!(refuse(word).is_err(), "{word}");
        }
    }

    #[test]
    fn words_that_name_no_program_do_not() {
        for word in [
            "", "-c", "+x", "a=b", "=", "%1", "a b", "a\nb", "[", "[[", "{", "{}", "!", ":", "a:b",
            "a,b", "@x", "^x", "#", "a[0]",
        ] {
            assert!(refuse(word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn a_look_alike_letter_is_named() {
        // The second letter is Cyrillic.
        assert_eq!(refuse("r\u{043c}"), Err(Opaque::ForeignCommand('\u{043c}')));
    }
}
