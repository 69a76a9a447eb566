use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::thread;

use super::*;
use crate::caller::Through;

struct Room {
    dir: tempfile::TempDir,
    freezes: Freezes,
}

fn room() -> Room {
    let dir = tempfile::tempdir().unwrap();
    let freezes = Freezes::new(dir.path().join("freeze"));
    Room { dir, freezes }
}

impl Room {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("freeze").join(name)
    }

    fn put(&self, extent: &Extent, by: &str, stop: bool) -> Change {
        self.freezes.put(extent, &mark(by, stop)).unwrap().change
    }

    fn lift(&self, extent: &Extent) -> bool {
        match self.freezes.take(extent).unwrap() {
            Some(lifting) => {
                lifting.lift().unwrap();
                true
            }
            None => false,
        }
    }

    #[track_caller]
    fn is_frozen(&self, target: &str) {
        self.freezes.clear(&name(target)).unwrap_err();
        assert!(brake(self, target).holds().is_some());
    }

    #[track_caller]
    fn is_clear(&self, target: &str) {
        self.freezes.clear(&name(target)).unwrap();
        assert!(brake(self, target).holds().is_none());
        assert!(brake(self, target).stops().is_none());
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn one(text: &str) -> Extent {
    Extent::Target(name(text))
}

fn brake(room: &Room, target: &str) -> Brake {
    Brake::new(room.freezes.clone(), name(target))
}

fn mark(by: &str, stop: bool) -> Mark {
    let caller = Caller {
        uid: 1000,
        user: by.to_owned(),
        through: Through::Direct,
        disputed: None,
    };
    Mark::new(&caller, DateTime::UNIX_EPOCH, "smoke", stop)
}

#[test]
fn nothing_is_frozen_where_nobody_froze_anything() {
    let room = room();
    room.is_clear("srv1");
    assert_eq!(room.freezes.all().unwrap(), []);
    assert!(!room.lift(&Extent::Everything));
    assert!(!room.path("").exists(), "looking leaves nothing behind");
}

#[test]
fn a_freeze_of_everything_holds_for_every_target_until_it_is_lifted() {
    let room = room();
    assert_eq!(room.put(&Extent::Everything, "alice", false), Change::Made);
    room.is_frozen("srv1");
    room.is_frozen("srv2");
    assert!(room.lift(&Extent::Everything));
    room.is_clear("srv1");
    assert!(!room.lift(&Extent::Everything));
}

#[test]
fn a_freeze_of_one_target_holds_for_that_one() {
    let room = room();
    room.put(&one("srv1"), "alice", false);
    room.is_frozen("srv1");
    for other in ["srv2", "srv1.json", "srv", "SRV1", "all", "lock"] {
        room.is_clear(other);
    }
    assert!(!room.lift(&Extent::Everything));
    room.is_frozen("srv1");
}

#[test]
fn a_thaw_of_one_leaves_the_other() {
    let room = room();
    room.put(&one("srv1"), "alice", false);
    room.put(&Extent::Everything, "bob", false);
    assert!(room.lift(&one("srv1")));
    room.is_frozen("srv1");
    room.put(&one("srv1"), "alice", false);
    assert!(room.lift(&Extent::Everything));
    room.is_frozen("srv1");
    room.is_clear("srv2");
}

#[test]
fn the_message_names_who_froze_it_when_why_and_the_cure() {
    let room = room();
    room.put(&one("srv1"), "alice", false);
    let said = room.freezes.clear(&name("srv1")).unwrap_err().to_string();
    assert_eq!(
        said,
        "target `srv1` is frozen by alice since 1970-01-01T00:00:00Z: smoke; an operator lifts it with `aiops thaw --target srv1`"
    );
    room.put(&Extent::Everything, "bob\u{1b}[2J", false);
    let said = room.freezes.clear(&name("srv1")).unwrap_err().to_string();
    assert!(
        said.starts_with("everything is frozen by bob<U+001B>"),
        "{said}"
    );
    assert!(said.ends_with("`aiops thaw`"), "{said}");
}

#[test]
fn who_froze_first_stays_named_and_may_be_made_stricter_but_not_milder() {
    let room = room();
    let all = Extent::Everything;
    let by = || room.freezes.find(&all).unwrap().unwrap().mark.unwrap();
    room.put(&all, "alice", false);
    assert_eq!(room.put(&all, "bob", false), Change::Nothing);
    assert!(brake(&room, "srv1").stops().is_none());
    assert_eq!(room.put(&all, "bob", true), Change::Stricter);
    assert_eq!((by().by.as_str(), by().stop), ("alice", true));
    assert!(brake(&room, "srv1").stops().is_some());
    assert_eq!(room.put(&all, "bob", false), Change::Nothing);
    assert!(by().stop);
}

#[test]
fn runs_are_ended_by_whichever_freeze_says_so() {
    let room = room();
    room.put(&Extent::Everything, "alice", false);
    room.put(&one("srv1"), "bob", true);
    assert!(brake(&room, "srv1").stops().is_some());
    assert!(brake(&room, "srv2").stops().is_none());
}

#[test]
fn whatever_lies_in_the_place_of_a_mark_freezes_and_ends_runs() {
    let half = br#"{"by":"alice","uid":1"#;
    let long = [b' '; 1 << 20];
    for content in [&b""[..], b"{}", half, b"\xff\xfe", b"[]", b"null", &long] {
        let room = room();
        fs::create_dir(room.path("")).unwrap();
        fs::write(room.path("target-srv1.json"), content).unwrap();
        room.is_frozen("srv1");
        room.is_clear("srv2");
        assert!(brake(&room, "srv1").stops().is_some());
        let said = brake(&room, "srv1").holds().unwrap().to_string();
        assert!(
            said.contains("is frozen; the mark cannot be read"),
            "{said}"
        );
        assert_eq!(room.freezes.all().unwrap().len(), 1);
        assert!(room.lift(&one("srv1")));
        room.is_clear("srv1");
    }
}

#[test]
fn a_directory_a_pipe_and_a_link_to_nowhere_freeze_too() {
    let make: [fn(&std::path::Path); 3] = [
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("/nowhere/at/all", path).unwrap(),
        |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        },
    ];
    for make in make {
        let room = room();
        fs::create_dir(room.path("")).unwrap();
        make(&room.path("all.json"));
        room.is_frozen("srv1");
        assert!(brake(&room, "srv1").stops().is_some());
        assert_eq!(room.put(&Extent::Everything, "bob", false), Change::Nothing);
    }
}

