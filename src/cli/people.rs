//! `pending`, `approve`, `deny`, `cancel`: what an operator does in a terminal.
//!
//! **Reads** the waiting room; for an approval on a terminal one more line from its person.
//! **Gives** the same answers as the line on stdin, for people.
//! **Never** goes another way than that line.

use std::io;
use std::io::BufRead as _;
use std::io::Read as _;
use std::io::Write;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use super::ApproveArgs;
use super::CancelArgs;
use super::DenyArgs;
use super::PendingArgs;
use super::Stop;
use super::World;
use super::line;
use super::table::Paint;
use super::table::Table;
use crate::approval;
use crate::approval::Found;
use crate::approval::Seeker;
use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::Via;
use crate::assurance::Assurance;
use crate::audit;
use crate::freeze::Freezes;
use crate::pipeline;
use crate::pipeline::Yes;
use crate::request;
use crate::request::Code;
use crate::request::Factor;
use crate::request::Input;
use crate::request::Reply;
use crate::request::Which;
use crate::response;
use crate::response::Response;
use crate::response::Waiting;
use crate::status::exit;

/// Lists what waits, or all that is remembered.
pub(super) fn pending(world: &World, asked: &PendingArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let now = (world.now)();
    let failed = |fault: approval::Error| Stop::Said(fault.to_string(), exit::CONFIG);
    let mut rows: Vec<(State, Ticket)> = line
        .approvals
        .waiting(now)
        .map_err(failed)?
        .iter()
        .map(|pending| (State::Pending, pending.ticket().clone()))
        .collect();
    if asked.all {
        rows.extend(line.approvals.past().map_err(failed)?);
    }
    if asked.format.json {
        let rows: Vec<Listed> = rows.iter().map(Listed::new).collect();
        writeln!(
            out,
            "{}",
            serde_json::to_string(&rows).map_err(io::Error::other)?
        )?;
        return Ok(exit::ANSWERED);
    }
    for frozen in frozen(&line.freezes) {
        writeln!(out, "{}", Paint::Red.on(&frozen, world.colour))?;
    }
    if rows.is_empty() {
        let more = if asked.all {
            ", and nothing is remembered"
        } else {
            ""
        };
        writeln!(out, "Nothing waits for a human{more}.")?;
        return Ok(exit::ANSWERED);
    }
    table(&rows, asked.all, now).print(out, world.colour)?;
    Ok(exit::ANSWERED)
}

/// Which freezes hold, in one line each, with what lifts them.
pub(super) fn frozen(freezes: &Freezes) -> Vec<String> {
    match freezes.all() {
        Ok(all) => all
            .iter()
            .map(|freeze| format!("{freeze} (`{}` lifts it)", freeze.extent.cure()))
            .collect(),
        Err(fault) => vec![format!("nobody can know what is frozen: {fault}")],
    }
}

/// The requests as a table.
pub(super) fn table(rows: &[(State, Ticket)], states: bool, now: DateTime<Utc>) -> Table {
    let mut heading = vec![
        "CODE", "DIGEST", "AGE", "LEFT", "NEEDS", "TARGET", "ASKED BY", "COMMAND", "REASON",
    ];
    if states {
        heading.insert(1, "STATE");
        heading.push("BY");
    }
    let mut table = Table::new(&heading);
    for (state, ticket) in rows {
        let shown = Waiting::new(ticket);
        let waits = *state == State::Pending;
        let left = if waits {
            minutes(ticket.expires - now)
        } else {
            "-".to_owned()
        };
        let age = minutes(now - ticket.created);
        let mut cells = vec![
            ticket.code.as_str(),
            ticket.digest_words(),
            &age,
            &left,
            shown.needs.word(),
            &shown.target,
            shown.requester.as_deref().unwrap_or(&ticket.caller),
            &shown.command,
            shown.reason.as_deref().unwrap_or("-"),
        ];
        if states {
            cells.insert(1, state.word());
            cells.push(ticket.decided.as_ref().map_or("-", |answer| &answer.by));
        }
        table.row(&cells);
    }
    table
}

/// One request as a list in JSON has it.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    state: &'static str,
    #[serde(flatten)]
    waiting: Waiting,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
}

impl Listed {
    pub(super) fn new((state, ticket): &(State, Ticket)) -> Self {
        let decided = ticket.decided.as_ref();
        Self {
            state: state.word(),
            waiting: Waiting::new(ticket),
            created_at: audit::stamp(ticket.created),
            decided_by: decided.map(|answer| answer.by.clone()),
            decided_at: decided.map(|answer| audit::stamp(answer.at)),
        }
    }
}

