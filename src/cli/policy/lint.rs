//! `policy lint`: rules that say nothing, or more than is meant.
//!
//! **Reads** the configuration.
//! **Gives** its warnings; where it has faults, those instead.
//! **Never** changes what is decided.

use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::Stop;
use crate::cli::World;
use crate::cli::setup;
use crate::cli::table::Paint;
use crate::config::Config;
use crate::policy::Warning;
use crate::status::exit;
use crate::target::Scope;
use crate::target::Target;
use crate::visible;

/// Lints the policy. Exit code 0 where there is no warning, 1 where there is one, 4 where the
/// configuration cannot be used.
pub(in crate::cli) fn lint(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let config = match Config::load_and_examine(&world.home) {
        Ok(config) => config,
        Err(fault) => {
            if json {
                let faults = setup::faults(&fault);
                writeln!(out, "{}", json!({"warnings": [], "faults": faults}))?;
            } else {
                setup::print_faults(&fault, world, out)?;
            }
            return Ok(exit::CONFIG);
        }
    };
    let mut scopes: Vec<Scope> = config
        .inventory
        .iter()
        .map(Target::scope)
        .cloned()
        .collect();
    if scopes.is_empty() {
        scopes.push(config.scope.clone());
    }
    let warnings = config.policy.lint(&scopes);
    if json {
        let warnings: Vec<Value> = warnings.iter().map(object).collect();
        writeln!(out, "{}", json!({"warnings": warnings, "faults": []}))?;
    } else {
        let path = world.home.config();
        for warning in &warnings {
            let line = warning
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            let word = Paint::Yellow.on("warning", world.colour);
            let what = format!("{}: {}", warning.subject, warning.what);
            let what = visible::line(&what);
            writeln!(
                out,
                "{}{line}: {word}: {what} [{}]",
                path.display(),
                warning.kind
            )?;
            writeln!(out, "  help: {}", warning.hint)?;
        }
        let rules = setup::counted(config.policy.rules(), "rule");
        let warnings = setup::counted(warnings.len(), "warning");
        writeln!(out, "{warnings} in {rules}.")?;
    }
    Ok(if warnings.is_empty() {
        exit::ANSWERED
    } else {
        WARNED
    })
}

fn object(warning: &Warning) -> Value {
    json!({
        "line": warning.line,
        "kind": warning.kind,
        "subject": warning.subject,
        "what": warning.what,
        "hint": warning.hint,
    })
}

/// The exit code where there are warnings.
const WARNED: u8 = 1;
