//! `audit export`: sends the log elsewhere.
//!
//! **Reads** the log, a cursor, a file of headers and certificates; the name of this machine.
//! **Gives** [`ExportArgs`], [`export`].
//! **Never** reads the configuration, and never writes to the log.

use std::fs;
use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use super::Stop;
use super::World;
use super::policy::Since;
use crate::audit::Files;
use crate::config::Quantity;
use crate::export::Beginning;
use crate::export::Courier;
use crate::export::Destination;
use crate::export::Error;
use crate::export::Format;
use crate::export::Frame;
use crate::export::Notice;
use crate::export::Options;
use crate::export::Plan;
use crate::export::Road;
use crate::export::facility;
use crate::ssh::Interruptions;
use crate::status::exit;
use crate::visible;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What the events are written as
    #[arg(long, value_enum)]
    format: Word,
    /// Where they go: `-` for standard output, a file by its path, `syslog+udp://HOST:514`,
    /// `syslog+tcp://HOST:601`, `syslog+tls://HOST:6514`, `syslog+unix:///dev/log`, or for otlp
    /// `http(s)://HOST:4318/v1/logs`
    #[arg(long, value_name = "DESTINATION", default_value = "-")]
    to: String,
    /// Wait for more at the end of the log, until SIGTERM or SIGINT
    #[arg(long)]
    follow: bool,
    /// The file that says how far the events were taken; the next call goes on behind it
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    /// Begin at the record of this number, whatever the cursor says
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    #[command(flatten)]
    since: Since,
    /// The authorities that a server's certificate has to come from, in PEM [default: the system's]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Headers for HTTP, one `Name: value` a line, as for a token; others must not be able to read it
    #[arg(long, value_name = "FILE")]
    header_file: Option<PathBuf>,
    /// The longest wait between two tries of a destination that does not answer, as `90s` or `5m`
    #[arg(long, value_name = "TIME", default_value = "5m")]
    max_wait: String,
    /// Bytes of the longest syslog message; what is cut leaves a mark [default: 8192 for a datagram,
    /// 65536 for a stream]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(2048..=1_048_576))]
    max_bytes: Option<u32>,
    /// Bytes of a command's output to pass on in ecs, ocsf and otlp; size and hash are always there
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    output_bytes: usize,
    /// The private enterprise number in the structured data of rfc5424
    #[arg(long, value_name = "NUMBER", default_value_t = Frame::EXAMPLE_ENTERPRISE)]
    enterprise_id: u32,
    /// The syslog facility: `authpriv`, `auth`, `local0` to `local7`, and the others by their names
    #[arg(long, value_name = "NAME", default_value = "authpriv")]
    facility: String,
    /// The name of this machine in the events [default: its own]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    /// Elastic Common Schema, JSON
    Ecs,
    /// Open Cybersecurity Schema Framework, JSON
    Ocsf,
    /// ArcSight Common Event Format
    Cef,
    /// Syslog
    Rfc5424,
    /// OpenTelemetry protocol, JSON
    Otlp,
}

impl Word {
    fn format(self) -> Format {
        match self {
            Self::Ecs => Format::Ecs,
            Self::Ocsf => Format::Ocsf,
            Self::Cef => Format::Cef,
            Self::Rfc5424 => Format::Rfc5424,
            Self::Otlp => Format::Otlp,
        }
    }
}

/// Sends what is there, and with `--follow` what comes.
pub(super) fn export(
    world: &World,
    asked: &ExportArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let destination = Destination::parse(&asked.to).map_err(|why| wrong("--to", &why))?;
    let plan = plan(world, asked, destination)?;
    let options = Options {
        ca: asked.ca.clone(),
        header_file: asked.header_file.clone(),
    };
    // Whoever only reads a page of it ends it as any other program.
    let mut ears = if asked.follow {
        Some(Interruptions::listen().map_err(|fault| Stop::Said(fault.to_string(), exit::BUG))?)
    } else {
        None
    };
    let mut stop = || ears.as_mut().is_some_and(|ears| ears.came().is_some());
    let mut told = Told {
        err,
        shows_progress: world.stderr_is_terminal && plan.destination != Destination::Stdout,
        destination: plan.destination.to_string(),
        on_a_line: false,
    };
    let road = Road::open(&plan.destination, &options, out)
        .map_err(|why| Stop::Said(why, exit::INVALID))?;
    let carried = Courier::new(plan, road)
        .and_then(|mut courier| courier.run(&mut stop, &mut |notice| told.say(&notice)));
    told.end_line();
    match carried {
        Ok(_) => Ok(exit::ANSWERED),
        Err(Error::Output(fault)) => Err(Stop::Io(fault)),
        Err(fault) => {
            let code = match &fault {
                Error::Taken(_) => exit::INVALID,
                Error::Unreached { .. } | Error::Refused { .. } => exit::TARGET,
                _ => exit::AUDIT,
            };
            let said = match &fault {
                Error::Unreached { .. } | Error::Refused { .. } => {
                    format!("{}: {fault}", told.destination)
                }
                _ => fault.to_string(),
            };
            Err(Stop::Said(visible::line(&said).into_owned(), code))
        }
    }
}

