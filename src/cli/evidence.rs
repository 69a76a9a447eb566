//! `audit checkpoint`, `audit key`, `audit prove`, `audit check-proof` and `audit rotate`: what an
//! auditor takes along, and what makes it.
//!
//! **Reads** the log and what lies beside it; `checkpoint`, `key` and `rotate` the configuration too.
//! **Gives** signed notes, keys and proofs.
//! **Never** shows a secret key.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use super::Format;
use super::Stop;
use super::World;
use super::verify;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Record;
use crate::audit::checkpoint;
use crate::audit::checkpoint::Patience;
use crate::config;
use crate::config::Config;
use crate::evidence::note::Proof;
use crate::evidence::tree;
use crate::status::exit;
use crate::visible;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Print the keys that check the signatures; write them down where this machine cannot change them
    Show(Format),
    /// Sign by another key from now on; the next checkpoint is signed by both
    Rotate {
        /// The key is gone: begin with a new one, which the old one cannot vouch for
        #[arg(long)]
        lost: bool,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// The number of the record
    #[arg(value_name = "SEQ")]
    seq: u64,
}

#[derive(Debug, Args)]
pub(super) struct CheckProofArgs {
    /// The file with the proof
    file: PathBuf,
    /// A key that signs checkpoints, or a file of such keys, that you wrote down elsewhere; may be
    /// given again
    #[arg(long, value_name = "KEY or FILE", required = true)]
    key: Vec<String>,
    #[command(flatten)]
    pub(super) format: Format,
}

/// Signs the log as it is now.
pub(super) fn checkpoint(
    world: &World,
    json: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let (log, config) = open(world)?;
    let patience = Patience::of_person(config.checkpoints.lock_wait);
    let made = checkpoint::make(
        &world.home,
        &log,
        &config.checkpoints,
        (world.now)(),
        patience,
    );
    let made = checkpoint::remember(&world.home, made, (world.now)()).map_err(stopped)?;
    if json {
        let text = serde_json::json!({
            "size": made.size, "note": made.note, "undelivered": made.undelivered,
        });
        writeln!(out, "{text}")?;
    } else if let Some(note) = &made.note {
        write!(out, "{note}")?;
    } else {
        let size = made.size;
        writeln!(
            err,
            "Nothing is new: the last checkpoint covers all {size} records."
        )?;
    }
    for who in &made.undelivered {
        writeln!(err, "aiops: not delivered to {}", visible::line(who))?;
    }
    Ok(match made.undelivered.is_empty() {
        true => exit::ANSWERED,
        false => exit::FOUND,
    })
}

pub(super) fn key(world: &World, asked: &KeyCommand, out: &mut dyn Write) -> Result<u8, Stop> {
    let format = match asked {
        KeyCommand::Show(format) => format,
        KeyCommand::Rotate { lost, format } => {
            let (log, config) = open(world)?;
            let (home, now) = (&world.home, (world.now)());
            checkpoint::rotate_key(home, &log, &config.checkpoints, now, *lost).map_err(stopped)?;
            format
        }
    };
    let keys = checkpoint::known_keys(&world.home).map_err(|fault| {
        let path = world.home.audit_keys();
        Stop::Said(
            format!("cannot read `{}`: {fault}", path.display()),
            exit::AUDIT,
        )
    })?;
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    if keys.is_empty() {
        let message = "no key was made yet; `aiops audit checkpoint` makes one";
        return Err(Stop::Said(message.to_owned(), exit::REFUSED));
    }
    if format.json {
        writeln!(out, "{}", serde_json::json!({ "keys": keys }))?;
    } else {
        for key in keys {
            writeln!(out, "{key}")?;
        }
    }
    Ok(exit::ANSWERED)
}

/// Prints a proof in the form of C2SP tlog-proof, with the record in it.
pub(super) fn prove(world: &World, args: &ProveArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let proof = audit::prove(&world.home, args.seq)
        .map_err(|fault| Stop::Said(fault.to_string(), exit::AUDIT))?;
    write!(out, "{proof}")?;
    Ok(exit::ANSWERED)
}

/// Checks a proof and prints the record that it proves.
pub(super) fn check_proof(args: &CheckProofArgs, out: &mut dyn Write) -> Result<u8, Stop> {
    let keys = verify::keys(&args.key)?;
    let refused = |why: &str| Stop::Said(format!("this proves nothing: {why}"), exit::AUDIT);
    let proof =
        Proof::parse(&verify::text(&args.file)?).map_err(|fault| refused(&fault.to_string()))?;
    let line = proof
        .extra()
        .ok_or_else(|| refused("the record is not in the file"))?;
    let checkpoint = proof
        .verify(tree::leaf_of_line(line), &keys)
        .map_err(|fault| refused(&fault.to_string()))?;
    let record: Record =
        serde_json::from_slice(line).map_err(|_| refused("what was signed is no record"))?;
    let line = String::from_utf8_lossy(line);
    if args.format.json {
        let text = serde_json::json!({
            "origin": checkpoint.origin(), "size": checkpoint.size(), "seq": proof.index() + 1,
            "record": line,
        });
        writeln!(out, "{text}")?;
        return Ok(exit::ANSWERED);
    }
    let (seq, size) = (record.seq, checkpoint.size());
    let origin = visible::line(checkpoint.origin());
    writeln!(
        out,
        "Record {seq} is one of the {size} that were signed as the log `{origin}`:"
    )?;
    writeln!(out, "{}", visible::line(&line))?;
    Ok(exit::ANSWERED)
}

/// Begins a new segment. Where the live file may only grow (chattr(1), attribute `a`), that is
/// lifted for the moment, which takes root.
pub(super) fn rotate(world: &World, out: &mut dyn Write) -> Result<u8, Stop> {
    let home = &world.home;
    let config = Config::load_only(home)?;
    // Whoever makes the lock first owns it, and root must not take it from the executor.
    if config::runtime_is_own(&home.runtime()).is_err() && !home.audit_lock().exists() {
        return Err(Stop::Said(NEVER_USED.to_owned(), exit::CONFIG));
    }
    if fs::metadata(home.audit()).is_ok_and(|facts| facts.len() == 0) {
        writeln!(out, "The live file holds no record: nothing is rotated.")?;
        return Ok(exit::ANSWERED);
    }
    AuditLog::open(home, config.audit)?.rotate_as_root()?;
    writeln!(out, "A new segment begins.")?;
    Ok(exit::ANSWERED)
}

/// The log and the configuration, for the user that they belong to: what another one makes here would
/// be out of the executor's reach.
fn open(world: &World) -> Result<(AuditLog, Config), Stop> {
    config::runtime_is_own(&world.home.runtime())?;
    let config = Config::load_only(&world.home)?;
    let log = AuditLog::open(&world.home, config.audit.clone())?;
    Ok((log, config))
}

fn stopped(fault: checkpoint::Error) -> Stop {
    Stop::Said(fault.to_string(), exit::AUDIT)
}

const NEVER_USED: &str = "the executor has not written to this log yet: there is nothing to rotate";