/// Approves one request. On a terminal it is shown whole and asked for once more.
pub(super) fn approve(
    world: &World,
    asked: &ApproveArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let line = opened(world)?;
    let said = format!("Approve {}", asked.words.join(" "));
    let code = match Input::parse(said.as_bytes(), &line.limits.request) {
        Ok(Input::Reply(Reply::Approve { code, factor: None })) => code,
        Ok(Input::Reply(Reply::Approve { .. })) => {
            return Err(Stop::Said(NOT_BEHIND_THE_COMMAND.to_owned(), exit::INVALID));
        }
        Ok(_) => return Err(Stop::Said("that is no approval".to_owned(), exit::INVALID)),
        Err(fault) => {
            let message = format!("{fault}; `aiops pending` lists the codes");
            return Err(Stop::Said(message, exit::INVALID));
        }
    };
    let reason = reason(&line, asked.reason.as_deref())?;
    let (which, factor) = if world.stdin_is_terminal && !asked.yes {
        let which = code.map_or(Which::Only, Which::Code);
        at_the_prompt(&line, which, asked.factor, world, err)?
    } else {
        // Nothing is shown here that a yes without a name could be about.
        let code = code.ok_or_else(|| Stop::Said(NAME_IT.to_owned(), exit::INVALID))?;
        let factor = asked.factor.then(|| phones_code(err, world)).transpose()?;
        (Which::Code(code), factor)
    };
    let yes = Yes {
        which,
        factor,
        via: Via::Command,
        reason,
    };
    let answer = pipeline::approve(&line, yes);
    print(&answer, &line, asked.format.json, world, out)
}

/// Shows what is meant and asks once more; what was read is what is meant from then on, whatever came
/// to wait meanwhile.
fn at_the_prompt(
    line: &pipeline::Line,
    which: Which,
    with_code: bool,
    world: &World,
    err: &mut dyn Write,
) -> Result<(Which, Option<Factor>), Stop> {
    let Some(ticket) = the_only(line, &which, (world.now)()) else {
        return match which {
            // Whatever is the only one a moment later was not shown to the person here.
            Which::Only => Err(Stop::Said(NOT_ONE.to_owned(), exit::REFUSED)),
            named => Ok((named, None)),
        };
    };
    let with_code = with_code || ticket.demand.level >= Assurance::SecondFactor;
    match asked_once_more(&ticket, with_code, world, |text| typed(err, world, text))? {
        Said::Yes(factor) => Ok((Which::Code(ticket.code), factor)),
        Said::No => {
            let what = "not approved; it is still waiting";
            Err(Stop::Said(what.to_owned(), exit::REFUSED))
        }
    }
}

