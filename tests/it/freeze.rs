//! The kill switch: what is frozen does not run, and a thaw is somebody's decision.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::sleep;
use std::time::Duration;
use std::time::SystemTime;

use serde_json::Value;

use crate::fault::calls;
use crate::fault::killed_at;
use crate::fault::strace;
use crate::fault::strace_is_here;
use crate::lab::Answer;
use crate::lab::Lab;
use crate::lab::lab;
use crate::lab::request;
use crate::run::wait_for;

/// Runs a subcommand that ends with this exit code, and gives what it said.
#[track_caller]
fn says(lab: &Lab, arguments: &[&str], exit: i32) -> String {
    let output = lab.run(arguments, "");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
    said
}

#[track_caller]
fn json(lab: &Lab, arguments: &[&str], exit: i32) -> Value {
    serde_json::from_str(&says(lab, arguments, exit)).unwrap()
}

#[track_caller]
fn freeze(lab: &Lab, more: &[&str]) -> String {
    says(lab, &[&["freeze", "--reason", "smoke"], more].concat(), 0)
}

#[track_caller]
fn thaw(lab: &Lab, more: &[&str]) -> String {
    says(lab, &[&["thaw"], more].concat(), 0)
}

/// The one mark over everything.
const ALL: &str = "runtime/freeze/all.json";

fn frozen_by(lab: &Lab) -> String {
    format!("everything is frozen by {} since 2", lab.sshd.user())
}

/// A second target beside `srv1`, on the same server.
fn with_two_targets(lab: &Lab) {
    let config = fs::read_to_string(lab.path("config.yml")).unwrap();
    let first = config.lines().find(|line| line.contains("srv1")).unwrap();
    let both = format!("{first}\n{}", first.replace("srv1", "srv2"));
    fs::write(lab.path("config.yml"), config.replace(first, &both)).unwrap();
}

fn ask_on(lab: &Lab, target: &str, command: &str) -> Answer {
    let mut message = request(command);
    message["target"] = target.into();
    lab.send(message.to_string())
}

fn waiting(lab: &Lab) -> usize {
    let Ok(entries) = fs::read_dir(lab.path("runtime/approvals")) else {
        return 0;
    };
    let pending = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|e| e == "pending");
    entries.flatten().filter(pending).count()
}

