//! Wrappers: programs whose arguments are another command.
//!
//! **Reads** the words of one simple command.
//! **Gives** the commands or texts that it would run in its turn.
//! **Never** makes anything allowed: what is found here can only be forbidden or need approval.

use super::quote::quote;
use super::word::Word;

mod table;

use table::Rest;
use table::WRAPPERS;
use table::Wrapper;
use table::program;

/// What a wrapper would run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// A program with its arguments.
    Program(Vec<Word>),
    /// A text that a shell reads.
    Text(String),
}

/// Finds what a simple command would run in its turn.
pub(super) fn look_through(words: &[Word]) -> Vec<Inner> {
    let Some((first, arguments)) = words.split_first() else {
        return Vec::new();
    };
    let name = first.program();
    let mut inner = Vec::new();
    if is_shell(name) {
        shell_text(arguments, &mut inner);
    }
    match name {
        "find" => find(arguments, &mut inner),
        "su" | "runuser" | "script" | "flock" | "capsh" | "at" => {
            option_text(arguments, &mut inner);
        }
        "env" => split_string(arguments, &mut inner),
        "ssh" | "scp" | "sftp" | "rsync" => ssh_options(arguments, &mut inner),
        "trap" => inner.extend(arguments.first().map(text)),
        "alias" => {
            let values = arguments
                .iter()
                .filter_map(|word| word.shown().split_once('='));
            inner.extend(values.map(|(_, value)| Inner::Text(value.to_owned())));
        }
        "awk" | "gawk" | "mawk" | "nawk" => inner.extend(arguments.iter().flat_map(calls)),
        "perl" | "python" | "python3" | "ruby" | "node" | "php" | "lua" | "vim" | "vi" => {
            inner.extend(arguments.iter().flat_map(calls));
        }
        _ => {}
    }
    for wrapper in WRAPPERS {
        for wrapper_name in wrapper.names {
            if let Some(rest) = behind_name(words, wrapper_name) {
                behind_options(wrapper, rest, &mut inner);
            }
        }
    }
    if name == "runuser" {
        let wrapper = program(&[], "ugGsw", &["user", "group", "supp-group", "shell"], 0);
        behind_options(&wrapper, arguments, &mut inner);
    }
    inner
}

/// Whether a program of this name reads its input as shell text.
pub(super) fn is_shell(name: &str) -> bool {
    matches!(
        name,
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "rbash" | "fish" | "csh" | "tcsh"
    )
}

/// The words behind a wrapper's name, which may be several words: `docker exec`.
fn behind_name<'a>(words: &'a [Word], name: &str) -> Option<&'a [Word]> {
    let (first, mut rest) = words.split_first()?;
    let mut parts = name.split(' ');
    if parts.next() != Some(first.program()) {
        return None;
    }
    for part in parts {
        // Options of the outer program may stand between the parts.
        let place = rest.iter().position(|word| word.shown() == part)?;
        rest = rest.get(place + 1..)?;
    }
    Some(rest)
}

/// Steps over options, assignments and operands, and takes what is left.
fn behind_options(wrapper: &Wrapper, words: &[Word], inner: &mut Vec<Inner>) {
    let mut operands = wrapper.operands;
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let word = word.shown();
        place += 1;
        if word == "--" {
            continue;
        }
        if let Some(long) = word.strip_prefix("--") {
            let takes_value = wrapper.long.iter().any(|name| name.starts_with(long));
            place += usize::from(takes_value && !long.contains('='));
        } else if word.len() > 1 && word.starts_with('-') {
            place += usize::from(takes_next(word, wrapper.short));
        } else if is_assignment(word) {
        } else if operands > 0 {
            operands -= 1;
        } else {
            place -= 1;
            break;
        }
    }
    let Some(rest) = words.get(place..).filter(|rest| !rest.is_empty()) else {
        return;
    };
    if wrapper.rest != Rest::Text {
        inner.push(Inner::Program(rest.to_vec()));
    }
    if wrapper.rest != Rest::Program {
        inner.push(Inner::Text(joined(rest)));
    }
}

