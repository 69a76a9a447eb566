//! The log as evidence, from outside: checkpoints, keys, proofs, rotation.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::said;

const SIGNED: &str =
    "checkpoints: {origin: gw1.example.org/aiops, records: 1000000, every: 30d, journald: false}\n";

fn signed() -> Option<Lab> {
    let lab = Lab::with(&format!("{RULES}{SIGNED}"))?;
    fs::remove_file(lab.path("audit/checkpoints")).unwrap();
    Some(lab)
}

#[test]
fn the_first_answer_is_signed_and_a_later_one_when_it_is_time() {
    let Some(lab) = signed() else { return };
    lab.ask("hostname").is("executed", 0);
    let notes = fs::read_to_string(lab.path("audit/checkpoints")).unwrap();
    assert!(notes.starts_with("gw1.example.org/aiops\n3\n"), "{notes}");
    lab.ask("hostname").is("executed", 0);
    let again = fs::read_to_string(lab.path("audit/checkpoints")).unwrap();
    assert_eq!(notes, again, "it is not time for another");
    lab.configure(&format!("{RULES}{}", SIGNED.replace("1000000", "2")));
    lab.ask("hostname").is("executed", 0);
    let later = fs::read_to_string(lab.path("audit/checkpoints")).unwrap();
    assert!(
        later.starts_with(&notes) && later.contains("\n8\n"),
        "{later}"
    );
    lab.log_is_whole();
}

#[test]
fn a_record_is_proved_to_somebody_who_has_neither_the_log_nor_the_gateway() {
    let Some(lab) = signed() else { return };
    for _ in 0..3 {
        lab.ask("hostname").is("executed", 0);
    }
    said(
        &lab.run(&["audit", "checkpoint"], ""),
        0,
        "gw1.example.org/aiops\n7\n",
    );
    let key = lab.run(&["audit", "key", "show"], "");
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("proof");
    for seq in 1..=7 {
        let proof = lab.run(&["audit", "prove", &seq.to_string()], "");
        assert_eq!(proof.status.code(), Some(0));
        fs::write(&file, &proof.stdout).unwrap();
        let path = file.to_str().unwrap();
        let checked = lab.run(&["audit", "check-proof", path, "--key", &key], "");
        let checked = said(&checked, 0, "one of the 7 that were signed");
        assert!(checked.contains(&format!("\"seq\":{seq},")), "{checked}");
        // With one byte of the record changed it proves nothing.
        let text = String::from_utf8(proof.stdout).unwrap();
        let (before, behind) = text.split_once("extra ").unwrap();
        let changed = format!("{before}extra {}", behind.replacen('A', "B", 1));
        assert_ne!(text, changed);
        fs::write(&file, changed).unwrap();
        said(
            &lab.run(&["audit", "check-proof", path, "--key", &key], ""),
            5,
            "proves nothing",
        );
    }
    said(
        &lab.run(&["audit", "prove", "8"], ""),
        5,
        "no checkpoint covers record 8",
    );
    said(
        &lab.run(&["audit", "prove", "0"], ""),
        5,
        "no checkpoint covers record 0",
    );
    said(
        &lab.run(&["audit", "check-proof", "/nonexistent", "--key", &key], ""),
        2,
        "cannot read",
    );
    said(
        &lab.run(&["audit", "check-proof", "x", "--key", "no key"], ""),
        2,
        "cannot read",
    );
}

#[test]
fn an_auditor_with_the_first_key_follows_its_exchange_and_a_stranger_is_not_believed() {
    let Some(lab) = signed() else { return };
    lab.ask("hostname").is("executed", 0);
    let key = lab.run(&["audit", "key", "show"], "");
    let first = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let both = said(&lab.run(&["audit", "key", "rotate"], ""), 0, &first);
    assert_eq!(both.lines().count(), 2);
    lab.run(&["audit", "checkpoint"], "");
    lab.ask("hostname").is("executed", 0);
    lab.run(&["audit", "checkpoint"], "");
    said(
        &lab.run(&["audit", "verify", "--key", &first], ""),
        0,
        "3 checkpoints agree",
    );
    let other = "gw1.example.org/aiops+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    said(
        &lab.run(&["audit", "verify", "--key", other], ""),
        2,
        "cannot read",
    );
    fs::remove_file(lab.path("runtime/audit.key")).unwrap();
    said(&lab.run(&["audit", "checkpoint"], ""), 5, "is gone");
    said(&lab.run(&["audit", "key", "rotate"], ""), 5, "is gone");
    said(
        &lab.run(&["audit", "key", "rotate", "--lost"], ""),
        0,
        &first,
    );
    said(
        &lab.run(&["audit", "checkpoint"], ""),
        0,
        "gw1.example.org/aiops",
    );
    said(
        &lab.run(&["audit", "verify", "--key", &first], ""),
        5,
        "signature",
    );
}