#[track_caller]
fn wait_for_record(lab: &Lab, word: &str) {
    for _ in 0..1000 {
        let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
        if text.contains(word) {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{word} never came into the log");
}

#[test]
fn what_is_frozen_is_refused_before_it_is_judged() {
    let lab = lab!();
    freeze(&lab, &[]);
    for command in ["hostname", "touch x", "mkfs /dev/sda"] {
        let answer = lab
            .ask(command)
            .is("rejected", 3)
            .says(&frozen_by(&lab))
            .says(": smoke; an operator lifts it with `aiops thaw`");
        assert!(answer.json["risk"].is_null(), "{answer:?}");
        assert!(answer.json["rule"].is_null(), "{answer:?}");
    }
    assert_eq!(waiting(&lab), 0);
    let rejected = "decision rejected";
    assert_eq!(
        lab.events(),
        ["freeze frozen", rejected, rejected, rejected]
    );
    thaw(&lab, &[]);
    lab.ask("hostname").is("executed", 0);
    lab.log_is_whole();
}

#[test]
fn what_only_asks_for_a_judgement_gets_one_while_frozen() {
    let lab = lab!();
    freeze(&lab, &[]);
    let mut dry = request("hostname");
    dry["dry_run"] = true.into();
    let answer = lab.send(dry.to_string()).is("judged", 0);
    assert_eq!(answer.text("risk"), "auto_allowed");
    let judged = lab.run(&["check", "--json"], &request("hostname").to_string());
    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["risk"], "auto_allowed");
    ask_on(&lab, "nobody", "hostname").is("invalid", 2);
}

#[test]
fn a_request_that_is_approved_while_frozen_goes_on_waiting_and_runs_after_the_thaw() {
    let lab = lab!();
    let mark = lab.mark("ran");
    let asked = lab
        .ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    freeze(&lab, &[]);
    lab.send("Approve")
        .is("rejected", 3)
        .says(&frozen_by(&lab))
        .says("still waiting");
    assert!(says(&lab, &["approve", asked.text("code")], 3).contains("frozen"));
    assert_eq!(waiting(&lab), 1);
    assert!(!Path::new(&mark).exists());
    thaw(&lab, &[]);
    lab.send("Approve").is("executed", 0);
    assert!(Path::new(&mark).exists());
    lab.log_is_whole();
}

#[test]
fn a_denial_is_possible_while_frozen() {
    let lab = lab!();
    lab.ask("touch x").is("approval_requested", 0);
    freeze(&lab, &[]);
    lab.send("Deny").is("denied", 0);
    assert_eq!(waiting(&lab), 0);
}

/// Starts the program with a message, freezes everything while it is about to make the directory of
/// the sockets, and gives the answer. That is after the first look and before the intent.
fn frozen_on_the_way(lab: &Lab, message: &str) -> Answer {
    let trace = lab.path("work/trace");
    let _ = fs::remove_file(&trace);
    let delay = "inject=mkdir:delay_enter=3000000:when=1";
    let mut program = strace(lab, &[], delay, &trace);
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(message.as_bytes()).unwrap();
    drop(stdin);
    for _ in 0..500 {
        if fs::read_to_string(&trace).is_ok_and(|text| text.contains("runtime/ssh")) {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    freeze(lab, &[]);
    Answer::of(child.wait_with_output().unwrap())
}

#[test]
fn a_freeze_after_the_judgement_and_before_the_intent_leaves_no_intent() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!();
    frozen_on_the_way(&lab, &request("hostname").to_string())
        .is("rejected", 3)
        .says(&frozen_by(&lab));
    assert_eq!(lab.events(), ["freeze frozen", "decision rejected"]);
    thaw(&lab, &[]);
    let mark = lab.mark("ran");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    frozen_on_the_way(&lab, "Approve")
        .is("rejected", 3)
        .says(&frozen_by(&lab))
        .says("approval is used up");
    assert!(!lab.events().contains(&"intent started".to_owned()));
    assert!(!Path::new(&mark).exists());
    lab.log_is_whole();
}

#[test]
fn a_freeze_after_the_intent_and_before_the_word_starts_nothing() {
    let lab = lab!();
    let mark = lab.mark("ran");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    lab.sshd.hold_connections(true);
    let child = lab.start(b"Approve");
    wait_for_record(&lab, "\"event\":\"intent\"");
    freeze(&lab, &[]);
    lab.sshd.hold_connections(false);
    Answer::of(child.wait_with_output().unwrap())
        .is("rejected", 3)
        .says("It never started")
        .says(&frozen_by(&lab));
    assert_eq!(
        lab.events(),
        [
            "request approval_requested",
            "intent started",
            "freeze frozen",
            "outcome rejected"
        ]
    );
    assert!(!Path::new(&mark).exists());
    lab.log_is_whole();
}

#[test]
fn a_freeze_that_stops_ends_the_run_on_the_target_and_that_is_one_outcome() {
    let lab = lab!();
    let (begun, late) = (lab.mark("begun"), lab.mark("late"));
    lab.ask(&format!("touch {begun}; sleep 4; touch {late}"))
        .is("approval_requested", 0);
    let child = lab.start(b"Approve");
    wait_for(&begun);
    let said = freeze(&lab, &["--stop"]);
    assert!(said.contains("runs in progress are ended"), "{said}");
    Answer::of(child.wait_with_output().unwrap())
        .is("interrupted", 6)
        .says(&frozen_by(&lab))
        .says("It was ended on the target");
    sleep(Duration::from_secs(4));
    assert!(!Path::new(&late).exists(), "it went on");
    let events = lab.events();
    let outcomes = events.iter().filter(|event| event.starts_with("outcome"));
    assert_eq!(outcomes.collect::<Vec<_>>(), ["outcome interrupted"]);
    lab.log_is_whole();
}

#[test]
fn a_freeze_lets_runs_in_progress_go_on_until_somebody_says_stop() {
    let lab = lab!();
    let (begun, late) = (lab.mark("begun"), lab.mark("late"));
    lab.ask(&format!("touch {begun}; sleep 1; touch {late}"))
        .is("approval_requested", 0);
    let child = lab.start(b"Approve");
    wait_for(&begun);
    let said = freeze(&lab, &[]);
    assert!(said.contains("go on to their end"), "{said}");
    Answer::of(child.wait_with_output().unwrap()).is("executed", 0);
    assert!(Path::new(&late).exists());
    thaw(&lab, &[]);
    fs::remove_file(&begun).unwrap();
    lab.ask(&format!("touch {begun}; sleep 20"))
        .is("approval_requested", 0);
    let child = lab.start(b"Approve");
    wait_for(&begun);
    freeze(&lab, &[]);
    let said = freeze(&lab, &["--stop"]);
    assert!(said.contains("It was frozen already"), "{said}");
    assert!(
        said.contains("From now on runs in progress are ended"),
        "{said}"
    );
    Answer::of(child.wait_with_output().unwrap()).is("interrupted", 6);
    lab.log_is_whole();
}

#[test]
fn one_target_alone_is_frozen_and_a_thaw_of_everything_leaves_it_frozen() {
    let lab = lab!();
    with_two_targets(&lab);
    freeze(&lab, &["--target", "srv1"]);
    ask_on(&lab, "srv1", "hostname")
        .is("rejected", 3)
        .says("target `srv1` is frozen by")
        .says("`aiops thaw --target srv1`");
    ask_on(&lab, "srv2", "hostname").is("executed", 0);
    let said = says(&lab, &["thaw"], 3);
    assert!(
        said.contains("everything is not frozen; target `srv1` is frozen by"),
        "{said}"
    );
    freeze(&lab, &[]);
    ask_on(&lab, "srv2", "hostname").is("rejected", 3);
    let said = thaw(&lab, &[]);
    assert!(said.contains("target `srv1` is frozen by"), "{said}");
    ask_on(&lab, "srv2", "hostname").is("executed", 0);
    ask_on(&lab, "srv1", "hostname").is("rejected", 3);
    thaw(&lab, &["--target", "srv1"]);
    ask_on(&lab, "srv1", "hostname").is("executed", 0);
}

#[test]
fn a_mark_that_cannot_be_read_still_freezes() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    fs::create_dir(lab.path("runtime/freeze")).unwrap();
    for broken in ["", "{", "{}", "\u{0}\u{0}\u{0}"] {
        fs::write(lab.path(ALL), broken).unwrap();
        lab.ask("hostname")
            .is("rejected", 3)
            .says("everything is frozen; the mark cannot be read");
        assert!(says(&lab, &["doctor"], 0).contains("the mark cannot be read"));
        assert!(freeze(&lab, &[]).contains("the mark cannot be read"));
        thaw(&lab, &[]);
        lab.ask("hostname").is("executed", 0);
    }
}

#[test]
fn where_nobody_can_look_nothing_runs() {
    let lab = lab!();
    let mark = lab.mark("ran");
    lab.ask(&format!("touch {mark}"))
        .is("approval_requested", 0);
    fs::write(lab.path("runtime/freeze"), "").unwrap();
    for message in [request("hostname").to_string(), "Approve".to_owned()] {
        lab.send(message)
            .is("error", 4)
            .says("Nothing ran: nobody can know whether it is frozen");
    }
    assert_eq!(waiting(&lab), 1);
    for command in [&["freeze", "--reason", "smoke"][..], &["thaw"]] {
        assert!(says(&lab, command, 4).contains("runtime/freeze"));
    }
    assert!(says(&lab, &["doctor"], 4).contains("nothing runs"));
    fs::remove_file(lab.path("runtime/freeze")).unwrap();
    lab.send("Approve").is("executed", 0);
}

#[test]
fn a_log_that_cannot_be_written_keeps_a_freeze_holding_and_a_thaw_from_it() {
    let lab = lab!();
    let away = || fs::rename(lab.path("audit.jsonl"), lab.path("away")).unwrap();
    let back = || fs::rename(lab.path("away"), lab.path("audit.jsonl")).unwrap();
    away();
    let said = says(&lab, &["freeze", "--reason", "smoke"], 5);
    assert!(said.contains("It holds, and is not recorded"), "{said}");
    let answer = json(&lab, &["freeze", "--reason", "smoke", "--json"], 5);
    assert!(answer["audit_seq"].is_null(), "{answer}");
    back();
    lab.ask("hostname").is("rejected", 3).says(&frozen_by(&lab));
    away();
    assert!(says(&lab, &["thaw"], 5).contains("nothing was thawed"));
    back();
    lab.ask("hostname").is("rejected", 3);
    thaw(&lab, &[]);
    lab.ask("hostname").is("executed", 0);
}

#[test]
fn a_broken_configuration_does_not_keep_anybody_from_freezing() {
    let lab = lab!();
    let good = fs::read(lab.path("config.yml")).unwrap();
    fs::write(lab.path("config.yml"), "nonsense: 1\n").unwrap();
    let said = freeze(&lab, &["--target", "srv1"]);
    assert!(said.contains("configuration cannot be used"), "{said}");
    freeze(&lab, &[]);
    thaw(&lab, &[]);
    fs::write(lab.path("config.yml"), good).unwrap();
    lab.ask("hostname").is("rejected", 3).says("target `srv1`");
}

#[test]
fn a_freeze_says_why_and_names_a_target_that_there_is() {
    let lab = lab!();
    says(&lab, &["freeze"], 2);
    for blank in ["", " \t"] {
        assert!(says(&lab, &["freeze", "--reason", blank], 2).contains("say why"));
    }
    let long = "x".repeat(2049);
    assert!(says(&lab, &["freeze", "--reason", &long], 2).contains("longer than"));
    for name in ["srv9", "../srv1", "", "-x"] {
        let target = format!("--target={name}");
        let said = says(&lab, &["freeze", "--reason", "smoke", &target], 2);
        assert!(name != "srv9" || said.contains("srv1"), "{said}");
        says(&lab, &["thaw", &target], 2);
    }
    assert!(!lab.path("runtime/freeze").exists());
    assert!(lab.log().is_empty());
}

#[test]
fn whoever_freezes_what_is_frozen_is_told_who_was_first() {
    let lab = lab!();
    let user = lab.sshd.user().to_owned();
    let first = json(&lab, &["freeze", "--reason", " smoke\u{7} ", "--json"], 0);
    assert_eq!(first["already"], false);
    assert_eq!(first["by"], user);
    let again = json(&lab, &["freeze", "--reason", "me too", "--json"], 0);
    assert_eq!(again["already"], true);
    assert_eq!(
        (&again["since"], &again["reason"]),
        (&first["since"], &first["reason"])
    );
    let said = freeze(&lab, &[]);
    assert!(said.contains("It was frozen already"), "{said}");
    assert!(said.contains("smoke<U+0007>. As before"), "{said:?}");
    let log = lab.log();
    let record = &log[1];
    assert_eq!(record["event"], "freeze");
    assert_eq!(record["status"], "frozen");
    assert_eq!(record["reason"], "me too");
    assert_eq!(record["caller"], user);
    assert!(record["target"].is_null() && record["risk"].is_null());
    assert_eq!(record["seq"], again["audit_seq"]);
}

#[test]
fn a_thaw_is_recorded_and_one_of_nothing_is_refused() {
    let lab = lab!();
    assert!(says(&lab, &["thaw"], 3).contains("everything is not frozen"));
    assert!(says(&lab, &["thaw", "--target", "srv1"], 3).contains("target `srv1` is not frozen"));
    freeze(&lab, &["--target", "srv1"]);
    let thawed = json(
        &lab,
        &["thaw", "--target", "srv1", "--reason", "cold", "--json"],
        0,
    );
    assert_eq!(thawed["status"], "thawed");
    assert_eq!(thawed["still_frozen"], serde_json::json!([]));
    let record = lab.log().pop().unwrap();
    assert_eq!(record["event"], "freeze");
    assert_eq!(record["status"], "thawed");
    assert_eq!(record["target"], "srv1");
    assert_eq!(record["reason"], "cold");
    let message = record["message"].as_str().unwrap();
    assert!(
        message.contains("because cold") && message.contains("smoke"),
        "{message}"
    );
    assert!(says(&lab, &["thaw", "--target", "srv1"], 3).contains("not frozen"));
}

#[test]
fn the_doctor_names_every_freeze_and_its_cure() {
    let lab = lab!();
    freeze(&lab, &[]);
    freeze(&lab, &["--target", "srv1"]);
    let said = says(&lab, &["doctor"], 0);
    assert!(said.contains(&frozen_by(&lab)), "{said}");
    assert!(said.contains("cure: aiops thaw\n"), "{said}");
    assert!(said.contains("cure: aiops thaw --target srv1\n"), "{said}");
}

/// Kills the program at each of its system calls, each time from the same state, and looks at what
/// is left; `look` is told whether a freeze or thaw was recorded.
fn killed_everywhere(
    lab: &Lab,
    arguments: &[&str],
    before: Option<&[u8]>,
    look: &dyn Fn(bool, &str),
) {
    let prepare = || match before {
        Some(mark) => fs::write(lab.path(ALL), mark).unwrap(),
        None => fs::remove_file(lab.path(ALL)).unwrap_or_default(),
    };
    prepare();
    let calls = calls(lab, arguments, "");
    let mut kills = 0;
    for (call, count) in calls {
        for n in 1..=count {
            prepare();
            let told = records(lab);
            kills += usize::from(killed_at(lab, arguments, "", &call, n));
            let fault = format!("{arguments:?} killed at {call} {n}");
            look(records(lab) > told, &fault);
        }
    }
    assert!(kills > 100, "only {kills} kills");
    prepare();
}

/// How many freezes and thaws the log tells of.
fn records(lab: &Lab) -> usize {
    let text = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    text.matches("\"event\":\"freeze\"").count()
}

#[test]
fn killed_at_any_system_call_a_freeze_is_whole_or_not_there() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!();
    let arguments = ["freeze", "--reason", "smoke"];
    freeze(&lab, &[]);
    assert_eq!(records(&lab), 1);
    killed_everywhere(
        &lab,
        &arguments,
        None,
        &|is_recorded, fault| match fs::read(lab.path(ALL)) {
            Ok(mark) => {
                let mark: Value = serde_json::from_slice(&mark).unwrap();
                assert_eq!(mark["reason"], "smoke", "{fault}");
            }
            Err(_) => assert!(!is_recorded, "{fault}: recorded, and it does not hold"),
        },
    );
    freeze(&lab, &[]);
    lab.ask("hostname").is("rejected", 3);
    thaw(&lab, &[]);
    lab.ask("hostname").is("executed", 0);
    lab.log_is_whole();
}

