//! `config check`, `targets`, `doctor`: what an admin looks at.
//!
//! **Reads** the configuration and the files of the installation.
//! **Gives** what is wrong, and what cures it.
//! **Never** changes anything.

use std::io;
use std::io::Write;

use serde_json::json;

use super::Stop;
use super::World;
use super::table::Paint;
use super::table::Table;
use crate::config;
use crate::config::Config;
use crate::doctor;
use crate::status::exit;

/// Checks the configuration whole. Exit code 4 where it cannot be used.
pub(super) fn check(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let path = world.home.config();
    match Config::load_and_examine(&world.home) {
        Ok(config) => {
            let targets = config.inventory.iter().count();
            if json {
                let answer = json!({"ok": true, "mode": config.mode.word(), "targets": targets, "rules": config.policy.rules(), "digest": config.digest});
                writeln!(out, "{answer}")?;
            } else {
                let ok = Paint::Green.on("good", world.colour);
                writeln!(
                    out,
                    "{}: {ok}: mode {}, {targets} targets, {} rules",
                    path.display(),
                    config.mode.word(),
                    config.policy.rules()
                )?;
            }
            Ok(exit::ANSWERED)
        }
        Err(fault) => {
            if json {
                writeln!(out, "{}", json!({"ok": false, "faults": faults(&fault)}))?;
            } else {
                print_faults(&fault, world, out)?;
            }
            Ok(exit::CONFIG)
        }
    }
}

fn faults(fault: &config::Error) -> serde_json::Value {
    match fault {
        config::Error::Faults { faults, .. } => faults
            .iter()
            .map(|fault| json!({"line": fault.line, "what": fault.what, "hint": fault.hint}))
            .collect(),
        other => json!([{"line": null, "what": other.to_string(), "hint": null}]),
    }
}

fn print_faults(fault: &config::Error, world: &World, out: &mut dyn Write) -> io::Result<()> {
    let config::Error::Faults { path, faults } = fault else {
        return writeln!(out, "{fault}");
    };
    for fault in faults {
        let line = fault
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        let bad = Paint::Red.on("error", world.colour);
        writeln!(out, "{}{line}: {bad}: {}", path.display(), fault.what)?;
        if let Some(excerpt) = &fault.excerpt {
            writeln!(out, "{excerpt}")?;
        }
        if let Some(hint) = &fault.hint {
            writeln!(out, "  help: {hint}")?;
        }
    }
    let count = faults.len();
    writeln!(
        out,
        "{count} {} in this configuration.",
        if count == 1 { "error" } else { "errors" }
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
        let word = finding.word();
        writeln!(
            out,
            "{:<8} {}",
            Paint::of(word).on(word, world.colour),
            finding.what
        )?;
        if let Some(cure) = &finding.cure {
            writeln!(out, "         cure: {cure}")?;
        }
    }
    Ok(exit)
}
