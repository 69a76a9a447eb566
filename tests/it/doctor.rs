//! What the doctor says of the people who approve. Each thing is broken, found and named with its cure.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::mode;

/// A group that every machine has, and that lists nobody.
const NOBODYS: &str = "approvals: {group: nogroup}\n";

/// What the doctor finds, and whether the house is in order all the same.
#[track_caller]
fn found(lab: &Lab) -> (Vec<Value>, bool) {
    let output = lab.run(&["doctor", "--json"], "");
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let bad = findings.iter().any(|finding| finding["state"] == "bad");
    assert_eq!(output.status.code(), Some(if bad { 4 } else { 0 }));
    (findings, !bad)
}

/// It finds this in this state, and names this cure.
#[track_caller]
fn finds(lab: &Lab, state: &str, what: &str, cure: &str) {
    let (findings, good) = found(lab);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let finding = findings
        .iter()
        .find(|finding| text(finding, "what").contains(what))
        .unwrap_or_else(|| panic!("nothing about {what:?} in {findings:#?}"));
    assert_eq!(text(finding, "state"), state, "{finding}");
    assert!(text(finding, "cure").contains(cure), "{finding}");
    if state == "bad" {
        assert!(!good);
    }
}

#[track_caller]
fn finds_nothing_about(lab: &Lab, what: &str) {
    let (findings, _) = found(lab);
    let about = |finding: &&Value| finding["what"].as_str().unwrap().contains(what);
    assert_eq!(findings.iter().find(about), None, "{what}");
}

/// The same configuration with more said about its target.
fn target(lab: &Lab, more: &str, config: &str) {
    lab.configure(config);
    let text = fs::read_to_string(lab.path("config.yml")).unwrap();
    let changed = text.replace("srv1: {", &format!("srv1: {{{more}, "));
    fs::write(lab.path("config.yml"), changed).unwrap();
}

