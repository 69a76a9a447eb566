//! `freeze`, `thaw`: the kill switch, in an operator's hand.
//!
//! **Reads** the marks; the configuration only to know targets, and only where it can be used.
//! **Gives** what is frozen or thawed, in the log too.
//! **Never** needs anything else to freeze than a place for the mark.

use std::io::Write;

use serde_json::json;

use super::FreezeArgs;
use super::Stop;
use super::ThawArgs;
use super::World;
use super::stamped;
use crate::approval::APPROVERS;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Record;
use crate::caller;
use crate::config;
use crate::config::Config;
use crate::freeze::Change;
use crate::freeze::Extent;
use crate::freeze::Freeze;
use crate::freeze::Freezes;
use crate::freeze::Mark;
use crate::redact::Redaction;
use crate::status::exit;
use crate::target::Name;

/// Freezes. Exit code 5 where it holds and is not recorded.
pub(super) fn freeze(world: &World, asked: &FreezeArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let reason = words(&asked.reason)?.ok_or_else(|| {
        let message = "say why: whoever finds it frozen reads the `--reason`";
        Stop::Said(message.to_owned(), exit::INVALID)
    })?;
    config::runtime_is_own(&world.home.runtime())?;
    let target = named(asked.target.as_deref())?;
    let mut remark = "";
    let mut config = None;
    if let Some(name) = &target {
        match Config::load_only(&world.home) {
            Ok(known) => {
                find(&known, name)?;
                config = Some(known);
            }
            Err(_) => remark = UNKNOWN_TARGETS,
        }
    }
    let mark = Mark::new(&world.caller, (world.now)(), reason, asked.stop);
    let held = hold(world, &Extent::of(target), &mark, config)?;
    let message = format!("{}{remark}", held.message);
    if !asked.format.json {
        writeln!(out, "{message}")?;
        return Ok(held.exit);
    }
    let mark = held.freeze.mark.as_ref();
    let answer = json!({
        "status": "frozen",
        "target": held.freeze.extent.target().map(Name::as_str),
        "already": held.change != Change::Made,
        "stop": held.freeze.stops(),
        "by": mark.map(|mark| &mark.by),
        "since": mark.map(|mark| audit::stamp(mark.at)),
        "reason": mark.map(|mark| &mark.reason),
        "message": message,
        "audit_seq": held.seq,
    });
    writeln!(out, "{answer}")?;
    Ok(held.exit)
}

/// What became of a freeze that was asked for.
struct Held {
    freeze: Freeze,
    change: Change,
    message: String,
    seq: Option<u64>,
    exit: u8,
}

/// Puts the mark, and then the record: a log that cannot be written does not keep the freeze from
/// holding. Everything that is slow comes after the mark.
fn hold(world: &World, extent: &Extent, mark: &Mark, config: Option<Config>) -> Result<Held, Stop> {
    let put = Freezes::new(world.home.freezes())
        .put(extent, mark)
        .map_err(|fault| Stop::Said(format!("it cannot be frozen: {fault}"), exit::CONFIG))?;
    let config = config.or_else(|| Config::load_only(&world.home).ok());
    let mut message = done(&put.freeze, put.change);
    let record = Record {
        reason: Some(mark.reason.clone()),
        ..about(world, "frozen", extent, &message)
    };
    let recorded = append(world, config.as_ref(), record);
    let mut exit = exit::ANSWERED;
    if let Some(doubt) = &put.doubt {
        message = format!("{message} It holds now, and may not last: {doubt}.");
        exit = exit::CONFIG;
    }
    if let Err(fault) = &recorded {
        message = format!("{message} It holds, and is not recorded: {fault}.");
        exit = exit::AUDIT;
    }
    Ok(Held {
        freeze: put.freeze.clone(),
        change: put.change,
        message,
        seq: recorded.ok(),
        exit,
    })
}

/// Freezing is for everybody who can call this; that it ends is for approvers and admins.
fn may_thaw(world: &World, config: Option<&Config>) -> Result<(), Stop> {
    let caller = &world.caller;
    let own = rustix::process::geteuid().as_raw();
    let group = config.map_or(APPROVERS, |config| config.trust.group.as_str());
    if caller.is_admin(own) || caller::is_member(&caller.user, group) {
        return Ok(());
    }
    let message = format!(
        "nothing was thawed: `{}` is not in the group `{group}`; an approver or root has to",
        caller.user
    );
    Err(Stop::Said(message, exit::REFUSED))
}

