use proptest::prelude::*;

use super::*;
use crate::policy::Definition;
use crate::policy::Fragments;
use crate::shell::Limits;
use crate::target::Name;
use crate::target::Tier;

/// A rule with nothing to be said against but what the test does to it.
fn rule(effect: Decision, pattern: &str) -> Definition {
    Definition {
        id: Some("it".to_owned()),
        patterns: vec![pattern.to_owned()],
        why: Some("reasons".to_owned()),
        line: Some(3),
        ..Definition::new(effect)
    }
}

fn allows(pattern: &str, examples: &[&str]) -> Definition {
    Definition {
        matches: examples.iter().map(|text| (*text).to_owned()).collect(),
        ..rule(Decision::Allow, pattern)
    }
}

fn linted(rules: Vec<Definition>, fragments: &[(&str, &str)]) -> Vec<Warning> {
    let policy = Policy::new(
        rules,
        Fragments::of(fragments),
        Limits::default(),
        1_000_000,
    );
    policy.lint(&[Scope::of_tier(Tier::Lab)])
}

#[track_caller]
fn warns(rules: Vec<Definition>, expected: &[&str]) -> Vec<Warning> {
    let warnings = linted(rules, &[]);
    let kinds: Vec<&str> = warnings.iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds, expected, "{warnings:#?}");
    warnings
}

#[track_caller]
fn of_allow(pattern: &str, expected: &[&str]) {
    let kinds: Vec<&str> = [expected, &["no_match"]].concat();
    let warnings = linted(vec![allows(pattern, &[])], &[]);
    let mut found: Vec<&str> = warnings.iter().map(|warning| warning.kind).collect();
    found.sort_unstable();
    let mut kinds = kinds;
    kinds.sort_unstable();
    assert_eq!(found, kinds, "{pattern}");
}

#[test]
fn a_good_rule_has_no_warning() {
    warns(vec![allows("df( -[hiT]+)?", &["df -h"])], &[]);
    warns(vec![rule(Decision::Forbid, "^rm ")], &[]);
}

#[test]
fn rules_without_examples_or_reasons_are_told() {
    warns(vec![allows("df", &[])], &["no_match"]);
    for effect in [Decision::RequireApproval, Decision::Forbid] {
        let silent = Definition {
            why: None,
            ..rule(effect, "^rm ")
        };
        let warnings = warns(vec![silent], &["no_why"]);
        assert_eq!(warnings[0].line, Some(3));
        assert_eq!(warnings[0].subject, "rule `it`");
    }
}

#[test]
fn patterns_of_daily_life_can_match() {
    for pattern in [
        "uptime",
        "df( -[hiT]+)*( /[a-z/]*)?",
        "grep( -[inv]+)* '[^']*'( /var/log/[a-z./]+)+",
        "grep ([a-z]+|'[^' ][^']*')",
        "^ls [^ '/]+$",
        r"cat /var/log/[\w./-]+",
        "awk '[{]print [$][0-9]+[}]'",
        "date '[+][^']*'",
        "[[] -f /[a-z]+ ]",
        "(sudo )?lsof",
        "echo ''",
    ] {
        let warnings = linted(vec![allows(pattern, &[])], &[]);
        assert!(
            warnings.iter().all(|w| w.kind != "never_matches"),
            "{pattern}: {warnings:?}"
        );
    }
}

#[test]
fn a_pattern_that_no_canonical_text_fits_is_told() {
    for pattern in [
        "df  -h",
        "df ",
        " df",
        "grep \"a b\"",
        "grep 'plain'",
        "ls [*]",
        "df [|] wc",
        "df; uptime",
        "echo [$]HOME",
        "df$ -h",
        "d^f",
        "df [a&&b]",
        "[a&&b]",
        "uptime\\n",
        "cat <[a-z]+",
    ] {
        of_allow(pattern, &["never_matches"]);
    }
}

#[test]
fn an_example_proves_what_samples_do_not_find() {
    let hard = r"x( [a-z]{3}){0,1}\b";
    warns(vec![allows(hard, &["x abc"])], &[]);
}

