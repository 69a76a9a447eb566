//! What an operator decides while watching: yes, no, or that everything stops.
//!
//! **Reads** the waiting room anew for each decision, and what the operator types.
//! **Gives** [`decide`], [`stop_all`], [`Act`].
//! **Never** goes another way than `aiops approve`, `aiops deny` and `aiops freeze`, and never
//! takes a single key for a decision.

use super::super::Format;
use super::super::FreezeArgs;
use super::super::Stop;
use super::super::World;
use super::super::freeze;
use super::super::people;
use super::super::people::Said;
use super::desk::Desk;
use crate::approval::Pending;
use crate::approval::Ticket;
use crate::approval::Via;
use crate::assurance::Assurance;
use crate::pipeline;
use crate::pipeline::Line;
use crate::pipeline::Yes;
use crate::request::Which;
use crate::response;
use crate::response::Response;
use crate::status::exit;
use crate::uptime::Moment;

/// What the operator wants to do with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Approve it.
    Approve,
    /// Deny it.
    Deny,
}

/// Asks, and does it.
pub(super) fn decide(
    desk: &mut Desk<'_>,
    world: &World,
    act: Act,
    ticket: &Ticket,
) -> Result<(), Stop> {
    desk.say("")?;
    let done = match act {
        Act::Approve => approve(desk, world, ticket),
        Act::Deny => deny(desk, world, ticket),
    };
    rest(desk, done)
}

/// Asks, and freezes everything.
pub(super) fn stop_all(desk: &mut Desk<'_>, world: &World) -> Result<(), Stop> {
    desk.say("")?;
    let done = freeze_all(desk, world);
    rest(desk, done)
}

/// Whatever went wrong is told, and the operator stays.
fn rest(desk: &mut Desk<'_>, done: Result<(), Stop>) -> Result<(), Stop> {
    match done {
        Ok(()) => {}
        Err(Stop::Said(message, _)) => desk.say(&format!("aiops: {message}"))?,
        Err(broken) => return Err(broken),
    }
    Ok(desk.pause()?)
}

fn approve(desk: &mut Desk<'_>, world: &World, chosen: &Ticket) -> Result<(), Stop> {
    let (_, shown) = found(world, chosen)?;
    let with_code = shown.demand.level >= Assurance::SecondFactor;
    let said = people::asked_once_more(&shown, with_code, world, |text| {
        Ok(desk.typed(text)?.unwrap_or_default())
    })?;
    let Said::Yes(factor) = said else {
        return Ok(desk.say("Not approved; it is still waiting.")?);
    };
    // What was read is what is meant, whatever came to wait meanwhile.
    let (line, _) = found(world, &shown)?;
    desk.say("Running it, where that was enough; Ctrl-C ends it.")?;
    let yes = Yes {
        which: Which::Code(shown.code.clone()),
        factor,
        via: Via::Command,
        reason: None,
    };
    match desk.run(|| pipeline::approve(&line, yes))? {
        Some(answer) => told(desk, world, &line, &answer),
        None => Ok(desk.say("Not approved: a signal came before.")?),
    }
}

fn deny(desk: &mut Desk<'_>, world: &World, chosen: &Ticket) -> Result<(), Stop> {
    let (_, shown) = found(world, chosen)?;
    let whole = response::whole(&shown, (world.now)());
    let question = "Deny this? Type why; Enter alone gives no reason, Esc leaves it waiting:";
    let Some(why) = desk.typed(&format!("{whole}\n\n{question}"))? else {
        return Ok(desk.say("Not denied; it is still waiting.")?);
    };
    let (line, _) = found(world, &shown)?;
    let answer = people::denied(&line, &format!("{} {why}", shown.code))?;
    told(desk, world, &line, &answer)
}

fn freeze_all(desk: &mut Desk<'_>, world: &World) -> Result<(), Stop> {
    let question = "Freeze everything? Type why; nothing, or Esc, leaves it as it is:";
    let reason = desk.typed(question)?.filter(|why| !why.is_empty());
    let Some(reason) = reason else {
        return Ok(desk.say("Nothing was frozen.")?);
    };
    let asked = FreezeArgs {
        target: None,
        stop: false,
        reason,
        format: Format { json: false },
    };
    freeze::freeze(world, &asked, desk.terminal.page()?)?;
    Ok(())
}

/// The request that was shown, as it waits now under today's configuration. A code is drawn again
/// once it is free, so the same code alone is not enough.
fn found(world: &World, shown: &Ticket) -> Result<(Line, Ticket), Stop> {
    let now = World {
        since: Moment::now,
        ..world.clone()
    };
    let line = people::opened(&now)?;
    let waiting = line
        .approvals
        .waiting((world.now)())
        .map_err(|fault| Stop::Said(fault.to_string(), exit::CONFIG))?;
    let same = |ticket: &&Ticket| ticket.id == shown.id && ticket.digest == shown.digest;
    match waiting.iter().map(Pending::ticket).find(same) {
        Some(ticket) => Ok((line, ticket.clone())),
        None => {
            let what = format!("{} waits no more; nothing was decided", shown.code);
            Err(Stop::Said(what, exit::REFUSED))
        }
    }
}

fn told(desk: &mut Desk<'_>, world: &World, line: &Line, answer: &Response) -> Result<(), Stop> {
    let out = desk.terminal.page()?;
    people::print(answer, line, false, world, out)?;
    Ok(())
}
