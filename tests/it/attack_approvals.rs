//! Attacks on approvals, grants and codes from outside: words that cross questions on their way, many
//! processes at once, and deaths at every system call.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;

use crate::fault::strace_is_here;
use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;
use crate::lab::start;

// Users that every Debian has. `nogroup` is the group of all three.
const NOBODY: u32 = 65534;
const SYNC: u32 = 4;
const APT: u32 = 42;

/// Where two people have to say yes.
const TWO: &str = "mode: production
unknown_default: approval_required
approvals: {group: nogroup}
approval_required: [{id: gone, pattern: 'echo x', irreversible: true}]
";

/// Where somebody else than the one that asked has to.
const ANOTHER: &str = "approvals: {group: nogroup, pending: 100, pending_per_requester: 100}
auto_allowed: [hostname]
approval_required:
  - {id: touch, pattern: '^touch ', needs: out_of_band}
  - {id: append, pattern: 'echo x', needs: out_of_band}
";

/// Sends off what another user says on the command line.
fn begin(lab: &Lab, uid: u32, arguments: &[&str]) -> Option<Child> {
    Some(start(lab.as_user(uid, arguments)?, b""))
}

#[track_caller]
fn end(child: Child) -> Answer {
    Answer::of(child.wait_with_output().unwrap())
}

/// What another user says on the command line, and hears.
#[track_caller]
fn says(lab: &Lab, uid: u32, arguments: &[&str]) -> Option<Answer> {
    begin(lab, uid, arguments).map(end)
}

/// How many lines the runs on the target left.
fn runs(mark: &str) -> usize {
    fs::read_to_string(mark).unwrap_or_default().lines().count()
}

fn count(answers: &[Answer], status: &str) -> usize {
    let is = |answer: &&Answer| answer.json["status"] == status;
    answers.iter().filter(is).count()
}

/// Nanoseconds since this machine was started, on the clock that the program goes by.
fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Numbers that are different each time.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Self(u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap() | 1)
    }

    /// Up to this long (xorshift64, Marsaglia 2003).
    fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_nanos(self.0 % u64::try_from(longest.as_nanos()).unwrap().max(1))
    }
}

