use std::collections::BTreeSet;

use super::*;
use crate::assurance::Principal;
use crate::caller;
use crate::caller::Through;
use crate::factor;
use crate::factor::Factors;
use crate::factor::Verified;
use crate::policy::Decision;
use crate::policy::Definition;
use crate::policy::Fragments;
use crate::policy::Judged;
use crate::policy::Policy;
use crate::request::Draft;
use crate::request::Factor;
use crate::request::Which;
use crate::shell;
use crate::target::Host;
use crate::target::Name;
use crate::target::Scope;
use crate::target::Target;
use crate::target::Tier;
use crate::uptime::Moment;

/// A waiting room in which one request waits, on a machine in production.
struct Room {
    folder: tempfile::TempDir,
    approvals: Approvals,
    policy: Policy,
    target: Target,
    pins: Vec<String>,
    digest: String,
}

// Users and groups that every Debian has. `nogroup` holds three of them.
const ASKER: &str = "daemon";
const APPROVERS: &str = "nogroup";
const ALICE: &str = "nobody";
const BOB: &str = "sync";
const CAROL: &str = "_apt";
const STRANGER: &str = "games";

fn bounds() -> request::Limits {
    request::Limits {
        input_bytes: 1 << 18,
        reason_bytes: 1000,
        name_bytes: 100,
        timeout_max: Duration::from_secs(60),
        shell: shell::Limits::default(),
    }
}

fn limits() -> Limits {
    Limits {
        ttl: Duration::from_secs(900),
        longest_ttl: Duration::from_secs(900),
        pending: 5,
        pending_per_requester: 3,
        notice: Duration::ZERO,
        word_window: Duration::from_secs(60),
        keep_decided: Duration::from_secs(3600),
        remembered: 100,
        lock_wait: Duration::from_secs(5),
        file_bytes: 1 << 18,
    }
}

fn trust() -> Trust {
    Trust {
        group: APPROVERS.to_owned(),
        self_approval: false,
        relayed_code: Assurance::OutOfBand,
    }
}

fn factors(folder: &std::path::Path) -> Factors {
    Factors::new(
        folder.join("approvers"),
        factor::Limits {
            tries: 5,
            lock: Duration::from_secs(30),
            lock_max: Duration::from_secs(60),
            lock_wait: Duration::from_secs(5),
        },
    )
}

fn caller(name: &str) -> Caller {
    Caller {
        through: Through::Sudo,
        ..Caller::named(name).unwrap_or_else(|| panic!("no user {name}"))
    }
}

fn room_of(trust: Trust, rule: Definition) -> Room {
    let folder = tempfile::tempdir().unwrap();
    let approvals = Approvals::new(
        folder.path().join("approvals"),
        limits(),
        trust,
        factors(folder.path()),
    );
    let host = Host::new("192.0.2.1", 22, "aiops").unwrap();
    let scope = Scope::of_tier(Tier::Production);
    let target = Target::new(Name::parse("srv1").unwrap(), host, scope);
    let shell = shell::Limits::default();
    let room = Room {
        folder,
        approvals,
        policy: Policy::new(vec![rule], Fragments::default(), shell, 1 << 20),
        target,
        pins: vec!["192.0.2.1 ssh-ed25519 AAAA".to_owned()],
        digest: "policy".to_owned(),
    };
    room.ask("dropdb app", ASKER).unwrap();
    room
}

fn rule() -> Definition {
    Definition {
        patterns: vec!["^dropdb ".to_owned()],
        ..Definition::new(Decision::RequireApproval)
    }
}

fn room(irreversible: bool) -> Room {
    let rule = Definition {
        irreversible,
        ..rule()
    };
    room_of(trust(), rule)
}

impl Room {
    fn asked(&self, command: &str) -> NeedsApproval {
        let draft = Draft {
            target: "srv1".to_owned(),
            command: command.to_owned(),
            requester: Some("hermes".to_owned()),
            reason: Some("test".to_owned()),
            ..Draft::default()
        };
        let request = Request::from_draft(draft, &bounds()).unwrap();
        let Judged::NeedsApproval(asked) = self.policy.judge(request, self.target.clone()) else {
            panic!("it does not ask");
        };
        asked
    }