#[test]
fn a_look_that_fails_stops_everything() {
    let room = room();
    fs::write(room.dir.path().join("freeze"), "").unwrap();
    room.is_frozen("srv1");
    assert!(brake(&room, "srv1").stops().is_some());
    room.freezes.all().unwrap_err();
    room.freezes.take(&Extent::Everything).unwrap_err();
    room.freezes
        .put(&Extent::Everything, &mark("alice", false))
        .unwrap_err();
}

#[test]
fn marks_are_for_their_owner_alone() {
    let room = room();
    room.put(&Extent::Everything, "alice", false);
    room.put(&one("srv1"), "alice", true);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(room.path("")), 0o700);
    for file in ["all.json", "target-srv1.json", "lock"] {
        assert_eq!(mode(room.path(file)), 0o600, "{file}");
    }
}

#[test]
fn what_a_crash_leaves_is_no_mark() {
    let room = room();
    fs::create_dir(room.path("")).unwrap();
    for file in [
        ".new-abc",
        "lock",
        "target-.json",
        "target--x.json",
        "all.json~",
    ] {
        fs::write(room.path(file), "").unwrap();
    }
    room.is_clear("srv1");
    assert_eq!(room.freezes.all().unwrap(), []);
}

#[test]
fn a_thaw_that_began_before_does_not_undo_a_freeze_that_was_answered_later() {
    let room = room();
    room.put(&Extent::Everything, "alice", false);
    let lifting = room.freezes.take(&Extent::Everything).unwrap().unwrap();
    thread::scope(|scope| {
        let later = scope.spawn(|| room.put(&Extent::Everything, "bob", false));
        thread::sleep(Duration::from_millis(200));
        assert!(!later.is_finished(), "it is answered before it can last");
        lifting.lift().unwrap();
        assert_eq!(later.join().unwrap(), Change::Made);
    });
    let freeze = room.freezes.find(&Extent::Everything).unwrap().unwrap();
    assert_eq!(freeze.mark.unwrap().by, "bob");
}

#[test]
fn a_freeze_holds_while_it_waits_for_somebody_who_never_lets_go() {
    let room = room();
    room.put(&one("srv2"), "alice", false);
    let held = room.freezes.take(&one("srv2")).unwrap().unwrap();
    thread::scope(|scope| {
        let put = scope.spawn(|| room.put(&Extent::Everything, "bob", false));
        while room.freezes.clear(&name("srv1")).is_ok() {
            assert!(!put.is_finished());
        }
        drop(held);
        put.join().unwrap();
    });
}

#[test]
fn of_many_who_freeze_at_once_one_is_named_and_of_many_thaws_one_lifts() {
    let room = room();
    let all = Extent::Everything;
    for _ in 0..20 {
        let made: Vec<Change> = thread::scope(|scope| {
            let each: Vec<_> = (0..8)
                .map(|n| {
                    let (room, all) = (&room, &all);
                    scope.spawn(move || room.put(all, &n.to_string(), n == 5))
                })
                .collect();
            each.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let first = made
            .iter()
            .filter(|change| **change == Change::Made)
            .count();
        assert_eq!(first, 1, "{made:?}");
        assert!(room.freezes.find(&all).unwrap().unwrap().mark.unwrap().stop);
        let lifted = thread::scope(|scope| {
            let each: Vec<_> = (0..8).map(|_| scope.spawn(|| room.lift(&all))).collect();
            let lifted = each.into_iter().map(|one| one.join().unwrap());
            lifted.filter(|lifted| *lifted).count()
        });
        assert_eq!(lifted, 1);
        room.is_clear("srv1");
    }
}

#[test]
fn the_greatest_reason_can_be_read_back() {
    let room = room();
    let mut great = mark("alice", false);
    great.reason = "\u{1}".repeat(4096);
    drop(room.freezes.put(&Extent::Everything, &great).unwrap());
    let freeze = room.freezes.find(&Extent::Everything).unwrap().unwrap();
    assert_eq!(freeze.mark, Some(great));
}
