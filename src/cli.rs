//! The command line: no arguments means one message on stdin, everything else is for people.
//!
//! **Reads** arguments, and for a message standard input.
//! **Gives** [`run`], [`answer`].
//! **Never** prints by itself: it is handed where to write.

use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;

use chrono::DateTime;
use chrono::Utc;
use clap::Args;
use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;

use crate::approval::Shown;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Record;
use crate::audit::checkpoint;
use crate::audit::checkpoint::Patience;
use crate::caller::Caller;
use crate::config;
use crate::config::Config;
use crate::home::Home;
use crate::pipeline;
use crate::pipeline::Line;
use crate::redact::Redaction;
use crate::response::Response;
use crate::status::exit;
use crate::uptime::Moment;

mod approver;
mod check;
mod evidence;
mod export;
mod freeze;
mod grant;
#[cfg(feature = "search")]
mod index;
mod message;
mod moment;
mod papers;
mod people;
mod policy;
mod report;
mod rows;
mod search;
mod setup;
mod show;
mod stats;
mod table;
mod tail;
mod verify;
mod watch;
mod width;

/// What the program knows of its surroundings.
#[derive(Debug, Clone)]
pub struct World {
    /// The installation it works on.
    pub home: Home,
    /// Who called.
    pub caller: Caller,
    /// Since when this process, and with it what it was given, has been there.
    pub since: fn() -> Moment,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
    /// Whether a person types on standard input.
    pub stdin_is_terminal: bool,
    /// Whether a person watches standard output.
    pub stdout_is_terminal: bool,
    /// Whether a person watches standard error.
    pub stderr_is_terminal: bool,
    /// Whether to print in colour.
    pub colour: bool,
}

