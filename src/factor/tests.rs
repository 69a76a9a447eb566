use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use sha2::Digest as _;
use sha2::Sha256;
use tempfile::TempDir;

use super::*;
use crate::request::Factor;

/// A directory with some people in it, and the codes that their phones show.
struct House {
    dir: TempDir,
    phones: Vec<(String, totp_rs::Totp)>,
    papers: Vec<Vec<String>>,
}

fn limits() -> Limits {
    Limits {
        tries: 5,
        lock: Duration::from_secs(30),
        lock_max: Duration::from_secs(86_400),
        lock_wait: Duration::from_secs(60),
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOON + seconds, 0).unwrap()
}

/// The first second of a step.
const NOON: i64 = 1_800_000_000;

impl House {
    fn of(names: &[&str]) -> Self {
        let mut house = Self {
            dir: tempfile::tempdir().unwrap(),
            phones: Vec::new(),
            papers: Vec::new(),
        };
        for name in names {
            house.enroll(name);
        }
        house
    }

    fn enroll(&mut self, name: &str) {
        // The same in every run: two codes are never alike by chance.
        let seed = format!("{name} {}", self.phones.len());
        let secret: [u8; 20] = Sha256::digest(seed.as_bytes())[..20].try_into().unwrap();
        let secret = totp_rs::Secret::from(secret);
        let fresh = Enrolment {
            secret: secret::Secret::parse(&secret.to_base32()).unwrap(),
            ..Enrolment::fresh().unwrap()
        };
        let phone = totp_rs::Builder::new().with_secret(secret);
        self.phones.push((name.to_owned(), phone.build().unwrap()));
        self.papers
            .push(fresh.recovery().iter().map(str::to_owned).collect());
        let name = Name::parse(name).unwrap();
        let factors = self.factors();
        let open = factors.open().unwrap();
        open.enroll(&name, &fresh, None, "root", at(0)).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("approvers").join(name)
    }

    fn factors(&self) -> Factors {
        Factors::new(self.dir.path().join("approvers"), limits())
    }

    /// What a phone shows so many seconds after noon.
    fn code(&self, name: &str, seconds: i64) -> String {
        let (_, phone) = self
            .phones
            .iter()
            .rev()
            .find(|(whose, _)| whose == name)
            .unwrap();
        let time = u64::try_from(NOON + seconds).unwrap();
        phone.generate(time).to_string()
    }

    /// A code that is nobody's around a time.
    fn wrong(&self, seconds: i64) -> String {
        let near: Vec<String> = self
            .phones
            .iter()
            .flat_map(|(name, _)| [-60, -30, 0, 30, 60].map(|off| self.code(name, seconds + off)))
            .collect();
        (0..)
            .map(|n| format!("{n:06}"))
            .find(|code| !near.contains(code))
            .unwrap()
    }

    fn try_of(&self, code: &str, of: Option<&str>, seconds: i64) -> Result<Verified, Refused> {
        let factor = Factor::parse(code).unwrap();
        self.factors().verify(&factor, of, "relay", at(seconds))
    }

    fn try_at(&self, code: &str, seconds: i64) -> Result<Verified, Refused> {
        self.try_of(code, None, seconds)
    }

    #[track_caller]
    fn is_wrong(&self, code: &str, seconds: i64) {
        let found = self.try_at(code, seconds);
        assert!(matches!(found, Err(Refused::Wrong { .. })), "{found:?}");
    }

    fn wrong_ones(&self) -> u32 {
        self.factors()
            .tries()
            .unwrap()
            .map_or(0, |tries| tries.wrong)
    }
}

#[test]
fn a_code_says_whose_it_is() {
    let house = House::of(&["alice", "bob"]);
    let verified = house.try_at(&house.code("bob", 5), 5).unwrap();
    assert_eq!(
        (verified.person(), verified.kind(), verified.kind().word()),
        ("bob", Kind::Totp, "totp")
    );
}

#[test]
fn a_code_is_good_at_its_step_one_before_and_one_after_and_not_two() {
    for (off, good) in [
        (-60, false),
        (-30, true),
        (0, true),
        (29, true),
        (30, true),
        (59, true),
        (60, false),
        (3600, false),
    ] {
        let house = House::of(&["alice"]);
        let code = house.code("alice", 0);
        let found = house.try_at(&code, off);
        assert_eq!(found.is_ok(), good, "{off}: {found:?}");
    }
}

