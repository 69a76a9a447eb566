use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::evidence::note::Checkpoint;
use crate::evidence::tree::Range;

const NAME: &str = "gw1.example.org/aiops";
const WAIT: Duration = Duration::from_secs(20);

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.key");
    (dir, path)
}

fn ids(keys: &Keys) -> Vec<String> {
    let signers = keys.signers();
    signers.iter().map(|key| key.id().to_string()).collect()
}

#[test]
fn a_key_is_made_once_and_kept() {
    let (dir, path) = place();
    assert!(Keys::read(&path).unwrap().is_none());
    let made = Keys::open(&path, NAME, WAIT).unwrap();
    assert_eq!(made.origin(), NAME);
    assert!(!made.is_rotating());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let again = Keys::open(&path, "another.example.org", WAIT).unwrap();
    assert_eq!(ids(&again), ids(&made));
    assert_eq!(ids(&Keys::read(&path).unwrap().unwrap()), ids(&made));
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let (_dir, elsewhere) = place();
    let other = Keys::open(&elsewhere, NAME, WAIT).unwrap();
    assert_ne!(ids(&other), ids(&made));
}

#[test]
fn those_who_ask_at_once_get_the_same_key() {
    let (_dir, path) = place();
    let start = Barrier::new(8);
    let ask = || {
        start.wait();
        ids(&Keys::open(&path, NAME, WAIT).unwrap())
    };
    let all: Vec<Vec<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(all.iter().all(|ids| *ids == all[0]), "{all:?}");
}

#[test]
fn a_rotation_lets_the_old_key_sign_once_more() {
    let (_dir, path) = place();
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    let first = keys.current().id().to_string();
    let old = keys.verifiers();
    keys.rotate(WAIT).unwrap();
    let second = keys.current().id().to_string();
    assert_ne!(first, second);
    assert_eq!(ids(&keys), [second.clone(), first.clone()]);
    assert_eq!(ids(&Keys::open(&path, NAME, WAIT).unwrap()), ids(&keys));
    assert!(keys.is_rotating());
    let head = Checkpoint::new(keys.origin(), 0, Range::new().root()).unwrap();
    let note = head.sign(&keys.signers()).unwrap();
    let (_, verified) = Checkpoint::open(&note, &keys.verifiers()).unwrap();
    assert_eq!(verified.by().len(), 2);
    assert!(Checkpoint::open(&note, &old).is_ok());
    keys.retired(WAIT).unwrap();
    assert_eq!(ids(&keys), [second]);
    let left = fs::read_to_string(&path).unwrap();
    assert_eq!(left, format!("{}\n", *keys.current().secret()));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_key_that_began_to_retire_in_the_meantime_is_not_forgotten() {
    let (_dir, path) = place();
    let mut slow = Keys::open(&path, NAME, WAIT).unwrap();
    let mut quick = Keys::open(&path, NAME, WAIT).unwrap();
    quick.rotate(WAIT).unwrap();
    // This one has not signed with both.
    slow.retired(WAIT).unwrap();
    assert!(Keys::read(&path).unwrap().unwrap().is_rotating());
    let mut slow = Keys::open(&path, NAME, WAIT).unwrap();
    quick.rotate(WAIT).unwrap();
    assert_eq!(quick.signers().len(), 3);
    slow.retired(WAIT).unwrap();
    let [new, middle, _] = &ids(&quick)[..] else {
        panic!("three keys")
    };
    assert_eq!(ids(&slow), [new.clone(), middle.clone()]);
    // What was looked at before another rotation is looked at again.
    let mut stale = Keys::open(&path, NAME, WAIT).unwrap();
    quick.rotate(WAIT).unwrap();
    stale.rotate(WAIT).unwrap();
    assert_eq!(stale.signers().len(), 4);
}

#[test]
fn rotations_at_once_lose_no_key() {
    let (_dir, path) = place();
    Keys::open(&path, NAME, WAIT).unwrap();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
                start.wait();
                keys.rotate(WAIT).unwrap();
            });
        }
    });
    assert_eq!(Keys::read(&path).unwrap().unwrap().signers().len(), 5);
}

#[test]
fn keys_do_not_pile_up_without_a_checkpoint() {
    let (_dir, path) = place();
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    for _ in 0..7 {
        keys.rotate(WAIT).unwrap();
    }
    assert!(matches!(keys.rotate(WAIT), Err(Error::TooMany)));
    let read = Keys::read(&path).unwrap().unwrap();
    assert_eq!(ids(&read), ids(&keys));
    keys.retired(WAIT).unwrap();
    keys.rotate(WAIT).unwrap();
}

