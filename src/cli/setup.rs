//! `config check`, `targets`, `doctor`: what an admin looks at.
//!
//! **Reads** the configuration and the files of the installation.
//! **Gives** what is wrong, and what cures it.
//! **Never** changes anything.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::Stop;
use super::World;
use super::table::Paint;
use super::table::Table;
use crate::config;
use crate::config::Config;
use crate::doctor;
use crate::status::exit;
use crate::visible;

/// Checks the configuration whole, and the mode of the directory beside it. Exit code 4 where one
/// of them cannot be used.
pub(super) fn check(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let checked = Config::load_and_examine(&world.home);
    let runtime = config::runtime_is_closed(&world.home.runtime());
    if json {
        let mut found: Vec<Value> = checked.as_ref().err().map(faults).unwrap_or_default();
        found.extend(runtime.as_ref().err().map(faults).unwrap_or_default());
        let answer = match &checked {
            Ok(config) if found.is_empty() => json!({
                "ok": true,
                "mode": config.scope.tier.word(),
                "targets": config.inventory.iter().count(),
                "rules": config.policy.rules(),
                "digest": config.digest,
                "redact_instead": config.redaction.instead().collect::<Vec<_>>(),
            }),
            _ => json!({"ok": false, "faults": found}),
        };
        writeln!(out, "{answer}")?;
    } else {
        if let Err(fault) = &checked {
            print_faults(fault, world, out)?;
        }
        if let Err(fault) = &runtime {
            print_faults(fault, world, out)?;
        }
        if let (Ok(config), Ok(())) = (&checked, &runtime) {
            let ok = Paint::Green.on("good", world.colour);
            let (mode, rules) = (config.scope.tier.word(), config.policy.rules());
            let targets = counted(config.inventory.iter().count(), "target");
            let path = world.home.config();
            writeln!(
                out,
                "{}: {ok}: mode {mode}, {targets}, {rules} rules",
                path.display()
            )?;
            for id in config.redaction.instead() {
                let note = Paint::Yellow.on("note", world.colour);
                let id = visible::line(id);
                writeln!(
                    out,
                    "{note}: redact rule `{id}` takes the place of the built-in one"
                )?;
            }
        }
    }
    Ok(if checked.is_ok() && runtime.is_ok() {
        exit::ANSWERED
    } else {
        exit::CONFIG
    })
}

/// A number with its noun: `1 target`, `2 targets`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("{count} {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

pub(super) fn faults(fault: &config::Error) -> Vec<Value> {
    match fault {
        config::Error::Faults { faults, .. } => faults
            .iter()
            .map(|fault| {
                json!({
                    "line": fault.line,
                    "column": fault.column,
                    "what": fault.what,
                    "hint": fault.hint,
                    "excerpt": fault.excerpt,
                })
            })
            .collect(),
        other => vec![json!({
            "line": null,
            "column": null,
            "what": other.to_string(),
            "hint": null,
            "excerpt": null,
        })],
    }
}

pub(super) fn print_faults(
    fault: &config::Error,
    world: &World,
    out: &mut dyn Write,
) -> io::Result<()> {
    let config::Error::Faults { path, faults } = fault else {
        return writeln!(out, "{fault}");
    };
    for fault in faults {
        let line: String = [fault.line, fault.column]
            .into_iter()
            .flatten()
            .map(|number| format!(":{number}"))
            .collect();
        let bad = Paint::Red.on("error", world.colour);
        writeln!(out, "{}{line}: {bad}: {}", path.display(), fault.what)?;
        if let Some(excerpt) = &fault.excerpt {
            writeln!(out, "{excerpt}")?;
        }
        if let Some(hint) = &fault.hint {
            writeln!(out, "  help: {hint}")?;
        }
    }
    writeln!(
        out,
        "{} in this configuration.",
        counted(faults.len(), "error")
    )
}

/// Lists the inventory.
pub(super) fn targets(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let config = Config::load_only(&world.home)?;
    if json {
        let targets: serde_json::Value = config
            .inventory
            .iter()
            .map(|target| {
                let host = target.host();
                json!({"target": target.name().as_str(), "host": host.address(), "port": host.port(), "user": host.user()})
            })
            .collect();
        writeln!(out, "{targets}")?;
        return Ok(exit::ANSWERED);
    }
    let mut table = Table::new(&["TARGET", "HOST", "PORT", "USER"]);
    for target in config.inventory.iter() {
        let host = target.host();
        table.row(&[
            target.name().as_str(),
            host.address(),
            &host.port().to_string(),
            host.user(),
        ]);
    }
    table.print(out, world.colour)?;
    Ok(exit::ANSWERED)
}

/// Looks for what is wrong. Exit code 4 where something is.
pub(super) fn doctor(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let findings = doctor::examine(&world.home, (world.now)());
    let bad = findings.iter().any(doctor::Finding::is_bad);
    let exit = if bad { exit::CONFIG } else { exit::ANSWERED };
    if json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&findings).map_err(io::Error::other)?
        )?;
        return Ok(exit);
    }
    for finding in &findings {
        // Padded before it is painted: the paint has no width.
        let word = format!("{:<8}", finding.word());
        writeln!(
            out,
            "{} {}",
            Paint::of(finding.word()).on(&word, world.colour),
            finding.what
        )?;
        if let Some(cure) = &finding.cure {
            writeln!(out, "         cure: {cure}")?;
        }
    }
    Ok(exit)
}
