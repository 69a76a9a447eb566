//! `grant`, `grants`, `revoke`: a yes in advance.
//!
//! **Reads** the grants; on a terminal one more line from the person that gives one.
//! **Gives** tables and sentences for people.
//! **Never** goes another way than the line does.

use std::io::Write;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use clap::ArgGroup;
use clap::Args;
use serde_json::Value;
use serde_json::json;

use super::Format;
use super::Stop;
use super::World;
use super::people::confirmed;
use super::people::minutes;
use super::people::opened;
use super::people::phones_code;
use super::people::reason;
use super::setup::counted;
use super::table::Table;
use crate::audit;
use crate::caller::Caller;
use crate::config::Quantity;
use crate::grant::Covered;
use crate::grant::Grant;
use crate::grant::Standing;
use crate::pipeline;
use crate::pipeline::Line;
use crate::pipeline::NotGranted;
use crate::pipeline::Wanted;
use crate::response;
use crate::status::exit;
use crate::target::Name;
use crate::target::Target;
use crate::visible;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("covers").required(true).args(["command", "rule"])))]
pub(super) struct GrantArgs {
    /// The target that it holds on
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Exactly this command
    #[arg(long)]
    command: Option<String>,
    /// What this rule of the policy alone asks about
    #[arg(long)]
    rule: Option<String>,
    /// The Unix user that may ask
    #[arg(long = "to", value_name = "USER", default_value = "hermes")]
    asker: String,
    /// How long, such as `10m`: at most `approvals.grant_ttl_max`, and `approvals.grant_ttl` where it
    /// is left out
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    ttl: Option<Duration>,
    /// How many times
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// Why; it stands in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Give a code from your phone too: it is asked for on a terminal, and elsewhere it is the line on
    /// standard input
    #[arg(long)]
    factor: bool,
    /// Do not ask once more on a terminal
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The code of the grant, or `all`
    which: String,
    /// Why; it stands in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    format: Format,
}

/// Gives a grant.
pub(super) fn give(
    world: &World,
    asked: GrantArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let line = opened(world)?;
    let target = target(&line, &asked.target)?;
    let asker = Caller::named(&asked.asker).ok_or_else(|| {
        let name = visible::line(&asked.asker);
        Stop::Said(format!("there is no Unix user `{name}`"), exit::INVALID)
    })?;
    let covers = match (asked.command, asked.rule) {
        (Some(command), _) => Covered::Command(command),
        (None, Some(rule)) => Covered::Rule(rule),
        (None, None) => return Err(Stop::Said("nothing to grant".to_owned(), exit::INVALID)),
    };
    let mut wanted = Wanted {
        covers,
        target: &target,
        asker: &asker,
        uses: asked.uses,
        ttl: asked.ttl.unwrap_or(line.grants.limits().ttl),
        reason: reason(&line, asked.reason.as_deref())?,
        factor: None,
    };
    if world.stdin_is_terminal && !asked.yes {
        // What cannot be granted needs no question.
        pipeline::may_be_granted(&line, &wanted.covers, &target)
            .map_err(|why| Stop::Said(why, exit::REFUSED))?;
        for text in shown(&wanted) {
            writeln!(err, "{text}")?;
        }
        if !confirmed(err, world, "Grant this? Type yes: ")? {
            return Err(Stop::Said("nothing was granted".to_owned(), exit::REFUSED));
        }
    }
    if asked.factor {
        wanted.factor = Some(phones_code(err, world)?);
    }
    let grant = pipeline::give(&line, wanted)?;
    if asked.format.json {
        let standing = Standing { grant, used: 0 };
        writeln!(out, "{}", view(&standing))?;
    } else {
        writeln!(
            out,
            "granted: {} may use it {} until {}; `aiops revoke {}` ends it",
            visible::line(&grant.asker),
            counted(grant.uses as usize, "time"),
            audit::stamp(grant.expires),
            grant.code
        )?;
    }
    Ok(exit::ANSWERED)
}

