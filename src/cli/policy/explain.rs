//! `policy explain`: what each rule makes of a command, and what would have to change.
//!
//! **Reads** a command, from the command line or standard input.
//! **Gives** a tree for a person, or one JSON object; the exit code says the decision.
//! **Never** judges by itself: it asks the policy, as a request does.

use std::io;
use std::io::Read as _;
use std::io::Write;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::ExplainArgs;
use super::MISTAKE;
use super::Stop;
use super::code;
use super::scope;
use crate::cli::World;
use crate::cli::table::Paint;
use crate::config::Config;
use crate::policy::Change;
use crate::policy::Decision;
use crate::policy::Explanation;
use crate::policy::Finding;
use crate::policy::Miss;
use crate::policy::Near;
use crate::request::Draft;
use crate::request::Request;
use crate::shell::Reached;
use crate::shell::Script;
use crate::target::Scope;
use crate::visible;

/// Explains one command.
pub(in crate::cli) fn explain(
    world: &World,
    asked: &ExplainArgs,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    let config = Config::load_only(&world.home)?;
    let scope = scope(&config, asked.target.as_deref(), MISTAKE)?;
    let command = command(world, asked, config.limits.request.shell.command_bytes)?;
    // The same door as for a request, so that what no request could hold is refused here too.
    let draft = Draft {
        target: "any".to_owned(),
        command,
        ..Draft::default()
    };
    let request = Request::from_draft(draft, &config.limits.request)
        .map_err(|fault| Stop::Said(fault.to_string(), MISTAKE))?;
    let explained = config.policy.explain(request.script(), scope);
    if asked.json {
        writeln!(out, "{}", object(request.script(), scope, &explained))?;
    } else {
        let colour = world.colour;
        Tree {
            explained: &explained,
            colour,
            out,
        }
        .print(request.script(), scope)?;
    }
    Ok(code(explained.verdict.decision()))
}

fn command(world: &World, asked: &ExplainArgs, limit: usize) -> Result<String, Stop> {
    match asked.command.as_deref() {
        Some(command) if command != "-" => return Ok(command.to_owned()),
        None if world.stdin_is_terminal => {
            let message = "name a command, as one argument in '...', or `-` to type it";
            return Err(Stop::Said(message.to_owned(), MISTAKE));
        }
        _ => {}
    }
    let mut bytes = Vec::new();
    // One byte more, and a line break behind it, so that what is too long is seen to be.
    io::stdin()
        .lock()
        .take(limit as u64 + 2)
        .read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Stop::Said("the command is not UTF-8".to_owned(), MISTAKE))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// The same facts for programs; `docs/policy.md` names the fields.
fn object(script: &Script, scope: &Scope, explained: &Explanation) -> Value {
    let verdict = &explained.verdict;
    let command = |(finding, text): (&Finding, &String)| {
        json!({
            "text": text,
            "argv": finding.argv(),
            "reached": reached(finding),
            "wrapped_in": finding.wrapped_in(),
            "risk": finding.decision().map(Decision::risk),
            "rule": finding.rule(),
            "line": finding.line(),
            "why": finding.why(),
        })
    };
    let commands: Vec<Value> = verdict
        .findings()
        .iter()
        .zip(&explained.texts)
        .map(command)
        .collect();
    json!({
        "command": script.text(),
        "target": scope.name.as_ref().map(|name| name.as_str()),
        "risk": verdict.decision().risk(),
        "rule": verdict.rule(),
        "line": verdict.line(),
        "why": verdict.why(),
        "message": verdict.message(),
        "needs": verdict.needs(),
        "demand": verdict.demand(),
        "ttl_s": verdict.ttl().map(|time| time.as_secs()),
        "previews": verdict.previews(),
        "irreversible": verdict.is_irreversible(),
        "opaque": verdict.opaque().map(ToString::to_string),
        "would_have": verdict
            .would_have()
            .map(|would| json!({"risk": would.decision.risk(), "rule": would.rule})),
        "commands": commands,
        "changes": explained.changes.iter().map(change).collect::<Vec<Value>>(),
    })
}

fn change(change: &Change) -> Value {
    let near = |near: &Near| {
        let allows = match &near.miss {
            Miss::Pattern { allows } => allows.as_deref(),
            _ => None,
        };
        json!({
            "rule": near.rule,
            "line": near.line,
            "pattern": near.pattern,
            "miss": near.miss.word(),
            "allows": allows,
        })
    };
    json!({
        "kind": change.word(),
        "advice": change.to_string(),
        "rule": change.saying().map(|by| by.rule.as_str()),
        "near": change.near().iter().map(near).collect::<Vec<Value>>(),
    })
}

fn reached(finding: &Finding) -> &'static str {
    match finding.reached() {
        Reached::Outer => "outer",
        Reached::Program => "program",
        Reached::Text => "text",
    }
}

/// What a person reads.
struct Tree<'a> {
    explained: &'a Explanation,
    colour: bool,
    out: &'a mut dyn Write,
}

