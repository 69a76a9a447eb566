//! `aiops watch` on a real terminal, which tmux holds, and as lines for programs.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::lab;
use crate::run::wait_for;
use crate::sshd::signal;

/// A terminal of 100 columns and 30 rows with a shell in it, in a lab.
struct Seat {
    socket: PathBuf,
    raw: PathBuf,
}

impl Seat {
    /// None, said loudly, where this machine has no tmux.
    fn take(lab: &Lab) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("SKIPPED: `tmux` is not installed");
            return None;
        }
        let seat = Self {
            socket: lab.path("tmux"),
            raw: lab.path("raw"),
        };
        let home = lab.path("");
        let shell = format!(
            "exec env -i PATH=/usr/local/bin:/usr/bin:/bin TERM=screen LC_ALL=C.UTF-8 PS1='lab$ ' \
             AIOPS_HOME='{}' aiops='{}' sh",
            home.display(),
            crate::lab::program().display()
        );
        seat.tmux(&["new-session", "-d", "-x", "100", "-y", "30", &shell]);
        let keep = format!("cat > '{}'", seat.raw.display());
        seat.tmux(&["pipe-pane", "-o", &keep]);
        seat.wait_for("lab$");
        Some(seat)
    }

    /// The same, with `aiops watch` running in it.
    fn watching(lab: &Lab) -> Option<Self> {
        let seat = Self::take(lab)?;
        seat.watch();
        Some(seat)
    }

    fn watch(&self) {
        self.line("$aiops watch");
        self.wait_for("q quit");
    }

    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-S"]);
        let output = command.arg(&self.socket).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types keys by their tmux names.
    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a line.
    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", &format!("{text}\r")]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Everything that is on the screen, with the lines that went up and away.
    fn history(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"])
    }

    /// Waits until the screen is as wanted, and gives it.
    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what} never came:\n{screen}");
            sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn wait_for(&self, part: &str) -> String {
        self.until(part, |screen| screen.contains(part))
    }

    /// Presses a key that asks, and gives the question with all that stands above it.
    #[track_caller]
    fn ask(&self, key: &str) -> String {
        self.wait_for("q quit");
        self.keys(&[key]);
        self.until("a question", |screen| last(screen) == ">")
    }

    /// Answers a question with these keys, and gives what is said then.
    #[track_caller]
    fn answer(&self, keys: &[&str]) -> String {
        self.keys(keys);
        self.said()
    }

    /// What is said to an answer, once all of it is.
    #[track_caller]
    fn said(&self) -> String {
        let screen = self.until("an end", |screen| last(screen).starts_with("Any key goes"));
        let (_, said) = screen.rsplit_once("\n> ").unwrap_or(("", &screen));
        said.to_owned()
    }

    /// Goes back to the list.
    #[track_caller]
    fn back(&self) {
        self.said();
        self.keys(&["x"]);
        self.wait_for("q quit");
    }

    /// Waits until the shell has its terminal again.
    #[track_caller]
    fn ended(&self) {
        let runs = |_: &str| self.asks("#{pane_current_command}") == "sh";
        self.until("the shell", runs);
    }

    /// What tmux knows of the terminal.
    fn asks(&self, what: &str) -> String {
        let known = self.tmux(&["display-message", "-p", what]);
        known.trim().to_owned()
    }

    /// All that was ever written to the terminal.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.raw).unwrap()).into_owned()
    }

    fn rings(&self) -> usize {
        self.raw().matches('\u{7}').count()
    }

    /// The process of the watch.
    fn pid(&self) -> u32 {
        let shell = self.asks("#{pane_pid}");
        let children = format!("/proc/{shell}/task/{shell}/children");
        let children = fs::read_to_string(children).unwrap();
        children.trim().parse().unwrap()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).arg("kill-server");
        let _ = command.stderr(Stdio::null()).status();
    }
}

/// The last line that says something.
fn last(screen: &str) -> &str {
    screen.trim_end().lines().next_back().unwrap_or_default()
}

