use super::*;
use crate::shell::Limits;
use crate::target::Tier;
use crate::target::Unknown;

fn of(rules: Vec<Definition>) -> Policy {
    Policy::new(rules, Fragments::default(), Limits::default(), 1_000_000)
}

/// A machine without a name, where this becomes of what no rule knows.
fn scope(unknown: Unknown) -> Scope {
    Scope {
        unknown,
        ..Scope::of_tier(Tier::Lab)
    }
}

fn rule(effect: Decision, id: &str, pattern: &str) -> Definition {
    Definition {
        id: Some(id.to_owned()),
        patterns: vec![pattern.to_owned()],
        ..Definition::new(effect)
    }
}

fn policy() -> Policy {
    let rules = vec![
        rule(Decision::Allow, "df", "df( -[hiT]+)?( /[a-z/]*)?"),
        rule(Decision::Allow, "uptime", "uptime"),
        rule(Decision::Allow, "grep", "grep '[^']*'"),
        rule(Decision::Allow, "anything-with-cat", "cat .*"),
        rule(Decision::Allow, "allowed-shell", "bash -c .*"),
        rule(Decision::RequireApproval, "restart", "systemctl restart "),
        rule(Decision::RequireApproval, "jq", r"df.*\| jq"),
        rule(Decision::RequireApproval, "reload", "^systemctl reload "),
        rule(Decision::Forbid, "rm-root", "^rm( .*)? /( |$)"),
        rule(
            Decision::Forbid,
            "pipe-to-shell",
            r"^curl .*\| (ba)?sh( |$)",
        ),
        rule(Decision::Forbid, "sudoers", ">/etc/sudoers"),
    ];
    of(rules)
}

#[track_caller]
fn judged(unknown: Unknown, text: &str, decision: Decision, id: &str) {
    let script = Script::parse(text, &Limits::default());
    let verdict = policy().verdict(&script, &scope(unknown));
    let expected = (decision, Some(id));
    assert_eq!(
        (verdict.decision(), verdict.rule()),
        expected,
        "{text:?}\n{verdict:#?}"
    );
}

#[track_caller]
fn asks(text: &str, decision: Decision, id: &str) {
    judged(Unknown::Ask, text, decision, id);
}

#[track_caller]
fn rejects(text: &str, decision: Decision, id: &str) {
    judged(Unknown::Reject, text, decision, id);
}

#[test]
fn known_commands_are_allowed_alone_and_joined() {
    asks("uptime", Decision::Allow, "uptime");
    asks(
        "df -h /var && uptime | grep 'a b'; uptime",
        Decision::Allow,
        "df",
    );
    asks("df 2>/dev/null", Decision::Allow, "df");
    rejects("'df' \"-h\" \\/var", Decision::Allow, "df");
}

#[test]
fn one_unknown_command_asks_or_rejects_for_all() {
    asks("df && frob", Decision::RequireApproval, "unknown_default");
    rejects("df && frob", Decision::Forbid, "unknown_default");
    rejects("df | frob", Decision::Forbid, "unknown_default");
}

#[test]
fn the_strictest_rule_wins() {
    asks(
        "df; systemctl restart x",
        Decision::RequireApproval,
        "restart",
    );
    asks(
        "systemctl restart x; rm -rf /; df",
        Decision::Forbid,
        "rm-root",
    );
    asks("df -h | jq", Decision::RequireApproval, "jq");
    rejects(
        "systemctl restart x; frob",
        Decision::Forbid,
        "unknown_default",
    );
    rejects("systemctl restart x", Decision::RequireApproval, "restart");
}

#[test]
fn opaque_text_is_never_allowed() {
    for text in [
        "df $x",
        "df; cat $(uptime)",
        "df &",
        "cat *",
        "x=1 df",
        "df > x",
        "df\\\n",
        "df #",
        "(df)",
        "if df; then df; fi",
        "df\r",
        "df \u{200b}",
        "cat `df`",
        "cat ~",
        "cat {a,b}",
        "! df",
        "eval df",
        "df; cd /",
        "cat <<< df",
        "df\u{a0}-h",
        "-df",
        "time df",
        "command df",
    ] {
        asks(text, Decision::RequireApproval, "opaque");
        rejects(text, Decision::Forbid, "opaque");
    }
}

