//! `pending`, `approve`, `deny`: what an operator does in a terminal.
//!
//! **Reads** the waiting room; for an approval on a terminal one more line from its person.
//! **Gives** the same answers as the line on stdin, for people.
//! **Never** goes another way than that line.

use std::io;
use std::io::Write;

use super::ApproveArgs;
use super::DenyArgs;
use super::Stop;
use super::World;
use super::line;
use super::table::Paint;
use super::table::Table;
use crate::approval::Found;
use crate::approval::Via;
use crate::pipeline;
use crate::request::Code;
use crate::request::Input;
use crate::request::Reply;
use crate::request::Which;
use crate::response;
use crate::response::Response;
use crate::response::Waiting;
use crate::status::exit;

/// Lists what waits.
pub(super) fn pending(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let now = (world.now)();
    let waiting = line
        .approvals
        .waiting(now)
        .map_err(|fault| Stop::Said(fault.to_string(), exit::CONFIG))?;
    if json {
        let waiting: Vec<Waiting> = waiting
            .iter()
            .map(|pending| Waiting::new(pending.ticket()))
            .collect();
        writeln!(
            out,
            "{}",
            serde_json::to_string(&waiting).map_err(io::Error::other)?
        )?;
        return Ok(exit::ANSWERED);
    }
    if waiting.is_empty() {
        writeln!(out, "Nothing waits for a human.")?;
        return Ok(exit::ANSWERED);
    }
    let mut table = Table::new(&[
        "CODE", "AGE", "LEFT", "TARGET", "ASKED BY", "COMMAND", "REASON",
    ]);
    for pending in &waiting {
        let ticket = pending.ticket();
        let shown = Waiting::new(ticket);
        table.row(&[
            ticket.code.as_str(),
            &minutes(now - ticket.created),
            &minutes(ticket.expires - now),
            &shown.target,
            shown.requester.as_deref().unwrap_or(&ticket.caller),
            &shown.command,
            shown.reason.as_deref().unwrap_or("-"),
        ]);
    }
    table.print(out, world.colour)?;
    Ok(exit::ANSWERED)
}

/// Approves one request. On a terminal it is shown whole and asked for once more.
pub(super) fn approve(
    world: &World,
    asked: &ApproveArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let mut code = asked.code.as_deref().map(parse_code).transpose()?;
    let line = opened(world)?;
    if world.stdin_is_terminal && !asked.yes {
        let which = code.clone().map_or(Which::Only, Which::Code);
        let found = line.approvals.find(&which, (world.now)());
        if let Ok(Found::These(found)) = found
            && let [pending] = found.as_slice()
        {
            writeln!(
                err,
                "{}\n",
                response::block(pending.ticket(), (world.now)())
            )?;
            if !confirmed(err)? {
                return Err(Stop::Said(
                    "not approved; it is still waiting".to_owned(),
                    exit::REFUSED,
                ));
            }
            // What was read is what is meant, whatever came to wait meanwhile.
            code = Some(pending.ticket().code.clone());
        }
    }
    print(
        &pipeline::approve(&line, code, Via::Command),
        &line,
        asked.format.json,
        world,
        out,
    )
}

/// Denies one request, or all, in the same words as on standard input.
pub(super) fn deny(world: &World, asked: &DenyArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let said = format!("Deny {}", asked.words.join(" "));
    let parsed = Input::parse(said.as_bytes(), &line.limits.request);
    let (which, reason) = match parsed {
        Ok(Input::Reply(Reply::Deny { which, reason })) => (which, reason),
        Ok(_) => return Err(Stop::Said("that is no denial".to_owned(), exit::INVALID)),
        Err(fault) => return Err(Stop::Said(fault.to_string(), exit::INVALID)),
    };
    let answer = pipeline::deny(&line, &which, reason, Via::Command);
    print(&answer, &line, asked.format.json, world, out)
}

fn opened(world: &World) -> Result<pipeline::Line, Stop> {
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

fn confirmed(err: &mut dyn Write) -> io::Result<bool> {
    write!(err, "Run this? Type yes to approve: ")?;
    err.flush()?;
    let mut said = String::new();
    io::stdin().read_line(&mut said)?;
    Ok(said.trim().eq_ignore_ascii_case("yes"))
}

fn print(
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

fn minutes(span: chrono::TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}