#[test]
fn killed_at_any_system_call_a_freeze_that_becomes_stricter_never_thaws() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!();
    freeze(&lab, &[]);
    let old = fs::read(lab.path(ALL)).unwrap();
    let new: Value = serde_json::from_slice(&old).unwrap();
    let arguments = ["freeze", "--stop", "--reason", "more smoke"];
    killed_everywhere(&lab, &arguments, Some(&old), &|_, fault| {
        let mark: Value = serde_json::from_slice(&fs::read(lab.path(ALL)).unwrap()).unwrap();
        let mut expected = new.clone();
        expected["stop"] = mark["stop"].clone();
        assert_eq!(mark, expected, "{fault}");
    });
    lab.ask("hostname").is("rejected", 3);
    lab.log_is_whole();
}

#[test]
fn killed_at_any_system_call_a_thaw_is_recorded_or_did_not_happen() {
    if !strace_is_here() {
        return;
    }
    let lab = lab!();
    freeze(&lab, &[]);
    let mark = fs::read(lab.path(ALL)).unwrap();
    killed_everywhere(
        &lab,
        &["thaw"],
        Some(&mark),
        &|is_recorded, fault| match fs::read(lab.path(ALL)) {
            Ok(left) => assert_eq!(left, mark, "{fault}"),
            Err(_) => assert!(is_recorded, "{fault}: thawed, and not recorded"),
        },
    );
    lab.ask("hostname").is("rejected", 3);
    thaw(&lab, &[]);
    lab.ask("hostname").is("executed", 0);
    lab.log_is_whole();
}