    /// Puts a request, and says how many were outdated by it.
    fn ask(&self, command: &str, by: &str) -> Result<(Ticket, usize), Error> {
        self.ask_by(command, &caller(by))
    }

    fn ask_by(&self, command: &str, caller: &Caller) -> Result<(Ticket, usize), Error> {
        let asked = self.asked(command);
        let script = asked.case().request().script();
        let putting = Putting {
            id: Uuid::now_v7(),
            caller,
            now: Utc::now(),
            ttl: Duration::from_secs(900),
            previews: Vec::new(),
            before: None,
        };
        let facts = self.facts(script);
        let put = self.approvals.put(&asked, &facts, &putting, |pending| {
            Told::Recorded(pending.ticket().clone())
        })?;
        Ok((put.told, put.outdated.len()))
    }

    fn facts<'a>(&'a self, script: &'a shell::Script) -> Facts<'a> {
        Facts {
            target: &self.target,
            pins: &self.pins,
            script,
            policy: &self.digest,
        }
    }

    fn only(&self) -> Pending {
        let root = caller("root");
        let anybody = Seeker {
            caller: &root,
            own_first: false,
            since: None,
        };
        let found = self.approvals.find(&Which::Only, &anybody, Utc::now());
        match found.unwrap() {
            Found::These(found) => found.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn take(&self, pending: Pending, answer: Answer) -> Result<Approved, Refused> {
        let script =
            shell::Script::parse(&pending.ticket().request.command, &shell::Limits::default());
        self.approvals
            .take(pending, answer, &self.facts(&script), &bounds())
    }

    fn yes(&self, by: &str, via: Via) -> Result<Approved, Refused> {
        self.said(by, via, None)
    }

    fn said(&self, by: &str, via: Via, verified: Option<&Verified>) -> Result<Approved, Refused> {
        let pending = self.only();
        let caller = caller(by);
        let giver = Giver {
            caller: &caller,
            via,
            verified,
            is_approver: caller::is_member(by, APPROVERS),
        };
        let ticket = pending.ticket().clone();
        let trust = self.approvals.trust();
        let answer = Answer::yes(&giver, &ticket.asker(), trust, Utc::now(), None);
        self.take(pending, answer)
    }

    /// Says yes with a recovery code of `of`, brought by `by`.
    fn yes_with_code(&self, of: &str, by: &str, via: Via) -> Result<Approved, Refused> {
        let factors = factors(self.folder.path());
        let fresh = factor::Enrolment::fresh().unwrap();
        let name = factor::Name::parse(of).unwrap();
        let open = factors.open().unwrap();
        open.enroll(&name, &fresh, None, "root", Utc::now())
            .unwrap();
        drop(open);
        let code = Factor::parse(fresh.recovery().iter().next().unwrap()).unwrap();
        let verified = factors.verify(&code, None, by, Utc::now()).unwrap();
        self.said(by, via, Some(&verified))
    }
}

#[test]
fn what_cannot_be_undone_needs_two_people_in_production() {
    let room = room(true);
    assert!(matches!(
        room.yes(ALICE, Via::Command),
        Err(Refused::NotYet(Missing::Second))
    ));
    let approved = room.yes(BOB, Via::Command).unwrap();
    let last = approved.decision();
    assert_eq!((last.after[0].by.as_str(), last.by.as_str()), (ALICE, BOB));
    assert_eq!(last.assurance(), Assurance::SecondFactor);
}

#[test]
fn one_person_is_never_two() {
    let room = room(true);
    assert!(room.yes(ALICE, Via::Command).is_err());
    for _ in 0..2 {
        assert!(matches!(
            room.yes(ALICE, Via::Command),
            Err(Refused::Again(Missing::Second))
        ));
    }
}

#[test]
fn one_person_with_a_code_from_the_phone_is_enough_for_what_cannot_be_undone() {
    let room = room(true);
    assert!(room.yes(ALICE, Via::Command).is_err());
    let approved = room.yes_with_code(ALICE, ALICE, Via::Command).unwrap();
    assert_eq!(approved.decision().assurance(), Assurance::SecondFactor);
}

#[test]
fn a_code_through_a_relay_is_a_persons_word_and_no_second_factor() {
    let can_be_undone = room(false);
    let approved = can_be_undone
        .yes_with_code("chat-only", ASKER, Via::Stdin)
        .unwrap();
    let decision = approved.decision();
    assert_eq!(decision.by, "chat-only");
    assert_eq!(decision.assurance(), Assurance::OutOfBand);
    let cannot = room(true);
    assert!(matches!(
        cannot.yes_with_code("chat-only", ASKER, Via::Stdin),
        Err(Refused::NotYet(Missing::Second))
    ));
    // A second one of another person is.
    assert!(cannot.yes_with_code("another", ASKER, Via::Stdin).is_ok());
}

#[test]
fn the_askers_own_code_through_a_relay_is_only_a_relayed_word() {
    let room = room(false);
    assert!(matches!(
        room.yes_with_code(ASKER, ASKER, Via::Stdin),
        Err(Refused::OwnRequest(_))
    ));
    assert!(matches!(
        room.yes_with_code(ASKER, ALICE, Via::Stdin),
        Err(Refused::OwnRequest(_))
    ));
}

#[test]
fn the_asker_a_stranger_and_a_relayed_word_never_count() {
    let room = room(true);
    let own = |by| matches!(room.yes(by, Via::Command), Err(Refused::OwnRequest(_)));
    let stranger = |by| matches!(room.yes(by, Via::Command), Err(Refused::NoApprover { .. }));
    let weak = |by, via| matches!(room.yes(by, via), Err(Refused::TooWeak(_)));
    let none_counts = || {
        assert!(own(ASKER));
        assert!(stranger(STRANGER));
        assert!(weak(ASKER, Via::Stdin));
        assert!(weak(STRANGER, Via::Stdin));
        assert!(weak(ALICE, Via::Client));
    };
    none_counts();
    assert!(room.yes(ALICE, Via::Command).is_err());
    none_counts();
    assert!(room.yes(BOB, Via::Command).is_ok());
}

#[test]
fn whoever_may_have_asked_is_not_another_person() {
    // Where sudo replaced itself and the caller's shell ended, this is all that is left of them.
    let orphan = Caller {
        disputed: Some(ALICE.to_owned()),
        ..caller(STRANGER)
    };
    let room = room(false);
    room.approvals
        .cancel(room.only(), "another one asks", Utc::now())
        .unwrap();
    room.ask_by("dropdb app", &orphan).unwrap();
    assert!(matches!(
        room.yes(ALICE, Via::Command),
        Err(Refused::OwnRequest(_))
    ));
    assert!(matches!(
        room.yes_with_code(ALICE, STRANGER, Via::Stdin),
        Err(Refused::OwnRequest(_))
    ));
    assert!(room.yes(BOB, Via::Command).is_ok());
}

#[test]
fn who_asked_may_approve_only_where_configuration_says_so_and_that_is_noted() {
    let approver_asks = |trust| {
        let room = room_of(trust, rule());
        let pending = room.only();
        let waiting = pending.ticket().clone();
        room.approvals
            .cancel(pending, "another one asks", Utc::now())
            .unwrap();
        assert_eq!(waiting.caller, ASKER);
        room.ask("dropdb app", ALICE).unwrap();
        room.yes(ALICE, Via::Command)
    };
    assert!(matches!(
        approver_asks(trust()),
        Err(Refused::OwnRequest(_))
    ));
    let small_team = Trust {
        self_approval: true,
        ..trust()
    };
    let approved = approver_asks(small_team).unwrap();
    assert!(approved.decision().self_approved);
}

#[test]
fn of_many_at_once_one_is_last_and_the_others_are_before() {
    for _ in 0..20 {
        let room = room(true);
        let people = [ALICE, BOB, CAROL];
        let granted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = people
                .iter()
                .map(|by| {
                    let room = &room;
                    scope.spawn(move || {
                        let waiting = room.approvals.waiting(Utc::now()).unwrap();
                        let Some(pending) = waiting.into_iter().next() else {
                            return false;
                        };
                        let ticket = pending.ticket().clone();
                        let caller = caller(by);
                        let giver = Giver {
                            caller: &caller,
                            via: Via::Command,
                            verified: None,
                            is_approver: true,
                        };
                        let answer =
                            Answer::yes(&giver, &ticket.asker(), &trust(), Utc::now(), None);
                        room.take(pending, answer).is_ok()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| usize::from(thread.join().unwrap()))
                .sum()
        });
        assert_eq!(granted, 1);
    }
}

#[test]
fn an_approvers_own_word_on_standard_input_is_theirs() {
    let one = room(false);
    let approved = one.yes(ALICE, Via::Stdin).unwrap();
    assert_eq!(approved.decision().assurance(), Assurance::OutOfBand);
    let two = room(true);
    assert!(two.yes(ALICE, Via::Stdin).is_err());
    assert!(two.yes(BOB, Via::Stdin).is_ok());
    let with_a_phone = room(true);
    let approved = with_a_phone
        .yes_with_code(ALICE, ALICE, Via::Stdin)
        .unwrap();
    assert_eq!(approved.decision().assurance(), Assurance::SecondFactor);
    // Another person's phone is that person's word, and not one's own second factor.
    let relayed = room(true);
    assert!(
        relayed
            .yes_with_code("chat-only", ALICE, Via::Stdin)
            .is_err()
    );
    assert!(relayed.yes(ALICE, Via::Stdin).is_ok());
}

#[test]
fn what_can_be_undone_needs_one_other_person() {
    let room = room(false);
    let approved = room.yes(ALICE, Via::Command).unwrap();
    assert!(approved.decision().after.is_empty());
    assert_eq!(approved.decision().assurance(), Assurance::OutOfBand);
}

#[test]
fn a_no_needs_nobody_else() {
    let room = room(true);
    assert!(room.yes(ALICE, Via::Command).is_err());
    let answer = Answer::no(&caller(ASKER), Via::Stdin, Utc::now(), None);
    assert!(room.approvals.deny(room.only(), answer).is_ok());
}

#[test]
fn a_quorum_names_people_and_groups() {
    let named = |name: &str| Principal::parse(name).unwrap();
    let demand = Demand::of(Assurance::OutOfBand).and(&Demand {
        min: 2,
        all_of: BTreeSet::from([named(BOB)]),
        any_of: BTreeSet::from([BTreeSet::from([named("%root"), named(CAROL)])]),
        ..Demand::of(Assurance::Relayed)
    });
    let room = room_of(trust(), Definition { demand, ..rule() });
    assert!(matches!(
        room.yes(ALICE, Via::Command),
        Err(Refused::NotYet(Missing::People { have: 1, min: 2 }))
    ));
    assert!(matches!(
        room.yes(CAROL, Via::Command),
        Err(Refused::NotYet(Missing::From(_)))
    ));
    let approved = room.yes(BOB, Via::Command).unwrap();
    let before: Vec<&str> = approved
        .decision()
        .after
        .iter()
        .map(|earlier| earlier.by.as_str())
        .collect();
    assert_eq!(before, [ALICE, CAROL]);
}

#[test]
fn who_is_no_approver_any_more_was_none() {
    let room = room(true);
    assert!(room.yes(ALICE, Via::Command).is_err());
    // The same room under another group, to which only one of them belongs.
    let changed = Trust {
        group: "games".to_owned(),
        ..trust()
    };
    let approvals = Approvals::new(
        room.folder.path().join("approvals"),
        limits(),
        changed,
        factors(room.folder.path()),
    );
    let room = Room { approvals, ..room };
    let pending = room.only();
    let ticket = pending.ticket().clone();
    let caller = caller(STRANGER);
    let giver = Giver {
        caller: &caller,
        via: Via::Command,
        verified: None,
        is_approver: true,
    };
    let answer = Answer::yes(&giver, &ticket.asker(), &trust(), Utc::now(), None);
    assert!(matches!(
        room.take(pending, answer),
        Err(Refused::NotYet(Missing::Second))
    ));
}

#[test]
fn another_pin_policy_or_address_is_not_what_was_shown() {
    type Change = fn(&mut Room);
    let changes: [Change; 4] = [
        |room| room.pins = vec!["192.0.2.1 ssh-ed25519 BBBB".to_owned()],
        |room| room.pins.clear(),
        |room| room.digest = "another policy".to_owned(),
        |room| {
            let host = Host::new("192.0.2.2", 22, "aiops").unwrap();
            let scope = room.target.scope().clone();
            room.target = Target::new(room.target.name().clone(), host, scope);
        },
    ];
    for change in changes {
        let mut room = room(false);
        change(&mut room);
        assert!(matches!(
            room.yes(ALICE, Via::Command),
            Err(Refused::Changed(_))
        ));
        let past = room.approvals.past().unwrap();
        assert_eq!(past[0].0, State::Failed);
    }
}

#[test]
fn every_field_of_a_ticket_is_in_its_digest() {
    let room = room(false);
    let ticket = room.only().ticket().clone();
    let script = shell::Script::parse(&ticket.request.command, &shell::Limits::default());
    let facts = room.facts(&script);
    assert!(ticket.is_what_was_shown(&facts));
    let whole = serde_json::to_value(&ticket).unwrap();
    let told_beside = ["schema", "digest", "policy"];
    for (key, value) in whole.as_object().unwrap() {
        if told_beside.contains(&key.as_str()) {
            continue;
        }
        let mut changed = whole.clone();
        changed[key] = match (key.as_str(), value) {
            ("code", _) => "2B3C".into(),
            ("id" | "nonce", _) => Uuid::new_v4().to_string().into(),
            ("created" | "expires", _) => "2030-01-01T00:00:00Z".into(),
            ("request", _) => {
                let mut request = value.clone();
                request["command"] = "dropdb other".into();
                request
            }
            ("caller", _) => "another".into(),
            ("demand", _) => serde_json::json!({"level": "relayed", "min": 1}),
            (_, serde_json::Value::Bool(flag)) => (!flag).into(),
            (_, serde_json::Value::Number(_)) => 4242.into(),
            _ => "another".into(),
        };
        let changed: Ticket = serde_json::from_value(changed).unwrap();
        assert!(!changed.is_what_was_shown(&facts), "{key} is not in it");
    }
    for key in ["requester", "reason", "incident", "conversation"] {
        let mut changed = whole.clone();
        changed["request"][key] = "another".into();
        let changed: Ticket = serde_json::from_value(changed).unwrap();
        assert!(!changed.is_what_was_shown(&facts), "{key} is not in it");
    }
    let mut changed = ticket.clone();
    changed.request.timeout = Some(9);
    assert!(!changed.is_what_was_shown(&facts));
    let mut changed = ticket.clone();
    changed.before = Some("alice denied it".to_owned());
    assert!(!changed.is_what_was_shown(&facts));
    let mut changed = ticket;
    changed.previews.push(Preview {
        command: "uptime".to_owned(),
        outcome: String::new(),
        output: String::new(),
    });
    assert!(!changed.is_what_was_shown(&facts));
}

#[test]
fn the_same_again_joins_and_under_another_policy_takes_its_place() {
    let mut room = room(false);
    let first = room.only().ticket().clone();
    let (again, outdated) = room.ask("dropdb app", ASKER).unwrap();
    assert_eq!((again.id, outdated), (first.id, 0));
    room.digest = "another policy".to_owned();
    let (new, outdated) = room.ask("dropdb app", ASKER).unwrap();
    assert_eq!(outdated, 1);
    assert_ne!(new.id, first.id);
    assert_eq!(room.only().ticket().id, new.id);
    assert_eq!(room.approvals.past().unwrap()[0].0, State::Cancelled);
}

#[test]
fn nobody_fills_the_room_alone() {
    let room = room(false);
    for name in ["b", "c"] {
        room.ask(&format!("dropdb {name}"), ASKER).unwrap();
    }
    assert!(matches!(room.ask("dropdb d", ASKER), Err(Error::FullOf(3))));
    room.ask("dropdb d", ALICE).unwrap();
    room.ask("dropdb e", ALICE).unwrap();
    assert!(matches!(room.ask("dropdb f", ALICE), Err(Error::Full(5))));
}

#[test]
fn a_file_of_another_version_is_taken_out_and_stops_nobody() {
    let room = room(false);
    let ticket = room.only().ticket().clone();
    let path = room
        .folder
        .path()
        .join(format!("approvals/{}.pending", ticket.id));
    let mut old = serde_json::to_value(&ticket).unwrap();
    old["schema"] = 1.into();
    old["needs"] = "relayed".into();
    std::fs::write(&path, old.to_string()).unwrap();
    assert!(room.approvals.waiting(Utc::now()).unwrap().is_empty());
    let taken = room.approvals.sweep_foreign().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].as_ref().unwrap().command, "dropdb app");
    assert!(!path.exists() && path.with_extension("cancelled").exists());
    assert!(room.approvals.sweep_foreign().unwrap().is_empty());
}

/// What a bare word means that comes now.
fn bare(room: &Room, by: &str, own_first: bool) -> Found {
    for pending in room.approvals.waiting(Utc::now()).unwrap() {
        room.approvals.shown(pending.ticket().id).at(Moment::now());
    }
    let caller = caller(by);
    let seeker = Seeker {
        caller: &caller,
        own_first,
        since: Some(Moment::now()),
    };
    let found = room.approvals.find(&Which::Only, &seeker, Utc::now());
    found.unwrap()
}

#[track_caller]
fn is_doubted(found: &Found) {
    assert!(
        matches!(found, Found::Ambiguous(_, Doubt::Ended(_))),
        "{found:?}"
    );
}

#[test]
fn a_word_may_have_been_meant_for_what_ended_without_a_note() {
    for state in [State::Denied, State::Approved, State::Expired] {
        let room = room(false);
        let first = room.only().ticket().clone();
        let path = |state: State| {
            let name = format!("approvals/{}.{}", first.id, state.word());
            room.folder.path().join(name)
        };
        // It waited for long, and whoever ended it died before writing down that they did.
        let mut old = first.clone();
        old.created = Utc::now() - TimeDelta::minutes(5);
        let pending = path(State::Pending);
        std::fs::write(&pending, serde_json::to_vec(&old).unwrap()).unwrap();
        let file = std::fs::File::options().write(true).open(&pending).unwrap();
        file.set_modified(old.created.into()).unwrap();
        std::fs::rename(&pending, path(state)).unwrap();
        room.ask("dropdb other", ASKER).unwrap();
        is_doubted(&bare(&room, ASKER, true));
    }
}

#[test]
fn a_word_may_have_been_meant_for_what_is_just_going_on_to_its_next_state() {
    let room = room(false);
    let id = room.only().ticket().id;
    room.yes(ALICE, Via::Command).unwrap();
    room.ask("dropdb other", ASKER).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let steps = [State::Approved, State::Running, State::Done];
                for (from, to) in steps.iter().zip(&steps[1..]) {
                    room.approvals.advance(&id, *from, *to);
                    std::thread::sleep(Duration::from_micros(200));
                }
                // Only this test goes back.
                room.approvals.advance(&id, State::Done, State::Approved);
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let found: Vec<Found> = (0..1000).map(|_| bare(&room, ASKER, true)).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        found.iter().for_each(is_doubted);
    });
}

