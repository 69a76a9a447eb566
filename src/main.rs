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

use aiops::caller::Caller;
use aiops::cli;
use aiops::cli::World;
use aiops::home::Home;
use aiops::response::Response;
use aiops::response::exit;

fn main() -> ExitCode {
    // A bug is answered in JSON like everything else, and not with a text that breaks it.
    panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<OsString> = env::args_os().collect();
    let asked = panic::catch_unwind(|| run(arguments));
    ExitCode::from(asked.unwrap_or_else(|_| bug()))
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
    let (line, exit) = cli::answer(&world, &mut io::stdin().lock());
    print(&line);
    exit
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn world() -> World {
    let sudo_uid = env::var("SUDO_UID").ok();
    let caller = Caller::identify(sudo_uid.as_deref());
    // Whoever came through sudo does not choose the tree that the other user works on.
    let honoured =
        sudo_uid.is_none_or(|uid| uid == caller.uid.to_string() && !caller.came_by_sudo());
    let program = env::current_exe().ok();
    World {
        home: Home::choose(
            env::var_os("AIOPS_HOME").map(Into::into),
            honoured,
            program.as_deref(),
        ),
        caller,
        now,
        stdin_is_terminal: io::stdin().is_terminal(),
        colour: io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the program")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Prints one line. A reader that went away changes nothing: the log has it.
fn print(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn bug() -> u8 {
    let message = "This is a bug in aiops. If a run was started, `aiops audit verify` names it.";
    print(&Response::error(exit::BUG, message, now()).to_line(usize::MAX));
    exit::BUG
}