/// Puts itself between an AI assistant and its servers: judges each command, asks a human where
/// policy demands one, records everything, and runs it over SSH.
///
/// Without a command it reads one message on standard input, a JSON request or the word `Approve`
/// or `Deny`, and prints one JSON object.
#[derive(Debug, Parser)]
#[command(
    name = "aiops",
    version,
    max_term_width = 100,
    override_usage = "aiops [COMMAND]"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge a request from standard input and run nothing
    Check(CheckArgs),
    /// List the requests that wait for a human
    Pending(PendingArgs),
    /// Watch in a terminal what waits for a human, and decide there
    ///
    /// Where standard input or output is no terminal, or with `--json`, it prints one JSON object a
    /// line for each request that begins or ceases to wait, and reads nothing.
    Watch(WatchArgs),
    /// Approve a waiting request and run it
    Approve(ApproveArgs),
    /// Deny a waiting request
    Deny(DenyArgs),
    /// Take back a request of one's own that waits
    Cancel(CancelArgs),
    /// Grant a command or a rule in advance: on one target, to one user, for a while
    Grant(grant::GrantArgs),
    /// List the grants that hold
    Grants(Format),
    /// End a grant before its time
    Revoke(grant::RevokeArgs),
    /// Stop everything, or one target: nothing starts there until it is thawed
    Freeze(FreezeArgs),
    /// Let run again what is frozen
    Thaw(ThawArgs),
    /// Say who approves by a code from their phone
    #[command(subcommand)]
    Approver(approver::ApproverCommand),
    /// Read the audit log, verify it, sign it, send it elsewhere
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Report what the log can prove of an incident, with room for what people know
    ///
    /// At least one of `--incident`, `--since`, `--until`, `--target`, `--requester` and `--request`
    /// says what it is about; where there are several, all of them have to hold. Facts come only from
    /// records that the chain proves, and what only people can tell stays visibly empty. It reads and
    /// changes nothing of the installation. Exit code 3 where there is nothing to report, 5 where the
    /// log is broken: then the report says so, and leaves out what cannot be proven.
    Report(report::ReportArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the policy about itself
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List the machines that can be named in a request
    Targets(Format),
    /// Look for what is wrong with this installation, and say what cures it
    Doctor(Format),
    /// Print a JSON Schema of the wire, the log or the configuration
    Schema {
        /// Which one
        of: papers::Schema,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
struct Format {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    format: Format,
    /// Read one request a line and print one answer a line, in order
    #[arg(long, conflicts_with = "json")]
    batch: bool,
}

#[derive(Debug, Args)]
struct PendingArgs {
    /// Also those that wait no more, with what became of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct WatchArgs {
    /// Do not ring the terminal's bell for a new request
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct CancelArgs {
    /// The code of the request, or `all`; may be left out while only one waits
    which: Option<String>,
    /// Why; it stands in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct ApproveArgs {
    /// The code of the request; may be left out on a terminal, which shows the only one that waits
    #[arg(value_name = "CODE")]
    words: Vec<String>,
    /// Give a code from your phone too: it is asked for on a terminal, and elsewhere it is the line on
    /// standard input
    #[arg(long)]
    factor: bool,
    /// Why; it stands in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask once more on a terminal; the code has to be there
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct DenyArgs {
    /// The code of the request, or `all` (may be left out while only one waits), and why
    #[arg(value_name = "CODE or REASON")]
    words: Vec<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct FreezeArgs {
    /// Only this target; everything where it is left out
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// End the runs in progress too
    #[arg(long)]
    stop: bool,
    /// Why, for whoever finds it frozen
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct ThawArgs {
    /// The freeze of this target; the one over everything where it is left out
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Print the last records, and with `-f` each new one
    Tail(tail::TailArgs),
    /// Print all that a record holds, and whether it fits the ones beside it
    ///
    /// Exit code 1 where a record is not there, 5 where one does not fit its neighbours or its files.
    Show(show::ShowArgs),
    /// Find records by their words and fields
    ///
    /// Everything that is given has to hold. The newest come first. Each record is read from the log and
    /// compared with what the index holds of it before it is shown.
    ///
    /// Exit code 0 where something was found, 1 where nothing was, 2 where the question was not
    /// understood, 5 where the log cannot be read or a record is not as it was.
    Search(Box<search::SearchArgs>),
    /// Show what the records of the last 30 days amount to: decisions, commands, waiting, questions
    Stats(stats::StatsArgs),
    /// Bring the index for `search` and `stats` up to date
    ///
    /// They do so by themselves where little is missing. The index is made from the log and can be
    /// deleted at any time.
    #[cfg(feature = "search")]
    Index(index::IndexArgs),
    /// Read the whole log and say whether it can be believed
    Verify(verify::VerifyArgs),
    /// Sign the log as it is now, and hand the checkpoint on
    Checkpoint(Format),
    /// Show or exchange the key that signs checkpoints
    #[command(subcommand)]
    Key(evidence::KeyCommand),
    /// Print a proof that a record is in the log, which is checked without the log
    Prove(evidence::ProveArgs),
    /// Check such a proof, and print the record that it proves
    CheckProof(evidence::CheckProofArgs),
    /// Send the log elsewhere as events of a published format
    ///
    /// Each record becomes one event of the Elastic Common Schema (`ecs`), the Open Cybersecurity
    /// Schema Framework (`ocsf`), the Common Event Format (`cef`), syslog (`rfc5424`) or OpenTelemetry
    /// (`otlp`), with its number and its hash in it. Only the log is read, never the configuration.
    ///
    /// With `--follow` and `--cursor` it goes on until SIGTERM or SIGINT and sends every record at
    /// least once. Exit code 0 where all was taken, 2 where it was called wrongly, 5 where the log
    /// or the cursor cannot be used, 6 where the destination did not take it.
    Export(Box<export::ExportArgs>),
    /// Begin a new segment of the log now
    Rotate,
    /// Print the JSON Schema of a record
    Schema,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check everything in `config.yml`, every pattern and every example
    Check(Format),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Judge everything in the log again by another configuration, and show what would change
    ///
    /// Exit code 0 where nothing changes, 1 where something does, 4 where the configuration cannot
    /// be used, 5 where a log cannot be read.
    Replay(policy::ReplayArgs),
    /// Suggest rules for what humans always approved, as a difference to `config.yml` to review
    ///
    /// It never suggests what could destroy or what a rule asks about, and never writes the file.
    Suggest(policy::SuggestArgs),
    /// Say of a command what each rule makes of it, and what would have to change for it to pass
    Explain(policy::ExplainArgs),
    /// Judge a file of commands and say which ones are not decided as the file expects
    Test(policy::TestArgs),
    /// Look for rules that say nothing, or more than is meant
    Lint(Format),
}

/// One answer, to be printed.
#[derive(Debug)]
pub struct Told {
    /// The line to print.
    pub line: String,
    /// The exit code.
    pub exit: u8,
    /// The request that the line shows, where it asks a human: once it is printed, a bare word can
    /// mean it.
    pub shows: Option<Shown>,
    /// What is done when the line is printed.
    pub chores: Option<Chores>,
}

/// What nobody has to wait for with an answer.
#[derive(Debug)]
pub struct Chores {
    home: Home,
    log: AuditLog,
    settings: checkpoint::Settings,
    now: fn() -> DateTime<Utc>,
}

impl Chores {
    /// Signs the log, where it is time for that. What goes wrong is kept for `doctor`.
    pub fn run(&self) {
        let Some(appended) = self.log.appended() else {
            return;
        };
        let (home, now) = (&self.home, (self.now)());
        if checkpoint::is_due(home, &self.settings, appended, now) {
            let made = checkpoint::make(home, &self.log, &self.settings, now, Patience::LITTLE);
            let _ = checkpoint::remember(home, made, now);
        }
    }
}

/// Answers the one message on standard input.
pub fn answer(world: &World, input: &mut (impl Read + AsFd)) -> Told {
    let (answer, limit, shows, chores) = match line(world) {
        Ok(line) => {
            let bounds = line.limits.message_bounds();
            let answer = match message::read(input, &bounds, world.stdin_is_terminal) {
                Ok(bytes) => pipeline::handle(&line, &bytes),
                Err(fault) => pipeline::unreadable(&line, &fault),
            };
            let shows = answer.shows.map(|id| line.approvals.shown(id));
            let chores = Chores {
                home: world.home.clone(),
                log: line.log,
                settings: line.checkpoints,
                now: world.now,
            };
            (answer, line.limits.answer_chars, shows, Some(chores))
        }
        Err(answer) => (*answer, pipeline::ANSWER_CHARS, None, None),
    };
    Told {
        exit: answer.exit,
        line: answer.to_line(limit),
        shows,
        chores,
    }
}

/// Runs a subcommand and returns the exit code.
pub fn run(
    world: &World,
    arguments: Vec<OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let mistake = policy::mistake(&arguments);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(fault) if fault.use_stderr() => {
            let _ = write!(err, "{}", fault.render());
            return mistake;
        }
        Err(help) => {
            let text = help.render();
            let _ = if world.colour {
                write!(out, "{}", text.ansi())
            } else {
                write!(out, "{text}")
            };
            return exit::ANSWERED;
        }
    };
    let done = match cli.command {
        Command::Check(asked) if asked.batch => check::batch(world, out),
        Command::Check(asked) => check::one(world, asked.format.json, out),
        Command::Pending(asked) => people::pending(world, &asked, out),
        Command::Watch(asked) => watch::watch(world, &asked, out),
        Command::Approve(asked) => people::approve(world, &asked, out, err),
        Command::Deny(asked) => people::deny(world, &asked, out),
        Command::Cancel(asked) => people::cancel(world, &asked, out),
        Command::Grant(asked) => grant::give(world, asked, out, err),
        Command::Grants(format) => grant::list(world, format.json, out),
        Command::Revoke(asked) => grant::revoke(world, &asked, out),
        Command::Freeze(asked) => freeze::freeze(world, &asked, out),
        Command::Thaw(asked) => freeze::thaw(world, &asked, out),
        Command::Approver(asked) => approver::run(world, &asked, out, err),
        Command::Audit(AuditCommand::Verify(asked)) => verify::verify(world, &asked, out, err),
        Command::Audit(AuditCommand::Checkpoint(format)) => {
            evidence::checkpoint(world, format.json, out, err)
        }
        Command::Audit(AuditCommand::Key(asked)) => evidence::key(world, &asked, out),
        Command::Audit(AuditCommand::Prove(asked)) => evidence::prove(world, &asked, out),
        Command::Audit(AuditCommand::CheckProof(asked)) => evidence::check_proof(&asked, out),
        Command::Audit(AuditCommand::Rotate) => evidence::rotate(world, out),
        Command::Audit(AuditCommand::Schema) => papers::schema(papers::Schema::Record, out),
        Command::Report(asked) => report::report(world, &asked, out, err),
        Command::Audit(AuditCommand::Export(asked)) => export::export(world, &asked, out, err),
        Command::Audit(AuditCommand::Tail(asked)) => tail::tail(world, &asked, out),
        Command::Audit(AuditCommand::Show(asked)) => show::show(world, &asked, out, err),
        Command::Audit(AuditCommand::Search(asked)) => search::search(world, &asked, out, err),
        Command::Audit(AuditCommand::Stats(asked)) => stats::stats(world, &asked, out, err),
        #[cfg(feature = "search")]
        Command::Audit(AuditCommand::Index(asked)) => index::index(world, &asked, out, err),
        Command::Config(ConfigCommand::Check(format)) => setup::check(world, format.json, out),
        Command::Policy(PolicyCommand::Replay(asked)) => policy::replay(world, &asked, out, err),
        Command::Policy(PolicyCommand::Suggest(asked)) => policy::suggest(world, &asked, out, err),
        Command::Policy(PolicyCommand::Explain(asked)) => policy::explain(world, &asked, out),
        Command::Policy(PolicyCommand::Lint(format)) => policy::lint(world, format.json, out),
        Command::Policy(PolicyCommand::Test(asked)) => policy::test(world, &asked, out),
        Command::Targets(format) => setup::targets(world, format.json, out),
        Command::Doctor(format) => setup::doctor(world, format.json, out),
        Command::Schema { of } => papers::schema(of, out),
        Command::Completions { shell } => papers::completions(&mut Cli::command(), shell, out),
        Command::Man => papers::man(Cli::command(), out),
    };
    match done {
        Ok(exit) => exit,
        Err(Stop::Said(message, exit)) => {
            if json {
                let _ = writeln!(out, "{}", serde_json::json!({ "error": message }));
            } else {
                let _ = writeln!(err, "aiops: {message}");
            }
            exit
        }
        // A reader that went away is no fault of ours.
        Err(Stop::Io(fault)) if fault.kind() == io::ErrorKind::BrokenPipe => exit::ANSWERED,
        Err(Stop::Io(fault)) => {
            let _ = writeln!(err, "aiops: {fault}");
            exit::BUG
        }
    }
}

/// Why a subcommand ends early.
#[derive(Debug)]
enum Stop {
    /// With a message for a person.
    Said(String, u8),
    /// With a fault of reading or printing.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(fault: io::Error) -> Self {
        Self::Io(fault)
    }
}

impl From<config::Error> for Stop {
    fn from(fault: config::Error) -> Self {
        Self::Said(fault.to_string(), exit::CONFIG)
    }
}

impl From<audit::Error> for Stop {
    fn from(fault: audit::Error) -> Self {
        Self::Said(fault.to_string(), exit::AUDIT)
    }
}

/// The whole line for one message, or the answer that says why there is none. A configuration that
/// cannot be used is recorded where the log can.
fn line(world: &World) -> Result<Line, Box<Response>> {
    let now = (world.now)();
    let config = match Config::load(&world.home) {
        Ok(config) => config,
        Err(fault) => {
            let message =
                format!("Nothing ran, because the configuration cannot be used: {fault}.");
            let mut answer = Response::error(exit::CONFIG, message, now);
            answer.audit_seq = note(world, &answer);
            return Err(Box::new(answer));
        }
    };
    config
        .into_line(&world.home, world.caller.clone(), world.since, world.now)
        .map_err(|fault| Box::new(pipeline::unrecordable(&fault, now)))
}

fn note(world: &World, answer: &Response) -> Option<u64> {
    // Another user's lock file would keep the executor from its own log.
    config::runtime_is_own(&world.home.runtime()).ok()?;
    let log = AuditLog::open(&world.home, audit::Limits::default()).ok()?;
    let mut record = stamped(world, Event::Decision);
    record.status = Some(answer.status.word().to_owned());
    record.message = Some(answer.message.clone());
    let redaction = Redaction::built_in(world.home.redaction_key());
    log.append(record.redacted(&redaction))
        .ok()
        .map(|receipt| receipt.seq())
}

/// A record of now, with who called.
fn stamped(world: &World, event: Event) -> Record {
    Record::called_by(&world.caller, event, (world.now)())
}
