//! Attacks on approvals from outside: words that cross questions on their way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;

use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;
use crate::lab::start;

// A user that every Debian has.
const NOBODY: u32 = 65534;

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
    let set_out = nanos();
    let word = word();
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
    let lab = lab!(&format!("{RULES}approvals: {{word_window: 0s}}\n"));
    lab.ask("hostname").is("executed", 0);
    let usual = usual(&lab);
    let mut dice = Dice::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < 2000 && begun.elapsed() < Duration::from_secs(60) {
        let mark = lab.mark(&format!("r{rounds}"));
        let wait = dice.up_to(usual);
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
    let lab = lab!(&format!("{RULES}approvals: {{word_window: 0s}}\n"));
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
