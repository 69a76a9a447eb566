//! `check`: judges and runs nothing.
//!
//! **Reads** one request, or one a line, from standard input.
//! **Gives** the judgement of each.
//! **Never** touches the log, the waiting room or a target.

use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Write;

use serde::Serialize;

use super::Stop;
use super::World;
use super::table::Paint;
use crate::config::Config;
use crate::lines;
use crate::request::Input;
use crate::response::CommandView;
use crate::response::command_lines;
use crate::status::exit;
use crate::target::Target;

/// The judgement of one request.
#[derive(Debug, Serialize)]
struct Judgement {
    /// `auto_allowed`, `approval_required`, `forbidden`, or null for what is no request.
    risk: Option<&'static str>,
    /// The rule that decided.
    rule: Option<String>,
    /// Why, in words.
    message: String,
    /// Every simple command that would run.
    commands: Vec<CommandView>,
}

/// Judges one request.
pub(super) fn one(world: &World, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let config = Config::load_only(&world.home)?;
    let mut bytes = Vec::new();
    let limit = config.limits.request.input_bytes as u64;
    io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?;
    let judgement = judge(&config, &bytes);
    if json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&judgement).map_err(io::Error::other)?
        )?;
    } else {
        print(&judgement, world.colour, out)?;
    }
    Ok(if judgement.risk.is_some() {
        exit::ANSWERED
    } else {
        exit::INVALID
    })
}

/// Judges one request a line. A line that is no request is answered too, so that answers and
/// lines stay in step, and whoever waits for each answer gets it.
pub(super) fn batch(world: &World, out: &mut dyn Write) -> Result<u8, Stop> {
    let config = Config::load_only(&world.home)?;
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut line = Vec::new();
    while lines::read(&mut input, config.limits.request.input_bytes, &mut line)?.is_some() {
        serde_json::to_writer(&mut out, &judge(&config, &line)).map_err(io::Error::other)?;
        out.write_all(b"\n")?;
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(exit::ANSWERED)
}

fn judge(config: &Config, bytes: &[u8]) -> Judgement {
    let not_judged = |message: String| Judgement {
        risk: None,
        rule: None,
        message,
        commands: Vec::new(),
    };
    match Input::parse(bytes, &config.limits.request) {
        Ok(Input::Request(request)) => {
            let target = config.inventory.find(request.target());
            let scope = target.map_or(&config.scope, Target::scope);
            let verdict = config.policy.verdict(request.script(), scope);
            let mut message = verdict.message();
            if let Err(unknown) = config.inventory.find(request.target()) {
                message = format!("{message} (But {unknown}.)");
            }
            Judgement {
                risk: Some(verdict.decision().risk()),
                rule: verdict.rule().map(str::to_owned),
                message,
                commands: CommandView::all(&verdict),
            }
        }
        Ok(Input::Reply(_)) => not_judged("a reply is not judged; send a request".to_owned()),
        Err(fault) => not_judged(fault.to_string()),
    }
}

fn print(judgement: &Judgement, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let risk = judgement.risk.unwrap_or("not judged");
    writeln!(out, "{}", Paint::of(risk).on(risk, colour))?;
    if let Some(rule) = &judgement.rule {
        writeln!(out, "rule: {rule}")?;
    }
    writeln!(out, "{}", judgement.message)?;
    for command in &judgement.commands {
        let words: Vec<String> = command
            .argv
            .iter()
            .map(|word| {
                word.as_deref().map_or("‹unknown›".to_owned(), |word| {
                    crate::shell::quote(word).into_owned()
                })
            })
            .collect();
        for line in command_lines("  runs: ", &words.join(" ")) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