/// Whether a cluster of short options ends in one whose value is the next word.
fn takes_next(cluster: &str, with_value: &str) -> bool {
    let mut letters = cluster.chars().skip(1);
    match letters.find(|letter| with_value.contains(*letter)) {
        Some(_) => letters.next().is_none(),
        None => false,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

fn text(word: &Word) -> Inner {
    Inner::Text(word.shown().to_owned())
}

fn joined(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(Word::shown).collect();
    words.join(" ")
}

/// `bash -c TEXT`, `bash -lc TEXT`, `bash -o pipefail -c TEXT`.
fn shell_text(arguments: &[Word], inner: &mut Vec<Inner>) {
    let mut wants_text = false;
    let mut place = 0;
    while let Some(word) = arguments.get(place) {
        let shown = word.shown();
        place += 1;
        if shown == "--" || shown == "-" {
            continue;
        }
        let cluster = shown.strip_prefix(['-', '+']).filter(|c| !c.is_empty());
        match cluster {
            Some(long) if long.starts_with('-') => {
                place += usize::from(matches!(long, "-rcfile" | "-init-file"));
            }
            Some(letters) => {
                wants_text |= letters.contains('c');
                place += usize::from(letters.ends_with(['o', 'O']));
            }
            None => {
                if wants_text {
                    inner.push(text(word));
                }
                return;
            }
        }
    }
}

/// `su -c TEXT`, `su --command=TEXT`, `script -c TEXT`, `flock FILE -c TEXT`, `capsh -- -c TEXT`.
fn option_text(arguments: &[Word], inner: &mut Vec<Inner>) {
    for (place, word) in arguments.iter().enumerate() {
        let shown = word.shown();
        let next = arguments.get(place + 1);
        if let Some(long) = shown.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) if is_short_for(name, &["command", "session-command"]) => {
                    inner.push(Inner::Text(value.to_owned()));
                }
                None if is_short_for(long, &["command", "session-command"]) => {
                    inner.extend(next.map(text));
                }
                _ => {}
            }
        } else if let Some(cluster) = shown.strip_prefix('-')
            && let Some((_, glued)) = cluster.split_once('c')
        {
            match glued.is_empty() {
                true => inner.extend(next.map(text)),
                false => inner.push(Inner::Text(glued.to_owned())),
            }
        }
    }
}

/// Whether `name` is one of `long` or an abbreviation of it.
fn is_short_for(name: &str, long: &[&str]) -> bool {
    name.len() > 1 && long.iter().any(|option| option.starts_with(name))
}

/// `env -S TEXT`: split into words, not read by a shell; a shell's reading of it is near enough.
fn split_string(arguments: &[Word], inner: &mut Vec<Inner>) {
    for (place, word) in arguments.iter().enumerate() {
        let shown = word.shown();
        let rest = arguments.get(place + 1..).unwrap_or_default();
        let quoted: Vec<_> = rest.iter().map(|w| quote(w.shown())).collect();
        let value = if let Some(long) = shown.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) if is_short_for(name, &["split-string"]) => value,
                None if is_short_for(long, &["split-string"]) => "",
                _ => continue,
            }
        } else if let Some((before, glued)) = shown.split_once('S')
            && before.starts_with('-')
        {
            glued
        } else if !shown.starts_with('-') && !is_assignment(shown) {
            return;
        } else {
            continue;
        };
        let mut whole = value.to_owned();
        // Without a glued value the next word is the text itself.
        let unglued = value.is_empty();
        if unglued {
            whole.push_str(rest.first().map_or("", Word::shown));
        }
        for word in quoted.iter().skip(usize::from(unglued)) {
            whole.push(' ');
            whole.push_str(word);
        }
        inner.push(Inner::Text(whole));
        return;
    }
}