#[test]
fn a_code_is_good_once() {
    let house = House::of(&["alice"]);
    let code = house.code("alice", 0);
    house.try_at(&code, 0).unwrap();
    for seconds in [0, 1, 30, 59] {
        let again = house.try_at(&code, seconds);
        assert!(matches!(again, Err(Refused::Used)), "{seconds}: {again:?}");
    }
    house.is_wrong(&code, 60);
    house.try_at(&house.code("alice", 60), 60).unwrap();
}

#[test]
fn a_code_of_a_step_before_a_used_one_is_used_too() {
    let house = House::of(&["alice"]);
    house.try_at(&house.code("alice", 30), 0).unwrap();
    let before = house.try_at(&house.code("alice", 0), 0);
    assert!(matches!(before, Err(Refused::Used)), "{before:?}");
}

#[test]
fn a_clock_set_back_allows_no_old_code() {
    let house = House::of(&["alice"]);
    house.try_at(&house.code("alice", 3600), 3600).unwrap();
    for seconds in [0, 1800, 3570] {
        let old = house.try_at(&house.code("alice", seconds), seconds);
        assert!(matches!(old, Err(Refused::Used)), "{seconds}: {old:?}");
    }
}

#[test]
fn fifty_at_once_with_the_same_code_are_one_acceptance() {
    let house = House::of(&["alice", "bob"]);
    let digits = house.code("alice", 0);
    let paper = house.papers[1][3].clone();
    for (code, person) in [(digits, "alice"), (paper, "bob")] {
        let accepted: Vec<String> = thread::scope(|scope| {
            let all: Vec<_> = (0..50)
                .map(|_| scope.spawn(|| house.try_at(&code, 0)))
                .collect();
            all.into_iter()
                .filter_map(|one| one.join().unwrap().ok())
                .map(|verified| verified.person().to_owned())
                .collect()
        });
        assert_eq!(accepted, [person]);
        house.factors().open().unwrap().unlock().unwrap();
    }
}

#[test]
fn that_it_is_spent_is_on_disk_and_not_in_memory() {
    let house = House::of(&["alice"]);
    house.try_at(&house.code("alice", 0), 0).unwrap();
    let text = fs::read_to_string(house.path("alice.json")).unwrap();
    assert!(
        text.contains(&format!("\"last_step\":{}", NOON / 30)),
        "{text}"
    );
}

#[test]
fn only_the_person_that_is_asked_for_is_compared() {
    let house = House::of(&["alice", "bob"]);
    let code = house.code("alice", 0);
    let other = house.try_of(&code, Some("bob"), 0);
    assert!(matches!(other, Err(Refused::Wrong { .. })), "{other:?}");
    house.try_of(&code, Some("alice"), 0).unwrap();
}

#[test]
fn without_a_phone_no_code_is_right_and_none_is_counted() {
    let house = House::of(&[]);
    let found = house.try_at("000000", 0);
    assert!(matches!(found, Err(Refused::Nobody)), "{found:?}");
    assert!(!house.path("").exists(), "nothing is made");
    let house = House::of(&["alice"]);
    for stranger in ["bob", "../alice", "%alice", "", "tries", "alice.json"] {
        let found = house.try_of(&house.code("alice", 0), Some(stranger), 0);
        assert!(matches!(found, Err(Refused::Unknown(_))), "{stranger}");
    }
    assert_eq!(house.wrong_ones(), 0);
}

#[test]
fn a_code_that_two_phones_show_is_nobodys_and_counts_for_nothing() {
    let house = House::of(&["alice"]);
    let text = fs::read_to_string(house.path("alice.json")).unwrap();
    let twin = house.path("bob.json");
    fs::write(&twin, text.replace("\"alice\"", "\"bob\"")).unwrap();
    fs::set_permissions(&twin, fs::Permissions::from_mode(0o600)).unwrap();
    for code in [house.code("alice", 0), house.papers[0][0].clone()] {
        let found = house.try_at(&code, 0);
        assert!(matches!(found, Err(Refused::Two)), "{found:?}");
        assert_eq!(house.wrong_ones(), 0);
    }
    house
        .try_of(&house.code("alice", 0), Some("bob"), 0)
        .unwrap();
    // One of the two phones' codes is used, and it is still not known who speaks.
    let found = house.try_at(&house.code("alice", 0), 0);
    assert!(matches!(found, Err(Refused::Two)), "{found:?}");
}

