//! The log as evidence, checked by others: by what `docs/evidence.md` tells them to do.

use std::convert::Infallible;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use aiops::evidence::note::Checkpoint;
use aiops::evidence::note::Proof;
use aiops::evidence::note::Signer;
use aiops::evidence::note::Verifier;
use aiops::evidence::tree;
use aiops::evidence::tree::Hash;
use tempfile::TempDir;

const ORIGIN: &str = "gw1.example.org/aiops";

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("docs/evidence.md")).unwrap()
}

/// The blocks of one language on the page, in their order.
fn blocks(language: &str) -> Vec<String> {
    page()
        .split(&format!("```{language}\n"))
        .skip(1)
        .map(|behind| behind.split("```").next().unwrap().to_owned())
        .collect()
}

fn log(count: u64) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{{\"seq\":{number},\"event\":\"decision\"}}"))
        .collect()
}

/// A checkpoint over these records, and the proof for one of them.
fn prove(records: &[String], index: u64, signers: &[&Signer]) -> (String, String) {
    let leaves: Vec<Hash> = records
        .iter()
        .map(|record| tree::leaf_of_line(record.as_bytes()))
        .collect();
    let root = tree::subtree_root(&leaves);
    let head = Checkpoint::new(ORIGIN, leaves.len() as u64, root).unwrap();
    let note = head.sign(signers).unwrap();
    let source = |level: u32, number: u64| {
        let begin = usize::try_from(number << level).unwrap();
        Ok::<_, Infallible>(tree::subtree_root(&leaves[begin..begin + (1 << level)]))
    };
    let hashes = tree::proof(head.size(), index, source).unwrap();
    let proof = Proof::new(index, None, hashes, &note).unwrap();
    (note, proof.to_string())
}

fn key(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("SKIPPED: `{program}` is not installed");
    }
    found
}

/// Does what the page says, in a directory of its own. True if all of it said yes.
fn check(record: &str, proof: &str, vkey: &str) -> bool {
    let dir = TempDir::new().unwrap();
    let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    put("check.py", &blocks("python")[0]);
    put("record", &format!("{record}\n"));
    put("record.tlog-proof", proof);
    put("vkey", &format!("{vkey}\n"));
    let done = Command::new("sh")
        .args(["-c", &blocks("sh")[0]])
        .current_dir(dir.path())
        .output()
        .unwrap();
    done.status.success()
}

#[test]
fn the_example_on_the_page_is_what_this_program_makes() {
    let records = log(5);
    let secret = key(7);
    let (note, proof) = prove(&records, 2, &[&secret]);
    assert_eq!(blocks("json")[0], format!("{}\n", records.join("\n")));
    let shown = blocks("text");
    assert_eq!(shown[0], format!("{}\n", secret.verifier()));
    assert_eq!(shown[1], note);
    assert_eq!(shown[2], proof);
    let known = [Verifier::parse(shown[0].trim_end()).unwrap()];
    let leaf = tree::leaf_of_line(records[2].as_bytes());
    let head = Proof::parse(&shown[2])
        .unwrap()
        .verify(leaf, &known)
        .unwrap();
    assert_eq!(head.size(), 5);
}

#[test]
fn others_find_our_proofs_right_by_openssl_and_python_alone() {
    if !is_there("python3") || !is_there("openssl") {
        return;
    }
    let (old, new) = (key(7), key(8));
    let vkey = old.verifier().to_string();
    for (count, index) in [(1, 0), (5, 2), (5, 4), (9, 8), (100, 41)] {
        let records = log(count);
        let record = &records[usize::try_from(index).unwrap()];
        // During a rotation, too.
        for signers in [&[&old][..], &[&new, &old]] {
            let (_, proof) = prove(&records, index, signers);
            assert!(check(record, &proof, &vkey), "{index} of {count}");
        }
    }
}

#[test]
fn others_find_forgeries_wrong_by_openssl_and_python_alone() {
    if !is_there("python3") || !is_there("openssl") {
        return;
    }
    let records = log(20);
    let (ours, forger) = (key(7), key(8));
    let vkey = ours.verifier().to_string();
    let (note, proof) = prove(&records, 13, &[&ours]);
    assert!(check(&records[13], &proof, &vkey));
    assert!(!check(&records[12], &proof, &vkey), "another record");
    let changed = records[13].replace("decision", "outcome");
    assert!(!check(&changed, &proof, &vkey), "a changed record");
    let moved = proof.replace("index 13", "index 12");
    assert!(!check(&records[13], &moved, &vkey), "another place");
    let (_, forged) = prove(&records, 13, &[&forger]);
    assert!(!check(&records[13], &forged, &vkey), "another key");
    // A log written anew, with the signature of the old one.
    let mut anew = records.clone();
    anew[13] = changed.clone();
    let (_, forged) = prove(&anew, 13, &[&ours]);
    let signature = note.rsplit_once("\n\n").unwrap().1;
    let (unsigned, _) = forged.rsplit_once("\n\n").unwrap();
    let forged = format!("{unsigned}\n\n{signature}");
    assert!(!check(&changed, &forged, &vkey), "an old signature");
}

#[test]
fn others_make_the_same_root_of_a_log_by_python_alone() {
    if !is_there("python3") {
        return;
    }
    let records = log(40);
    let mut text = records.join("\n");
    // What is no record is no leaf.
    text.push_str("\n{\"seq\":41,\"ev\n");
    for size in [0_usize, 1, 2, 3, 7, 8, 31, 40] {
        let mut python = Command::new("python3")
            .args(["-c", &blocks("python")[1], &size.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It may stop reading before the end.
        let _ = python.stdin.take().unwrap().write_all(text.as_bytes());
        let said = python.wait_with_output().unwrap();
        let leaves: Vec<Hash> = records[..size]
            .iter()
            .map(|record| tree::leaf_of_line(record.as_bytes()))
            .collect();
        let root = tree::subtree_root(&leaves).to_base64();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), format!("{root}\n"));
    }
}