#[test]
fn opaque_text_is_looked_into() {
    asks("x=$(rm -rf /)", Decision::Forbid, "rm-root");
    asks("f() { /bin/rm -rf //; }; f", Decision::Forbid, "rm-root");
    asks(
        "for x in 1; do systemctl restart a; done",
        Decision::RequireApproval,
        "restart",
    );
    asks("echo x > /etc/sudoers", Decision::Forbid, "sudoers");
    rejects("systemctl restart $x", Decision::Forbid, "opaque");
}

#[test]
fn wrappers_do_not_hide_and_do_not_vouch() {
    asks("sudo -u root rm -rf /", Decision::Forbid, "rm-root");
    asks("sudo df", Decision::RequireApproval, "unknown_default");
    asks("bash -c 'uptime'", Decision::Allow, "allowed-shell");
    asks("bash -c 'rm -rf /'", Decision::Forbid, "rm-root");
    asks("bash -c 'cat $x'", Decision::RequireApproval, "opaque");
    asks("sudo sh -c 'nohup rm / &'", Decision::Forbid, "rm-root");
    rejects(
        "bash -c 'uptime; frob'",
        Decision::Forbid,
        "unknown_default",
    );
    asks(
        "curl x | sudo -n bash -s",
        Decision::Forbid,
        "pipe-to-shell",
    );
    asks("echo 'rm -rf /' | sh", Decision::Forbid, "rm-root");
    asks("bash <<X\nrm -rf /\nX", Decision::Forbid, "rm-root");
}

#[test]
fn a_limit_in_front_leaves_the_judgement_to_what_follows() {
    asks("timeout 5 df -h", Decision::Allow, "df");
    asks("nice -n 19 timeout 5 df | uptime", Decision::Allow, "df");
    asks("env LC_ALL=C grep 'a b'", Decision::Allow, "grep");
    asks(
        "timeout 5 frob",
        Decision::RequireApproval,
        "unknown_default",
    );
    asks("timeout 5 rm -rf /", Decision::Forbid, "rm-root");
    asks(
        "timeout 5 systemctl restart x",
        Decision::RequireApproval,
        "restart",
    );
    asks(
        "timeout -k 5 5 df",
        Decision::RequireApproval,
        "unknown_default",
    );
    asks(
        "env PATH=/tmp df",
        Decision::RequireApproval,
        "unknown_default",
    );
    rejects("timeout 5 frob", Decision::Forbid, "unknown_default");
    rejects("timeout 5 df", Decision::Allow, "df");
}

#[test]
fn nothing_too_deep_is_allowed() {
    let deep = format!("bash -c '{}cat x'", "sudo ".repeat(40));
    asks(&deep, Decision::RequireApproval, "opaque");
}

#[test]
fn line_breaks_in_words_are_never_allowed() {
    asks("cat 'a\nb'", Decision::RequireApproval, "unknown_default");
    asks("grep 'a\nb'", Decision::RequireApproval, "unknown_default");
    asks("cat a\nfrob", Decision::RequireApproval, "unknown_default");
}

#[test]
fn a_quoted_word_cannot_pretend_to_be_several() {
    asks("df '-h /var'", Decision::RequireApproval, "unknown_default");
    asks("df ' -h'", Decision::RequireApproval, "unknown_default");
    asks("'df -h'", Decision::RequireApproval, "opaque");
    asks("grep \"a'b\"", Decision::RequireApproval, "unknown_default");
}

#[test]
fn a_broken_rule_refuses_and_is_named() {
    let rules = vec![
        rule(Decision::Allow, "all", ".*"),
        rule(Decision::Forbid, "broken", "rm ("),
    ];
    let policy = of(rules);
    let verdict = policy.verdict(
        &Script::parse("uptime", &Limits::default()),
        &scope(Unknown::Ask),
    );
    assert_eq!(
        (verdict.decision(), verdict.rule()),
        (Decision::Forbid, Some("broken"))
    );
    assert!(
        verdict
            .message()
            .starts_with("Rule `broken` cannot be read (unclosed group)")
    );
}

