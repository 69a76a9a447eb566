//! Who approves by a code from their phone, from outside: the subcommand, its files and its records.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use tempfile::TempDir;

use aiops::factor::Factors;
use aiops::factor::Kind;
use aiops::factor::Limits;
use aiops::factor::Refused;
use aiops::factor::Verified;
use aiops::request::Factor;

use crate::lab;
use crate::lab::mode;
use crate::lab::said;

/// An installation without a machine to reach.
struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("house").tempdir().unwrap();
        let house = Self { dir };
        mode(house.dir.path(), 0o755);
        fs::create_dir(house.path("runtime")).unwrap();
        mode(&house.path("runtime"), 0o700);
        house.configure("mode: lab\n");
        fs::write(house.path("audit.jsonl"), "").unwrap();
        mode(&house.path("audit.jsonl"), 0o640);
        house
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("config.yml"), text).unwrap();
        mode(&self.path("config.yml"), 0o640);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(lab::program());
        command.arg("approver").args(arguments);
        lab::in_home(command, self.dir.path())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        finished(self.command(arguments))
    }

    #[track_caller]
    fn says(&self, arguments: &[&str], exit: i32, expected: &str) -> String {
        said(&self.run(arguments), exit, expected)
    }

    /// What another user is told that came through sudo.
    #[track_caller]
    fn says_to(&self, uid: u32, arguments: &[&str], exit: i32, expected: &str) -> Option<String> {
        let arguments: Vec<&str> = ["approver"].into_iter().chain(arguments.to_vec()).collect();
        let command = lab::as_user(self.dir.path(), &lab::program(), uid, &arguments)?;
        Some(said(&finished(command), exit, expected))
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The `event`, `status` and `approver` of all records.
    fn events(&self) -> Vec<String> {
        let word = |record: &Value, key: &str| record[key].as_str().unwrap_or("-").to_owned();
        self.log()
            .iter()
            .map(|r| {
                ["event", "status", "approver"]
                    .map(|key| word(r, key))
                    .join(" ")
            })
            .collect()
    }

    fn people(&self) -> Vec<String> {
        let listed = self.json(&["list", "--json"]);
        let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
        listed["approvers"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect()
    }

    fn verify(&self, code: &str, seconds: i64) -> Result<Verified, Refused> {
        let limits = Limits {
            tries: 5,
            lock: std::time::Duration::from_secs(30),
            lock_max: std::time::Duration::from_secs(86_400),
            lock_wait: std::time::Duration::from_secs(60),
        };
        let factors = Factors::new(self.path("runtime/approvers"), limits);
        factors.verify(&Factor::parse(code).unwrap(), None, "relay", at(seconds))
    }
}

fn finished(command: Command) -> Output {
    lab::start(command, b"").wait_with_output().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// What a phone with this secret shows.
fn code(secret: &str, seconds: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let time = u64::try_from(at(seconds).timestamp()).unwrap();
    phone.generate(time).to_string()
}

#[test]
fn an_enrolment_shows_a_secret_once_and_its_codes_are_good_once() {
    let house = House::new();
    let shown = house.json(&["enroll", "alice", "--json"]);
    let secret = shown["secret"].as_str().unwrap();
    assert_eq!((&shown["name"], secret.len()), (&"alice".into(), 32));
    let uri = shown["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/aiops:alice@")
            && uri.contains(&format!("?secret={secret}&issuer=aiops&")),
        "{uri}"
    );
    assert_eq!(shown["recovery"].as_array().unwrap().len(), 10);

    let verified = house.verify(&code(secret, 0), 0).unwrap();
    assert_eq!((verified.person(), verified.kind()), ("alice", Kind::Totp));
    let again = house.verify(&code(secret, 0), 0);
    assert!(matches!(again, Err(Refused::Used)), "{again:?}");
    let paper = shown["recovery"][4].as_str().unwrap();
    let verified = house.verify(paper, 0).unwrap();
    assert_eq!(verified.kind(), Kind::Recovery);

    let listed = house.json(&["list", "--json"]);
    assert_eq!(listed["approvers"][0]["recovery_left"], 9);
    assert_eq!(listed["tries"], Value::Null);
    let kept = [listed.to_string(), house.says(&["list"], 0, "alice")].concat()
        + &fs::read_to_string(house.path("audit.jsonl")).unwrap();
    assert!(!kept.contains(secret) && !kept.contains(paper), "{kept}");
}

#[test]
fn without_a_terminal_a_person_reads_text_and_a_qr_code_only_where_asked_for() {
    let house = House::new();
    let plain = house.says(&["enroll", "alice"], 0, "`alice` is enrolled.");
    for part in ["otpauth://totp/aiops:alice@", "Secret: ", "Recovery codes"] {
        assert!(plain.contains(part), "{part} in {plain}");
    }
    assert!(!plain.contains('\u{2588}'), "{plain}");
    let secret = plain
        .split("Secret: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_eq!(
        secret.split(' ').map(str::len).collect::<Vec<usize>>(),
        [4; 8]
    );
    house.verify(&code(&secret.replace(' ', ""), 0), 0).unwrap();
    let drawn = house.says(&["enroll", "bob", "--yes", "--qr"], 0, "`bob` is enrolled.");
    assert!(
        drawn.contains('\u{2588}') && !drawn.contains('\u{1b}'),
        "{drawn}"
    );
}

#[test]
fn files_are_the_executors_alone() {
    let house = House::new();
    house.json(&["enroll", "alice", "--json"]);
    let facts = |name: &str| fs::metadata(house.path(name)).unwrap().mode() & 0o7777;
    assert_eq!(facts("runtime/approvers"), 0o700);
    assert_eq!(facts("runtime/approvers/alice.json"), 0o600);
    assert_eq!(facts("runtime/approvers/lock"), 0o600);
}

#[test]
fn nobody_is_enrolled_twice_by_accident() {
    let house = House::new();
    let first = house.json(&["enroll", "alice", "--json"]);
    let (old, kept) = (
        first["secret"].as_str().unwrap(),
        fs::read(house.path("runtime/approvers/alice.json")).unwrap(),
    );
    house.says(&["enroll", "alice"], 3, "--again");
    let now = fs::read(house.path("runtime/approvers/alice.json")).unwrap();
    assert_eq!(now, kept);
    let second = house.json(&["enroll", "alice", "--again", "--json"]);
    assert!(house.verify(&code(old, 0), 0).is_err());
    let new = second["secret"].as_str().unwrap();
    house.verify(&code(new, 0), 0).unwrap();
    assert_eq!(
        house.events(),
        ["approver enrolled alice", "approver enrolled alice"]
    );
}

#[test]
fn names_are_those_of_people() {
    let house = House::new();
    for name in ["%sre", "../alice", "a b", "tries", "", "a\u{1b}[2J"] {
        let output = house.run(&["enroll", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{1b}'));
    }
    for command in [["remove", "alice"], ["recovery", "alice"]] {
        house.says(&command, 2, "`alice` is not enrolled");
    }
    assert!(house.log().is_empty());
}

#[test]
fn every_change_is_a_record_and_the_log_stays_whole() {
    let house = House::new();
    house.json(&["enroll", "alice", "--json"]);
    house.json(&["enroll", "bob", "--json"]);
    let codes = house.json(&["recovery", "bob", "--json"]);
    assert_eq!(codes["recovery"].as_array().unwrap().len(), 10);
    house
        .verify(codes["recovery"][0].as_str().unwrap(), 0)
        .unwrap();
    house.says(&["remove", "alice"], 0, "`alice` is removed");
    assert_eq!(house.people(), ["bob"]);
    house.says(&["unlock"], 0, "no wrong code");
    assert!(house.verify("ABCDE-FGH23", 0).is_err());
    house.says(&["list"], 0, "1 wrong code since the last right one");
    house.says(&["unlock"], 0, "looked at again");
    house.says(&["remove", "bob"], 0, "removed");
    house.says(&["list"], 0, "Nobody");
    assert_eq!(
        house.events(),
        [
            "approver enrolled alice",
            "approver enrolled bob",
            "approver recovery_renewed bob",
            "approver removed alice",
            "approver unlocked -",
            "approver removed bob",
        ]
    );
    let own = rustix::process::getuid().as_raw();
    let schema = finished(lab::in_home(
        {
            let mut command = Command::new(lab::program());
            command.args(["schema", "record"]);
            command
        },
        house.dir.path(),
    ));
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    for record in house.log() {
        assert!(schema.is_valid(&record), "{record}");
        assert_eq!(record["caller_uid"], own);
        let message = record["message"].as_str().unwrap();
        assert!(
            message.starts_with('`') && message.ends_with('.'),
            "{message}"
        );
    }
    let mut verify = Command::new(lab::program());
    verify.args(["audit", "verify"]);
    let whole = finished(lab::in_home(verify, house.dir.path()));
    said(&whole, 0, "6 records are whole");
}

#[test]
fn without_a_log_nothing_changes() {
    let house = House::new();
    house.json(&["enroll", "alice", "--json"]);
    let kept = fs::read(house.path("runtime/approvers/alice.json")).unwrap();
    assert!(house.verify("ABCDE-FGH23", 0).is_err());
    fs::rename(house.path("audit.jsonl"), house.path("away")).unwrap();
    for command in [
        &["enroll", "bob"][..],
        &["enroll", "alice", "--again"],
        &["remove", "alice"],
        &["recovery", "alice"],
        &["unlock"],
    ] {
        let output = house.run(command);
        assert_eq!(output.status.code(), Some(5), "{command:?}");
        assert_eq!(output.stdout, b"", "{command:?} shows nothing");
    }
    assert_eq!(house.people(), ["alice"]);
    let now = fs::read(house.path("runtime/approvers/alice.json")).unwrap();
    assert_eq!(now, kept);
    assert!(house.path("runtime/approvers/tries.json").exists());
}

#[test]
fn whoever_came_through_sudo_as_another_than_root_changes_nothing_and_is_recorded() {
    let house = House::new();
    house.json(&["enroll", "alice", "--json"]);
    assert!(house.verify("ABCDE-FGH23", 0).is_err());
    for command in [
        &["enroll", "mallory"][..],
        &["enroll", "mallory", "--json"],
        &["enroll", "alice", "--again", "--yes"],
        &["remove", "alice"],
        &["recovery", "alice"],
        &["unlock"],
    ] {
        let Some(said) = house.says_to(1, command, 3, "an admin has to") else {
            return;
        };
        assert!(!said.contains("otpauth"), "{said}");
    }
    assert!(house.path("runtime/approvers/tries.json").exists());
    house.says_to(1, &["list"], 0, "alice").unwrap();
    assert_eq!(house.people(), ["alice"]);
    let refused = &house.log()[1..];
    assert_eq!(refused.len(), 6);
    for record in refused {
        assert_eq!(
            (
                &record["status"],
                &record["caller_uid"],
                &record["caller_through"]
            ),
            (&"rejected".into(), &1.into(), &"sudo".into())
        );
    }
}

#[test]
fn the_line_goes_on_beside_the_records_of_approvers() {
    let lab = lab::lab!();
    let Some(stranger) = lab.as_user(1, &["approver", "enroll", "mallory"]) else {
        return;
    };
    said(&finished(stranger), 3, "an admin has to");
    lab.ask("hostname").is("executed", 0);
    let enrolled = lab.run(&["approver", "enroll", "alice"], "");
    said(&enrolled, 0, "is enrolled");
    assert_eq!(
        lab.events(),
        [
            "approver rejected",
            "intent started",
            "outcome executed",
            "approver enrolled"
        ]
    );
    lab.log_is_whole();
}

#[test]
fn root_changes_everything_also_through_sudo() {
    let house = House::new();
    if house
        .says_to(0, &["enroll", "alice"], 0, "is enrolled")
        .is_none()
    {
        return;
    }
    house
        .says_to(0, &["remove", "alice"], 0, "removed")
        .unwrap();
}

#[test]
fn broken_files_are_listed_and_can_be_replaced_or_removed() {
    let house = House::new();
    for name in ["alice", "bob"] {
        house.json(&["enroll", name, "--json"]);
        let path = house.path(&format!("runtime/approvers/{name}.json"));
        fs::write(path, "{\"secret\":\"hunter2\"}").unwrap();
    }
    let listed = house.says(&["list"], 1, "is not what this program wrote");
    assert!(!listed.contains("hunter2"));
    let refused = house.verify("492817", 0);
    assert!(matches!(refused, Err(Refused::Store(_))), "{refused:?}");
    house.says(&["recovery", "bob"], 4, "--again");
    house.says(&["enroll", "alice"], 3, "--again");
    let shown = house.json(&["enroll", "alice", "--again", "--json"]);
    house.says(&["remove", "bob"], 0, "removed");
    let secret = shown["secret"].as_str().unwrap();
    house.verify(&code(secret, 0), 0).unwrap();
}

#[test]
fn the_bounds_are_those_of_the_configuration() {
    let house = House::new();
    house.configure("approvals: {factor_tries: 0, factor_lock: 2m, factor_lock_max: 1m}\n");
    house.says(&["list"], 4, "approvals.factor_tries");
    house.says(&["list"], 4, "approvals.factor_lock_max");
    house.says(&["enroll", "alice"], 4, "approvals.factor_tries");
    assert!(!Path::new(&house.path("runtime/approvers")).exists());
}

#[test]
fn many_enrolments_at_once_are_one() {
    let house = House::new();
    let shown: Vec<Output> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| house.run(&["enroll", "alice", "--json"])))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let good: Vec<Value> = shown
        .iter()
        .filter(|output| output.status.success())
        .map(|output| serde_json::from_slice(&output.stdout).unwrap())
        .collect();
    assert_eq!((good.len(), house.log().len()), (1, 1));
    let secret = good[0]["secret"].as_str().unwrap();
    house.verify(&code(secret, 0), 0).unwrap();
}
