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

/// Whether the words use a builtin in a way that evaluates nothing and that can be read: a test of
/// one path, the place of a command, the shell's limits, a plain `printf`, or `cd` to a whole path.
///
/// `test -v` and `[ x -eq y ]` may evaluate a subscript, and so may `printf -v` and `%n`; `command
/// NAME` runs something; `cd` without a path, with a relative one or `-` depends on what was before.
pub(super) fn is_plain_use(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", operator, path] | ["[", operator, path, "]"] => {
            ASKS_ABOUT_A_PATH.contains(operator) && path.starts_with('/')
        }
        ["command", "-v", names @ ..] => {
            !names.is_empty()
                && names.iter().all(|name| {
                    !name.is_empty()
                        && !name.starts_with('-')
                        && name
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b"_.-+".contains(&b))
                })
        }
        ["ulimit", options @ ..] => options.iter().all(|option| {
            option.strip_prefix('-').is_some_and(|letters| {
                !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphabetic())
            })
        }),
        ["printf", format, ..] => only_shows(format),
        ["cd", path] => path.starts_with('/'),
        _ => false,
    }
}

/// Whether a format of `printf` only prints: `%n` stores, and an option may name a variable.
fn only_shows(format: &str) -> bool {
    let mut rest = format;
    while let Some((_, behind)) = rest.split_once('%') {
        let conversion = behind.trim_start_matches(|c: char| "-+ #0123456789.".contains(c));
        let mut characters = conversion.chars();
        match characters.next() {
            Some(
                '%' | 's' | 'b' | 'q' | 'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'c' | 'f' | 'e' | 'g',
            ) => {
                rest = characters.as_str();
            }
            _ => return false,
        }
    }
    !format.starts_with('-')
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
        is_plain_use(&words)
    }

    #[test]
    fn what_evaluates_nothing_is_plain() {
        for text in [
            "test -f /x",
            "[ -d /x/y ]",
            "command -v docker",
            "command -v docker podman",
            "ulimit",
            "ulimit -a",
            "ulimit -Hn",
            "ulimit -n -u",
            "printf hello",
            "printf %s\\n x",
            "printf %-10s|%5.2f%% x 1",
            "cd /var/log",
        ] {
            assert!(question(text), "{text}");
        }
    }

    #[test]
    fn what_may_evaluate_or_change_more_is_not_plain() {
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
            "command -v ls -p",
            "command -v",
            "ulimit 0",
            "ulimit -n 1024",
            "ulimit -Sn unlimited",
            "ulimit --help",
            "printf",
            "printf -v x y",
            "printf -vx y",
            "printf -- x",
            "printf %n x",
            "printf %5n a[0]",
            "printf %ln a[0]",
            "printf %*n 1 a[0]",
            "printf %(%n)T 1",
            "printf x%",
            "cd",
            "cd -",
            "cd x",
            "cd ..",
            "cd -P /x",
            "cd -- /x",
            "cd /x /y",
            "cd ~",
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