impl Tree<'_> {
    fn print(&mut self, script: &Script, scope: &Scope) -> io::Result<()> {
        let target = scope
            .name
            .as_ref()
            .map_or("no machine in particular", |name| name.as_str());
        writeln!(self.out, "command  {}", visible::line(script.text()))?;
        writeln!(self.out, "target   {target} ({})", scope.tier.word())?;
        writeln!(self.out)?;
        self.commands(None, 0)?;
        self.whole()?;
        self.changes()
    }

    /// The commands that one command would run, or those that stand in the text itself.
    fn commands(&mut self, wrapped_in: Option<usize>, depth: usize) -> io::Result<()> {
        let explained = self.explained;
        let findings = explained.verdict.findings().iter().zip(&explained.texts);
        for (place, (finding, text)) in findings.enumerate() {
            if finding.wrapped_in() != wrapped_in {
                continue;
            }
            let margin = "   ".repeat(depth);
            let text = if text.is_empty() {
                "(no words)".into()
            } else {
                visible::line(text)
            };
            writeln!(self.out, "{margin}{}  {text}", place + 1)?;
            writeln!(self.out, "{margin}   {}", self.said(place, finding))?;
            self.commands(Some(place), depth + 1)?;
        }
        Ok(())
    }

    fn said(&self, place: usize, finding: &Finding) -> String {
        let behind = match (finding.reached(), finding.wrapped_in()) {
            (Reached::Outer, _) | (_, None) => String::new(),
            (Reached::Program, Some(place)) => format!("behind {}: ", self.program(place)),
            (Reached::Text, Some(place)) => format!("in the text for {}: ", self.program(place)),
        };
        let said = match (finding.decision(), finding.rule()) {
            (Some(decision), Some(rule)) => {
                let risk = self.painted(decision);
                format!("{risk} by {}", named(rule, finding.line(), finding.why()))
            }
            _ if finding.reached() == Reached::Program => {
                "no rule asks about it or forbids it; its wrapper decides".to_owned()
            }
            _ if self.explained.verdict.opaque().is_some() => {
                "no rule asks about it or forbids it".to_owned()
            }
            _ if self.is_asked_about_inside(place, finding) => {
                "no rule knows it; the rule that asks about what it runs is enough".to_owned()
            }
            _ => "no rule knows it".to_owned(),
        };
        format!("{behind}{said}")
    }

    /// Whether a command is no obstacle although no rule knows it.
    fn is_asked_about_inside(&self, place: usize, finding: &Finding) -> bool {
        let obstacle = self.explained.changes.iter().any(|change| {
            matches!(change, Change::Unknown { place: at, .. } | Change::Lines { place: at } if *at == place)
        });
        finding.reached() == Reached::Outer
            && self.explained.verdict.decision() == Decision::RequireApproval
            && !obstacle
    }

    fn program(&self, place: usize) -> String {
        let wrapper = self.explained.verdict.findings().get(place);
        match wrapper.and_then(|finding| finding.argv().first()) {
            Some(Some(word)) => format!("`{}`", visible::line(word)),
            _ => format!("command {}", place + 1),
        }
    }

    fn whole(&mut self) -> io::Result<()> {
        let verdict = &self.explained.verdict;
        let risk = self.painted(verdict.decision());
        let rule = verdict.rule().unwrap_or("no rule");
        writeln!(self.out)?;
        writeln!(self.out, "{risk} by {}", named(rule, verdict.line(), None))?;
        if verdict.decision() == Decision::RequireApproval {
            writeln!(self.out, "needs {}", verdict.demand())?;
        }
        if let Some(time) = verdict.ttl() {
            writeln!(self.out, "waits {}", shown(time))?;
        }
        for preview in verdict.previews() {
            writeln!(self.out, "shows {}", visible::line(preview))?;
        }
        if verdict.is_irreversible() {
            writeln!(self.out, "it cannot be undone")?;
        }
        if let Some(opaque) = verdict.opaque() {
            writeln!(self.out, "not readable: {opaque}")?;
        }
        writeln!(self.out, "{}", visible::line(&verdict.message()))
    }

    fn changes(&mut self) -> io::Result<()> {
        let explained = self.explained;
        if explained.changes.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        writeln!(self.out, "what would have to change for it to pass:")?;
        for change in &explained.changes {
            writeln!(self.out, "- {}", visible::line(&change.to_string()))?;
            for near in change.near() {
                let rule = named(&near.rule, near.line, None);
                writeln!(self.out, "  near: {rule}, {}", visible::line(&missed(near)))?;
                writeln!(self.out, "        {}", shortened(&near.pattern))?;
            }
        }
        Ok(())
    }

    fn painted(&self, decision: Decision) -> String {
        Paint::of(decision.risk()).on(decision.risk(), self.colour)
    }
}

/// A time as it is written in the configuration.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

fn named(rule: &str, line: Option<u64>, why: Option<&str>) -> String {
    let mut named = visible::line(rule).into_owned();
    if let Some(line) = line {
        named.push_str(&format!(" (config.yml line {line})"));
    }
    if let Some(why) = why {
        named.push_str(&format!(": {}", visible::line(why)));
    }
    named
}

/// The beginning of a long pattern: whoever needs all of it has its line.
fn shortened(pattern: &str) -> String {
    let shown = visible::line(pattern);
    match shown.char_indices().nth(LONGEST_PATTERN) {
        Some((at, _)) => format!("{}…", shown.get(..at).unwrap_or_default()),
        None => shown.into_owned(),
    }
}

const LONGEST_PATTERN: usize = 160;

fn missed(near: &Near) -> String {
    match &near.miss {
        Miss::Pattern { allows: Some(text) } => {
            format!("which allows `{text}` and not what follows")
        }
        Miss::Pattern { allows: None } => "which does not match".to_owned(),
        Miss::Sudo => "which matches without `sudo`; it needs `sudo: allowed`".to_owned(),
        Miss::Elsewhere => "which matches, and does not hold on this target".to_owned(),
        Miss::OnlyRecorded => {
            "which matches, and is only recorded (`enforcement: audit`)".to_owned()
        }
    }
}
