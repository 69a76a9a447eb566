use super::*;
use crate::caller::Through;
use crate::policy::Decision;
use crate::policy::Definition;
use crate::policy::Fragments;
use crate::policy::Judged;
use crate::policy::Policy;
use crate::request::Draft;
use crate::shell;
use crate::target::Host;
use crate::target::Name;
use crate::target::Scope;
use crate::target::Tier;

/// A waiting room in which one request waits that cannot be undone, in production.
struct Room {
    _folder: tempfile::TempDir,
    approvals: Approvals,
    target: Target,
}

const ASKER: u32 = 1001;

fn limits() -> request::Limits {
    request::Limits {
        input_bytes: 1 << 18,
        reason_bytes: 1000,
        name_bytes: 100,
        timeout_max: Duration::from_secs(60),
        shell: shell::Limits::default(),
    }
}

fn caller(uid: u32) -> Caller {
    Caller {
        uid,
        user: format!("user{uid}"),
        through: Through::Direct,
    }
}

fn room(irreversible: bool) -> Room {
    let folder = tempfile::tempdir().unwrap();
    let approvals = Approvals::new(
        folder.path().join("approvals"),
        Limits {
            ttl: Duration::from_secs(900),
            pending: 5,
            keep_decided: Duration::from_secs(3600),
            lock_wait: Duration::from_secs(5),
            file_bytes: 1 << 18,
        },
    );
    let host = Host::new("192.0.2.1", 22, "aiops").unwrap();
    let scope = Scope::of_tier(Tier::Production);
    let target = Target::new(Name::parse("srv1").unwrap(), host, scope);
    let rule = Definition {
        patterns: vec!["^dropdb ".to_owned()],
        irreversible,
        ..Definition::new(Decision::RequireApproval)
    };
    let bounds = shell::Limits::default();
    let policy = Policy::new(vec![rule], Fragments::default(), bounds, 1 << 20);
    let draft = Draft {
        target: "srv1".to_owned(),
        command: "dropdb app".to_owned(),
        requester: Some("hermes".to_owned()),
        reason: Some("test".to_owned()),
        ..Draft::default()
    };
    let request = Request::from_draft(draft, &limits()).unwrap();
    let Judged::NeedsApproval(asked) = policy.judge(request, target.clone()) else {
        panic!("it does not ask");
    };
    let now = Utc::now();
    approvals
        .put(&asked, Uuid::now_v7(), &caller(ASKER), now, |_| {
            Told::Recorded(())
        })
        .unwrap();
    Room {
        _folder: folder,
        approvals,
        target,
    }
}

impl Room {
    fn yes(&self, uid: u32, via: Via) -> Result<Grant, Refused> {
        let now = Utc::now();
        let Found::These(found) = self.approvals.find(&Which::Only, now).unwrap() else {
            panic!("nothing waits");
        };
        let pending = found.into_iter().next().unwrap();
        let answer = Answer::new(&caller(uid), via, now, true, None);
        self.approvals
            .take(pending, answer, &self.target, &limits())
    }
}

#[test]
fn what_cannot_be_undone_needs_two_people_in_production() {
    let room = room(true);
    assert!(matches!(
        room.yes(1002, Via::Command),
        Err(Refused::OneOfTwo)
    ));
    let grant = room.yes(1003, Via::Command).unwrap();
    let second = grant.decision();
    let first = second.after.as_ref().unwrap();
    assert_eq!((first.uid, second.uid), (1002, 1003));
}

#[test]
fn one_person_is_never_two() {
    let room = room(true);
    assert!(matches!(
        room.yes(1002, Via::Command),
        Err(Refused::OneOfTwo)
    ));
    for _ in 0..2 {
        assert!(matches!(
            room.yes(1002, Via::Command),
            Err(Refused::SamePerson)
        ));
    }
}

#[test]
fn the_asker_and_a_relayed_word_are_neither_first_nor_second() {
    let room = room(true);
    let weak = |uid, via| matches!(room.yes(uid, via), Err(Refused::TooWeak(_)));
    assert!(weak(ASKER, Via::Command));
    assert!(weak(1002, Via::Stdin));
    assert!(matches!(
        room.yes(1002, Via::Command),
        Err(Refused::OneOfTwo)
    ));
    assert!(weak(ASKER, Via::Command));
    assert!(weak(1003, Via::Stdin));
    assert!(room.yes(1003, Via::Command).is_ok());
}

#[test]
fn of_many_at_once_one_is_first_and_one_other_is_second() {
    let room = room(true);
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|at| {
                let room = &room;
                scope.spawn(move || {
                    let now = Utc::now();
                    let Found::These(found) = room.approvals.find(&Which::Only, now).unwrap()
                    else {
                        return false;
                    };
                    let pending = found.into_iter().next().unwrap();
                    let answer = Answer::new(&caller(2000 + at), Via::Command, now, true, None);
                    room.approvals
                        .take(pending, answer, &room.target, &limits())
                        .is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|granted| **granted).count(), 1);
}

#[test]
fn what_can_be_undone_needs_one_other_person() {
    let room = room(false);
    let grant = room.yes(1002, Via::Command).unwrap();
    assert_eq!(grant.decision().after, None);
}

#[test]
fn a_no_needs_nobody_else() {
    let room = room(true);
    assert!(matches!(
        room.yes(1002, Via::Command),
        Err(Refused::OneOfTwo)
    ));
    let now = Utc::now();
    let Found::These(found) = room.approvals.find(&Which::Only, now).unwrap() else {
        panic!("nothing waits");
    };
    let pending = found.into_iter().next().unwrap();
    let answer = Answer::new(&caller(ASKER), Via::Stdin, now, false, None);
    assert!(room.approvals.deny(pending, answer).is_ok());
}