#[test]
fn a_strict_pattern_that_matches_nothing_is_told_and_anchors_alone_are_not() {
    for pattern in ["[a&&b]", "rm$ -rf", "a^b", r"rm\bx"] {
        warns(vec![rule(Decision::Forbid, pattern)], &["never_matches"]);
    }
    for pattern in [
        "^rm( |$)", r"\bdd\b", r"\Brm", "(^| )x", "rm  -rf", "a.*b$", r"x\B",
    ] {
        warns(vec![rule(Decision::Forbid, pattern)], &[]);
    }
}

#[test]
fn a_class_for_both_blank_and_apostrophe_is_wide() {
    for pattern in [
        "ls .*",
        "ls .",
        "ls [^;]+",
        "ls [ -z]*",
        r"ls (-l|[^|]+)",
        r"ls \D+",
    ] {
        of_allow(pattern, &["wide"]);
    }
    for pattern in [
        "ls [a-z /]*",
        "ls '[^']*'",
        "ls [^ ]+",
        r"ls [\w.]+",
        "ls [^ '/]+",
    ] {
        of_allow(pattern, &[]);
    }
}

#[test]
fn a_rule_whose_examples_others_decide_is_shadowed_and_the_other_is_named() {
    let strict = Definition {
        id: Some("no-restart".to_owned()),
        line: Some(9),
        ..rule(Decision::Forbid, "^systemctl restart")
    };
    let shadowed = allows("systemctl [a-z]+ nginx", &["systemctl restart nginx"]);
    let warnings = warns(vec![strict.clone(), shadowed], &["shadowed"]);
    assert!(
        warnings[0].what.contains("`no-restart` (line 9)"),
        "{}",
        warnings[0].what
    );
    // One example that passes is enough.
    let half = ["systemctl restart nginx", "systemctl status nginx"];
    warns(
        vec![strict.clone(), allows("systemctl [a-z]+ nginx", &half)],
        &[],
    );
    // Elsewhere it passes.
    let elsewhere = Definition {
        holds: crate::policy::Holds {
            tiers: vec![Tier::Production],
            ..Default::default()
        },
        ..strict
    };
    let rules = vec![
        elsewhere,
        allows("systemctl [a-z]+ nginx", &["systemctl restart nginx"]),
    ];
    warns(rules, &["nowhere"]);
}

#[test]
fn a_rule_that_holds_on_no_target_is_told() {
    let mut held = allows("df", &["df"]);
    held.holds.tiers = vec![Tier::Production];
    warns(vec![held.clone()], &["nowhere"]);
    held.holds.tiers = vec![Tier::Production, Tier::Lab];
    warns(vec![held.clone()], &[]);
    held.holds.groups = vec![Name::parse("db").unwrap()];
    warns(vec![held], &["nowhere"]);
}

#[test]
fn a_fragment_that_no_rule_reaches_is_told() {
    let pieces = [
        ("flags", "-[a-z]+{{more}}"),
        ("more", "x?"),
        ("alone", "{{left}}"),
        ("left", "y"),
    ];
    let warnings = linted(vec![allows("ls {{flags}}", &["ls -l"])], &pieces);
    let found: Vec<(&str, &str)> = warnings
        .iter()
        .map(|warning| (warning.kind, warning.subject.as_str()))
        .collect();
    let expected = [
        ("unused_fragment", "fragment `alone`"),
        ("unused_fragment", "fragment `left`"),
    ];
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn the_pattern_of_one_canonical_text_can_match(words in prop::collection::vec("[a-z' |$*.;-]{0,4}", 0..4)) {
        let quoted: Vec<_> = words.iter().map(|word| crate::shell::quote(word)).collect();
        let text = format!("df {}", quoted.join(" ")).trim_end().to_owned();
        let warnings = linted(vec![allows(&regex_syntax::escape(&text), &[])], &[]);
        prop_assert_eq!(warnings.len(), 1, "{}: {:?}", text, warnings);
    }

    #[test]
    fn a_text_that_is_not_its_own_canonical_form_never_matches(
        words in prop::collection::vec("[a-z]{1,3}", 1..4),
        blanks in 2..4_usize,
    ) {
        let text = format!("df{}{}", " ".repeat(blanks), words.join(" "));
        let warnings = linted(vec![allows(&regex_syntax::escape(&text), &[])], &[]);
        prop_assert!(warnings.iter().any(|w| w.kind == "never_matches"), "{}", text);
    }
}
