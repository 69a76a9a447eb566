//! Words in front of a command that change nothing of what it does.
//!
//! **Reads** the words of one simple command.
//! **Gives** how many words stand before the command that they only limit or slow down.
//! **Never** knows a prefix by its name alone: every option of it has to be known too.

/// How many words of `words` are such prefixes. What follows them is a command of its own.
pub(super) fn count(words: &[&str]) -> usize {
    let mut skipped = 0;
    while let Some(rest) = words.get(skipped..) {
        match one(rest) {
            0 => break,
            more => skipped += more,
        }
    }
    let follows = words.get(skipped).is_some_and(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') && !word.contains('=')
    });
    if follows { skipped } else { 0 }
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
        assert_eq!(count(&words), expected, "{text}");
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
            "sudo df",
            "busybox df",
            "/tmp/timeout 5 df",
        ] {
            check(text, 0);
        }
    }
}