/// How long a screen may take to become what is wanted.
const PATIENCE: Duration = Duration::from_secs(30);

macro_rules! seat {
    ($seat:expr) => {
        match $seat {
            Some(seat) => seat,
            None => return,
        }
    };
}

#[track_caller]
fn asked(lab: &Lab, command: &str) -> String {
    let answer = lab.ask(command).is("approval_requested", 0);
    answer.text("code").to_owned()
}

#[track_caller]
fn states(lab: &Lab) -> Value {
    let listed = lab.run(&["pending", "--all", "--json"], "");
    serde_json::from_slice(&listed.stdout).unwrap()
}

/// The state of the request with this code.
#[track_caller]
fn state(lab: &Lab, code: &str) -> String {
    let all = states(lab);
    let found = all.as_array().unwrap().iter();
    let mut found = found.filter(|one| one["code"] == code);
    found.next().unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_request_that_arrives_is_shown_and_rings_once() {
    let lab = lab!();
    let before = asked(&lab, "touch before");
    let seat = seat!(Seat::watching(&lab));
    seat.wait_for(&before);
    assert_eq!(seat.rings(), 0, "what waited before is no news");
    let code = asked(&lab, &format!("touch {}", lab.mark("a")));
    let screen = seat.wait_for(&code);
    assert!(screen.contains("2 wait"), "{screen}");
    assert!(screen.contains(&format!("> {before}")), "{screen}");
    sleep(Duration::from_secs(2));
    assert_eq!(seat.rings(), 1);
    seat.keys(&["Down"]);
    let screen = seat.wait_for(&format!("> {code}"));
    for part in ["Command:  touch ", "Digest:   ", "Reason:   test", "2 of 2"] {
        assert!(screen.contains(part), "{part:?} in\n{screen}");
    }
    seat.keys(&["q"]);
    seat.ended();
    seat.line("$aiops watch --quiet");
    seat.wait_for("2 wait");
    asked(&lab, "touch late");
    seat.wait_for("3 wait");
    assert_eq!(seat.rings(), 1);
}

#[test]
fn a_no_leaves_it_waiting_and_only_a_typed_yes_runs_it() {
    let lab = lab!();
    let mark = lab.mark("a");
    let code = asked(&lab, &format!("touch {mark}"));
    let seat = seat!(Seat::watching(&lab));
    let noes: [&[&str]; 6] = [
        &["no", "Enter"],
        &["y", "Enter"],
        &["Enter"],
        &["yes", "Escape"],
        &["yes", "C-c"],
        &["yes", "C-u", "Enter"],
    ];
    for keys in noes {
        let question = seat.ask("a");
        assert!(question.contains("Type yes to approve:"), "{question}");
        assert!(question.contains(&format!("Command:  touch {mark}")));
        let said = seat.answer(keys);
        assert!(
            said.contains("Not approved; it is still waiting."),
            "{said}"
        );
        assert_eq!(state(&lab, &code), "pending", "{keys:?}");
        assert!(!Path::new(&mark).exists());
        seat.back();
    }
    seat.ask("a");
    let said = seat.answer(&["no", "BSpace", "BSpace", "yes", "Enter"]);
    assert!(said.contains("executed:"), "{said}");
    assert!(Path::new(&mark).exists());
    seat.back();
    let screen = seat.wait_for(&format!("{code} done, approved by"));
    assert!(screen.contains("Nothing waits for a human."), "{screen}");
    let outcome = lab.log().pop().unwrap();
    assert_eq!(outcome["approver_via"], "command", "{outcome}");
    lab.log_is_whole();
}

#[test]
fn what_was_typed_before_the_question_answers_nothing() {
    let lab = lab!();
    let mark = lab.mark("a");
    let code = asked(&lab, &format!("touch {mark}"));
    let seat = seat!(Seat::watching(&lab));
    seat.line("ayes");
    seat.wait_for("Type yes to approve:");
    sleep(Duration::from_secs(1));
    assert_eq!(last(&seat.screen()), ">");
    let said = seat.answer(&["Enter"]);
    assert!(said.contains("Not approved"), "{said}");
    assert_eq!(state(&lab, &code), "pending");
    assert!(!Path::new(&mark).exists());
}

#[test]
fn a_denial_asks_why_and_can_be_left() {
    let lab = lab!();
    let code = asked(&lab, "touch a");
    let seat = seat!(Seat::watching(&lab));
    let question = seat.ask("d");
    assert!(question.contains("Deny this?"), "{question}");
    let said = seat.answer(&["no", "Escape"]);
    assert!(said.contains("Not denied"), "{said}");
    assert_eq!(state(&lab, &code), "pending");
    seat.back();
    seat.ask("d");
    seat.line("not tonigth\u{7f}\u{7f}ht, Jürgen");
    let said = seat.said();
    assert!(said.contains("denied:"), "{said}");
    let denied = lab.log().pop().unwrap();
    assert_eq!(denied["denial_reason"], "not tonight, Jürgen", "{denied}");
    seat.back();
    seat.wait_for(&format!("{code} denied by"));
    let code = asked(&lab, "touch b");
    seat.wait_for(&format!("> {code}"));
    seat.ask("d");
    let said = seat.answer(&["Enter"]);
    assert!(said.contains("denied:"), "{said}");
    assert_eq!(lab.log().pop().unwrap()["denial_reason"], Value::Null);
}

#[test]
fn what_vanishes_or_comes_under_the_finger_is_never_decided() {
    let lab = lab!();
    let touch = |name: &str| format!("touch {}", lab.mark(name));
    let first = asked(&lab, &touch("a"));
    let second = asked(&lab, &touch("b"));
    let seat = seat!(Seat::watching(&lab));
    seat.wait_for(&second);
    seat.keys(&["j"]);
    seat.wait_for(&format!("> {second}"));
    lab.send(format!("Deny {first}")).is("denied", 0);
    let third = asked(&lab, &touch("c"));
    let screen = seat.until("the third", |screen| {
        screen.contains(&third) && screen.contains("2 wait")
    });
    assert!(screen.contains(&format!("> {second}")), "{screen}");
    lab.send(format!("Deny {second}")).is("denied", 0);
    seat.wait_for("none of 1 selected");
    seat.keys(&["a"]);
    let screen = seat.wait_for("nothing is selected");
    assert!(!screen.contains("Type yes"), "{screen}");
    seat.keys(&["j"]);
    seat.wait_for(&format!("> {third}"));
    let screen = seat.ask("a");
    assert!(screen.contains(&third) && !screen.contains(&second));
    // It is decided elsewhere while the question stands, and another one comes.
    lab.send(format!("Deny {third}")).is("denied", 0);
    let fourth = asked(&lab, &touch("d"));
    let said = seat.answer(&["yes", "Enter"]);
    assert!(said.contains(&format!("{third} waits no more; nothing was decided")));
    assert_eq!(state(&lab, &fourth), "pending");
    for name in ["a", "b", "c", "d"] {
        assert!(!Path::new(&lab.mark(name)).exists(), "{name}");
    }
}

#[test]
fn ctrl_c_ends_what_runs_and_not_the_watch() {
    let lab = lab!();
    let (begun, late) = (lab.mark("begun"), lab.mark("late"));
    asked(&lab, &format!("touch {begun}; sleep 20; touch {late}"));
    let seat = seat!(Seat::watching(&lab));
    seat.ask("a");
    seat.keys(&["yes", "Enter"]);
    wait_for(&begun);
    let said = seat.answer(&["C-c"]);
    assert!(said.contains("interrupted:"), "{said}");
    assert_eq!(lab.log().pop().unwrap()["status"], "interrupted");
    seat.back();
    let code = asked(&lab, "touch next");
    seat.wait_for(&format!("> {code}"));
    // Ctrl-C in the list ends it.
    seat.keys(&["C-c"]);
    seat.ended();
    lab.log_is_whole();
}

#[test]
fn a_freeze_needs_a_reason_and_is_told() {
    let lab = lab!();
    let mark = lab.mark("a");
    asked(&lab, &format!("touch {mark}"));
    let seat = seat!(Seat::watching(&lab));
    let question = seat.ask("f");
    assert!(question.contains("Freeze everything?"), "{question}");
    let said = seat.answer(&["Enter"]);
    assert!(said.contains("Nothing was frozen."), "{said}");
    seat.back();
    seat.ask("f");
    seat.line("a storm");
    let said = seat.said();
    assert!(said.contains("Done: everything is frozen"), "{said}");
    seat.back();
    seat.until("the freeze", |screen| {
        screen.contains("everything is frozen by") && screen.contains(": a storm")
    });
    let listed = lab.run(&["pending"], "");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let first = listed.lines().next().unwrap();
    assert!(first.starts_with("everything is frozen by"), "{listed}");
    assert!(first.contains("`aiops thaw`"), "{listed}");
    seat.ask("a");
    let said = seat.answer(&["yes", "Enter"]);
    assert!(said.contains("everything is frozen by"), "{said}");
    assert!(!Path::new(&mark).exists());
}

#[test]
fn hostile_text_does_nothing_to_the_terminal_and_nothing_is_hidden() {
    let lab = lab!();
    let file = lab.mark("notes");
    let mut text = String::from("\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[H\u{202e}evil\u{9b}31m\n");
    for line in 0..200 {
        text.push_str(&format!("note-{line}\n"));
    }
    fs::write(&file, text).unwrap();
    lab.configure(&format!(
        "auto_allowed: ['cat [A-Za-z0-9/._-]+']\napprovals: {{preview: 8KiB}}\n\
         approval_required:\n  - {{id: touch, pattern: '^touch ', preview: 'cat {file}'}}\n"
    ));
    let long = format!("x{}Target:   srv9 (root@192.0.2.9)", "y".repeat(88));
    let code = asked(&lab, &format!("touch a\u{202e}b {long}"));
    let seat = seat!(Seat::watching(&lab));
    let screen = seat.wait_for(&format!("> {code}"));
    assert!(screen.contains("a<U+202E>b"), "{screen}");
    assert!(!screen.contains("\nTarget:   srv9"), "{screen}");
    assert!(screen.contains("more lines below: space"), "{screen}");
    let mut all = screen;
    for _ in 0..60 {
        if all.contains("end of ") {
            break;
        }
        seat.keys(&["Space"]);
        sleep(Duration::from_millis(150));
        all.push_str(&seat.screen());
    }
    assert!(all.contains("end of "), "the end never came:\n{all}");
    for line in 0..200 {
        assert!(all.contains(&format!("| note-{line}\n")), "note-{line}");
    }
    assert!(all.contains("<U+001B>]0;owned<U+0007>"), "{all}");
    seat.ask("a");
    let history = seat.history();
    assert!(history.contains("| note-0\n") && history.contains("| note-199\n"));
    seat.answer(&["Escape"]);
    let raw = seat.raw();
    for bad in ["\u{1b}]", "\u{202e}", "\u{9b}", "\u{7}"] {
        assert!(!raw.contains(bad), "{bad:?} reached the terminal");
    }
}

#[test]
fn the_terminal_is_left_as_it_was_found_however_it_ends() {
    use rustix::process::Signal;

    let lab = lab!();
    asked(&lab, "touch a");
    let seat = seat!(Seat::take(&lab));
    let modes = |name: &str| {
        let path = lab.path(name);
        seat.line(&format!("stty -a > '{}'; echo {name}", path.display()));
        seat.until("stty", |screen| screen.contains(&format!("\n{name}\n")));
        fs::read_to_string(path).unwrap()
    };
    let before = modes("before");
    let ends: [(&str, &dyn Fn()); 5] = [
        ("q", &|| seat.keys(&["q"])),
        ("ctrl-c", &|| seat.keys(&["C-c"])),
        ("term", &|| signal(seat.pid(), Signal::TERM)),
        ("hup", &|| signal(seat.pid(), Signal::HUP)),
        ("term in a question", &|| {
            seat.ask("a");
            signal(seat.pid(), Signal::TERM);
        }),
    ];
    for (at, (what, end)) in ends.into_iter().enumerate() {
        seat.watch();
        assert_eq!(seat.asks("#{alternate_on} #{cursor_flag}"), "1 0");
        end();
        seat.ended();
        let after = modes(&format!("after{at}"));
        assert_eq!(after, before, "{what}");
        assert_eq!(seat.asks("#{alternate_on} #{cursor_flag}"), "0 1", "{what}");
        seat.line("clear");
    }
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let lab = lab!();
    let code = asked(&lab, "touch a");
    let seat = seat!(Seat::watching(&lab));
    for (columns, rows) in [("80", "24"), ("40", "10"), ("12", "4"), ("100", "30")] {
        seat.tmux(&["resize-window", "-x", columns, "-y", rows]);
        let screen = seat.until("another size", |screen| {
            let lines: Vec<&str> = screen.lines().collect();
            let usable = screen.contains(&format!("> {code}"))
                && screen.contains("touch a")
                && lines.last().is_some_and(|last| last.contains("help"));
            let tiny = columns == "12" && screen.starts_with("1 wait");
            lines.len().to_string() == rows && (usable || tiny)
                || columns == "100" && screen.contains("? help  q quit")
        });
        let width: usize = columns.parse().unwrap();
        assert!(screen.lines().all(|line| line.chars().count() <= width));
    }
    seat.keys(&["?"]);
    let screen = seat.wait_for("-- keys ");
    assert!(screen.contains("only a typed yes"), "{screen}");
    seat.keys(&["?"]);
    seat.wait_for("Command:  touch a");
}

#[test]
fn a_program_gets_a_line_for_each_change() {
    let lab = lab!(
        "approvals: {ttl: 10s}\n\
         approval_required: ['^touch b', {pattern: '^touch a', ttl: 5m}]\n"
    );
    let first = asked(&lab, "touch a");
    let mut command = lab.command(&["watch", "--json"]);
    // It never reads standard input: one that stays open and silent keeps nothing waiting.
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let line = next();
    assert_eq!(
        (&line["event"], &line["state"], &line["code"]),
        (&"waiting".into(), &"pending".into(), &first.as_str().into()),
        "{line}"
    );
    assert_eq!(line["target"], "srv1");
    let late = asked(&lab, "touch b");
    let line = next();
    assert_eq!(
        (&line["event"], &line["code"]),
        (&"waiting".into(), &late.as_str().into())
    );
    lab.send(format!("Deny {first}")).is("denied", 0);
    let line = next();
    assert_eq!(
        (&line["event"], &line["state"], &line["code"]),
        (&"gone".into(), &"denied".into(), &first.as_str().into()),
        "{line}"
    );
    assert!(line["decided_by"].is_string(), "{line}");
    // The other one waits until its time is over.
    let line = next();
    assert_eq!(
        (&line["event"], &line["state"], &line["code"]),
        (&"gone".into(), &"expired".into(), &late.as_str().into()),
        "{line}"
    );
    fs::write(lab.path("config.yml"), "nonsense: 1\n").unwrap();
    assert!(next()["error"].as_str().unwrap().contains("nonsense"));
    // A reader that goes away ends it.
    drop(lines);
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it goes on without a reader");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn who_may_not_decide_is_told_so_as_by_pending() {
    let lab = lab!();
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a directory away");
        return;
    }
    let runtime = lab.path("runtime");
    std::os::unix::fs::chown(&runtime, Some(65534), None).unwrap();
    for more in [&[] as &[&str], &["--json"]] {
        let watched = lab.run(&[&["watch"], more].concat(), "");
        let listed = lab.run(&[&["pending"], more].concat(), "");
        assert_eq!(watched.status.code(), Some(4));
        assert_eq!(watched, listed);
    }
}
