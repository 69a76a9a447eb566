//! Real bash and our reader on the same text: what bash executes is what the reader lists.
//!
//! **Reads** commands, mutated at random from a fixed seed.
//! **Gives** a failure for every text that the reader calls plain and bash reads otherwise.
//! **Never** executes a program: bash runs with an empty `PATH`, in an empty folder, and every
//! command it looks for in vain is written down instead.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test fails loudly, and starts bash"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use aiops::shell::Limits;
use aiops::shell::Reached;
use aiops::shell::Script;
use aiops::shell::quote;
use proptest::prelude::*;

/// A folder in which bash executes nothing, and the list of what it was asked to execute.
struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Sandbox {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cwd")).unwrap();
        fs::create_dir(folder.path().join("path")).unwrap();
        Sandbox { folder }
    }

    /// Runs a text and gives the argument vectors that bash would have executed, sorted.
    fn run(&self, text: &str, locale: &str) -> Vec<Vec<String>> {
        let log = self.folder.path().join("log");
        let cwd = self.folder.path().join("cwd");
        let _ = fs::remove_dir_all(&log);
        fs::create_dir(&log).unwrap();
        let handler = format!(
            "() {{ printf '%s\\0' \"$@\" $'\\1' >>{}/$BASHPID; }}",
            log.display()
        );
        let status = Command::new("/bin/bash")
            .args(["-c", text])
            .env_clear()
            .env("PATH", self.folder.path().join("path"))
            .env("LC_ALL", locale)
            .env("BASH_FUNC_command_not_found_handle%%", handler)
            .current_dir(&cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{text:?} did not run to its end");
        let made: Vec<_> = fs::read_dir(&cwd).unwrap().collect();
        assert!(made.is_empty(), "{text:?} made a file: {made:?}");
        executed(&log)
    }
}

fn executed(log: &Path) -> Vec<Vec<String>> {
    // One file a process: two processes of a pipeline must not mix their words.
    let mut all = Vec::new();
    for entry in fs::read_dir(log).unwrap() {
        let log = String::from_utf8(fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let argvs = log.split_terminator("\0\u{1}\0");
        all.extend(argvs.map(|argv| argv.split('\0').map(str::to_owned).collect::<Vec<_>>()));
    }
    all.sort();
    all
}

fn listed(script: &Script) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = script
        .commands()
        .iter()
        .filter(|command| command.reached() == Reached::Outer)
        .map(|command| {
            command
                .argv()
                .into_iter()
                .map(|word| word.unwrap().to_owned())
                .collect()
        })
        .collect();
    all.sort();
    all
}

/// Compares reader and bash on one text. True where the text was plain.
fn compare(sandbox: &Sandbox, text: &str, locale: &str) -> bool {
    let script = Script::parse(text, &Limits::default());
    let Some(rebuilt) = script.rebuilt() else {
        return false;
    };
    let listed = listed(&script);
    if listed.iter().any(|argv| argv[0].contains('/')) {
        // A path is executed without being looked for, so nothing would be written down.
        return false;
    }
    let of_rebuilt = sandbox.run(&rebuilt, locale);
    let of_text = sandbox.run(text, locale);
    assert_eq!(of_rebuilt, of_text, "{text:?} was rebuilt as {rebuilt:?}");
    // Every command succeeds here, so behind `||` nothing runs.
    if rebuilt.contains("||") {
        for argv in &of_text {
            assert!(listed.contains(argv), "{text:?} executed {argv:?}");
        }
    } else {
        assert_eq!(of_text, listed, "{text:?}");
    }
    let again = Script::parse(&rebuilt, &Limits::default());
    assert_eq!(
        again.rebuilt().as_deref(),
        Some(rebuilt.as_str()),
        "{text:?}"
    );
    true
}

/// A small generator of numbers: the same seed gives the same commands everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.roll(from.len())]
    }
}

const SEEDS: &[&str] = &[
    "find /var/www -xdev ! -user www-data -ls | head -n 20",
    "df -h",
    "df -h | grep 'a b' | wc -l",
    "a && b || c; d",
    "ss -ltn 2>/dev/null",
    "dd 2>&1 >/dev/null",
    "a \"b c\" 'd e' f\\ g",
    "a \"b\\.c\\|d\" \"e$\"",
    "a\nb\n\nc",
    "a &>/dev/null && b </dev/null",
    "a --b=c d=e f:g,h@i%j+l",
    "a {} \\; b",
    "a '' \"\" x''y",
    "a |\n b &&\n\nc",
    "a 1 2>/dev/null 3",
    "a 'it'\\''s' \"it's\"",
    "sudo a -n b#c d^e",
];