#[test]
fn a_word_for_ones_own_request_that_ended_does_not_mean_another_persons() {
    let room = room(false);
    let no = Answer::no(&caller(ALICE), Via::Command, Utc::now(), None);
    room.approvals.deny(room.only(), no).unwrap();
    room.ask("dropdb other", CAROL).unwrap();
    // Who only asks is not even told of it.
    assert!(matches!(
        bare(&room, ASKER, true),
        Found::None { others: 0, .. }
    ));
    is_doubted(&bare(&room, BOB, true));
    // An operator may have meant either person's.
    is_doubted(&bare(&room, BOB, false));
    // Who ended the first by that way knows that it ended.
    assert!(matches!(bare(&room, ALICE, false), Found::These(_)));
    // Who asked the second has had no other.
    assert!(matches!(bare(&room, CAROL, true), Found::These(_)));
}

#[test]
fn nothing_is_taken_out_in_silence_for_what_finds_no_room() {
    let mut room = room(false);
    for name in ["b", "c"] {
        room.ask(&format!("dropdb {name}"), ASKER).unwrap();
    }
    // A change of the configuration outdates all of them, and leaves less room.
    room.digest = "another policy".to_owned();
    let fewer = Limits {
        pending_per_requester: 2,
        ..limits()
    };
    room.approvals = Approvals::new(
        room.folder.path().join("approvals"),
        fewer,
        trust(),
        factors(room.folder.path()),
    );
    assert!(matches!(
        room.ask("dropdb app", ASKER),
        Err(Error::FullOf(2))
    ));
    assert_eq!(room.approvals.past().unwrap(), []);
    assert_eq!(room.approvals.waiting(Utc::now()).unwrap().len(), 3);
}

