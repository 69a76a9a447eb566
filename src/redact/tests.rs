use proptest::prelude::*;

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
