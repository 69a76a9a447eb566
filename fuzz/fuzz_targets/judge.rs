//! Any text at all: reader and judge must neither panic nor hang, and must agree with themselves.
//!
//! **Reads** bytes from the fuzzer: `cargo +nightly fuzz run judge`.
//! **Gives** a crash where a property does not hold.
//! **Never** runs what it reads.
#![no_main]

use std::sync::LazyLock;

use aiops::policy::Decision;
use aiops::policy::Definition;
use aiops::policy::Fragments;
use aiops::policy::Policy;
use aiops::shell::Limits;
use aiops::shell::Reached;
use aiops::shell::Script;
use aiops::target::Scope;
use aiops::target::Tier;
use libfuzzer_sys::fuzz_target;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let rule = |effect, pattern: &str| Definition {
        patterns: vec![pattern.to_owned()],
        ..Definition::new(effect)
    };
    let rules = vec![
        rule(Decision::Allow, ".*"),
        rule(Decision::RequireApproval, "^systemctl restart"),
        rule(Decision::Forbid, "^rm( .*)? /( |$)"),
    ];
    Policy::new(rules, Fragments::default(), Limits::default(), 1 << 20)
});

static LAB: LazyLock<Scope> = LazyLock::new(|| Scope::of_tier(Tier::Lab));

fuzz_target!(|text: &str| {
    let script = Script::parse(text, &Limits::default());
    let verdict = POLICY.verdict(&script, &LAB);
    let Some(rebuilt) = script.rebuilt() else {
        assert_ne!(verdict.decision(), Decision::Allow, "opaque text was allowed");
        return;
    };
    let again = Script::parse(&rebuilt, &Limits::default());
    assert_eq!(again.rebuilt().as_deref(), Some(rebuilt.as_str()));
    let outer = |script: &Script| -> Vec<Vec<Option<String>>> {
        let commands = script.commands().iter().filter(|c| c.reached() == Reached::Outer);
        commands.map(|c| c.argv().into_iter().map(|w| w.map(str::to_owned)).collect()).collect()
    };
    assert_eq!(outer(&again), outer(&script));
    assert_eq!(POLICY.verdict(&again, &LAB).decision(), verdict.decision());
});
