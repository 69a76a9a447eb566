use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

fn secret(id: &str, pattern: &str, keywords: &[&str]) -> Secret {
    Secret {
        id: id.to_owned(),
        pattern: pattern.to_owned(),
        keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// Nothing but these.
fn only(own: Vec<Secret>) -> Redaction {
    let all: Vec<String> = built_in().map(|rule| rule.id.to_owned()).collect();
    Redaction::new(own, &all, 1 << 20, Key::default())
}

#[test]
fn the_named_group_is_taken_out_and_the_rest_stays() {
    let redaction = only(vec![secret(
        "password",
        r"(?i)password=(?P<secret>\S+)",
        &["password"],
    )]);
    assert_eq!(
        redaction.apply("user=a Password=hunter2 host=b password=x"),
        "user=a Password=[REDACTED:password] host=b password=[REDACTED:password]"
    );
}

#[test]
fn text_without_a_keyword_is_left_alone() {
    let redaction = only(vec![secret("k", r"\d+", &["key"])]);
    assert_eq!(redaction.apply("12345"), "12345");
    assert_eq!(redaction.apply("KEY 12345"), "KEY [REDACTED:k]");
    let short = only(vec![secret("k", r"\d+", &["k"])]);
    assert_eq!(short.apply("12345"), "[REDACTED:k]");
}

#[test]
fn a_broken_pattern_leaks_nothing_and_is_found_by_examining() {
    let redaction = only(vec![secret("broken", "(", &[])]);
    assert_eq!(redaction.apply("anything"), "[REDACTED:broken]");
    assert_eq!(redaction.apply(""), "");
    assert_eq!(redaction.apply("[REDACTED:broken]"), "[REDACTED:broken]");
    assert_eq!(redaction.examine().len(), 1);
}

#[test]
fn equal_secrets_have_equal_digits_whatever_stands_around_them() {
    let dir = tempfile::tempdir().unwrap();
    let redaction = Redaction::built_in(dir.path().join("key"));
    assert_eq!(redaction.apply("nothing to see"), "nothing to see");
    assert!(!dir.path().join("key").exists());
    let digits = |text: &str| {
        let clean = redaction.apply(text);
        let (_, behind) = clean.split_once(MARK).unwrap();
        let mark = behind.split_once(']').unwrap().0;
        mark.split_once(':').unwrap().1.to_owned()
    };
    let one = digits("DB_PASSWORD=hunter2x");
    assert_eq!(one.len(), 12);
    assert_eq!(digits("\"password\": \"hunter2x\""), one);
    assert_eq!(digits("mysql --password='hunter2x'"), one);
    assert_eq!(digits("postgres://a:hunter2x@db/x"), one);
    assert_ne!(digits("DB_PASSWORD=hunter3x"), one);
    let other = tempfile::tempdir().unwrap();
    let elsewhere = Redaction::built_in(other.path().join("key"));
    assert_ne!(
        elsewhere.apply("DB_PASSWORD=hunter2x"),
        redaction.apply("DB_PASSWORD=hunter2x")
    );
}

#[test]
fn a_rule_of_ones_own_takes_the_place_of_a_built_in_one_and_any_can_be_off() {
    let text = "DB_PASSWORD=hunter2x";
    assert_eq!(
        Redaction::default().apply(text),
        "DB_PASSWORD=[REDACTED:variable]"
    );
    let own = vec![secret("variable", "hunter(?P<secret>[0-9])", &[])];
    let off = ["assignment".to_owned()];
    let redaction = Redaction::new(own, &off, 1 << 20, Key::default());
    assert_eq!(
        redaction.apply(text),
        "DB_PASSWORD=hunter[REDACTED:variable]x"
    );
    let off = ["assignment", "variable"].map(str::to_owned);
    let redaction = Redaction::new(Vec::new(), &off, 1 << 20, Key::default());
    assert_eq!(redaction.apply(text), text);
}

#[test]
fn marks_are_not_looked_into() {
    let redaction = Redaction::default();
    for text in [
        "password=[REDACTED:variable:0123456789ab]",
        "[REDACTED:password:0123456789ab] [REDACTED:url-password]",
        "postgres://a:[REDACTED:url-password:0123456789ab]@db/x",
        "Authorization: Bearer [REDACTED:authorization]",
        "{\"password\":\"[REDACTED:assignment:0123456789ab]\",\"user\":\"bob\"}",
    ] {
        assert_eq!(redaction.apply(text), text);
    }
}

#[test]
fn a_text_that_never_comes_to_rest_is_taken_out_whole() {
    // Each turn takes out one letter and so bares the next one.
    let redaction = only(vec![secret("a", "^a|^b", &[])]);
    let text = "ab".repeat(20);
    let clean = redaction.apply(&text);
    assert_eq!(clean, "[REDACTED:restless-text]");
    assert_eq!(redaction.apply(&clean), clean);
}

/// One line of the samples: the rule, the text, and what must be gone.
fn samples() -> Vec<(String, String, String)> {
    let mut samples = Vec::new();
    for line in include_str!("../../tests/corpus/secrets.tsv").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<String> = line.split('\t').map(unescaped).collect();
        let [rule, text, secret] = fields.as_slice() else {
            panic!("three columns in {line}");
        };
        assert!(text.contains(secret), "{line}");
        samples.push((rule.clone(), text.clone(), secret.clone()));
    }
    samples
}

/// `\n` is a line break, `\\` a backslash, and `~~` is nothing: it keeps those who look for secrets in repositories
/// from taking a sample for one.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let text = text.replace("~~", "");
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

#[test]
fn every_sample_is_taken_out_by_its_rule() {
    let redaction = Redaction::default();
    let mut faults = Vec::new();
    for (rule, text, secret) in samples() {
        let clean = redaction.apply(&text);
        if clean.contains(&secret) || !clean.contains(&format!("{MARK}{rule}]")) {
            faults.push(format!("{rule}: {text:?} gave {clean:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rule_has_samples() {
    let samples = samples();
    let bare: Vec<&str> = built_in()
        .map(|rule| rule.id)
        .filter(|id| !samples.iter().any(|(rule, _, _)| rule == id))
        .collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn samples_are_taken_out_amid_other_text_and_lines() {
    let redaction = Redaction::default();
    let mut faults = Vec::new();
    for (rule, text, secret) in samples() {
        for around in [
            format!("first line\n{text}\nlast line\n"),
            format!("gr\u{fc}n\u{fc}\u{4e2d}\n{text}\n\u{1f600} gr\u{fc}n"),
        ] {
            let clean = redaction.apply(&around);
            let first = around.lines().next().unwrap();
            if clean.contains(&secret) || !clean.starts_with(first) {
                faults.push(format!("{rule}: {around:?} gave {clean:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_taken_out_of_ordinary_logs() {
    let redaction = Redaction::default();
    let ordinary = include_str!("../../tests/corpus/ordinary.log");
    assert!(ordinary.lines().count() >= 300);
    let mut faults = Vec::new();
    for line in ordinary.lines() {
        let clean = redaction.apply(line);
        if clean != line {
            faults.push(clean);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(redaction.apply(ordinary), ordinary);
}

#[test]
fn the_paper_lists_every_rule_and_no_other() {
    let paper = include_str!("../../docs/redaction.md");
    let listed: Vec<String> = paper
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    let known: Vec<String> = built_in()
        .map(|rule| format!("| `{}` | {} |", rule.id, rule.about.replace('|', "\\|")))
        .collect();
    assert!(
        listed == known,
        "the table should be:\n{}",
        known.join("\n")
    );
}

/// Pieces of which texts are made that come near to secrets.
fn pieces() -> impl Strategy<Value = String> {
    let samples: Vec<String> = samples().into_iter().map(|(_, text, _)| text).collect();
    let words = [
        "password",
        "=",
        ": ",
        "'",
        "\"",
        "\\",
        "\n",
        " ",
        "[REDACTED:",
        "]",
        ":0123456789ab",
        "[REDACTED:x]",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "://",
        "@",
        "eyJ",
        "AKIA",
        "0123456789ABCDEF",
        "token",
        "-p",
        "mysql ",
        "curl ",
        "-u",
        "echo ",
        "| chpasswd",
        "\u{e9}",
        "\u{1f600}",
        "\u{0}",
        "$6$",
        "{{",
        "hunter2",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(words.map(str::to_owned).to_vec()),
        2 => prop::sample::select(samples),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_same_again_gives_the_same(text in pieces()) {
        let redaction = shared();
        let once = redaction.apply(&text);
        prop_assert_eq!(redaction.apply(&once), once);
    }

    #[test]
    fn a_clean_text_is_never_longer_than_its_marks_allow(text in pieces()) {
        let clean = shared().apply(&text);
        let bound = text.len() * (1 + mark::LONGEST) + mark::LONGEST;
        prop_assert!(clean.len() <= bound);
    }

    #[test]
    fn any_text_at_all_is_read_without_a_panic(text in any::<String>()) {
        shared().apply(&text);
    }

    #[test]
    fn a_password_of_any_letters_is_gone(password in "[A-Za-z0-9][A-Za-z0-9!%+/@^_~#-]{6,40}[0-9]") {
        for text in [
            format!("export DB_PASSWORD={password}"),
            format!("mysqldump -u root -p'{password}' db"),
            format!("\"client_secret\": \"{password}\", \"id\": 7"),
            format!("tool --password '{password}' --verbose"),
        ] {
            let clean = shared().apply(&text);
            prop_assert!(!clean.contains(&password), "{} gave {}", text, clean);
        }
    }
}

/// Patterns are compiled once for all cases.
fn shared() -> &'static Redaction {
    static SHARED: OnceLock<Redaction> = OnceLock::new();
    SHARED.get_or_init(Redaction::default)
}

/// What a rule finds is looked for by a word that the text has to hold: without it nothing is found.
#[test]
fn whatever_a_pattern_finds_holds_a_keyword_of_its_rule() {
    // These want a word beside what they find.
    let narrower = [
        "netrc",
        "context-hex",
        "discord-token",
        "vault-token",
        "user-password",
        "password-flag",
        "samba-password",
    ];
    let mut runner = TestRunner::deterministic();
    let mut faults = Vec::new();
    for rule in built_in().filter(|rule| !narrower.contains(&rule.id)) {
        // Texts are made without the looks around, and then matched with them.
        let mut shape = rule.pattern();
        for look in [r"(?-u:\b)", "(?i)", "(?m)^", "^|"] {
            shape = shape.replace(look, "");
        }
        // More than one blank, or a tab, is between words of a command by chance alone.
        let shape = shape.replace("(?i:", "(?:").replace(r"[ \t]", " ");
        let shape = shape.replace(" {1,8}", " ").replace(" {1,4}", " ");
        let made = prop::string::string_regex(shape.trim_end_matches('$')).unwrap();
        let pattern = regex::Regex::new(&rule.pattern()).unwrap();
        let words = rule.keywords.iter().map(|word| (0, rule.place, *word));
        let keywords = Keywords::of(words);
        for _ in 0..400 {
            let text = made.new_tree(&mut runner).unwrap().current();
            let mut found = [false];
            keywords.look(&text, &mut found);
            if found == [false] && pattern.is_match(&text) {
                faults.push(format!("{}: {text:?}", rule.id));
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn prose_with_the_words_of_secrets_compiles_nothing() {
    let redaction = Redaction::default();
    let text = "sshd[7]: Failed password for invalid user admin from 203.0.113.5 port 40022 ssh2\n\
        sshd[7]: Accepted publickey for max from 10.0.0.9 port 50022 ssh2: ED25519 SHA256:abc\n\
        sshd[7]: pam_unix(sshd:session): session opened for user max(uid=1000) by max(uid=0)\n\
        sudo[7]: max : TTY=pts/0 ; PWD=/home/max ; USER=root ; COMMAND=/usr/bin/true\n\
        systemd-password-wall.path loaded active Forward Password Requests, see https://a.org/\n";
    redaction.apply(text);
    let compiled = redaction.rules.iter();
    let compiled: Vec<&str> = compiled
        .filter(|rule| rule.compiled.get().is_some())
        .map(|rule| rule.id.as_str())
        .collect();
    assert!(compiled.is_empty(), "{compiled:?}");
}

#[test]
fn rules_that_take_the_place_of_built_in_ones_are_named() {
    let own = vec![secret("aws-key", "x", &[]), secret("mine", "y", &[])];
    assert_eq!(only(own).instead().collect::<Vec<_>>(), ["aws-key"]);
}