#[track_caller]
fn enrol(lab: &Lab, name: &str) {
    let output = lab.run(&["approver", "enroll", name, "--json"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

fn own_group() -> String {
    let output = Command::new("id").arg("-gn").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_group_of_approvers_that_is_not_there_is_bad_only_where_it_is_needed() {
    let none = format!("approvals: {{group: no-such-group}}\n{RULES}");
    let lab = lab!(&none);
    let cure = "groupadd --system no-such-group";
    finds(&lab, "warning", "there is no group `no-such-group`", cure);
    target(&lab, "tier: production", &none);
    let what = "there is no group `no-such-group`, and on `srv1` an approver has to be in it";
    finds(&lab, "bad", what, cure);
    // One rule on one machine is enough.
    lab.configure(
        "approvals: {group: no-such-group}\napproval_required: [{pattern: '^touch ', needs: out_of_band}]\n",
    );
    finds(&lab, "bad", what, cure);
    lab.configure(
        "approvals: {group: no-such-group}\napproval_required: [{pattern: '^touch ', approvals: {min: 2}}]\n",
    );
    finds(&lab, "bad", what, cure);
    lab.configure(
        "approvals: {group: no-such-group}\napproval_required: [{pattern: '^touch ', tiers: [production], needs: out_of_band}]\n",
    );
    finds(&lab, "warning", "there is no group `no-such-group`", cure);
}

#[test]
fn a_group_of_approvers_without_members_is_said() {
    let lab = lab!(&format!("mode: production\n{NOBODYS}{RULES}"));
    finds(
        &lab,
        "warning",
        "`nogroup` has no members listed",
        "usermod -aG nogroup NAME",
    );
}

#[test]
fn the_executors_own_user_is_no_approver() {
    let group = own_group();
    let lab = lab!(&format!("approvals: {{group: {group}}}\n{RULES}"));
    let user = lab.sshd.user();
    finds(
        &lab,
        "bad",
        &format!("`{user}` is in the approvers' group `{group}`, and is no person"),
        &format!("gpasswd -d {user} {group}"),
    );
    lab.configure(&format!("{NOBODYS}{RULES}"));
    finds_nothing_about(&lab, "is no person");
}

#[test]
fn an_enrolled_user_outside_of_the_group_is_said_and_a_mere_name_is_not() {
    let lab = lab!(&format!("{NOBODYS}{RULES}"));
    finds_nothing_about(&lab, "approver `");
    enrol(&lab, "daemon");
    enrol(&lab, "nobody-of-that-name");
    finds(
        &lab,
        "warning",
        "approver `daemon` is not in the group `nogroup`",
        "usermod -aG nogroup daemon",
    );
    finds(
        &lab,
        "ok",
        "approver `nobody-of-that-name` has a phone, and 10 recovery codes left",
        "",
    );
    // `nobody` has that group as its first one, where nothing lists it.
    enrol(&lab, "nobody");
    finds(&lab, "ok", "approver `nobody` has a phone", "");
}

#[test]
fn the_assistant_and_the_executors_own_user_approve_by_no_code() {
    let lab = lab!();
    for name in ["hermes", lab.sshd.user()] {
        enrol(&lab, name);
        finds(
            &lab,
            "bad",
            &format!("`{name}` approves by a code from a phone, and is no person"),
            &format!("approver remove {name}"),
        );
    }
    // Nothing sends them into the group of the approvers.
    finds_nothing_about(&lab, "approver `hermes`");
    finds_nothing_about(&lab, &format!("approver `{}`", lab.sshd.user()));
}

#[test]
fn a_broken_file_of_an_approver_is_bad_and_is_not_shown() {
    let lab = lab!(&format!("{NOBODYS}{RULES}"));
    enrol(&lab, "alice");
    let path = lab.path("runtime/approvers/alice.json");
    mode(&path, 0o644);
    let cure = "approver enroll alice --again";
    finds(&lab, "bad", "is open to group or others", cure);
    mode(&path, 0o600);
    fs::write(&path, "{\"secret\": \"JBSWY3DP").unwrap();
    finds(&lab, "bad", "is not what this program wrote", cure);
    finds_nothing_about(&lab, "JBSWY3DP");
    fs::remove_dir_all(lab.path("runtime/approvers")).unwrap();
    fs::write(lab.path("runtime/approvers"), "").unwrap();
    finds(&lab, "bad", "nobody can know who is enrolled", "mode 0700");
}

#[test]
fn wrong_codes_that_lock_are_said_until_they_are_forgiven() {
    let lab = lab!(&format!("{NOBODYS}{RULES}"));
    enrol(&lab, "alice");
    lab.ask(&format!("touch {}", lab.mark("a")))
        .is("approval_requested", 0);
    for _ in 0..5 {
        finds_nothing_about(&lab, "wrong codes");
        lab.send("Approve ABCDE-FGH23").is("rejected", 3);
    }
    finds(
        &lab,
        "warning",
        "too many wrong codes were said: none is looked at before 2",
        "approver unlock",
    );
    lab.run(&["approver", "unlock"], "");
    finds_nothing_about(&lab, "wrong codes");
    fs::write(lab.path("runtime/approvers/tries.json"), "{").unwrap();
    mode(&lab.path("runtime/approvers/tries.json"), 0o600);
    finds(&lab, "bad", "tries.json", "approver unlock");
}

#[test]
fn grants_are_counted_while_they_hold() {
    let lab = lab!(&format!("{NOBODYS}{RULES}"));
    finds(&lab, "ok", "no grant holds", "");
    let user = lab.sshd.user().to_owned();
    let give = [
        "grant",
        "--target",
        "srv1",
        "--command",
        "touch /x",
        "--to",
        &user,
    ];
    for expected in ["1 grant holds", "2 grants hold"] {
        let output = lab.run(&give, "");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        finds(&lab, "ok", expected, "");
    }
    lab.run(&["revoke", "all"], "");
    finds(&lab, "ok", "no grant holds", "");
    fs::remove_dir_all(lab.path("runtime/grants")).unwrap();
    fs::write(lab.path("runtime/grants"), "").unwrap();
    finds(&lab, "bad", "nobody can know what was granted", "mode 0700");
}

#[test]
fn what_makes_production_lax_is_said_and_in_a_lab_it_is_not() {
    let own =
        format!("approvals: {{group: nogroup, self_approval: allowed, needs: relayed}}\n{RULES}");
    let lab = lab!(&own);
    finds_nothing_about(&lab, "production");
    target(&lab, "tier: production", &own);
    finds(
        &lab,
        "warning",
        "whoever asks may approve it too, also on `srv1` in production",
        "self_approval: allowed",
    );
    finds(
        &lab,
        "warning",
        "target `srv1` is in production, and a relayed word approves there",
        "needs: relayed",
    );
    target(&lab, "tier: production", &format!("{NOBODYS}{RULES}"));
    finds_nothing_about(&lab, "in production");
}