#[test]
fn after_five_wrong_codes_a_right_one_is_not_looked_at_and_not_spent() {
    let house = House::of(&["alice"]);
    for n in 1..=5 {
        house.is_wrong(&house.wrong(0), 0);
        assert_eq!(house.wrong_ones(), n);
    }
    let code = house.code("alice", 0);
    for seconds in [0, 29, -3600] {
        let found = house.try_at(&code, seconds);
        assert!(
            matches!(found, Err(Refused::Waiting(until)) if until == at(30)),
            "{found:?}"
        );
    }
    assert_eq!(
        house.wrong_ones(),
        5,
        "what is not looked at is not counted"
    );
    house.try_at(&code, 30).unwrap();
    assert_eq!(
        house.wrong_ones(),
        5,
        "a right one makes the wrong ones no less wrong"
    );
    house.is_wrong(&house.wrong(60), 60);
    let found = house.try_at(&house.code("alice", 90), 90);
    assert!(matches!(found, Err(Refused::Waiting(_))), "{found:?}");
}

#[test]
fn each_further_wrong_code_doubles_the_wait() {
    let house = House::of(&["alice"]);
    for _ in 0..4 {
        house.is_wrong(&house.wrong(0), 0);
    }
    let mut now = 0;
    for expected in [30, 60, 120, 240] {
        match house.try_at(&house.wrong(now), now) {
            Err(Refused::Wrong { until: Some(until) }) => {
                assert_eq!(until, at(now + expected));
            }
            other => panic!("{other:?}"),
        }
        now += expected;
    }
}

#[test]
fn wrong_codes_through_relays_are_counted_together_and_stop_nobody_on_the_gateway() {
    let house = House::of(&["alice", "bob"]);
    for _ in 0..5 {
        house.is_wrong(&house.wrong(0), 0);
    }
    let found = house.try_at(&house.code("bob", 0), 0);
    assert!(matches!(found, Err(Refused::Waiting(_))), "{found:?}");
    let tries = house.factors().tries().unwrap().unwrap();
    assert_eq!(tries.by, "relay");
    house.try_of(&house.code("bob", 0), Some("bob"), 0).unwrap();
    // Of a person on the gateway, whoever sits there, only their own count.
    for _ in 0..5 {
        let _ = house
            .try_of(&house.wrong(60), Some("alice"), 60)
            .unwrap_err();
    }
    let found = house.try_of(&house.code("alice", 60), Some("alice"), 60);
    assert!(matches!(found, Err(Refused::Waiting(_))), "{found:?}");
    house
        .try_of(&house.code("bob", 60), Some("bob"), 60)
        .unwrap();
    house.factors().open().unwrap().unlock().unwrap();
    house
        .try_of(&house.code("alice", 60), Some("alice"), 60)
        .unwrap();
}

#[test]
fn what_was_used_already_is_neither_a_wrong_code_nor_a_right_one() {
    let house = House::of(&["alice"]);
    let code = house.code("alice", 0);
    house.try_at(&code, 0).unwrap();
    for _ in 0..3 {
        house.is_wrong(&house.wrong(0), 0);
    }
    let _ = house.try_at(&code, 0).unwrap_err();
    assert_eq!(house.wrong_ones(), 3);
}