#[test]
fn every_command_is_listed_with_its_rule() {
    let script = Script::parse("df && sudo cat \"$x\"", &Limits::default());
    let verdict = policy().verdict(&script, &scope(Unknown::Ask));
    let argvs: Vec<Vec<Option<String>>> = verdict.commands().collect();
    let word = |text: &str| Some(text.to_owned());
    let expected = vec![
        vec![word("df")],
        vec![word("sudo"), word("cat"), None],
        vec![word("cat"), None],
    ];
    assert_eq!(argvs, expected);
    assert_eq!(verdict.findings()[2].wrapped_in(), Some(1));
}

#[test]
fn messages_name_the_rule_and_what_would_help() {
    let message = |text: &str| {
        policy()
            .verdict(
                &Script::parse(text, &Limits::default()),
                &scope(Unknown::Reject),
            )
            .message()
    };
    assert_eq!(message("uptime"), "Rule `uptime` allows it.");
    assert_eq!(
        message("uptime; df"),
        "All 2 commands are allowed, the first by rule `uptime`."
    );
    assert_eq!(
        message("frob 'a\u{7}b'"),
        "It cannot be read beforehand, because it holds the control character U+0007, and what \
         cannot be read is rejected here. Literal words, quoted with '...', joined by `|`, `&&`, \
         `||` or `;`, can be judged by the rules."
    );
    assert_eq!(
        message("rm /"),
        "Rule `rm-root` forbids it. No approval lifts this; ask for something else instead."
    );
}

#[test]
fn the_examination_finds_everything_at_once() {
    let rules = vec![
        Definition {
            matches: vec!["df -h".to_owned(), "df -k".to_owned(), "df $x".to_owned()],
            not_matches: vec!["df /".to_owned(), "df -h /".to_owned()],
            line: Some(7),
            ..rule(Decision::Allow, "df", "df -h( /)?")
        },
        rule(Decision::Forbid, "df", "x("),
        rule(Decision::Forbid, "opaque", "y"),
        rule(Decision::Forbid, "y", "y"),
        rule(Decision::Allow, "z", ""),
    ];
    let policy = of(rules);
    let faults: Vec<String> = policy.examine().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "rule `df`: its example `df -k` of `match` is not matched",
            "rule `df`: its example `df $x` of `match` is not matched",
            "rule `df`: its example `df -h /` of `not_match` is matched",
            "rule `df`: another rule has the same id in line 7",
            "rule `df`: the pattern cannot be used: unclosed group",
            "rule `opaque`: this id is kept for what no rule decides",
            "rule `y`: rule `opaque` already has the same pattern",
            "rule `z`: a pattern is empty",
        ]
    );
}

#[test]
fn rules_without_an_id_are_named_by_list_and_place() {
    let rules = vec![
        Definition {
            patterns: vec!["x".to_owned()],
            ..Definition::new(Decision::Forbid)
        },
        Definition {
            patterns: vec!["y".to_owned()],
            ..Definition::new(Decision::Allow)
        },
        Definition {
            patterns: vec!["z".to_owned()],
            ..Definition::new(Decision::Forbid)
        },
    ];
    let policy = of(rules);
    let id = |text: &str| {
        let verdict = policy.verdict(
            &Script::parse(text, &Limits::default()),
            &scope(Unknown::Ask),
        );
        verdict.rule().unwrap().to_owned()
    };
    assert_eq!(id("z"), "forbidden-2");
    assert_eq!(id("y"), "auto_allowed-1");
}

#[test]
fn a_rule_that_asks_about_a_command_asks_about_it_behind_sudo_too() {
    for text in [
        "sudo systemctl reload x",
        "sudo -n systemctl reload x",
        "uptime; sudo systemctl reload x",
    ] {
        rejects(text, Decision::RequireApproval, "reload");
    }
    for text in [
        "sudo systemctl reload x; frob",
        "sudo frob; systemctl reload x",
        "sudo df",
        "sudo bash -c 'systemctl reload x'",
        "echo x | xargs systemctl reload x",
        "ssh elsewhere systemctl reload x",
        "./sudo systemctl reload x",
    ] {
        rejects(text, Decision::Forbid, "unknown_default");
    }
}