/// Lists what holds.
pub(super) fn list(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let now = (world.now)();
    let standing = standing(&line, now)?;
    if json {
        let all: Value = standing.iter().map(view).collect();
        writeln!(out, "{all}")?;
        return Ok(exit::ANSWERED);
    }
    if standing.is_empty() {
        writeln!(out, "No grant holds.")?;
        return Ok(exit::ANSWERED);
    }
    let mut table = Table::new(&[
        "CODE", "LEFT", "USED", "TARGET", "TO", "COVERS", "GIVEN BY", "REASON",
    ]);
    for Standing { grant, used } in &standing {
        table.row(&[
            grant.code.as_str(),
            &minutes(grant.expires - now),
            &format!("{used}/{}", grant.uses),
            &grant.target,
            &grant.asker,
            &covered(&grant.covers),
            &grant.given.by,
            grant.given.reason.as_deref().unwrap_or("-"),
        ]);
    }
    table.print(out, world.colour)?;
    Ok(exit::ANSWERED)
}

/// Ends one grant, or all.
pub(super) fn revoke(world: &World, asked: &RevokeArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let line = opened(world)?;
    let all = asked.which.eq_ignore_ascii_case("all");
    let meant = |grant: &Grant| all || grant.code.as_str().eq_ignore_ascii_case(&asked.which);
    let grants: Vec<Grant> = standing(&line, (world.now)())?
        .into_iter()
        .map(|standing| standing.grant)
        .filter(meant)
        .collect();
    if grants.is_empty() {
        let what = "no such grant holds; `aiops grants` lists those that do";
        return Err(Stop::Said(what.to_owned(), exit::REFUSED));
    }
    let reason = reason(&line, asked.reason.as_deref())?;
    let ended = pipeline::revoke(&line, &grants, reason.as_deref())?;
    if asked.format.json {
        writeln!(out, "{}", json!({ "revoked": ended }))?;
    } else {
        writeln!(out, "{} ended.", counted(ended, "grant"))?;
    }
    Ok(exit::ANSWERED)
}

fn standing(line: &Line, now: DateTime<Utc>) -> Result<Vec<Standing>, Stop> {
    line.grants
        .standing(now)
        .map_err(|fault| Stop::Said(fault.to_string(), exit::CONFIG))
}

fn target(line: &Line, text: &str) -> Result<Target, Stop> {
    let invalid = |fault: String| Stop::Said(fault, exit::INVALID);
    let name = Name::parse(text).map_err(|fault| invalid(fault.to_string()))?;
    line.inventory
        .find(&name)
        .cloned()
        .map_err(|fault| invalid(fault.to_string()))
}

/// What the giver is asked about.
fn shown(wanted: &Wanted<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "Target:   {} ({})",
        wanted.target.name(),
        wanted.target.host()
    )];
    match &wanted.covers {
        Covered::Command(command) => lines.extend(response::command_lines("Command:  ", command)),
        Covered::Rule(rule) => {
            lines.push(format!(
                "Rule:     {}: EVERYTHING that this rule alone asks about",
                visible::line(rule)
            ));
        }
    }
    lines.push(format!(
        "Asked by: Unix user {}",
        visible::line(&wanted.asker.user)
    ));
    let ttl = TimeDelta::from_std(wanted.ttl).unwrap_or(TimeDelta::MAX);
    let uses = counted(wanted.uses as usize, "use");
    lines.push(format!("Holds:    {}, {uses}", minutes(ttl)));
    lines
}

fn covered(covers: &Covered) -> String {
    match covers {
        Covered::Command(command) => command.clone(),
        Covered::Rule(rule) => format!("rule {rule}"),
    }
}

fn view(standing: &Standing) -> Value {
    let grant = &standing.grant;
    json!({
        "code": grant.code,
        "id": grant.id,
        "target": grant.target,
        "covers": grant.covers,
        "asker": grant.asker,
        "uses": grant.uses,
        "used": standing.used,
        "created_at": audit::stamp(grant.created),
        "expires_at": audit::stamp(grant.expires),
        "given_by": grant.given.by,
        "assurance": grant.given.assurance(),
        "reason": grant.given.reason,
        "digest": grant.digest,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    Quantity::parse(text)
        .and_then(Quantity::duration)
        .ok_or_else(|| "it is a time like `10m`".to_owned())
}

impl From<NotGranted> for Stop {
    fn from(fault: NotGranted) -> Self {
        Self::Said(fault.why, fault.exit)
    }
}
