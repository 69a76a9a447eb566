//! What is sent is what was judged: stub programs on the target write down what they are called with.

use std::fs;
use std::path::Path;

use aiops::shell::Limits;
use aiops::shell::Reached;
use aiops::shell::Script;
use serde_json::Value;

use crate::lab::Lab;
use crate::lab::mode;
use crate::lab::request;

/// Everything may run by itself here, so that the text alone decides.
const ANYTHING: &str = "auto_allowed: ['[^\\n]*']\nlimits: {command_depth: 16}\n";

/// Spellings of arguments that a careless rebuild would get wrong.
const SPELLINGS: &[&str] = &[
    r#"df -h /var && journalctl -u 'a b' --since "1 hour ago" | grep -E "x\.y|z$""#,
    r"grep '' '$HOME' 'it'\''s' a\ b",
    r#"awk '{print $1, "x"}' | sort -k2,2n | uniq -c"#,
    r"sed -n '1,20p' | head -n 5; tail -5",
    r"find /var ! -name '*.log' -newermt '1 day ago' '(' -size +1G -o -size 0 ')'",
    r#"grep -e '`id`' -e '$(id)' -e '${HOME}' -e "a'b" -e '\' -e '\\n' -e '~' -e '*' -e '?' -e '[a]' -e '{a,b}'"#,
    r"ss -ltn 'sport = :22' 2>/dev/null; ss -s 2>&1",
    "df\ndf -h",
    r"sudo -n journalctl -n 5 | sudo grep x",
    r"nice -n 19 df; ionice -c3 du",
    r"curl -s -o /dev/null -w '%{http_code}\n' http://localhost/",
    r"psql -c 'select * from pg_stat_activity where state <> '\''idle'\'';'",
    r"journalctl '' --grep 'ä ö' -- -x",
    r#"awk "{print \$1}""#,
    r"df !; df a!b; df = a=b -=x",
    r"systemctl status nginx || journalctl; df && du | wc -l",
];

/// Words that bash runs itself.
const BUILTINS: &[&str] = &[
    "[", "cd", "command", "echo", "false", "kill", "printf", "pwd", "test", "true", "type",
    "ulimit",
];

/// Programs that the way to the target is made of.
const OURS: &[&str] = &["env", "timeout", "bash"];

/// A target on which every program of `commands` is a stub that succeeds and writes down its words.
fn with_stubs(commands: &[String]) -> Option<Lab> {
    let lab = Lab::with(ANYTHING)?;
    let stubs = lab.path("work/stubs");
    fs::create_dir_all(&stubs).unwrap();
    fs::create_dir_all(lab.path("work/called")).unwrap();
    let called = lab.mark("called");
    let stub = format!(
        "#!/bin/bash -p\nprintf '%s\\0' \"${{0##*/}}\" \"$@\" >\"{called}/$$.$RANDOM\"\nexit 0\n"
    );
    for command in commands {
        for argv in listed(&lab, command) {
            let path = stubs.join(&argv[0]);
            assert!(!OURS.contains(&argv[0].as_str()), "{command}");
            if !argv[0].contains('/') && !path.exists() {
                fs::write(&path, &stub).unwrap();
                mode(&path, 0o755);
            }
        }
    }
    let config = fs::read_to_string(lab.path("config.yml")).unwrap();
    let with_path = format!("ssh: {{path: '{}:/usr/bin:/bin', ", stubs.display());
    fs::write(lab.path("config.yml"), config.replace("ssh: {", &with_path)).unwrap();
    Some(lab)
}

/// The outer commands that the explanation lists. Those behind a wrapper are the wrapper's to run.
#[track_caller]
fn listed(lab: &Lab, command: &str) -> Vec<Vec<String>> {
    let mut message = request(command);
    message["dry_run"] = true.into();
    let answer = lab.send(message.to_string()).is("judged", 0);
    assert_eq!(answer.text("risk"), "auto_allowed", "{command}");
    let shown: Vec<Vec<String>> = answer.json["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shown| words(&shown["argv"]))
        .collect();
    let script = Script::parse(command, &Limits::default());
    let outer = script
        .commands()
        .iter()
        .zip(shown)
        .filter(|(found, _)| found.reached() == Reached::Outer);
    outer
        .map(|(_, argv)| argv)
        .filter(|argv| !BUILTINS.contains(&argv[0].as_str()))
        .collect()
}

fn words(argv: &Value) -> Vec<String> {
    let word = |word: &Value| word.as_str().unwrap().to_owned();
    argv.as_array().unwrap().iter().map(word).collect()
}

/// What the stubs were called with, and forgets it.
fn called(folder: &Path) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.strip_suffix('\0').unwrap();
        calls.push(text.split('\0').map(str::to_owned).collect());
        fs::remove_file(path).unwrap();
    }
    calls.sort();
    calls
}

#[track_caller]
fn executes_what_is_listed(lab: &Lab, command: &str) {
    let mut expected = listed(lab, command);
    if command.contains("||") {
        // Every stub succeeds, so what stands behind `||` is not called.
        expected.retain(|argv| argv[0] != "journalctl");
    }
    expected.sort();
    lab.ask(command).is("executed", 0);
    assert_eq!(called(&lab.path("work/called")), expected, "{command}");
}

#[test]
fn real_bash_on_the_target_executes_exactly_what_the_explanation_lists() {
    let commands: Vec<String> = SPELLINGS.iter().map(|text| (*text).to_owned()).collect();
    let Some(lab) = with_stubs(&commands) else {
        return;
    };
    for command in &commands {
        executes_what_is_listed(&lab, command);
    }
}

#[test]
fn commands_of_the_corpus_arrive_word_for_word() {
    let corpus = include_str!("../corpus/policy.tsv");
    let allowed = corpus
        .lines()
        .filter_map(|line| line.strip_prefix("allow\t"))
        .filter_map(|line| line.split('\t').next())
        .filter(|text| !text.contains(['<', '\\']) && !text.contains("||"))
        .filter(|text| !text.contains("cd /") && !text.contains("false"))
        .filter(|text| !OURS.iter().any(|ours| text.contains(ours)));
    let commands: Vec<String> = allowed.step_by(23).map(str::to_owned).collect();
    assert!(commands.len() > 30, "{}", commands.len());
    let Some(lab) = with_stubs(&commands) else {
        return;
    };
    for command in commands {
        // A path of its own is not a stub, and a test of a file that is not there ends a list.
        if listed(&lab, &command)
            .iter()
            .all(|argv| !argv[0].contains('/'))
            && !command.contains("&&")
        {
            executes_what_is_listed(&lab, &command);
        }
    }
}
