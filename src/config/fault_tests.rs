use super::tests::built;
use super::*;

/// Everything that `config check` says of a file, each fault as it is printed there.
fn told(text: &str) -> String {
    let mut told = String::new();
    let faults = match built(text) {
        Ok(config) => {
            match config.without_faults(Path::new("/opt/aiops/config.yml"), text, Vec::new()) {
                Err(Error::Faults { faults, .. }) => faults,
                other => panic!("{other:?}"),
            }
        }
        Err(faults) => faults,
    };
    for fault in faults {
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
        let (line, column) = (number(fault.line), number(fault.column));
        told.push_str(&format!("{line}:{column}: {}\n", fault.what));
        if let Some(excerpt) = fault.excerpt {
            told.push_str(&format!("{excerpt}\n"));
        }
        if let Some(hint) = fault.hint {
            told.push_str(&format!("help: {hint}\n"));
        }
    }
    told
}

#[track_caller]
fn tells(text: &str, expected: &str) {
    let found = told(text);
    assert_eq!(found, expected, "found:\n{found}");
}

#[test]
fn every_key_and_value_that_does_not_belong_is_told_at_once() {
    tells(
        "\
mode: labb
targets:
  srv1: {host: 192.0.2.1, port: ssh, teir: lab}
  srv2:
    user: x
limits: {timeout: 15 minutes, output: 1}
auto_allowed:
  - id: a
    patern: df
  - 7
  - id: b
    pattern: df
    match: df
    sudo: yes
forbidden:
  - {pattern: [[a]], groups: [~]}
forbidden: []
redact:
  - {id: k}
password: hunter2
",
        "\
1:7: `mode` has to be `lab` or `production`
  |
1 | mode: labb
  |       ^^^^
3:33: `targets.srv1.port` has to be a port, a number up to 65535
  |
3 |   srv1: {host: 192.0.2.1, port: ssh, teir: lab}
  |                                 ^^^
3:38: there is no key `teir` here
  |
3 |   srv1: {host: 192.0.2.1, port: ssh, teir: lab}
  |                                      ^^^^
help: did you mean `tier`?
4:3: the key `host` is missing in `targets.srv2`
  |
4 |   srv2:
  |   ^^^^
6:19: `limits.timeout` has to be a number, a duration like `15m` or a size like `64KiB`
  |
6 | limits: {timeout: 15 minutes, output: 1}
  |                   ^^^^^^^^^^
6:39: `limits.output` has to be between 256 and 64MiB
  |
6 | limits: {timeout: 15 minutes, output: 1}
  |                                       ^
8:5: rule `a`: the key `pattern` is missing
  |
8 |   - id: a
  |     ^
9:5: rule `a`: there is no key `patern` here
  |
9 |     patern: df
  |     ^^^^^^
help: did you mean `pattern`?
10:5: rule `auto_allowed-2`: it has to be a pattern, or an object with `pattern` and more
   |
10 |   - 7
   |     ^
13:12: rule `b`: `match` has to be a list
   |
13 |     match: df
   |            ^^
14:11: rule `b`: `sudo` has to be `allowed` or `refused`
   |
14 |     sudo: yes
   |           ^^^
16:16: rule `forbidden-1`: each item of `pattern` has to be text
   |
16 |   - {pattern: [[a]], groups: [~]}
   |                ^
16:31: rule `forbidden-1`: each item of `groups` has to be text
   |
16 |   - {pattern: [[a]], groups: [~]}
   |                               ^
17:1: the key `forbidden` stands twice
   |
17 | forbidden: []
   | ^^^^^^^^^
help: it stands in line 15 already
19:5: redact rule `k`: the key `pattern` is missing
   |
19 |   - {id: k}
   |     ^
20:1: there is no key `password` here
   |
20 | password: hunter2
   | ^^^^^^^^
help: known keys: mode, unknown_default, targets, fragments, auto_allowed, approval_required, forbidden, policy, limits, approvals, ssh, checkpoints, redact, redact_off, client_markers
",
    );
}

