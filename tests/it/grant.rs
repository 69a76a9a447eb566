//! Permissions in advance, from outside: what they cover, how often, and how they end.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::lab;

const RULES: &str = r"
auto_allowed: [hostname]
approval_required:
  - {id: touch, pattern: '^touch '}
  - {id: append, pattern: '^tee -a '}
  - {id: gone, pattern: '^rm ', irreversible: true}
forbidden:
  - {id: no-mkfs, pattern: '\bmkfs'}
";

/// The user that the tests run as: it asks, and in a lab its own word is enough to grant.
fn me() -> String {
    let uid = rustix::process::getuid().as_raw();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let entry = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid.to_string()))
        .unwrap();
    entry.split(':').next().unwrap().to_owned()
}

/// Gives a grant, and its code.
#[track_caller]
fn granted(lab: &Lab, more: &[&str]) -> String {
    let (code, said) = grant(lab, more);
    assert_eq!(code, 0, "{said}");
    let answer: Value = serde_json::from_str(&said).unwrap();
    answer["code"].as_str().unwrap().to_owned()
}

fn grant(lab: &Lab, more: &[&str]) -> (i32, String) {
    let me = me();
    let mut arguments = vec!["grant", "--target", "srv1", "--to", &me, "--json"];
    arguments.extend(more);
    let output = lab.run(&arguments, "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_grant_has_its_uses_and_no_more() {
    let lab = lab!(RULES);
    let mark = lab.mark("a");
    let command = format!("touch {mark}");
    granted(
        &lab,
        &["--command", &command, "--uses", "2", "--reason", "a drill"],
    );
    for nth in 1..=2 {
        let ran = lab.ask(&command).is("executed", 0);
        assert_eq!(ran.json["grant"]["nth"], nth);
        assert_eq!(ran.text("risk"), "approval_required");
    }
    lab.ask(&command).is("approval_requested", 0);
    let log = lab.log();
    assert_eq!(log[0]["event"], "grant");
    assert_eq!(log[0]["status"], "granted");
    assert_eq!(log[0]["approval_reason"], "a drill");
    let intents: Vec<&Value> = log.iter().filter(|r| r["event"] == "intent").collect();
    assert_eq!(intents.len(), 2);
    for (nth, intent) in (1..).zip(intents) {
        assert_eq!(intent["grant"]["nth"], nth);
        assert_eq!(intent["grant"]["of"], 2);
        assert_eq!(intent["grant"]["digest"], log[0]["digest"]);
        assert_eq!(intent["approver"], me());
    }
    lab.log_is_whole();
}

#[test]
fn a_grant_covers_its_command_target_asker_and_nothing_else() {
    let lab = lab!(RULES);
    let command = format!("touch {}", lab.mark("a"));
    granted(&lab, &["--command", &command, "--uses", "9"]);
    for other in [
        format!("{command} {}", lab.mark("b")),
        format!("{command}; hostname"),
        format!(" {command}"),
        format!("touch '{}'", lab.mark("a")),
        format!("sudo {command}"),
    ] {
        let asked = lab.ask(&other);
        assert_eq!(asked.text("status"), "approval_requested", "{other}");
    }
    assert!(!Path::new(&lab.mark("a")).exists());
    // The same command of another Unix user.
    if let Some(mut daemon) = lab.as_user(1, &[]) {
        use std::io::Write as _;
        let mut child = daemon.spawn().unwrap();
        let message = crate::lab::request(&command).to_string();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(message.as_bytes())
            .unwrap();
        let answer = crate::lab::Answer::of(child.wait_with_output().unwrap());
        assert_eq!(answer.text("status"), "approval_requested");
    }
    lab.ask(&command).is("executed", 0);
}

#[test]
fn a_rule_that_is_granted_covers_what_it_alone_asks_about() {
    let lab = lab!(RULES);
    granted(&lab, &["--rule", "touch", "--uses", "20"]);
    let a = lab.mark("a");
    lab.ask(&format!("touch {a}")).is("executed", 0);
    lab.ask(&format!("touch -- {a} {a}")).is("executed", 0);
    for other in [
        format!("touch {a}; hostname"),
        format!("touch {a} && touch {a}"),
        format!("touch {a} | tee -a {a}"),
        format!("touch {a}; frobnicate"),
        format!("frobnicate touch {a}"),
        format!("strace touch {a}"),
        format!("sudo -u nobody touch {a}"),
        format!("bash -c 'touch {a}'"),
        format!("touch $HOME/{a}"),
        format!("touch {a} > {a}"),
        format!("touch {a} `id`"),
        format!("tee -a {a}"),
    ] {
        let asked = lab.ask(&other);
        assert_eq!(asked.text("status"), "approval_requested", "{other}");
        lab.send("Deny all");
    }
}

#[test]
fn what_cannot_be_undone_is_never_granted() {
    let lab = lab!(RULES);
    for more in [
        ["--command", "rm x"],
        ["--rule", "gone"],
        ["--command", "mkfs x"],
        ["--rule", "no-mkfs"],
        ["--command", "hostname"],
        ["--rule", "nothing"],
    ] {
        let (code, said) = grant(&lab, &more);
        assert_eq!(code, 3, "{more:?}: {said}");
    }
    assert!(!lab.path("runtime/grants").exists());
    // What became irreversible after it was granted is asked about as well.
    let command = format!("touch {}", lab.mark("a"));
    granted(&lab, &["--command", &command]);
    lab.configure(&RULES.replace("'^touch '", "'^touch ', irreversible: true"));
    lab.ask(&command).is("approval_requested", 0);
}

#[test]
fn a_grant_ends_when_it_is_revoked_when_it_is_over_and_when_the_configuration_changes() {
    let lab = lab!(RULES);
    let command = format!("touch {}", lab.mark("a"));
    let code = granted(&lab, &["--command", &command, "--uses", "5"]);
    lab.ask(&command).is("executed", 0);
    let listed = lab.run(&["grants", "--json"], "");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        (&listed[0]["code"], &listed[0]["used"]),
        (&code.as_str().into(), &1.into())
    );
    let revoked = lab.run(&["revoke", &code.to_lowercase(), "--reason", "enough"], "");
    assert_eq!(revoked.status.code(), Some(0));
    let last = lab.log().pop().unwrap();
    assert_eq!(
        (&last["event"], &last["status"]),
        (&"grant".into(), &"revoked".into())
    );
    assert!(last["message"].as_str().unwrap().contains("enough"));
    lab.ask(&command).is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    assert_eq!(lab.run(&["revoke", &code], "").status.code(), Some(3));

    granted(&lab, &["--command", &command, "--uses", "5"]);
    lab.configure(&format!("{RULES}# one more line\n"));
    lab.ask(&command).is("approval_requested", 0);
    lab.send("Deny").is("denied", 0);
    lab.configure(RULES);

    // Over, as far as the file is concerned: its digest does not bear the change out either.
    granted(&lab, &["--command", &command, "--uses", "5"]);
    for entry in fs::read_dir(lab.path("runtime/grants")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "grant") {
            let mut text: Value =
                serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            text["expires"] = "2020-01-01T00:00:00Z".into();
            fs::write(&path, text.to_string()).unwrap();
        }
    }
    lab.ask(&command).is("approval_requested", 0);
}