#[test]
fn unlocking_ends_the_wait_even_where_the_count_is_broken() {
    let house = House::of(&["alice"]);
    for _ in 0..5 {
        house.is_wrong(&house.wrong(0), 0);
    }
    house.factors().open().unwrap().unlock().unwrap();
    house.try_at(&house.code("alice", 0), 0).unwrap();
    fs::write(house.path("tries.json"), "{}").unwrap();
    fs::set_permissions(house.path("tries.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let found = house.try_at(&house.code("alice", 30), 30);
    assert!(matches!(found, Err(Refused::Store(_))), "{found:?}");
    house.factors().open().unwrap().unlock().unwrap();
    house.try_at(&house.code("alice", 30), 30).unwrap();
}

#[test]
fn a_recovery_code_is_good_once_in_any_letter_case() {
    let house = House::of(&["alice", "bob"]);
    let code = &house.papers[1][7];
    let verified = house.try_at(&code.to_lowercase(), 0).unwrap();
    assert_eq!(
        (verified.person(), verified.kind(), verified.kind().word()),
        ("bob", Kind::Recovery, "recovery")
    );
    house.is_wrong(code, 0);
    house.try_at(&house.papers[1][0], 0).unwrap();
    house.try_at(&house.papers[0][0], 0).unwrap();
    house.try_at(&house.code("bob", 0), 0).unwrap();
}

#[test]
fn new_recovery_codes_void_the_old_ones_and_leave_the_phone() {
    let house = House::of(&["alice"]);
    let (factors, name) = (house.factors(), Name::parse("alice").unwrap());
    let used = house.code("alice", 0);
    house.try_at(&used, 0).unwrap();
    let fresh = RecoveryCodes::fresh().unwrap();
    factors.open().unwrap().renew(&name, &fresh).unwrap();
    house.is_wrong(&house.papers[0][0], 0);
    house.try_at(fresh.iter().next().unwrap(), 0).unwrap();
    assert!(matches!(house.try_at(&used, 0), Err(Refused::Used)));
    house.try_at(&house.code("alice", 30), 0).unwrap();
    let stranger = Name::parse("bob").unwrap();
    assert!(factors.open().unwrap().renew(&stranger, &fresh).is_err());
}

#[test]
fn whoever_is_removed_or_enrolled_again_has_no_old_code() {
    let mut house = House::of(&["alice", "bob"]);
    let (old, paper) = (house.code("alice", 0), house.papers[0][0].clone());
    house.enroll("alice");
    house.is_wrong(&old, 0);
    house.is_wrong(&paper, 0);
    house.try_at(&house.code("alice", 0), 0).unwrap();
    let (factors, name) = (house.factors(), Name::parse("alice").unwrap());
    factors.open().unwrap().remove(&name).unwrap();
    house.is_wrong(&house.code("alice", 30), 30);
    let names: Vec<String> = factors
        .list()
        .unwrap()
        .iter()
        .map(|listed| listed.name.to_string())
        .collect();
    assert_eq!(names, ["bob"]);
}

#[test]
fn the_code_that_proved_the_enrolment_proves_nothing_else() {
    let house = House::of(&[]);
    let fresh = Enrolment::fresh().unwrap();
    let secret = totp_rs::Secret::try_from_base32(fresh.secret()).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let code = phone.generate(u64::try_from(NOON).unwrap()).to_string();
    let factor = Factor::parse(&code).unwrap();
    let Tried::Right(step) = fresh.tried(&factor, at(0)) else {
        panic!("right");
    };
    let (factors, name) = (house.factors(), Name::parse("alice").unwrap());
    let open = factors.open().unwrap();
    open.enroll(&name, &fresh, Some(step), "root", at(0))
        .unwrap();
    drop(open);
    assert!(matches!(house.try_at(&code, 0), Err(Refused::Used)));
}

#[test]
fn files_are_their_owners_alone_and_hold_no_recovery_code() {
    let house = House::of(&["alice"]);
    house.is_wrong(&house.wrong(0), 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&house.path("")), 0o700);
    for name in ["alice.json", "tries.json", "lock"] {
        assert_eq!(mode(&house.path(name)), 0o600, "{name}");
    }
    let text = fs::read_to_string(house.path("alice.json")).unwrap();
    for code in &house.papers[0] {
        assert!(!text.contains(code.as_str()));
    }
    assert_eq!(fs::read_dir(house.path("")).unwrap().count(), 3);
}

#[test]
fn a_file_of_a_process_that_died_is_swept() {
    let house = House::of(&["alice"]);
    fs::write(house.path(".new-Ab12"), "x").unwrap();
    house.try_at(&house.code("alice", 0), 0).unwrap();
    assert!(!house.path(".new-Ab12").exists());
}

#[test]
fn a_broken_file_is_an_error_for_everybody_and_shows_nothing_of_itself() {
    let house = House::of(&["alice", "bob"]);
    let good = fs::read_to_string(house.path("bob.json")).unwrap();
    let secret = good.split('"').nth(7).unwrap().to_owned();
    assert_eq!(secret.len(), 32);
    for broken in [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        good.replace("bob", "alice"),
        good.replace("\"name\"", "\"names\""),
        good.replace("\"last_step\":0,", ""),
        good.replace("\"last_step\":0", "\"last_step\":null"),
        good.replace(&secret, "AAAA"),
        good.replace(&format!("\"{secret}\""), &format!("[\"{secret}\"]")),
        good.replace("\"recovery\":[\"", "\"recovery\":[\"x"),
        good.replace("\"enrolled\":", "\"spare\":1,\"enrolled\":"),
        good.trim_end().trim_end_matches('}').to_owned(),
        format!("{good}{good}"),
        " ".repeat(70_000),
    ] {
        fs::write(house.path("bob.json"), &broken).unwrap();
        for (code, of) in [
            (house.code("alice", 0), None),
            (house.code("bob", 0), None),
            (house.code("bob", 0), Some("bob")),
            (house.papers[1][0].clone(), Some("bob")),
        ] {
            let found = house.try_of(&code, of, 0).unwrap_err();
            assert!(
                matches!(found, Refused::Store(Error::Broken { .. })),
                "{broken}: {found:?}"
            );
            let said = format!("{found} {found:?}");
            assert!(
                !said.contains(&secret) && said.contains("--again"),
                "{said}"
            );
        }
        let listed = house.factors().list().unwrap();
        assert!(matches!(listed[1].state, State::Broken { .. }));
    }
    // Whoever is asked for by name needs no other's file.
    house
        .try_of(&house.code("alice", 0), Some("alice"), 0)
        .unwrap();
}

#[test]
fn a_file_that_others_may_read_a_link_and_a_pipe_are_broken() {
    let house = House::of(&["alice"]);
    let path = house.path("alice.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let code = house.code("alice", 0);
    let refused = |what: &str| {
        let found = house.try_at(&code, 0);
        assert!(matches!(found, Err(Refused::Store(_))), "{what}: {found:?}");
    };
    refused("open to the group");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&path, house.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(house.path("elsewhere"), &path).unwrap();
    refused("a link");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("a directory");
    fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    refused("a pipe");
    fs::remove_file(&path).unwrap();
    fs::rename(house.path("elsewhere"), &path).unwrap();
    house.try_at(&code, 0).unwrap();
}

#[test]
fn files_with_other_names_are_nobodys() {
    let house = House::of(&["alice"]);
    for name in ["-x.json", "%sre.json", "bob.json.bak", "bob", ".json"] {
        fs::write(house.path(name), "{}").unwrap();
    }
    assert_eq!(house.factors().list().unwrap().len(), 1);
    house.try_at(&house.code("alice", 0), 0).unwrap();
}

#[test]
fn names_are_those_of_people_and_lead_nowhere_else() {
    for name in ["alice", "a.b-c_d", "Alice", "x1"] {
        assert_eq!(Name::parse(name).unwrap().as_str(), name);
    }
    for name in ["", "%sre", "../x", "a/b", "-x", ".x", "a b", "tries", "ä"] {
        assert_eq!(Name::parse(name), Err(BadName), "{name}");
    }
}

#[test]
fn a_lock_that_is_never_free_stops_everything() {
    let house = House::of(&["alice"]);
    let factors = Factors::new(
        house.dir.path().join("approvers"),
        Limits {
            lock_wait: Duration::from_millis(5),
            ..limits()
        },
    );
    let other = house.factors();
    let held = other.open().unwrap();
    let factor = Factor::parse(&house.code("alice", 0)).unwrap();
    let found = factors.verify(&factor, None, "relay", at(0));
    assert!(
        matches!(found, Err(Refused::Store(Error::Locked))),
        "{found:?}"
    );
    drop(held);
    factors.verify(&factor, None, "relay", at(0)).unwrap();
}

#[test]
fn refusals_say_what_to_do_and_until_when() {
    let said = |refused: Refused| refused.to_string();
    assert_eq!(
        said(Refused::Waiting(at(0))),
        "too many wrong codes were said, so none is looked at before 2027-01-15T08:00:00Z; an admin ends that with `aiops approver unlock`"
    );
    assert_eq!(said(Refused::Wrong { until: None }), "the code is wrong");
    assert_eq!(
        said(Refused::Wrong {
            until: Some(at(30))
        }),
        "the code is wrong; no code is looked at before 2027-01-15T08:00:30Z"
    );
    assert!(said(Refused::Used).contains("the next one"));
    assert!(said(Refused::Two).contains("the next one"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_in_a_file_make_a_code_right(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        which in 0..2,
    ) {
        let house = House::of(&["alice"]);
        let name = if which == 0 { "alice.json" } else { "tries.json" };
        fs::write(house.path(name), &bytes).unwrap();
        fs::set_permissions(house.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        let found = house.try_at(&house.code("alice", 0), 0);
        proptest::prop_assert!(found.is_err());
    }

    #[test]
    fn no_change_of_one_byte_makes_a_wrong_code_right(at in 0..2000usize, byte in proptest::num::u8::ANY) {
        let house = House::of(&["alice"]);
        let wrong = house.wrong(0);
        let mut bytes = fs::read(house.path("alice.json")).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        fs::write(house.path("alice.json"), &bytes).unwrap();
        let secret = String::from_utf8_lossy(&bytes).split('"').nth(7).map(str::to_owned);
        let whole = secret.and_then(|text| totp_rs::Secret::try_from_base32(text).ok());
        let shows = whole.is_some_and(|secret| {
            let phone = totp_rs::Builder::new().with_secret(secret).build();
            phone.is_ok_and(|phone| phone.check(&wrong, u64::try_from(NOON).unwrap()).is_some())
        });
        proptest::prop_assert_eq!(house.try_at(&wrong, 0).is_ok(), shows);
    }
}