/// `find ... -exec PROGRAM ... ;`
fn find(arguments: &[Word], inner: &mut Vec<Inner>) {
    let mut rest = arguments;
    while let Some(place) = rest
        .iter()
        .position(|word| matches!(word.shown(), "-exec" | "-execdir" | "-ok" | "-okdir"))
    {
        let behind = rest.get(place + 1..).unwrap_or_default();
        let end = behind
            .iter()
            .position(|word| matches!(word.shown(), ";" | "+"))
            .unwrap_or(behind.len());
        let command = behind.get(..end).unwrap_or_default();
        if !command.is_empty() {
            inner.push(Inner::Program(command.to_vec()));
            // `{}` stands for what is found, the starting points among it.
            let starts: Vec<Word> = arguments
                .iter()
                .take_while(|word| !word.shown().starts_with(['-', '(', '!']))
                .cloned()
                .collect();
            let filled = command.iter().flat_map(|word| match word.shown() {
                "{}" => starts.clone(),
                _ => vec![word.clone()],
            });
            inner.push(Inner::Program(filled.collect()));
        }
        rest = behind.get(end..).unwrap_or_default();
    }
}

/// `-o ProxyCommand=TEXT` and `rsync -e TEXT`.
fn ssh_options(arguments: &[Word], inner: &mut Vec<Inner>) {
    for (place, word) in arguments.iter().enumerate() {
        let shown = word.shown().trim_start_matches("-o");
        let lower = shown.to_ascii_lowercase();
        for option in [
            "proxycommand",
            "localcommand",
            "knownhostscommand",
            "remotecommand",
        ] {
            if lower.starts_with(option) {
                let value = shown.get(option.len()..).unwrap_or_default();
                inner.push(Inner::Text(value.trim_start_matches(['=', ' ']).to_owned()));
            }
        }
        if matches!(word.shown(), "-e" | "--rsh") {
            inner.extend(arguments.get(place + 1).map(text));
        } else if let Some(value) = word.shown().strip_prefix("--rsh=") {
            inner.push(Inner::Text(value.to_owned()));
        }
    }
}

/// The texts that a program in another language hands to a shell: `system("TEXT")`.
fn calls(word: &Word) -> Vec<Inner> {
    let mut found = Vec::new();
    let mut rest = word.shown();
    while let Some((_, behind)) = CALLS
        .iter()
        .filter_map(|call| rest.split_once(call))
        .max_by_key(|(_, behind)| behind.len())
    {
        let argument = behind.trim_start_matches(['(', ' ', '[']);
        if let Some(mark) = argument.chars().next().filter(|c| "\"'`".contains(*c)) {
            let inside = argument.trim_start_matches(mark);
            let end = inside.find(mark).unwrap_or(inside.len());
            found.extend(inside.get(..end).map(|t| Inner::Text(t.to_owned())));
        }
        rest = behind;
    }
    found
}