#[test]
fn a_grant_that_somebody_wrote_or_changed_is_worth_nothing() {
    let lab = lab!(RULES);
    let command = format!("touch {}", lab.mark("a"));
    granted(
        &lab,
        &["--command", "touch /tmp/nothing-of-the-kind", "--uses", "5"],
    );
    for entry in fs::read_dir(lab.path("runtime/grants")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "grant") {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(
                &path,
                text.replace("touch /tmp/nothing-of-the-kind", &command),
            )
            .unwrap();
        }
    }
    fs::write(
        lab.path("runtime/grants/00000000-0000-7000-8000-000000000000.grant"),
        "{",
    )
    .unwrap();
    lab.ask(&command).is("approval_requested", 0);
}

#[test]
fn bounds_of_a_grant_are_kept() {
    let lab = lab!(&format!("{RULES}approvals: {{grants: 1, grant_uses: 3}}\n"));
    for more in [
        ["--for", "2h"],
        ["--for", "0s"],
        ["--uses", "4"],
        ["--uses", "0"],
    ] {
        let (code, said) = grant(&lab, &[&["--command", "touch x"], &more[..]].concat());
        assert_eq!(code, 3, "{more:?}: {said}");
    }
    let (code, _) = grant(&lab, &["--command", "touch x", "--for", "never"]);
    assert_eq!(code, 2);
    granted(&lab, &["--command", "touch x"]);
    let (code, said) = grant(&lab, &["--command", "touch y"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("revoke some"), "{said}");
}

#[test]
fn nobody_is_granted_what_demands_another_person_by_the_one_that_asks() {
    let lab = lab!(&format!("mode: production\n{RULES}"));
    let (code, said) = grant(&lab, &["--command", "touch x"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("another person has to grant it"), "{said}");
}

#[test]
fn a_grant_that_cannot_be_recorded_does_not_hold() {
    let lab = lab!(RULES);
    let command = format!("touch {}", lab.mark("a"));
    let log = lab.path("audit.jsonl");
    fs::rename(&log, lab.path("away")).unwrap();
    let (code, _) = grant(&lab, &["--command", &command]);
    assert_eq!(code, 5);
    fs::rename(lab.path("away"), &log).unwrap();
    lab.ask(&command).is("approval_requested", 0);
}

#[test]
fn a_granted_run_is_stopped_by_a_freeze_and_a_forbidden_rule_like_any_other() {
    let lab = lab!(RULES);
    let command = format!("touch {}", lab.mark("a"));
    granted(&lab, &["--command", &command, "--uses", "5"]);
    let frozen = lab.run(&["freeze", "--reason", "smoke"], "");
    assert_eq!(frozen.status.code(), Some(0));
    lab.ask(&command).is("rejected", 3).says("frozen");
    assert_eq!(lab.run(&["thaw"], "").status.code(), Some(0));
    lab.ask(&command).is("executed", 0);
}

#[test]
fn whoever_grants_is_told_what_may_be_granted() {
    let lab = lab!(RULES);
    let output = lab.run(&["grant", "--target", "srv1"], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("--command") && said.contains("--rule"),
        "{said}"
    );
    for (more, key) in [
        (["--for", "2h"], "approvals.grant_ttl_max"),
        (["--for", "0s"], "approvals.grant_ttl_max"),
        (["--uses", "0"], "approvals.grant_uses"),
        (["--uses", "1000"], "approvals.grant_uses"),
    ] {
        let (exit, said) = grant(&lab, &[&["--command", "touch /x"], &more[..]].concat());
        assert_eq!(exit, 3, "{said}");
        assert!(said.contains(key), "{said}");
    }
}