#[test]
fn the_longest_names_fit_the_file() {
    let (_dir, path) = place();
    let name = "a".repeat(ORIGIN_BYTES);
    let mut keys = Keys::open(&path, &name, WAIT).unwrap();
    for _ in 0..RETIRING {
        keys.rotate(WAIT).unwrap();
    }
    assert_eq!(Keys::read(&path).unwrap().unwrap().signers().len(), 8);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let (_dir, path) = place();
    Keys::open(&path, NAME, WAIT).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let fault = Keys::open(&path, NAME, WAIT).unwrap_err();
        assert!(matches!(fault, Error::Unsafe { .. }), "{mode:o}: {fault}");
        assert!(fault.to_string().contains("chmod 0600"), "{fault}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Keys::open(&path, NAME, WAIT).unwrap();
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_nobody_waits() {
    let (dir, path) = place();
    fs::create_dir(&path).unwrap();
    let refused = || {
        let fault = Keys::open(&path, NAME, WAIT).unwrap_err();
        assert!(matches!(fault, Error::Unsafe { .. }), "{fault}");
    };
    refused();
    fs::remove_dir(&path).unwrap();
    let real = dir.path().join("real");
    Keys::open(&real, NAME, WAIT).unwrap();
    symlink(&real, &path).unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    symlink(dir.path().join("nowhere"), &path).unwrap();
    refused();
    fs::remove_file(&path).unwrap();
    let made = Command::new("mkfifo").arg(&path).status();
    if made.is_ok_and(|status| status.success()) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        refused();
    }
}

#[test]
fn a_file_with_anything_else_in_it_is_refused_and_not_repeated() {
    let (_dir, path) = place();
    let (_other, elsewhere) = place();
    let keys = Keys::open(&path, NAME, WAIT).unwrap();
    let stranger = Keys::open(&elsewhere, "other.example.org", WAIT).unwrap();
    let line = keys.current().secret().to_string();
    let stranger = stranger.current().secret().to_string();
    let named = Signer::from_seed("not/a//name", &[1; 32]).unwrap();
    let named = named.secret().to_string();
    for wrong in [
        String::new(),
        "\n".to_owned(),
        "hunter2\n".to_owned(),
        keys.current().verifier().to_string(),
        format!("{line}\n\n"),
        format!("\n{line}\n"),
        format!("{line}\r\n"),
        format!(" {line}\n"),
        format!("{line}\nhunter2\n"),
        format!("{line}\n{line}\n"),
        format!("{line}\n{stranger}\n"),
        format!("{named}\n"),
        line.split_at(line.len() - 4).0.to_owned(),
        format!("{line}\n").repeat(40),
        "\u{e9}".repeat(10),
    ] {
        fs::write(&path, &wrong).unwrap();
        let fault = Keys::open(&path, NAME, WAIT).unwrap_err();
        let said = format!("{fault} {fault:?}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Keys::open(&path, NAME, WAIT).is_err());
    fs::write(&path, &line).unwrap();
    assert!(Keys::open(&path, NAME, WAIT).is_ok());
}

#[test]
fn a_log_is_called_like_a_host_and_a_path() {
    for good in ["gw1", "gw1.example.org", NAME, "a/b/c", "10.0.0.1/x_y~z-1"] {
        assert!(is_origin(good), "{good}");
    }
    let long = "a".repeat(ORIGIN_BYTES + 1);
    for wrong in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "a b",
        "a+b",
        "a\n",
        "a\u{e9}",
        "https://a",
        "a:80",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a?b",
        "a#b",
        "a%20b",
        "-a",
        "a\u{a0}b",
        "a\t",
        &long,
    ] {
        assert!(!is_origin(wrong), "{wrong}");
        let (dir, path) = place();
        let fault = Keys::open(&path, wrong, WAIT).unwrap_err();
        assert!(matches!(fault, Error::Origin), "{fault}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_lock_that_is_not_free_is_said_and_nothing_is_made() {
    let (dir, path) = place();
    let held = hold(&path, WAIT).unwrap();
    let fault = Keys::open(&path, NAME, Duration::ZERO).unwrap_err();
    assert!(matches!(fault, Error::Locked { .. }), "{fault}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(held);
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    let held = hold(&path, WAIT).unwrap();
    // Reading needs no lock.
    assert!(Keys::open(&path, NAME, Duration::ZERO).is_ok());
    let fault = keys.rotate(Duration::ZERO).unwrap_err();
    assert!(matches!(fault, Error::Locked { .. }), "{fault}");
    drop(held);
}

#[test]
fn a_key_that_is_gone_is_not_made_anew_by_a_rotation() {
    let (_dir, path) = place();
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    fs::remove_file(&path).unwrap();
    let fault = keys.rotate(WAIT).unwrap_err();
    assert!(matches!(fault, Error::Fault(fault) if fault.is_missing()));
    assert!(!path.exists());
}

#[test]
fn keys_show_no_secret() {
    let (_dir, path) = place();
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    keys.rotate(WAIT).unwrap();
    let shown = format!("{keys:?}");
    for signer in keys.signers() {
        let secret = signer.secret();
        let base64 = secret.rsplit_once('+').unwrap().1;
        assert!(!shown.contains(base64), "{shown}");
    }
    assert!(shown.contains(&ids(&keys)[0]), "{shown}");
}

#[test]
fn root_leaves_the_key_to_whom_the_directory_belongs() {
    let (dir, path) = place();
    if chown(dir.path(), Some(12_345), Some(12_345)).is_err() {
        eprintln!("SKIPPED: only root can give a directory away");
        return;
    }
    let mut keys = Keys::open(&path, NAME, WAIT).unwrap();
    keys.rotate(WAIT).unwrap();
    let facts = fs::metadata(&path).unwrap();
    assert_eq!((facts.uid(), facts.gid()), (12_345, 12_345));
}