#[test]
fn values_that_make_no_sense_are_told_with_their_place() {
    tells(
        "\
targets:
  srv1: {host: 192.0.2.1, groups: [web, 'a b']}
  -x: {host: b}
  y: {host: -o, user: -l}
limits: {timeout: 10m}
approvals:
  ttl: 64KiB
auto_allowed:
  - id: b
    pattern: ls
    targets: [srv1, srv9]
    timeout: 5m
policy: {forbidden: []}
",
        "\
2:41: target `srv1`: group `a b` is no name
  |
2 |   srv1: {host: 192.0.2.1, groups: [web, 'a b']}
  |                                         ^^^^^
3:3: target `-x`: a target is named by 1 to 64 letters, digits, `.`, `_` and `-`, starting with a letter or digit
  |
3 |   -x: {host: b}
  |   ^^
4:13: target `y`: `-o` is no host name and no IP address
  |
4 |   y: {host: -o, user: -l}
  |             ^^
5:19: `limits.timeout` is longer than `limits.timeout_max`
  |
5 | limits: {timeout: 10m}
  |                   ^^^
7:8: `approvals.ttl` has to be a duration like `15m`
  |
7 |   ttl: 64KiB
  |        ^^^^^
13:1: the rules stand twice: at the top of the file and under `policy`; keep one of the two
   |
13 | policy: {forbidden: []}
   | ^^^^^^
",
    );
}

#[test]
fn a_rule_that_names_nothing_is_told_under_the_labs_nesting_too() {
    tells(
        "policy:\n  forbidden:\n  - pattern: x\n    groups: [web]\n    sudo: allowed\n    tiers: [lab]\n",
        "\
4:14: rule `forbidden-1`: no target has the group `web`
  |
4 |     groups: [web]
  |              ^^^
5:11: rule `forbidden-1`: `sudo` is for rules that allow; the others see through sudo anyway
  |
5 |     sudo: allowed
  |           ^^^^^^^
",
    );
}

#[test]
fn what_is_for_rules_that_ask_is_refused_by_name_anywhere_else() {
    tells(
        "\
auto_allowed:
  - {pattern: a, ttl: 5m}
  - pattern: b
    preview:
      - uptime
forbidden:
  - pattern: c
    approvals: {min: 2}
  - pattern: d
    needs: out_of_band
",
        "\
2:23: rule `auto_allowed-1`: `ttl` is for rules that ask
  |
2 |   - {pattern: a, ttl: 5m}
  |                       ^^
4:5: rule `auto_allowed-2`: `preview` is for rules that ask
  |
4 |     preview:
  |     ^^^^^^^
8:5: rule `forbidden-1`: `approvals` is for rules that ask
  |
8 |     approvals: {min: 2}
  |     ^^^^^^^^^
10:12: rule `forbidden-2`: `needs` and `irreversible` are for rules that ask
   |
10 |     needs: out_of_band
   |            ^^^^^^^^^^^
",
    );
}

#[test]
fn people_and_times_that_make_no_sense_are_told_with_their_place() {
    tells(
        "\
targets:
  srv1:
    host: 192.0.2.1
    approvals:
      min: 0
      any_of: [alice, 'b c', '%', '%sre']
approvals:
  keep_decided: 2h
  min: 11
  all_of: [-x]
approval_required:
  - {pattern: a, ttl: 2h}
  - {pattern: b, ttl: 121m}
  - {id: c, pattern: c, ttl: 59s}
  - pattern: d
    ttl: 25h
    approvals: {min: 64KiB, any_of: ['a b']}
  - pattern: e
    preview: [a, b, c, d, e]
  - pattern: f
    ttl: 64KiB
",
        "\
5:12: target `srv1`: `approvals.min` has to be between 1 and 10
  |
5 |       min: 0
  |            ^
6:23: target `srv1`: `b c` in `approvals.any_of`: who approves is named like a Unix user (`alice`) or, with `%` in front, like a Unix group (`%sre`)
  |
6 |       any_of: [alice, 'b c', '%', '%sre']
  |                       ^^^^^
6:30: target `srv1`: `%` in `approvals.any_of`: who approves is named like a Unix user (`alice`) or, with `%` in front, like a Unix group (`%sre`)
  |
6 |       any_of: [alice, 'b c', '%', '%sre']
  |                              ^^^
9:8: `approvals.min` has to be between 1 and 10
  |
9 |   min: 11
  |        ^^
10:12: `-x` in `approvals.all_of`: who approves is named like a Unix user (`alice`) or, with `%` in front, like a Unix group (`%sre`)
   |
10 |   all_of: [-x]
   |            ^^
13:23: rule `approval_required-2`: `ttl` is longer than `approvals.keep_decided`, 2h
   |
13 |   - {pattern: b, ttl: 121m}
   |                       ^^^^
14:30: rule `c`: `ttl` has to be between 1m and 1d
   |
14 |   - {id: c, pattern: c, ttl: 59s}
   |                              ^^^
16:10: rule `approval_required-4`: `ttl` has to be between 1m and 1d
   |
16 |     ttl: 25h
   |          ^^^
17:22: rule `approval_required-4`: `approvals.min` has to be between 1 and 10
   |
17 |     approvals: {min: 64KiB, any_of: ['a b']}
   |                      ^^^^^
17:38: rule `approval_required-4`: `a b` in `approvals.any_of`: who approves is named like a Unix user (`alice`) or, with `%` in front, like a Unix group (`%sre`)
   |
17 |     approvals: {min: 64KiB, any_of: ['a b']}
   |                                      ^^^^^
19:27: rule `approval_required-5`: `preview` holds at most 4 commands
   |
19 |     preview: [a, b, c, d, e]
   |                           ^
21:10: rule `approval_required-6`: `ttl` has to be a duration like `15m`
   |
21 |     ttl: 64KiB
   |          ^^^^^
",
    );
}

