//! `policy`: asks the policy about itself.
//!
//! **Reads** the configuration, and what it is to be asked about.
//! **Gives** one function a subcommand.
//! **Never** records, runs or changes anything.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Stop;
use crate::config::Config;
use crate::policy::Decision;
use crate::status::exit;
use crate::target::Name;
use crate::target::Scope;

mod cases;
mod explain;
mod lint;
mod recorded;
mod replay;
mod suggest;
mod test;

pub(super) use explain::explain;
pub(super) use lint::lint;
pub(super) use recorded::Since;
pub(super) use replay::ReplayArgs;
pub(super) use replay::replay;
pub(super) use suggest::SuggestArgs;
pub(super) use suggest::suggest;
pub(super) use test::test;

/// `policy explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The machine it is to be judged for; without one, no machine in particular
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// The command, as one argument; `-` or none at all reads it from standard input
    pub(super) command: Option<String>,
}

/// `policy test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The machine they are to be judged for; without one, no machine in particular
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(super) json: bool,
    /// Lines of EXPECTED, TAB, COMMAND, and where wanted TAB and a reason; EXPECTED is `allow`,
    /// `ask` or `forbid`
    pub(super) file: PathBuf,
}

/// The exit code for a command line that is not understood: `policy explain` answers with its
/// decision, and 2 is one of them there.
pub(super) fn mistake(arguments: &[OsString]) -> u8 {
    let mut words = arguments.iter().skip(1);
    if words.next().is_some_and(|word| word == "policy")
        && words.next().is_some_and(|word| word == "explain")
    {
        return MISTAKE;
    }
    exit::INVALID
}

/// The scope of a target, or that of no machine in particular.
fn scope<'c>(config: &'c Config, target: Option<&str>, exit: u8) -> Result<&'c Scope, Stop> {
    let Some(target) = target else {
        return Ok(&config.scope);
    };
    let said = |fault: String| Stop::Said(fault, exit);
    let name = Name::parse(target).map_err(|fault| said(fault.to_string()))?;
    match config.inventory.find(&name) {
        Ok(target) => Ok(target.scope()),
        Err(unknown) => Err(said(unknown.to_string())),
    }
}

/// The exit code that says a decision.
fn code(decision: Decision) -> u8 {
    match decision {
        Decision::Allow => 0,
        Decision::RequireApproval => 2,
        Decision::Forbid => 3,
    }
}

/// The exit code of `policy explain` for a command line that is not understood.
const MISTAKE: u8 = 1;