#[test]
fn a_reading_goes_on_from_its_bookmark() {
    let Some(lab) = signed() else { return };
    lab.ask("hostname").is("executed", 0);
    let bookmark = lab.mark("bookmark");
    let verify = ["audit", "verify", "--resume", &bookmark];
    said(&lab.run(&verify, ""), 0, "3 records are whole");
    lab.ask("hostname").is("executed", 0);
    said(
        &lab.run(&verify, ""),
        0,
        "Those up to 3 were verified before",
    );
    fs::write(&bookmark, "{}").unwrap();
    said(&lab.run(&verify, ""), 2, "bookmark");
    fs::remove_file(&bookmark).unwrap();
    let log = lab.path("audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    said(&lab.run(&verify, ""), 0, "5 records");
    let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&log, format!("{kept}\n")).unwrap();
    said(
        &lab.run(&verify, ""),
        5,
        "record 5 is not what was verified before",
    );
}

#[test]
fn a_log_in_many_segments_is_one_log_to_everybody() {
    let Some(lab) = signed() else { return };
    lab.ask("hostname").is("executed", 0);
    said(&lab.run(&["audit", "rotate"], ""), 0, "new segment");
    lab.ask("hostname").is("executed", 0);
    said(&lab.run(&["audit", "rotate"], ""), 0, "new segment");
    lab.ask("touch x").is("approval_requested", 0);
    said(&lab.run(&["audit", "verify"], ""), 0, "6 records are whole");
    let found = lab.run(
        &[
            "policy",
            "replay",
            "--config",
            lab.path("config.yml").to_str().unwrap(),
        ],
        "",
    );
    said(&found, 0, "3 requests");
    for name in ["00000000000000000001.jsonl", "00000000000000000004.jsonl"] {
        let facts = fs::metadata(lab.path("audit").join(name)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o640);
    }
    said(&lab.run(&["audit", "rotate"], ""), 0, "new segment");
    said(&lab.run(&["audit", "rotate"], ""), 0, "holds no record");
}

#[test]
fn a_checkpoint_that_cannot_be_made_holds_nobody_up_and_is_told_by_doctor() {
    let lab = lab!(&format!(
        "{RULES}{}",
        SIGNED.replace('}', ", command: [/bin/false]}")
    ));
    fs::remove_file(lab.path("audit/checkpoints")).unwrap();
    lab.ask("hostname").is("executed", 0);
    let doctor = lab.run(&["doctor"], "");
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("/bin/false"));
    said(&lab.run(&["audit", "checkpoint"], ""), 1, "gw1.example.org");
    lab.configure(&format!("{RULES}{SIGNED}"));
    said(&lab.run(&["audit", "checkpoint"], ""), 0, "gw1.example.org");
    let cured = lab.run(&["doctor"], "");
    assert!(!String::from_utf8_lossy(&cured.stdout).contains("/bin/false"));
    fs::remove_dir_all(lab.path("audit")).unwrap();
    fs::write(lab.path("audit"), "in the way").unwrap();
    lab.ask("hostname").is("executed", 0);
    said(&lab.run(&["audit", "checkpoint"], ""), 5, "audit");
}

#[test]
fn the_schema_of_a_record_is_that_of_the_version_that_is_written() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    lab.ask("touch x").is("approval_requested", 0);
    lab.send("Deny not now").is("denied", 0);
    let printed = lab.run(&["audit", "schema"], "");
    assert_eq!(printed.stdout, lab.run(&["schema", "record"], "").stdout);
    let schema = serde_json::from_slice(&printed.stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for record in lab.log() {
        assert!(schema.is_valid(&record), "{record}");
        assert_eq!(record["schema"], 2);
        let mut other = record.clone();
        other["seq"] = "1".into();
        assert!(!schema.is_valid(&other));
    }
}