/// The one request that is meant, to be shown.
fn the_only(line: &pipeline::Line, which: &Which, now: DateTime<Utc>) -> Option<Ticket> {
    let anybody = Seeker {
        caller: &line.caller,
        own_first: false,
        since: None,
    };
    match line.approvals.find(which, &anybody, now) {
        Ok(Found::These(found)) => match found.as_slice() {
            [pending] => Some(pending.ticket().clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What a person typed.
pub(super) enum Said {
    /// Yes, perhaps with a code from the phone.
    Yes(Option<Factor>),
    /// Anything else.
    No,
}

/// Reads a code from a phone; on a terminal a person is asked for it.
pub(super) fn phones_code(err: &mut dyn Write, world: &World) -> Result<Factor, Stop> {
    let said = typed(err, world, "Code that your phone shows: ")?;
    Factor::parse(&said).ok_or_else(|| {
        let what = "that is neither the six digits of a phone nor a recovery code";
        Stop::Said(what.to_owned(), exit::INVALID)
    })
}

/// Shows a request whole and asks for a yes; `typed` shows a text and gives the line that a person
/// typed then.
pub(super) fn asked_once_more(
    ticket: &Ticket,
    with_code: bool,
    world: &World,
    typed: impl FnOnce(&str) -> io::Result<String>,
) -> Result<Said, Stop> {
    let question = if with_code {
        "Run this? Type the code that your phone shows, or yes to approve without one: "
    } else {
        "Run this? Type yes to approve: "
    };
    let whole = response::whole(ticket, (world.now)());
    let said = typed(&format!("{whole}\n\n{question}"))?;
    Ok(match Factor::parse(&said).filter(|_| with_code) {
        Some(factor) => Said::Yes(Some(factor)),
        None if said.eq_ignore_ascii_case("yes") => Said::Yes(None),
        None => Said::No,
    })
}

/// Takes back what one asked for oneself.
pub(super) fn cancel(world: &World, asked: &CancelArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let which = match asked.which.as_deref() {
        None => Which::Only,
        Some(all) if all.eq_ignore_ascii_case("all") => Which::All,
        Some(code) => Which::Code(parse_code(code)?),
    };
    let reason = reason(&line, asked.reason.as_deref())?;
    let answer = pipeline::cancel(&line, &which, reason.as_deref());
    print(&answer, &line, asked.format.json, world, out)
}

/// Denies one request, or all, in the same words as on standard input.
pub(super) fn deny(world: &World, asked: &DenyArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let answer = denied(&line, &asked.words.join(" "))?;
    print(&answer, &line, asked.format.json, world, out)
}

/// Denies in words that are read as they would be on standard input, so that the same bounds hold.
pub(super) fn denied(line: &pipeline::Line, words: &str) -> Result<Response, Stop> {
    let said = format!("Deny {words}");
    let (which, reason) = match Input::parse(said.as_bytes(), &line.limits.request) {
        Ok(Input::Reply(Reply::Deny { which, reason })) => (which, reason),
        Ok(_) => return Err(Stop::Said("that is no denial".to_owned(), exit::INVALID)),
        Err(fault) => return Err(Stop::Said(fault.to_string(), exit::INVALID)),
    };
    Ok(pipeline::deny(line, &which, reason, Via::Command))
}

pub(super) fn opened(world: &World) -> Result<pipeline::Line, Stop> {
    line(world).map_err(|answer| Stop::Said(answer.message.clone(), answer.exit))
}

fn parse_code(text: &str) -> Result<Code, Stop> {
    Code::parse(text).ok_or_else(|| {
        let message = format!(
            "`{}` is no code; `aiops pending` lists them",
            crate::visible::line(text)
        );
        Stop::Said(message, exit::INVALID)
    })
}

/// Asks a person for a yes.
pub(super) fn confirmed(err: &mut dyn Write, world: &World, question: &str) -> io::Result<bool> {
    Ok(typed(err, world, question)?.eq_ignore_ascii_case("yes"))
}

/// Reads one line; on a terminal a person is asked for it.
pub(super) fn typed(err: &mut dyn Write, world: &World, question: &str) -> io::Result<String> {
    if world.stdin_is_terminal {
        write!(err, "{question}")?;
        err.flush()?;
    }
    let mut said = Vec::new();
    let mut line = io::stdin().lock().take(LINE_BYTES);
    line.read_until(b'\n', &mut said)?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

/// Why somebody decides, as an argument: bounded as on standard input.
pub(super) fn reason(line: &pipeline::Line, said: Option<&str>) -> Result<Option<String>, Stop> {
    request::reason(said.map(str::to_owned), &line.limits.request)
        .map_err(|fault| Stop::Said(fault.to_string(), exit::INVALID))
}

pub(super) fn print(
    answer: &Response,
    line: &pipeline::Line,
    json: bool,
    world: &World,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    if json {
        writeln!(out, "{}", answer.clone().to_line(line.limits.answer_chars))?;
        return Ok(answer.exit);
    }
    let status = answer.status.word();
    writeln!(
        out,
        "{}: {}",
        Paint::of(status).on(status, world.colour),
        crate::visible::block(&answer.message)
    )?;
    for (name, text) in [("stdout", &answer.stdout), ("stderr", &answer.stderr)] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            writeln!(out, "--- {name}\n{}", text.trim_end_matches('\n'))?;
        }
    }
    Ok(answer.exit)
}

pub(super) fn minutes(span: chrono::TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

/// The longest line that is read of what a person types.
pub(super) const LINE_BYTES: u64 = 256;

const NOT_ONE: &str =
    "nothing waits, or more than one request does; `aiops pending` lists their codes";

const NAME_IT: &str = "name the request, as in `aiops approve 7K3Q`: `aiops pending` lists the codes, and only on a terminal can what is meant be shown first";

/// Whoever is on this machine can read the arguments of every process (proc(5)), and sudo writes
/// them down: whoever asks could pass the code on before it arrives.
const NOT_BEHIND_THE_COMMAND: &str = "a code from a phone is not taken from the command line, where everybody on this machine can read it: leave it out, say `--factor`, and give the next code that the phone shows";