#[test]
fn keys_and_values_of_those_who_approve_are_told_like_any_others() {
    tells(
        "\
targets:
  a: {host: b, approvals: {mim: 2}, needs: two}
approvals: {all_of: alice}
approval_required:
  - id: r
    pattern: a
    approvals: {min: 0, any_of: [[x]]}
    ttl: 2s
    preview: {}
",
        "\
2:28: there is no key `mim` here
  |
2 |   a: {host: b, approvals: {mim: 2}, needs: two}
  |                            ^^^
help: did you mean `min`?
2:44: `targets.a.needs` has to be `relayed` or `client` or `out_of_band` or `second_factor`
  |
2 |   a: {host: b, approvals: {mim: 2}, needs: two}
  |                                            ^^^
3:21: `approvals.all_of` has to be a list
  |
3 | approvals: {all_of: alice}
  |                     ^^^^^
7:22: rule `r`: `approvals.min` has to be between 1 and 10
  |
7 |     approvals: {min: 0, any_of: [[x]]}
  |                      ^
7:34: rule `r`: each item of `approvals.any_of` has to be text
  |
7 |     approvals: {min: 0, any_of: [[x]]}
  |                                  ^
8:10: rule `r`: `ttl` has to be between 1m and 1d
  |
8 |     ttl: 2s
  |          ^^
9:14: rule `r`: `preview` has to be a command, or a list of commands
  |
9 |     preview: {}
  |              ^
",
    );
}

#[test]
fn a_preview_that_cannot_be_shown_is_told_however_it_is_written() {
    tells(
        "\
auto_allowed: [uptime]
approval_required:
  - id: a
    pattern: ^restart (?<unit>.+)
    preview: status <unti>
  - id: b
    pattern: ^stop
    preview: [uptime, '', id]
",
        "\
5:14: rule `a`: the preview `status <unti>` wants `<unti>`, and no pattern of the rule has a group of this name
  |
5 |     preview: status <unti>
  |              ^^^^^^^^^^^^^
help: name it in the pattern: `(?<name>...)`
8:23: rule `b`: the preview `` cannot be used: it is empty
  |
8 |     preview: [uptime, '', id]
  |                       ^^
help: remove it
8:27: rule `b`: its preview `id` is not allowed by itself
  |
8 |     preview: [uptime, '', id]
  |                           ^^
help: a preview is a command that rules in `auto_allowed` let run by itself where the rule holds; `<name>` in it stands for a word
",
    );
}