#[test]
fn a_code_is_not_given_again_as_long_as_its_request_is_remembered() {
    let room = room(false);
    let dir = room.folder.path().join("approvals");
    let given = room.only().ticket().code.clone();
    let no = Answer::no(&caller(ASKER), Via::Stdin, Utc::now(), None);
    room.approvals.deny(room.only(), no).unwrap();
    let other = Code::parse(if given.as_str() == "2A2A" {
        "2B2B"
    } else {
        "2A2A"
    })
    .unwrap();
    let mut draws = [&given, &given, &other].into_iter().cloned();
    assert_eq!(
        store::new_code(&dir, || draws.next().unwrap()).unwrap(),
        other
    );
    assert!(matches!(
        store::new_code(&dir, || given.clone()),
        Err(Error::NoCode)
    ));
    let later = Utc::now() + TimeDelta::hours(2);
    store::forget(&dir, later, &limits()).unwrap();
    assert_eq!(store::new_code(&dir, || given.clone()).unwrap(), given);
}

#[test]
fn who_approves_by_no_code_any_more_or_by_another_phone_was_none() {
    let enrolled_anew = |room: &Room| {
        let factors = factors(room.folder.path());
        let name = factor::Name::parse("chat-only").unwrap();
        let fresh = factor::Enrolment::fresh().unwrap();
        let open = factors.open().unwrap();
        open.enroll(&name, &fresh, None, "root", Utc::now())
            .unwrap();
    };
    let removed = |room: &Room| {
        let factors = factors(room.folder.path());
        let name = factor::Name::parse("chat-only").unwrap();
        factors.open().unwrap().remove(&name).unwrap();
    };
    let changes: [&dyn Fn(&Room); 2] = [&removed, &enrolled_anew];
    for change in changes {
        let room = room(true);
        assert!(
            room.yes_with_code("chat-only", ASKER, Via::Stdin).is_err(),
            "it is the first of two"
        );
        change(&room);
        assert!(matches!(
            room.yes(ALICE, Via::Command),
            Err(Refused::NotYet(Missing::Second))
        ));
        assert!(room.yes(BOB, Via::Command).is_ok());
    }
}

#[test]
fn who_names_what_was_taken_a_moment_ago_is_told_by_whom() {
    let room = room(false);
    let dir = room.folder.path().join("approvals");
    let mut ticket = room.only().ticket().clone();
    assert!(store::leave(&dir, &ticket.id, State::Denied).unwrap());
    let which = Which::Code(ticket.code.clone());
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The winner has its rename, and writes its name a moment later.
            std::thread::sleep(Duration::from_millis(30));
            let no = Answer::no(&caller(ALICE), Via::Command, Utc::now(), None);
            ticket.decided = Some(no);
            store::note(&dir, &ticket, State::Denied).unwrap();
        });
        let bob = caller(BOB);
        let seeker = Seeker {
            caller: &bob,
            own_first: false,
            since: None,
        };
        room.approvals.find(&which, &seeker, Utc::now()).unwrap()
    });
    let Found::None { last, .. } = found else {
        panic!("{found:?}");
    };
    assert_eq!(last.unwrap().1.decided.unwrap().by, ALICE);
}