/// Empties the waiting room of all that is new, as if it had never been.
fn forget(lab: &Lab, keep: &[String]) {
    for entry in fs::read_dir(lab.path("runtime/approvals")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != "lock" && !keep.contains(&name) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

fn files(lab: &Lab) -> Vec<String> {
    fs::read_dir(lab.path("runtime/approvals"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// One question and one bare word that cross. Gives when the word set out, when the question had
/// been shown, and what the word came to.
fn crossing(lab: &Lab, mark: &str, wait: Duration, word: impl Fn() -> Child) -> (u64, u64, Answer) {
    let asker = lab.start(request(&format!("touch {mark}")).to_string().as_bytes());
    sleep(wait);
    let word = word();
    // It has set out by now; when exactly, nobody can tell from outside.
    let set_out = nanos();
    let asked = end(asker).is("approval_requested", 0);
    let answer = end(word);
    let shown = lab.path(&format!(
        "runtime/approvals/{}.shown",
        asked.text("approval_id")
    ));
    let shown: Value = serde_json::from_str(&fs::read_to_string(shown).unwrap()).unwrap();
    (set_out, shown["nanos"].as_u64().unwrap(), answer)
}

/// How long a question takes here.
fn usual(lab: &Lab) -> Duration {
    let ask = |n| {
        let begun = Instant::now();
        lab.ask(&format!("touch {}", lab.mark(&format!("usual{n}"))));
        forget(lab, &[]);
        begun.elapsed()
    };
    (0..10).map(ask).min().unwrap()
}

#[test]
fn a_request_that_arrives_just_before_a_word_is_never_approved_by_it() {
    let lab = lab!(&format!(
        "{RULES}approvals: {{word_window: 0s, group: nogroup}}\n"
    ));
    lab.ask("hostname").is("executed", 0);
    let usual = usual(&lab);
    let mut dice = Dice::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < 2000 && begun.elapsed() < Duration::from_secs(60) {
        let mark = lab.mark(&format!("r{rounds}"));
        // Now and then the question is long over, or it would depend on the load whether any is.
        let wait = dice.up_to(if rounds % 16 == 0 { usual * 6 } else { usual });
        let (set_out, shown, answer) = crossing(&lab, &mark, wait, || lab.start(b"Approve"));
        let ran = answer.text("status") == "executed";
        assert_eq!(Path::new(&mark).exists(), ran, "{answer:?}");
        assert!(
            !ran || shown < set_out,
            "round {rounds}: the word set out {} ns before the request was shown",
            shown - set_out
        );
        *seen.entry(answer.text("status").to_owned()).or_default() += 1;
        forget(&lab, &[]);
        rounds += 1;
    }
    eprintln!("{rounds} rounds: {seen:?}");
    assert!(seen.contains_key("executed") && seen.len() > 1, "{seen:?}");
    assert!(seen["executed"] < rounds / 2, "{seen:?}");
}

#[test]
fn a_word_that_sudo_is_still_starting_does_not_mean_what_is_shown_meanwhile() {
    let lab = lab!(&format!(
        "{RULES}approvals: {{word_window: 0s, group: nogroup}}\n"
    ));
    lab.ask("hostname").is("executed", 0);
    let usual = usual(&lab);
    for n in 0..10 {
        // sudo looks into its files, asks PAM, and writes a log.
        let Some(mut slow) = lab.as_user(NOBODY, &[]) else {
            return;
        };
        let takes = (usual * 4).max(Duration::from_millis(100)).as_secs_f64();
        let arguments: Vec<String> = slow
            .get_args()
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        slow = crate::lab::in_home(Command::new(slow.get_program()), &lab.path(""));
        slow.arg("-c")
            .arg(format!("sleep {takes}; {}", arguments[1]))
            .args(&arguments[2..]);
        let mark = lab.mark(&format!("s{n}"));
        let slow = std::cell::RefCell::new(slow);
        let (set_out, shown, answer) = crossing(&lab, &mark, Duration::ZERO, || {
            let mut child = slow.borrow_mut().spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"Approve").unwrap();
            child
        });
        assert!(set_out < shown);
        assert_eq!(answer.text("status"), "ambiguous", "{answer:?}");
        assert!(!Path::new(&mark).exists());
        forget(&lab, &[]);
    }
}

#[test]
fn behind_a_request_that_an_operator_denied_or_that_expired_a_crossing_word_means_nothing() {
    let lab = lab!(RULES);
    lab.ask("hostname").is("executed", 0);
    let usual = usual(&lab);
    let mut dice = Dice::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..200 {
        if round % 50 == 0 {
            if round > 0 {
                forget(&lab, &[]);
            }
            let asked = lab
                .ask(&format!("touch {}", lab.mark("before")))
                .is("approval_requested", 0);
            if round % 100 == 0 {
                let Some(said) = says(&lab, NOBODY, &["deny", asked.text("code"), "no", "--json"])
                else {
                    return;
                };
                said.is("denied", 0);
            } else {
                let file = format!("runtime/approvals/{}.pending", asked.text("approval_id"));
                let file = lab.path(&file);
                let mut ticket: Value =
                    serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
                ticket["expires"] = ticket["created"].clone();
                fs::write(&file, ticket.to_string()).unwrap();
            }
        }
        let before = files(&lab);
        let mark = lab.mark(&format!("r{round}"));
        let wait = dice.up_to(usual * 3 / 2);
        let (_, _, answer) = crossing(&lab, &mark, wait, || lab.start(b"Approve"));
        assert!(!Path::new(&mark).exists(), "{answer:?}");
        *seen.entry(answer.text("status").to_owned()).or_default() += 1;
        let id = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let kept: Vec<String> = files(&lab)
            .into_iter()
            .filter(|name| before.iter().any(|known| id(known) == id(name)))
            .collect();
        forget(&lab, &kept);
    }
    assert!(
        seen.contains_key("ambiguous") && seen.contains_key("expired") && seen.len() == 2,
        "{seen:?}"
    );
}

#[test]
fn of_many_people_at_once_who_approve_what_needs_two_one_runs_it_and_the_others_are_told() {
    let lab = lab!(TWO);
    let mark = lab.mark("runs");
    let asked = lab
        .ask(&format!("echo x >> {mark}"))
        .is("approval_requested", 0);
    let code = asked.text("code");
    let mut crowd = Vec::new();
    for _ in 0..10 {
        for uid in [NOBODY, SYNC, APT] {
            match begin(&lab, uid, &["approve", code, "--json"]) {
                Some(child) => crowd.push(child),
                None => return,
            }
        }
    }
    let answers: Vec<Answer> = crowd.into_iter().map(end).collect();
    assert_eq!(runs(&mark), 1);
    assert_eq!(count(&answers, "executed"), 1);
    for answer in &answers {
        let said = answer.text("message");
        match answer.text("status") {
            "executed" => {}
            "expired" => {
                assert!(answer.json["decided_by"].is_string(), "{answer:?}");
                assert!(said.contains("already approved by"), "{answer:?}");
            }
            "approval_requested" => assert!(said.contains("a second person"), "{answer:?}"),
            "rejected" => assert!(said.contains("you approved it already"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    let intents: Vec<Value> = lab
        .log()
        .into_iter()
        .filter(|record| record["event"] == "intent")
        .collect();
    assert_eq!(intents.len(), 1);
    let earlier = intents[0]["earlier_approvers"].as_array().unwrap();
    assert!(
        !earlier.is_empty()
            && earlier
                .iter()
                .all(|one| one["by"] != intents[0]["approver"])
    );
    lab.log_is_whole();
}

/// The same as another user would call it, under strace(1), which leaves sudo its parent.
fn traced(lab: &Lab, uid: u32, arguments: &[&str], expression: &str) -> Option<Output> {
    let inner = lab.as_user(uid, arguments)?;
    let words: Vec<&std::ffi::OsStr> = inner.get_args().collect();
    let mut outer = crate::lab::in_home(Command::new(inner.get_program()), &lab.path(""));
    outer
        .args(&words[..3])
        .args(["strace", "-D", "-o"])
        .arg(lab.path("work/trace"))
        .args(["-e", expression])
        .args(&words[3..]);
    Some(start(outer, b"").wait_with_output().unwrap())
}

/// Every call of an undisturbed run that has to do with the world outside of the process.
fn calls(lab: &Lab, uid: u32, arguments: &[&str]) -> Option<BTreeMap<String, usize>> {
    traced(lab, uid, arguments, "trace=all")?;
    let mut trace = String::new();
    for _ in 0..500 {
        trace = fs::read_to_string(lab.path("work/trace")).unwrap();
        if trace.contains("+++ exited") {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    let mut calls = BTreeMap::new();
    for (name, _) in trace.lines().filter_map(|line| line.split_once('(')) {
        if OUTSIDE.contains(&name) {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    Some(calls)
}

/// The calls that change something, or that something else waits for.
const OUTSIDE: &[&str] = &[
    "connect",
    "fdatasync",
    "flock",
    "fsync",
    "getdents64",
    "linkat",
    "mkdir",
    "openat",
    "rename",
    "renameat2",
    "sendmsg",
    "sendto",
    "unlink",
    "wait4",
    "waitid",
    "write",
    "writev",
];

#[test]
fn killed_at_any_call_of_the_second_approval_nothing_runs_twice_and_the_first_is_not_lost() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!(TWO);
    let asked = |mark: &str| {
        let asked = lab
            .ask(&format!("echo x >> {mark}"))
            .is("approval_requested", 0);
        let code = asked.text("code").to_owned();
        let first = says(&lab, NOBODY, &["approve", &code, "--json"])?;
        assert_eq!(first.text("status"), "approval_requested");
        Some(code)
    };
    let clean = lab.mark("clean");
    let Some(code) = asked(&clean) else { return };
    let Some(calls) = calls(&lab, SYNC, &["approve", &code, "--json"]) else {
        return;
    };
    assert_eq!(runs(&clean), 1, "{calls:?}");
    let mut kills = 0;
    for (call, count) in calls {
        for n in 1..=count {
            let mark = lab.mark(&format!("{call}-{n}"));
            let code = asked(&mark).unwrap();
            let inject = format!("inject={call}:signal=KILL:when={n}");
            let died = traced(&lab, SYNC, &["approve", &code, "--json"], &inject).unwrap();
            kills += usize::from(died.status.code() == Some(128 + 9));
            let again = says(&lab, SYNC, &["approve", &code, "--json"]).unwrap();
            let status = again.text("status");
            assert!(
                status == "executed" || status == "expired",
                "{inject}: {again:?}"
            );
            let records = lab.log();
            let intents: Vec<&Value> = records
                .iter()
                .filter(|record| record["event"] == "intent")
                .filter(|record| record["command"].as_str().unwrap().ends_with(&mark))
                .collect();
            assert!(runs(&mark) <= intents.len(), "{inject}: {intents:?}");
            assert!(intents.len() <= 1, "{inject}: {intents:?}");
            for intent in intents {
                assert_eq!(intent["earlier_approvers"][0]["by"], "nobody", "{inject}");
            }
            if status == "executed" {
                assert_eq!(runs(&mark), 1, "{inject}");
            }
        }
    }
    assert!(kills > 40, "only {kills} kills");
    let report = lab.run(&["audit", "verify", "--json"], "");
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["damage"], serde_json::json!([]));
}

#[test]
fn of_fifty_at_once_as_many_run_as_a_grant_has_uses_and_the_others_ask() {
    let lab = lab!(ANOTHER);
    lab.ask("hostname").is("executed", 0);
    let grant = [
        "grant", "--target", "srv1", "--rule", "touch", "--to", "root", "--uses", "7",
    ];
    let Some(given) = begin(&lab, NOBODY, &grant) else {
        return;
    };
    let given = given.wait_with_output().unwrap();
    assert!(given.status.success(), "{given:?}");
    let marks: Vec<String> = (0..50).map(|n| lab.mark(&format!("g{n}"))).collect();
    let crowd: Vec<Child> = marks
        .iter()
        .map(|mark| lab.start(request(&format!("touch {mark}")).to_string().as_bytes()))
        .collect();
    let answers: Vec<Answer> = crowd.into_iter().map(end).collect();
    assert_eq!(
        (
            count(&answers, "executed"),
            count(&answers, "approval_requested")
        ),
        (7, 43)
    );
    assert_eq!(
        marks.iter().filter(|mark| Path::new(mark).exists()).count(),
        7
    );
    let mut uses: Vec<u64> = answers
        .iter()
        .filter_map(|answer| answer.json["grant"]["nth"].as_u64())
        .collect();
    uses.sort_unstable();
    assert_eq!(uses, [1, 2, 3, 4, 5, 6, 7]);
    lab.log_is_whole();
}

#[test]
fn killed_at_any_call_of_a_granted_run_its_one_use_is_never_two() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!(ANOTHER);
    lab.ask("hostname").is("executed", 0);
    let granted = |mark: &str| {
        let command = format!("echo x >> {mark}");
        let grant = [
            "grant",
            "--target",
            "srv1",
            "--to",
            "root",
            "--command",
            &command,
        ];
        let given = begin(&lab, NOBODY, &grant)?.wait_with_output().unwrap();
        assert!(given.status.success(), "{given:?}");
        Some(request(&command).to_string())
    };
    let clean = lab.mark("clean");
    let Some(message) = granted(&clean) else {
        return;
    };
    let calls = crate::fault::calls(&lab, &[], &message);
    assert_eq!(runs(&clean), 1, "{calls:?}");
    let outside = |(call, _): &(String, usize)| OUTSIDE.contains(&call.as_str());
    let mut kills = 0;
    for (call, count) in calls.into_iter().filter(outside) {
        for n in 1..=count {
            let mark = lab.mark(&format!("{call}-{n}"));
            let message = granted(&mark).unwrap();
            kills += usize::from(crate::fault::killed_at(&lab, &[], &message, &call, n));
            let again = lab.send(&message);
            let ran = again.text("status") == "executed";
            assert!(
                ran || again.text("status") == "approval_requested",
                "{call} {n}: {again:?}"
            );
            assert!(runs(&mark) <= 1, "{call} {n}");
            assert!(!ran || runs(&mark) == 1, "{call} {n}");
            let intents = lab.log();
            let intents = intents
                .iter()
                .filter(|record| record["event"] == "intent")
                .filter(|record| record["command"].as_str().unwrap().ends_with(&mark))
                .count();
            assert!(runs(&mark) <= intents && intents <= 1, "{call} {n}");
            lab.send("Deny all");
        }
    }
    assert!(kills > 40, "only {kills} kills");
}

/// Enrols somebody and gives what their phone shows.
fn phone(lab: &Lab, name: &str) -> impl Fn() -> String {
    let shown = lab.run(&["approver", "enroll", name, "--json"], "");
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let secret = totp_rs::Secret::try_from_base32(shown["secret"].as_str().unwrap()).unwrap();
    let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    move || {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        phone.generate(now).to_string()
    }
}

#[test]
fn one_right_code_said_fifty_times_at_once_is_one_run() {
    let lab = lab!(ANOTHER);
    lab.ask("hostname").is("executed", 0);
    let mark = lab.mark("runs");
    let asked = lab
        .ask(&format!("echo x >> {mark}"))
        .is("approval_requested", 0);
    lab.send("Approve").is("rejected", 3);
    let word = format!("Approve {} {}", asked.text("code"), phone(&lab, "alice")());
    let crowd: Vec<Child> = (0..50).map(|_| lab.start(word.as_bytes())).collect();
    let answers: Vec<Answer> = crowd.into_iter().map(end).collect();
    assert_eq!(runs(&mark), 1);
    assert_eq!(count(&answers, "executed"), 1);
    let others = count(&answers, "rejected") + count(&answers, "expired");
    assert_eq!(others, 49);
    let digits = word.split(' ').next_back().unwrap();
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    assert!(!log.contains(&format!("\"{digits}")) && !log.contains(&format!(" {digits}")));
    lab.log_is_whole();
}

#[test]
fn one_right_code_said_for_two_requests_at_once_runs_one_of_them() {
    let lab = lab!(ANOTHER);
    lab.ask("hostname").is("executed", 0);
    let marks = [lab.mark("a"), lab.mark("b")];
    let codes = marks.clone().map(|mark| {
        let asked = lab.ask(&format!("echo x >> {mark}"));
        asked.is("approval_requested", 0).text("code").to_owned()
    });
    let digits = phone(&lab, "alice")();
    let crowd: Vec<Child> = (0..50)
        .map(|n| lab.start(format!("Approve {} {digits}", codes[n % 2]).as_bytes()))
        .collect();
    let answers: Vec<Answer> = crowd.into_iter().map(end).collect();
    assert_eq!(count(&answers, "executed"), 1);
    assert_eq!(runs(&marks[0]) + runs(&marks[1]), 1);
    lab.log_is_whole();
}

#[test]
fn a_relay_that_brings_a_code_is_not_taken_for_the_person_in_the_log() {
    let lab = lab!(TWO);
    let asked = lab
        .ask(&format!("echo x >> {}", lab.mark("a")))
        .is("approval_requested", 0);
    let code = asked.text("code");
    for (name, status) in [("alice", "approval_requested"), ("bob", "executed")] {
        lab.send(format!("Approve {code} {}", phone(&lab, name)()))
            .is(status, 0);
    }
    let log = lab.log();
    let own = rustix::process::getuid().as_raw();
    let intent = log.iter().find(|record| record["event"] == "intent");
    let intent = intent.unwrap();
    assert_eq!(
        (&intent["approver"], &intent["first_approver"]),
        (&"bob".into(), &"alice".into())
    );
    for key in ["approver_uid", "first_approver_uid"] {
        assert_eq!(intent[key], Value::Null, "{key}");
    }
    assert_eq!(intent["caller_uid"], own);
    assert!(intent["earlier_approvers"][0].get("uid").is_none());
    let schema = lab.run(&["schema", "record"], "");
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    assert!(log.iter().all(|record| schema.is_valid(record)));
}

#[test]
fn an_operators_no_is_told_although_the_same_was_asked_and_taken_back_since() {
    let lab = lab!();
    let command = format!("touch {}", lab.mark("a"));
    let asked = lab.ask(&command).is("approval_requested", 0);
    let Some(said) = says(
        &lab,
        NOBODY,
        &["deny", asked.text("code"), "too", "risky", "--json"],
    ) else {
        return;
    };
    said.is("denied", 0);
    let told = |answer: &Answer| {
        assert!(answer.text("previous").contains("nobody denied the same"));
        assert!(answer.text("prompt").contains("too risky"));
    };
    told(&lab.ask(&command).is("approval_requested", 0));
    assert!(lab.run(&["cancel"], "").status.success());
    told(&lab.ask(&command).is("approval_requested", 0));
}
