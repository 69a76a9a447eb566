//! Words in front of a command that change nothing of what it does.
//!
//! **Reads** the words of one simple command.
//! **Gives** where the command begins that they only limit, slow down or run as root.
//! **Never** knows a prefix by its name alone: every option of it has to be known too.

/// A command that stands behind prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How many words stand before it.
    pub(super) words: usize,
    /// Whether `sudo` is among them: it changes nothing of what is done, but who does it.
    pub(super) sudo: bool,
}

/// Every command that stands behind one more prefix, from the outside to the inside.
pub(super) fn steps(words: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut here = Step {
        words: 0,
        sudo: false,
    };
    while let Some(rest) = words.get(here.words..) {
        let (more, sudo) = match (one(rest), sudo(rest)) {
            (0, 0) => break,
            (0, more) => (more, true),
            (more, _) => (more, false),
        };
        here = Step {
            words: here.words + more,
            sudo: here.sudo || sudo,
        };
        if words.get(here.words).is_some_and(|word| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '[')
                && !word.contains('=')
        }) {
            steps.push(here);
        }
    }
    steps
}

/// Whether a command is what stands behind one of these prefixes of `words`.
pub(super) fn leads_to(words: &[&str], argv: &[Option<&str>]) -> bool {
    let same = |behind: &[&str]| behind.iter().copied().map(Some).eq(argv.iter().copied());
    steps(words)
        .iter()
        .any(|step| words.get(step.words..).is_some_and(same))
}

/// `sudo` to root, with options that only say how it asks for a password.
fn sudo(words: &[&str]) -> usize {
    let ["sudo" | "/usr/bin/sudo", options @ ..] = words else {
        return 0;
    };
    let mut count = 1;
    let mut rest = options;
    loop {
        rest = match rest {
            [
                "-n" | "--non-interactive" | "-H" | "--set-home" | "--user=root" | "-uroot",
                rest @ ..,
            ] => {
                count += 1;
                rest
            }
            ["-u" | "--user", "root", rest @ ..] => {
                count += 2;
                rest
            }
            ["--", ..] => return count + 1,
            _ => return count,
        }
    }
}

fn one(words: &[&str]) -> usize {
    match words {
        ["timeout", time, ..] if is_time(time) => 2,
        ["nice", "-n", number, ..] if is_number(number) => 3,
        ["nice", next, ..] if !next.starts_with('-') => 1,
        ["ionice", "-c", "2" | "3", "-n", level, ..] if is_number(level) => 5,
        ["ionice", "-c", "2" | "3", ..] => 3,
        ["ionice", "-c2" | "-c3", "-n", level, ..] if is_number(level) => 4,
        ["ionice", "-c2" | "-c3", ..] => 2,
        ["env", rest @ ..] => {
            let settings = rest.iter().take_while(|word| is_locale(word)).count();
            if settings == 0 { 0 } else { 1 + settings }
        }
        _ => 0,
    }
}

fn is_number(word: &str) -> bool {
    (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_time(word: &str) -> bool {
    let digits = word.trim_end_matches(['s', 'm']);
    word.len() - digits.len() <= 1
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A language or a time zone by its name; a path could name a file of one's own.
fn is_locale(word: &str) -> bool {
    matches!(
        word,
        "LC_ALL=C"
            | "LC_ALL=C.UTF-8"
            | "LC_ALL=en_US.UTF-8"
            | "LANG=C"
            | "LANG=C.UTF-8"
            | "LANG=en_US.UTF-8"
            | "TZ=UTC"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: usize) {
        let words: Vec<&str> = text.split(' ').collect();
        let found = steps(&words).last().map_or(0, |step| step.words);
        assert_eq!(found, expected, "{text}");
        assert!(!steps(&words).iter().any(|step| step.sudo), "{text}");
    }

    #[track_caller]
    fn behind_sudo(text: &str, expected: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let step = steps(&words).pop().expect(text);
        assert!(step.sudo, "{text}");
        assert_eq!(words[step.words..].join(" "), expected, "{text}");
    }

    #[test]
    fn sudo_to_root_is_a_prefix_that_is_told_apart() {
        behind_sudo("sudo df -h", "df -h");
        behind_sudo("sudo -n df", "df");
        behind_sudo("/usr/bin/sudo -n -H -u root -- df", "df");
        behind_sudo("sudo --user=root timeout 5 df", "df");
        behind_sudo("timeout 5 sudo df", "df");
        let words = ["timeout", "5", "sudo", "df"];
        let found = steps(&words);
        assert_eq!(
            found,
            [
                Step {
                    words: 2,
                    sudo: false
                },
                Step {
                    words: 3,
                    sudo: true
                }
            ]
        );
    }

    #[test]
    fn limits_and_slowness_are_prefixes() {
        check("timeout 5 df -h", 2);
        check("timeout 10s df", 2);
        check("nice du /var", 1);
        check("nice -n 19 ionice -c3 du /var", 5);
        check("ionice -c 2 -n 7 du", 5);
        check("env LC_ALL=C TZ=UTC df", 3);
    }

    #[test]
    fn what_else_they_can_do_is_not() {
        for text in [
            "df",
            "timeout df",
            "timeout 5",
            "timeout 5 -k df",
            "timeout -s KILL 5 df",
            "timeout --foreground 5 df",
            "timeout 5h df",
            "timeout 5sm df",
            "timeout 99999 df",
            "timeout 5 A=b",
            "timeout 5 ./df=x/../df",
            "nice -n -20 df",
            "nice -19 df",
            "nice --adjustment=5 df",
            "ionice -p 1",
            "ionice -c1 df",
            "env df",
            "env -S df",
            "env -i df",
            "env LD_PRELOAD=/x df",
            "env LC_ALL=C LD_PRELOAD=/x df",
            "env LC_ALL=C -S df",
            "env LC_ALL=/tmp/x df",
            "env PATH=/tmp df",
            "env TZ=/etc/shadow date",
            "sudo -u postgres df",
            "sudo -i df",
            "sudo -s df",
            "sudo -E df",
            "sudo -S df",
            "sudo -g x df",
            "sudo -D /x df",
            "sudo -C 3 df",
            "sudo PATH=/tmp df",
            "sudo --us=root df",
            "sudo -nu x df",
            "./sudo df",
            "/tmp/sudo df",
            "sudo",
            "sudo -n",
            "busybox df",
            "/tmp/timeout 5 df",
        ] {
            check(text, 0);
        }
    }
}