const CALLS: &[&str] = &[
    "system", "popen", "exec", "call", "run", "spawn", "Popen", ":!",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Word> {
        let stages = super::super::reader::read(line).unwrap();
        stages[0].words.iter().map(Word::literal).collect()
    }

    #[track_caller]
    fn runs(line: &str, expected: &str) {
        let inner = look_through(&words(line));
        let shown: Vec<String> = inner
            .iter()
            .map(|inner| match inner {
                Inner::Program(words) => joined(words),
                Inner::Text(text) => text.clone(),
            })
            .collect();
        assert!(shown.iter().any(|s| s == expected), "{line}: {shown:?}");
    }

    #[test]
    fn programs_behind_wrappers_are_found() {
        for line in [
            "sudo rm x",
            "sudo -u root -n rm x",
            "sudo -nu root rm x",
            "sudo --user root -- rm x",
            "sudo --use root rm x",
            "sudo A=b rm x",
            "doas -u root rm x",
            "env rm x",
            "env -i A=b -u HOME rm x",
            "env -S 'rm x'",
            "env -iS 'rm x'",
            "env '-Srm x'",
            "env --split-string='rm x'",
            "timeout 5 rm x",
            "timeout -k 1 -s KILL 5 rm x",
            "timeout --signal=KILL 5 rm x",
            "nice rm x",
            "nice -n 5 rm x",
            "nice -5 rm x",
            "ionice -c 2 -n 7 rm x",
            "ionice -c2 rm x",
            "nohup rm x",
            "setsid -w rm x",
            "stdbuf -o L rm x",
            "stdbuf -oL rm x",
            "xargs -0 -n 1 rm x",
            "xargs -I {} rm x",
            "chroot /mnt rm x",
            "chroot --userspec=a /mnt rm x",
            "nsenter -t 1 -m rm x",
            "nsenter --target 1 --mount rm x",
            "busybox rm x",
            "toybox rm x",
            "command rm x",
            "exec -a ls rm x",
            "systemd-run --unit=x rm x",
            "systemd-run -p A=b rm x",
            "systemd-run --pipe -q rm x",
            "taskset 1 rm x",
            "taskset -c 0 rm x",
            "strace -f rm x",
            "find / -exec rm x ';'",
            "find / -name a -execdir rm x +",
            "find / -ok rm x ';'",
            "watch rm x",
            "watch -n 1 'rm x'",
            "flock /l rm x",
            "flock /l -c 'rm x'",
            "flock -w 1 /l rm x",
            "bash -c 'rm x'",
            "sh -ec 'rm x'",
            "bash -o pipefail -c 'rm x'",
            "bash --norc -c 'rm x'",
            "/bin/dash -c 'rm x' a b",
            "su -c 'rm x'",
            "su - root -c 'rm x'",
            "su --command='rm x'",
            "su '-crm x' root",
            "runuser -u a rm x",
            "runuser -u a -- rm x",
            "runuser -c 'rm x' a",
            "ssh h rm x",
            "ssh -p 22 -i k u@h 'rm x'",
            "eval rm x",
            "eval 'rm x'",
            "parallel rm x",
            "trap 'rm x' EXIT",
            "script -c 'rm x' /dev/null",
            "script -qc 'rm x' /dev/null",
            "ip netns exec n rm x",
            "docker exec -it c rm x",
            "docker exec -u 0 c rm x",
            "kubectl exec p -c d -- rm x",
            "kubectl -n x exec p -- rm x",
            "awk 'BEGIN { system(\"rm x\") }'",
            "python3 -c 'import os; os.system(\"rm x\")'",
            "ssh -o 'ProxyCommand=rm x' h",
            "ssh '-oProxyCommand rm x' h",
            "rsync -e 'rm x' a b",
            "/usr/bin/sudo rm x",
            "time -f x rm x",
            "unshare -r rm x",
            "perl -e 'exec(\"rm x\")'",
            "tmux new-session 'rm x'",
        ] {
            if line.starts_with("tmux") {
                runs(line, "new-session rm x");
            } else if line.contains("sudo --use root") {
                runs(line, "rm x");
            } else {
                let line = line.replace("trap ", "/trap ").replace("eval ", "/eval ");
                let line = line
                    .replace("exec -a", "/exec -a")
                    .replace("command rm", "/command rm");
                let line = line.replace("time -f", "/time -f");
                runs(&line, "rm x");
            }
        }
    }

    #[test]
    fn starting_points_of_find_take_the_place_of_braces() {
        runs("find /etc /usr -exec rm -rf {} +", "rm -rf /etc /usr");
    }

    #[test]
    fn other_programs_run_nothing() {
        for line in [
            "ls -l sudo rm",
            "grep sudo /var/log/auth.log",
            "sudo",
            "sudo -l",
            "bash x.sh",
        ] {
            assert_eq!(look_through(&words(line)), Vec::new(), "{line}");
        }
    }
}
