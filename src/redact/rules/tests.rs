use std::collections::BTreeSet;

use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

use super::*;

/// How many letters a part that may still fail may reach over: what one search costs at most for
/// each place where it begins.
const REACH: usize = 2_000;

/// What is wrong with a pattern's shape. Without bound it may repeat only where nothing has to follow:
/// then what was looked at is taken, and is not looked at again.
fn fault(pattern: &Hir, last: bool) -> Option<String> {
    match pattern.kind() {
        HirKind::Repetition(part) => {
            let again = part.max.is_none_or(|most| most > 1);
            if part.max.is_none() && !last {
                return Some(format!("{pattern} repeats without bound before something"));
            }
            if part.max.is_none() && part.sub.properties().maximum_len().is_none() {
                // A star in a star: fine only where every turn of the inner one can end it.
                return nested(&part.sub);
            }
            fault(&part.sub, last && (!again || part.max.is_none()))
        }
        HirKind::Capture(group) => fault(&group.sub, last),
        HirKind::Alternation(parts) => parts.iter().find_map(|part| fault(part, last)),
        HirKind::Concat(parts) => parts.iter().enumerate().find_map(|(nth, part)| {
            let may_end = parts[nth + 1..]
                .iter()
                .all(|rest| rest.properties().minimum_len() == Some(0) && !has_look(rest));
            fault(part, last && may_end)
        }),
        _ => None,
    }
}

/// The inner repetition of a repeated part has to end it.
fn nested(part: &Hir) -> Option<String> {
    match part.kind() {
        HirKind::Alternation(parts) => parts.iter().find_map(nested),
        HirKind::Capture(group) => nested(&group.sub),
        _ => fault(part, true),
    }
}

fn has_look(pattern: &Hir) -> bool {
    !pattern.properties().look_set().is_empty()
}

/// The letters that the part before the first unbounded repetition has at most.
fn reach(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Repetition(part) => match part.max {
            Some(most) => reach(&part.sub) * most as usize,
            None => 1,
        },
        HirKind::Capture(group) => reach(&group.sub),
        HirKind::Alternation(parts) => parts.iter().map(reach).max().unwrap_or(0),
        HirKind::Concat(parts) => parts.iter().map(reach).sum(),
        HirKind::Literal(text) => text.0.len(),
        HirKind::Class(_) => 1,
        _ => 0,
    }
}

#[test]
fn every_pattern_compiles_and_takes_linear_time() {
    for rule in built_in() {
        let pattern = rule.pattern();
        regex::RegexBuilder::new(&pattern)
            .size_limit(super::super::BUILT_IN_BYTES)
            .build()
            .unwrap_or_else(|fault| panic!("{}: {fault}", rule.id));
        let parsed = regex_syntax::parse(&pattern).unwrap();
        if let Some(fault) = fault(&parsed, true) {
            panic!("{}: {fault}", rule.id);
        }
        let reach = reach(&parsed);
        assert!(reach <= REACH, "{} reaches over {reach}", rule.id);
        assert!(parsed.properties().minimum_len() > Some(0), "{}", rule.id);
    }
}

#[test]
fn a_pattern_that_could_take_more_than_linear_time_is_seen() {
    for (good, pattern) in [
        (true, "a[^b]*b?"),
        (true, "(a[^b]{0,9}b)[^c]+"),
        (true, "a(?:b[^c]*|d+)?"),
        (false, "a[^b]*b"),
        (false, "a*b"),
        (false, "(?:a|b+)c"),
        (false, r"a+\b"),
        (false, "(?:a+b){2}"),
        (false, "(?:a+b)*"),
    ] {
        let parsed = regex_syntax::parse(pattern).unwrap();
        assert_eq!(fault(&parsed, true).is_none(), good, "{pattern}");
    }
}

#[test]
fn rules_have_names_of_their_own_and_keywords_in_small_letters() {
    let mut names = BTreeSet::new();
    for rule in built_in() {
        assert!(names.insert(rule.id), "{} stands twice", rule.id);
        assert!(
            rule.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
            "{}",
            rule.id
        );
        assert!(!rule.keywords.is_empty(), "{}", rule.id);
        for word in rule.keywords {
            assert!(word.len() >= 2, "{}: {word}", rule.id);
            assert_eq!(*word, word.to_ascii_lowercase(), "{}", rule.id);
        }
    }
    assert!(names.len() >= 40, "{}", names.len());
}