/// Between an answer to a freeze and the beginning of a thaw.
type Frozen = (u128, u128);

fn now() -> u128 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_nanos()
}

fn at_once(lab: &Lab, arguments: &[&str]) -> Vec<Option<i32>> {
    let children: Vec<_> = (0..3)
        .map(|_| lab.command(arguments).spawn().unwrap())
        .collect();
    let code = |output: Output| output.status.code();
    children
        .into_iter()
        .map(|child| code(child.wait_with_output().unwrap()))
        .collect()
}

/// Freezes and thaws again and again, each time with three processes at once.
fn operate(lab: &Lab, target: &[&str]) -> Vec<Frozen> {
    let mut frozen = Vec::new();
    for round in 0..8 {
        let put = at_once(lab, &[&["freeze", "--reason", "smoke"], target].concat());
        assert_eq!(put, [Some(0); 3]);
        let begin = now();
        sleep(Duration::from_millis(40 * (round % 4)));
        let end = now();
        let mut lifted = at_once(lab, &[&["thaw"], target].concat());
        lifted.sort_unstable();
        assert_eq!(lifted, [Some(0), Some(3), Some(3)], "one thaw lifts it");
        frozen.push((begin, end));
        sleep(Duration::from_millis(60));
    }
    frozen
}

/// Asks again and again for the time on the target: when each request was sent, and when it ran.
fn keep_asking(lab: &Lab, over: &AtomicBool) -> Vec<(u128, Option<u128>)> {
    let mut asked = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let sent = now();
        let answer = lab.ask("date +%s%N");
        let ran = match answer.text("status") {
            "executed" => Some(answer.text("stdout").trim().parse().unwrap()),
            "rejected" => None,
            other => panic!("{other}: {answer:?}"),
        };
        asked.push((sent, ran));
    }
    asked
}

