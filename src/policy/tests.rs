use super::*;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::shell::Limits;
use crate::target::Name;
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
        "df; cd x",
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
    let faults: Vec<String> = policy
        .examine(&[])
        .iter()
        .map(ToString::to_string)
        .collect();
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

fn scoped(effect: Decision, id: &str, pattern: &str, holds: Holds) -> Definition {
    Definition {
        holds,
        ..rule(effect, id, pattern)
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn on(policy: &Policy, scope: &Scope, text: &str) -> Verdict {
    policy.verdict(&Script::parse(text, &Limits::default()), scope)
}

#[test]
fn a_rule_holds_only_where_it_says() {
    let here = |holds| {
        of(vec![
            scoped(Decision::Allow, "df", "df", holds),
            rule(Decision::Forbid, "rm", "^rm "),
        ])
    };
    let scope = Scope {
        name: Some(name("srv1")),
        groups: vec![name("web")],
        ..Scope::of_tier(Tier::Lab)
    };
    let allows = |holds| on(&here(holds), &scope, "df").decision() == Decision::Allow;
    assert!(allows(Holds::default()));
    for (targets, groups, tiers, expected) in [
        (vec!["srv1"], vec![], vec![], true),
        (vec!["srv2"], vec![], vec![], false),
        (vec![], vec!["web"], vec![], true),
        (vec![], vec!["db"], vec![], false),
        (vec!["srv2"], vec!["web"], vec![], true),
        (vec!["srv2"], vec!["db"], vec![], false),
        (vec![], vec![], vec![Tier::Lab], true),
        (vec![], vec![], vec![Tier::Production], false),
        (vec!["srv1"], vec![], vec![Tier::Production], false),
    ] {
        let holds = Holds {
            targets: targets.into_iter().map(name).collect(),
            groups: groups.into_iter().map(name).collect(),
            tiers,
        };
        assert_eq!(allows(holds.clone()), expected, "{holds:?}");
    }
}

#[test]
fn a_rule_may_allow_behind_sudo_to_root_and_no_further() {
    let with_sudo = Definition {
        sudo: true,
        ..rule(Decision::Allow, "df", "df( -h)?")
    };
    let without = rule(Decision::Allow, "uptime", "uptime");
    let policy = of(vec![with_sudo, without]);
    let decision = |text| on(&policy, &scope(Unknown::Ask), text).decision();
    for text in [
        "df -h",
        "sudo df",
        "sudo -n df -h",
        "sudo -u root -- df",
        "timeout 5 sudo df",
        "sudo timeout 5 df | sudo df",
    ] {
        assert_eq!(decision(text), Decision::Allow, "{text}");
    }
    for text in [
        "sudo uptime",
        "sudo -u postgres df",
        "sudo -i df",
        "sudo -E df",
        "sudo -s df",
        "sudo PATH=/tmp df",
        "sudo sh -c df",
        "sudo env df",
        "sudo",
        "sudo -n",
    ] {
        assert_eq!(decision(text), Decision::RequireApproval, "{text}");
    }
}

#[test]
fn the_strongest_demand_of_all_rules_that_ask_counts() {
    let asks = |id, pattern, level, irreversible| Definition {
        demand: Demand::of(level),
        irreversible,
        ..rule(Decision::RequireApproval, id, pattern)
    };
    let policy = of(vec![
        asks("drop", "^dropdb", Assurance::Relayed, true),
        asks("restart", "^systemctl restart", Assurance::Relayed, false),
        asks("stop", "^systemctl stop", Assurance::OutOfBand, false),
    ]);
    let needs = |tier, text| {
        let verdict = on(&policy, &Scope::of_tier(tier), text);
        (verdict.needs(), verdict.rule().unwrap().to_owned())
    };
    let lab = |text| needs(Tier::Lab, text);
    let production = |text| needs(Tier::Production, text);
    let expected = |needs, rule: &str| (needs, rule.to_owned());
    use Assurance::OutOfBand;
    use Assurance::Relayed;
    use Assurance::SecondFactor;
    assert_eq!(lab("dropdb x"), expected(Relayed, "drop"));
    assert_eq!(lab("systemctl stop x"), expected(OutOfBand, "stop"));
    assert_eq!(
        lab("systemctl restart x; systemctl stop x"),
        expected(OutOfBand, "stop")
    );
    assert_eq!(
        production("systemctl restart x"),
        expected(OutOfBand, "restart")
    );
    assert_eq!(
        production("systemctl restart x; dropdb x"),
        expected(SecondFactor, "drop")
    );
    let most = |tier| policy.most_demanded(&Scope::of_tier(tier));
    assert_eq!(
        (most(Tier::Lab), most(Tier::Production)),
        (OutOfBand, SecondFactor)
    );
    let verdict = on(&policy, &Scope::of_tier(Tier::Lab), "sudo dropdb x");
    assert!(verdict.is_irreversible());
}

#[test]
fn the_longest_time_limit_of_the_rules_counts() {
    let timed = |id, pattern, seconds| Definition {
        timeout: Some(std::time::Duration::from_secs(seconds)),
        ..rule(Decision::Allow, id, pattern)
    };
    let policy = of(vec![
        timed("du", "du", 90),
        timed("df", "df", 20),
        rule(Decision::Allow, "uptime", "uptime"),
    ]);
    let timeout = |text| {
        on(&policy, &scope(Unknown::Ask), text)
            .timeout()
            .map(|time| time.as_secs())
    };
    assert_eq!(timeout("df; du | uptime"), Some(90));
    assert_eq!(timeout("df"), Some(20));
    assert_eq!(timeout("uptime"), None);
}

#[test]
fn an_audited_rule_decides_nothing_and_is_told() {
    let audited = |definition| Definition {
        audited: true,
        ..definition
    };
    let policy = of(vec![
        audited(rule(Decision::Forbid, "no-df", "^df")),
        audited(rule(Decision::Allow, "frob", "frob")),
        rule(Decision::Allow, "df", "df"),
    ]);
    let verdict = |text| on(&policy, &scope(Unknown::Ask), text);
    let df = verdict("df");
    assert_eq!((df.decision(), df.rule()), (Decision::Allow, Some("df")));
    let would = df.would_have().unwrap();
    assert_eq!(
        (would.decision, would.rule.as_str()),
        (Decision::Forbid, "no-df")
    );
    let frob = verdict("frob");
    assert_eq!(frob.decision(), Decision::RequireApproval);
    assert_eq!(frob.would_have().unwrap().decision, Decision::Allow);
    assert_eq!(verdict("x").would_have(), None);
}

#[test]
fn an_audited_target_runs_what_would_ask_and_can_be_read() {
    let scope = Scope {
        audited: true,
        ..Scope::of_tier(Tier::Lab)
    };
    let verdict = |text| on(&policy(), &scope, text);
    for text in ["frob x", "systemctl restart nginx", "sudo frob"] {
        let verdict = verdict(text);
        assert_eq!(verdict.decision(), Decision::Allow, "{text}");
        assert_eq!(verdict.rule(), Some("enforcement"));
        let would = verdict.would_have().unwrap();
        assert_eq!(would.decision, Decision::RequireApproval, "{text}");
    }
    for text in [
        "frob *",
        "x=1 frob",
        "frob $(df)",
        "bash -c 'frob $x'",
        "frob\u{200b}",
    ] {
        assert_eq!(
            verdict(text).decision(),
            Decision::RequireApproval,
            "{text}"
        );
    }
    assert_eq!(verdict("rm -rf /").decision(), Decision::Forbid);
    assert_eq!(verdict("df").would_have(), None);
}

#[test]
fn in_production_a_rule_that_asks_does_so_behind_harmless_words() {
    for text in [
        "sudo systemctl reload nginx",
        "sudo -n systemctl reload nginx",
        "timeout 5 systemctl reload nginx",
        "sudo timeout 5 systemctl reload nginx",
    ] {
        rejects(text, Decision::RequireApproval, "reload");
    }
    for text in [
        "sudo -u x systemctl reload nginx",
        "nohup systemctl reload nginx",
        "env A=b systemctl reload nginx",
        "xargs systemctl reload ",
    ] {
        let verdict = on(&policy(), &scope(Unknown::Reject), text);
        assert_eq!(verdict.decision(), Decision::Forbid, "{text}");
    }
}

#[test]
fn fragments_stand_in_patterns_and_cannot_leak_out_of_their_group() {
    let with = |pieces: &[(&str, &str)]| {
        let rules = vec![rule(Decision::Allow, "show", "show {{what}}")];
        Policy::new(rules, Fragments::of(pieces), Limits::default(), 1_000_000)
    };
    let policy = with(&[("what", "a|b")]);
    let decision = |text| on(&policy, &scope(Unknown::Ask), text).decision();
    assert_eq!(decision("show a"), Decision::Allow);
    assert_eq!(decision("show b"), Decision::Allow);
    assert_eq!(decision("b"), Decision::RequireApproval);
    assert_eq!(policy.examine(&[]), []);
    for (pieces, expected) in [
        (
            vec![("what", "a)|(b")],
            "fragment `what`: the pattern cannot be used",
        ),
        (
            vec![("what", "(")],
            "fragment `what`: the pattern cannot be used",
        ),
        (
            vec![("What", "a"), ("what", "b")],
            "fragment `What`: its name has to be",
        ),
        (
            vec![("other", "a")],
            "there is no fragment `what`; there are other",
        ),
        (vec![("what", "{{what}}")], "made of itself"),
    ] {
        let faults: Vec<String> = with(&pieces)
            .examine(&[])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(faults.iter().any(|f| f.contains(expected)), "{faults:?}");
    }
}

#[test]
fn a_rule_with_a_fragment_that_is_not_there_refuses_what_it_might_have_forbidden() {
    let policy = of(vec![
        rule(Decision::Forbid, "broken", "^{{nowhere}} x"),
        rule(Decision::Allow, "df", "df"),
    ]);
    let verdict = on(&policy, &scope(Unknown::Ask), "df");
    assert_eq!(
        (verdict.decision(), verdict.rule()),
        (Decision::Forbid, Some("broken"))
    );
}

#[test]
fn each_pattern_of_a_list_is_enough() {
    let several = Definition {
        patterns: vec!["df".to_owned(), "df -h".to_owned(), "(a|b) c".to_owned()],
        ..rule(Decision::Allow, "several", "")
    };
    let policy = of(vec![several]);
    let decision = |text| on(&policy, &scope(Unknown::Ask), text).decision();
    for text in ["df", "df -h", "a c", "b c"] {
        assert_eq!(decision(text), Decision::Allow, "{text}");
    }
    for text in ["df -k", "df df -h", "a", "a c df"] {
        assert_eq!(decision(text), Decision::RequireApproval, "{text}");
    }
}

#[test]
fn the_explanation_names_each_command_with_its_rule() {
    let verdict = on(
        &policy(),
        &scope(Unknown::Ask),
        "df | sudo frob; x=$(rm -rf /)",
    );
    let explained = verdict.explanation();
    for part in [
        "df by ",
        "sudo by no rule",
        "rm by rm-root",
        "not readable: it holds",
    ] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    let long = "df; ".repeat(40);
    let explained = on(&policy(), &scope(Unknown::Ask), &long).explanation();
    assert!(explained.ends_with("; 28 more"), "{explained}");
}

#[test]
fn a_rule_may_ask_only_where_nothing_is_fed() {
    let waits = Definition {
        no_input: true,
        ..rule(Decision::RequireApproval, "waits", "^(cat|grep [a-z]+)$")
    };
    let policy = of(vec![
        waits,
        rule(Decision::Allow, "cat", "cat"),
        rule(Decision::Allow, "df", "df"),
        Definition {
            sudo: true,
            ..rule(Decision::Allow, "grep", "grep [a-z]+")
        },
    ]);
    let verdict = |text| on(&policy, &scope(Unknown::Ask), text);
    for text in [
        "cat",
        "df; cat",
        "cat | grep x",
        "sudo grep x",
        "cat >/dev/null",
        "df && cat | cat",
    ] {
        assert_eq!(verdict(text).rule(), Some("waits"), "{text}");
    }
    for text in [
        "df | cat",
        "df | grep x | cat",
        "df | sudo grep x",
        "cat </dev/null",
        "grep x 0</dev/null 2>&1",
    ] {
        assert_eq!(verdict(text).decision(), Decision::Allow, "{text}");
    }
}

#[track_caller]
fn asked_only_by(text: &str, expected: Option<&str>) {
    let script = Script::parse(text, &Limits::default());
    for unknown in [Unknown::Ask, Unknown::Reject] {
        let verdict = policy().verdict(&script, &scope(unknown));
        assert_eq!(verdict.asks_only_by(), expected, "{text:?}\n{verdict:#?}");
    }
}

#[test]
fn a_rule_alone_asks_about_a_command_that_it_matches_from_its_beginning() {
    for text in [
        "systemctl restart nginx",
        "sudo systemctl restart nginx",
        "sudo -n -u root systemctl restart 'my unit'",
        "timeout 5 systemctl restart nginx 2>/dev/null",
    ] {
        asked_only_by(text, Some("restart"));
    }
    asked_only_by("nice systemctl reload nginx", Some("reload"));
}

#[test]
fn no_rule_alone_asks_about_a_command_that_only_holds_what_it_matches() {
    for text in [
        "python3 -c 'do(\"anything\") # systemctl restart nginx'",
        "/tmp/systemctl restart nginx",
        "./systemctl reload nginx",
        "sudo /tmp/systemctl reload nginx",
        "sudo -u alice systemctl restart nginx",
        "env LD_PRELOAD=/tmp/x.so systemctl restart nginx",
        "LD_PRELOAD=/tmp/x.so systemctl restart nginx",
        "PATH=/tmp systemctl reload nginx",
        "docker exec web systemctl restart nginx",
        "strace -o /etc/x systemctl restart nginx",
        "bash -c 'systemctl restart nginx'",
        "systemctl restart nginx; frob",
        "frob | systemctl restart nginx",
        "systemctl restart nginx && systemctl restart other",
        "systemctl restart nginx >/etc/x",
        "systemctl restart $unit",
        "systemctl restart 'a\nb'",
        "df -h | jq .",
        "uptime",
        "rm /",
    ] {
        asked_only_by(text, None);
    }
}