#[test]
fn a_broken_pattern_is_pointed_into_however_it_is_written() {
    tells(
        "\
fragments:
  unit: \"[a-z\"
  Bad: x
auto_allowed:
  - df (
  - 'it''s (?!x)'
  - pattern: [ls, \"a\\tb(\", 'x{{nuit}}']
  - id: block
    pattern: |
      ab
      c(d
redact: [{id: k, pattern: 'a[', keywords: []}]
",
        "\
2:10: fragment `unit`: the pattern cannot be used: unclosed character class
  |
2 |   unit: \"[a-z\"
  |          ^
3:3: fragment `Bad`: its name has to be a lower-case letter, then letters, digits and `_`
  |
3 |   Bad: x
  |   ^^^
5:8: rule `auto_allowed-1`: the pattern cannot be used: unclosed group
  |
5 |   - df (
  |        ^
6:12: rule `auto_allowed-2`: the pattern cannot be used: look-around, including look-ahead and look-behind, is not supported
  |
6 |   - 'it''s (?!x)'
  |            ^
7:19: rule `auto_allowed-3`: the pattern cannot be used: unclosed group
  |
7 |   - pattern: [ls, \"a\\tb(\", 'x{{nuit}}']
  |                   ^^^^^^^
7:30: rule `auto_allowed-3`: the pattern cannot be used: there is no fragment `nuit`; there are Bad, unit
  |
7 |   - pattern: [ls, \"a\\tb(\", 'x{{nuit}}']
  |                              ^
11:8: rule `block`: the pattern cannot be used: unclosed group
   |
11 |       c(d
   |        ^
12:29: redact rule `k`: the pattern cannot be used: unclosed character class
   |
12 | redact: [{id: k, pattern: 'a[', keywords: []}]
   |                             ^
",
    );
}

#[test]
fn an_example_that_fails_and_a_doubled_id_are_pointed_at() {
    tells(
        "auto_allowed:\n- {id: n, pattern: ls, match: [ls, lsx]}\n- {id: n, pattern: df, not_match: [df]}\n",
        "\
2:36: rule `n`: its example `lsx` of `match` is not matched
  |
2 | - {id: n, pattern: ls, match: [ls, lsx]}
  |                                    ^^^
help: a rule that allows is compared with the whole simple command, each word quoted with '...' where it is not plain
3:8: rule `n`: another rule has the same id in line 2
  |
3 | - {id: n, pattern: df, not_match: [df]}
  |        ^
help: give each rule an id of its own
3:36: rule `n`: its example `df` of `not_match` is matched
  |
3 | - {id: n, pattern: df, not_match: [df]}
  |                                    ^^
help: make the pattern narrower
",
    );
}

#[test]
fn a_long_line_is_cut_around_the_mark() {
    let pattern = format!("{}({}", "a".repeat(200), "b".repeat(200));
    let found = told(&format!("auto_allowed: ['{pattern}']\n"));
    let excerpt = format!(
        "1:217: rule `auto_allowed-1`: the pattern cannot be used: unclosed group\n  |\n1 | …{}({}…\n  | {}^\n",
        "a".repeat(50),
        "b".repeat(49),
        " ".repeat(51)
    );
    assert_eq!(found, excerpt);
}

#[test]
fn a_hidden_character_is_written_out_in_the_excerpt() {
    tells(
        "mode: \"a\u{202e}b\" # \u{200b}x\n",
        "\
1:7: `mode` has to be `lab` or `production`
  |
1 | mode: \"a<U+202E>b\" # <U+200B>x
  |       ^^^^^^^^^^^^
",
    );
}

#[test]
fn a_file_that_is_no_yaml_is_told_by_the_place_where_reading_ended() {
    tells(
        "mode: lab\n  x: 1\nmodus: x\n",
        "\
2:4: mapping values are not allowed in this context
  |
2 |   x: 1
  |    ^
",
    );
    tells(
        "mode: lab\n---\nmode: lab\n",
        "\
3:1: multiple YAML documents detected
  |
3 | mode: lab
  | ^
",
    );
}

#[test]
fn a_value_is_never_repeated_in_the_words_of_a_fault() {
    let secret = "hunter2";
    for text in [
        "mode: hunter2",
        "limits: {timeout: hunter2}",
        "targets: {a: {host: b, port: hunter2}}",
        "targets: hunter2",
        "forbidden: hunter2",
        "forbidden: [{pattern: a, irreversible: hunter2}]",
        "approvals: {needs: hunter2}",
        "redact: [hunter2]",
    ] {
        let faults = built(text).unwrap_err();
        let error = Error::Faults {
            path: PathBuf::from("config.yml"),
            faults: faults.clone(),
        };
        assert!(!error.to_string().contains(secret), "{error}");
        let excerpt = faults.first().and_then(|fault| fault.excerpt.clone());
        assert!(excerpt.unwrap().contains(secret), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_broken_is_told_with_a_place_and_no_panic(
        lines in proptest::collection::vec("( {0,4})(- )?(mode|forbidden|pattern|id|limits|x)?:? ?['\"\\[{|>]?[a-zä\t(]{0,4}", 0..6)
    ) {
        let text = lines.join("\n");
        if let Err(faults) = built(&text) {
            proptest::prop_assert!(!faults.is_empty());
        }
    }
}

#[test]
fn a_redact_rule_that_there_is_none_of_cannot_be_switched_off() {
    tells(
        "\
mode: lab
redact: [{id: mine, pattern: a}]
redact_off: [pgpass, url-pasword, mine, password]
",
        "\
3:22: there is no built-in redact rule `url-pasword`
  |
3 | redact_off: [pgpass, url-pasword, mine, password]
  |                      ^^^^^^^^^^^
help: did you mean `url-password`?
3:35: there is no built-in redact rule `mine`
  |
3 | redact_off: [pgpass, url-pasword, mine, password]
  |                                   ^^^^
3:41: there is no built-in redact rule `password`
  |
3 | redact_off: [pgpass, url-pasword, mine, password]
  |                                         ^^^^^^^^
help: did you mean `dsn-password`?
",
    );
}