/// No letter of these makes a builtin that does harm, and no path but the null device exists.
const PIECES: &[&str] = &[
    " ",
    " ",
    "\t",
    "\n",
    "'",
    "\"",
    "\\",
    "$",
    "`",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "|",
    "&",
    ";",
    "*",
    "?",
    "~",
    "!",
    "#",
    "=",
    "%",
    "^",
    ",",
    "+",
    "@",
    "-",
    ":",
    "a",
    "b",
    "0",
    "1",
    "2",
    "/dev/null",
    "2>&1",
    ">/dev/null",
    "&&",
    "||",
    "''",
    "\"\"",
    "\\\n",
    "{}",
    "$a",
    "\r",
    "\u{e9}",
    "\u{a0}",
    "if",
    "then",
    "fi",
    "do",
    "in",
    "time",
    "a=b",
    "a[0]=",
    "$'a'",
    "<<a",
    "--",
    "2>",
    "<&",
    ">&",
    "&>",
    ">|",
    ";;",
    "|&",
    "\u{b}",
    "coproc",
    "function",
    "a()",
    "esac",
    "\\$",
];

fn mutate(dice: &mut Dice) -> String {
    let mut text = dice.pick(SEEDS).to_owned();
    for _ in 0..=dice.roll(5) {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let place = if places.is_empty() {
            0
        } else {
            places[dice.roll(places.len())]
        };
        match dice.roll(4) {
            0 if !text.is_empty() => {
                text.remove(place);
            }
            1 if !text.is_empty() => {
                text.remove(place);
                text.insert_str(place, dice.pick(PIECES));
            }
            2 => {
                let other = dice.pick(SEEDS);
                text.push_str(dice.pick(&[" ", ";", "|", "&&", "\n"]));
                text.push_str(other);
            }
            _ => text.insert_str(place, dice.pick(PIECES)),
        }
    }
    text
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

#[test]
fn bash_executes_what_the_reader_lists_on_mutated_commands() {
    let cases = number("AIOPS_DIFFERENTIAL_CASES", 2_000);
    let seed = number("AIOPS_DIFFERENTIAL_SEED", 0x5eed_1234_abcd_0001);
    let sandbox = Sandbox::new();
    let mut dice = Dice(seed);
    let mut plain = 0u64;
    for _ in 0..cases {
        let text = mutate(&mut dice);
        let locale = dice.pick(&["C", "C.UTF-8"]);
        plain += u64::from(compare(&sandbox, &text, locale));
    }
    eprintln!("{cases} mutated commands, {plain} of them plain");
    assert!(plain * 20 > cases, "only {plain} of {cases} were plain");
}

#[test]
fn seeds_are_plain_and_agree() {
    let sandbox = Sandbox::new();
    for seed in SEEDS {
        assert!(compare(&sandbox, seed, "C"), "{seed:?} is not plain");
    }
}

#[test]
fn stub_programs_receive_the_listed_words() {
    let sandbox = Sandbox::new();
    let stubs = sandbox.folder.path().join("path");
    let log = sandbox.folder.path().join("log");
    let stub = format!(
        "#!/bin/sh\nprintf '%s\\0' \"${{0##*/}}\" \"$@\" '\u{1}' >>'{}'/$$\n",
        log.display()
    );
    for name in ["df", "grep", "journalctl", "sudo"] {
        use std::os::unix::fs::PermissionsExt;
        let path = stubs.join(name);
        fs::write(&path, &stub).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for text in [
        "df -h /var && sudo journalctl -u 'a b' --since \"1 hour ago\" | grep -E \"x\\.y|z$\"",
        "grep '' \"$\" 'it'\\''s' a\\ b; df\ndf",
    ] {
        assert!(compare(&sandbox, text, "C.UTF-8"), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn quoted_words_arrive_as_they_were(words in prop::collection::vec("[^\0\u{1}]{0,12}", 1..6)) {
        let sandbox = Sandbox::new();
        let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
        let expected: Vec<String> = std::iter::once("frob".to_owned()).chain(words.clone()).collect();
        prop_assert_eq!(sandbox.run(&format!("frob {}", quoted.join(" ")), "C"), vec![expected]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
        let script = Script::parse(&text, &Limits::default());
        prop_assert_eq!(script.text(), &text);
    }

    #[test]
    fn shell_like_text_is_read_without_a_panic(pieces in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        let script = Script::parse(&text, &Limits::default());
        prop_assert_eq!(script.rebuilt().is_some(), script.opaque().is_none());
    }

    #[test]
    fn rebuilt_text_reads_as_the_same_commands(
        commands in prop::collection::vec(prop::collection::vec("[ -~]{0,8}", 0..4), 1..4),
    ) {
        let text: Vec<String> = commands
            .iter()
            .map(|words| {
                let words: Vec<_> = words.iter().map(|word| quote(word).into_owned()).collect();
                format!("frob {}", words.join(" "))
            })
            .collect();
        let script = Script::parse(&text.join(" | "), &Limits::default());
        let rebuilt = script.rebuilt().unwrap();
        let again = Script::parse(&rebuilt, &Limits::default());
        prop_assert_eq!(listed(&again), listed(&script));
        prop_assert_eq!(again.rebuilt().unwrap(), rebuilt);
    }
}