fn plan(world: &World, asked: &ExportArgs, destination: Destination) -> Result<Plan, Stop> {
    let format = asked.format.format();
    destination
        .takes(format)
        .map_err(|why| wrong("--to", &why))?;
    if asked.follow && asked.cursor.is_none() && destination != Destination::Stdout {
        let why = "it needs `--cursor FILE`, or nobody knows where to go on after an end";
        return Err(wrong("--follow", why));
    }
    let is_http = matches!(destination, Destination::Http(_));
    if asked.header_file.is_some() && !is_http {
        return Err(wrong("--header-file", "it is for `http(s)://` alone"));
    }
    let enterprise = asked.enterprise_id;
    let facility = facility(&asked.facility).ok_or_else(|| {
        let why =
            "there is no such facility: write `authpriv`, `auth`, `daemon` or `local0` to `local7`";
        wrong("--facility", why)
    })?;
    let max_wait = Quantity::parse(&asked.max_wait)
        .and_then(|quantity| quantity.duration())
        .filter(|wait| (SHORTEST_WAIT..=LONGEST_WAIT).contains(wait))
        .ok_or_else(|| wrong("--max-wait", "write a time from `1s` to `1h`"))?;
    let gateway = match &asked.hostname {
        Some(name) => name.clone(),
        None => own_name(),
    };
    let default = if destination.is_datagram() {
        DATAGRAM
    } else {
        STREAM
    };
    let now = (world.now)();
    let since = asked.since.moment(now)?;
    Ok(Plan {
        files: Files::of(&world.home),
        format,
        beginning: asked.from.map_or(Beginning::Cursor, Beginning::Record),
        since,
        follow: asked.follow,
        cursor: asked.cursor.clone(),
        max_wait,
        max_bytes: asked
            .max_bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(default),
        frame: Frame {
            gateway,
            version: env!("CARGO_PKG_VERSION"),
            enterprise,
            facility,
            output_bytes: asked.output_bytes,
            observed: now,
        },
        now: world.now,
        destination,
    })
}

fn wrong(option: &str, why: &str) -> Stop {
    Stop::Said(format!("{option}: {why}"), exit::INVALID)
}

/// The name of this machine; `-` where it has none.
fn own_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "-".to_owned()
    } else {
        name.to_owned()
    }
}

/// What a person, or the journal, is told while it goes on.
struct Told<'a> {
    err: &'a mut dyn Write,
    shows_progress: bool,
    destination: String,
    /// Whether a line of progress stands there without an end.
    on_a_line: bool,
}

impl Told<'_> {
    fn say(&mut self, notice: &Notice) {
        // Where it cannot be shown, nothing is lost.
        let _ = self.show(notice);
    }

    fn show(&mut self, notice: &Notice) -> io::Result<()> {
        let to = self.destination.clone();
        let line = match notice {
            Notice::Sent(tally) => {
                if self.shows_progress {
                    self.on_a_line = true;
                    write!(
                        self.err,
                        "\r{} sent, up to record {}",
                        tally.sent, tally.last
                    )?;
                    self.err.flush()?;
                }
                return Ok(());
            }
            Notice::Waiting { why, wait } => format!(
                "{to} takes nothing for now: {}; trying again in {:.1} s, and so on",
                visible::line(why),
                wait.as_secs_f32()
            ),
            Notice::Reached => format!("{to} takes events again"),
            Notice::Rejected { events, said } => {
                format!("{to} threw {events} events away: {}", visible::line(said))
            }
            Notice::Foreign => {
                "the log holds lines that are no records of this program; they are passed over"
                    .to_owned()
            }
        };
        self.end_line();
        writeln!(self.err, "aiops: {line}")
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.on_a_line) {
            let _ = writeln!(self.err);
        }
    }
}

const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Bytes of a datagram: more than every network carries whole, and what common servers take.
const DATAGRAM: usize = 8192;

/// Bytes of a message in a stream.
const STREAM: usize = 64 * 1024;