/// Lifts a freeze. The record comes first: what cannot be recorded is not thawed.
pub(super) fn thaw(world: &World, asked: &ThawArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let reason = asked.reason.as_deref().map(words).transpose()?.flatten();
    config::runtime_is_own(&world.home.runtime())?;
    let extent = Extent::of(named(asked.target.as_deref())?);
    let config = Config::load_only(&world.home).ok();
    may_thaw(world, config.as_ref())?;
    let freezes = Freezes::new(world.home.freezes());
    let stays = |fault: String, exit| Stop::Said(format!("nothing was thawed: {fault}"), exit);
    let found = freezes
        .take(&extent)
        .map_err(|fault| stays(fault.to_string(), exit::CONFIG))?;
    let Some(lifting) = found else {
        if let (Some(config), Some(name)) = (&config, extent.target()) {
            find(config, name)?;
        }
        let message = format!("{extent} is not frozen{}", still(&freezes));
        return Err(Stop::Said(message, exit::REFUSED));
    };
    let why = reason.map_or_else(String::new, |reason| {
        format!(" because {}", crate::visible::line(reason))
    });
    let by = &world.caller.user;
    let told = format!(
        "{extent} is thawed by {by}{why}; before, {}",
        lifting.freeze()
    );
    let record = Record {
        reason: reason.map(str::to_owned),
        ..about(world, "thawed", &extent, &told)
    };
    let seq = append(world, config.as_ref(), record)
        .map_err(|fault| stays(fault.to_string(), exit::AUDIT))?;
    if let Err(fault) = lifting.lift() {
        let what = match freezes.find(&extent) {
            Ok(None) => "it is thawed, and a crash of the machine may bring the freeze back",
            _ => "it stays frozen, although a record says that it is thawed",
        };
        let message = format!("{what}: {fault}");
        // The fault to report is the first one, whatever becomes of this record.
        let _ = append(
            world,
            config.as_ref(),
            about(world, "frozen", &extent, &message),
        );
        return Err(Stop::Said(message, exit::CONFIG));
    }
    let message = format!("Done: {extent} is thawed{}.", still(&freezes));
    if !asked.format.json {
        writeln!(out, "{message}")?;
        return Ok(exit::ANSWERED);
    }
    let stay = freezes.all().unwrap_or_default();
    let answer = json!({
        "status": "thawed",
        "target": extent.target().map(Name::as_str),
        "message": message,
        "audit_seq": seq,
        "still_frozen": stay.iter().map(Freeze::to_string).collect::<Vec<_>>(),
    });
    writeln!(out, "{answer}")?;
    Ok(exit::ANSWERED)
}

/// What was done, in words.
fn done(freeze: &Freeze, change: Change) -> String {
    let runs = if freeze.stops() {
        "runs in progress are ended"
    } else {
        "runs in progress go on to their end; `--stop` ends them"
    };
    match change {
        Change::Made => {
            let cure = freeze.extent.cure();
            format!("Done: {freeze}. Nothing starts there until `{cure}`, and {runs}.")
        }
        Change::Stricter => format!("It was frozen already: {freeze}. From now on {runs}."),
        Change::Nothing => format!("It was frozen already: {freeze}. As before, {runs}."),
    }
}

/// What stays frozen, as the rest of a sentence.
fn still(freezes: &Freezes) -> String {
    let stay = match freezes.all() {
        Ok(stay) => stay,
        Err(fault) => return format!("; nobody can know what else is frozen: {fault}"),
    };
    stay.iter()
        .map(|freeze| format!("; {freeze} (`{}`)", freeze.extent.cure()))
        .collect()
}

/// A text that says something, or nothing. Short enough to be shown whole to whoever is refused.
fn words(text: &str) -> Result<Option<&str>, Stop> {
    let text = text.trim();
    if text.len() > REASON_BYTES {
        let message = format!("the reason is longer than {REASON_BYTES} bytes");
        return Err(Stop::Said(message, exit::INVALID));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn named(target: Option<&str>) -> Result<Option<Name>, Stop> {
    let parsed = target.map(Name::parse).transpose();
    parsed.map_err(|fault| Stop::Said(fault.to_string(), exit::INVALID))
}

fn find(config: &Config, name: &Name) -> Result<(), Stop> {
    match config.inventory.find(name) {
        Ok(_) => Ok(()),
        Err(unknown) => Err(Stop::Said(unknown.to_string(), exit::INVALID)),
    }
}

fn about(world: &World, status: &str, extent: &Extent, message: &str) -> Record {
    Record {
        status: Some(status.to_owned()),
        target: extent.target().map(Name::to_string),
        message: Some(message.to_owned()),
        ..stamped(world, Event::Freeze)
    }
}

/// Records it, with the bounds and secrets of the configuration where there is one.
fn append(world: &World, config: Option<&Config>, record: Record) -> Result<u64, audit::Error> {
    let limits = config.map_or_else(audit::Limits::default, |config| config.audit.clone());
    let log = AuditLog::open(&world.home, limits)?;
    let record = match config {
        Some(config) => record.redacted(&config.redaction),
        None => record.redacted(&Redaction::built_in(world.home.redaction_key())),
    };
    log.append(record).map(|receipt| receipt.seq())
}

const UNKNOWN_TARGETS: &str =
    " The configuration cannot be used, so nobody looked whether there is such a target.";

/// Bytes of a reason.
const REASON_BYTES: usize = 2048;