#[test]
fn of_many_freezes_thaws_and_requests_at_once_nothing_runs_while_it_is_frozen() {
    let lab = lab!("auto_allowed: ['date \\+%s%N']\n");
    lab.ask("date +%s%N").is("executed", 0);
    let over = AtomicBool::new(false);
    let (frozen, asked) = thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| keep_asking(&lab, &over)))
            .collect();
        let all = scope.spawn(|| operate(&lab, &[]));
        let one = scope.spawn(|| operate(&lab, &["--target", "srv1"]));
        let operated = [all.join(), one.join()];
        over.store(true, Ordering::SeqCst);
        let asked: Vec<_> = asking
            .into_iter()
            .flat_map(|asking| asking.join().unwrap())
            .collect();
        (operated.map(Result::unwrap).concat(), asked)
    });
    for (sent, ran) in &asked {
        let Some(ran) = ran else { continue };
        for (begin, end) in &frozen {
            assert!(
                sent < begin || ran > end,
                "sent at {sent}, ran at {ran}, frozen from {begin} to {end}"
            );
        }
    }
    assert!(asked.iter().any(|(_, ran)| ran.is_none()));
    lab.ask("date +%s%N").is("executed", 0);
    lab.log_is_whole();
}

#[test]
fn only_approvers_and_admins_thaw() {
    let lab = lab!("approvals: {group: nogroup}\nauto_allowed: [hostname]\n");
    let of = |uid: u32, arguments: &[&str]| {
        let output = lab.as_user(uid, arguments)?.output().unwrap();
        Some((
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    };
    // `games` belongs to no approvers, and may stop everything all the same.
    let Some((code, said)) = of(5, &["freeze", "--reason", "smoke"]) else {
        return;
    };
    assert_eq!(code, 0, "{said}");
    let (code, said) = of(5, &["thaw"]).unwrap();
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("`games` is not in the group `nogroup`"),
        "{said}"
    );
    lab.ask("hostname").is("rejected", 3);
    // `nobody` is an approver.
    assert_eq!(of(65_534, &["thaw"]).unwrap().0, 0);
    lab.ask("hostname").is("executed", 0);
}
