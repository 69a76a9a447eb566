//! The program: reads the world, calls the library, prints, exits.
//!
//! **Reads** arguments, environment, standard input and the clock.
//! **Gives** one JSON object on standard output, or what a subcommand prints.
//! **Never** decides anything.

use std::env;
use std::ffi::OsString;
use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::panic;
use std::process::ExitCode;

use chrono::DateTime;
use chrono::Utc;
use rustix::fs::Mode;
use rustix::process::Resource;
use rustix::process::getrlimit;
use rustix::process::setrlimit;

use aiops::caller::Caller;
use aiops::cli;
use aiops::cli::World;
use aiops::home::Home;
use aiops::response::Response;
use aiops::status::exit;
use aiops::uptime::Moment;

fn main() -> ExitCode {
    settle();
    // A bug is answered in JSON like everything else, and not with a text that breaks it.
    let to_person = io::stderr().is_terminal();
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |bug| {
        if to_person {
            default(bug);
        }
    }));
    let arguments: Vec<OsString> = env::args_os().collect();
    let asked = panic::catch_unwind(|| run(arguments));
    ExitCode::from(asked.unwrap_or_else(|_| bug()))
}

/// Undoes what a caller can do to this process through sudo: a umask that would lock the executor
/// out of its own files, and a limit on the size of files that would end it while it records. What
/// cannot be undone is refused by the log.
fn settle() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let mut size = getrlimit(Resource::Fsize);
    if size.current != size.maximum {
        size.current = size.maximum;
        // Raising it to its own maximum is always allowed.
        let _ = setrlimit(Resource::Fsize, size);
    }
}

#[expect(clippy::disallowed_macros, reason = "a person sits at the terminal")]
fn run(arguments: Vec<OsString>) -> u8 {
    let world = world();
    if arguments.len() > 1 {
        return cli::run(&world, arguments, &mut io::stdout(), &mut io::stderr());
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        eprintln!("Reading one request or reply; end it with Ctrl-D. `aiops --help` shows more.");
    }
    let told = cli::answer(&world, &mut io::stdin().lock());
    if print(&told.line).is_ok()
        && let Some(shown) = told.shows
    {
        let now = Moment::now();
        shown.at(now);
        // Whoever waits for our end and then starts a word is known to have seen it.
        std::thread::sleep(now.until_a_start_is_later());
    }
    if let Some(chores) = told.chores {
        chores.run();
    }
    told.exit
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn world() -> World {
    let sudo_uid = env::var("SUDO_UID").ok();
    let caller = Caller::identify(sudo_uid.as_deref());
    let own = caller.uid.to_string();
    // Whoever came through sudo does not choose the tree that the other user works on.
    let honoured = sudo_uid.is_none_or(|uid| uid == own && !caller.came_by_sudo());
    let program = env::current_exe().ok();
    let stdout_is_terminal = io::stdout().is_terminal();
    World {
        home: Home::choose(
            env::var_os("AIOPS_HOME").and_then(|home| std::path::absolute(home).ok()),
            honoured,
            program.as_deref(),
        ),
        caller,
        since: Moment::of_call,
        now,
        stdin_is_terminal: io::stdin().is_terminal(),
        stdout_is_terminal,
        stderr_is_terminal: io::stderr().is_terminal(),
        colour: stdout_is_terminal && env::var_os("NO_COLOR").is_none(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the program")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Prints one line. A reader that went away changes nothing: the log has it.
fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
}

fn bug() -> u8 {
    let message = "This is a bug in aiops. If a run was started, `aiops audit verify` names it.";
    let _ = print(&Response::error(exit::BUG, message, now()).to_line(usize::MAX));
    exit::BUG
}
