//! `policy test`: a file of commands against the policy.
//!
//! **Reads** the configuration, and a file of commands with the decision each must get.
//! **Gives** the ones that differ, and how many of each kind.
//! **Never** runs a command.

use std::fs;
use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::Stop;
use super::TestArgs;
use super::cases;
use super::cases::Case;
use super::scope;
use crate::cli::World;
use crate::cli::table::Paint;
use crate::cli::table::Table;
use crate::config::Config;
use crate::policy::Decision;
use crate::policy::Verdict;
use crate::shell::Script;
use crate::status::exit;

/// Judges every case. Exit code 0 where all are as expected, 1 where one is not.
pub(in crate::cli) fn test(
    world: &World,
    asked: &TestArgs,
    out: &mut dyn Write,
) -> Result<u8, Stop> {
    let config = Config::load_only(&world.home)?;
    let scope = scope(&config, asked.target.as_deref(), exit::INVALID)?;
    let path = asked.file.display();
    let bad = |fault: String| Stop::Said(fault, exit::INVALID);
    let text = fs::read_to_string(&asked.file)
        .map_err(|fault| bad(format!("cannot read `{path}`: {fault}")))?;
    let cases = cases::read(&text).map_err(|fault| bad(format!("`{path}` {fault}")))?;
    let mut tested = Tested::default();
    for case in cases {
        let script = Script::parse(&case.command, config.policy.shell_limits());
        tested.add(case, config.policy.verdict(&script, scope));
    }
    if asked.json {
        writeln!(out, "{}", tested.object())?;
    } else {
        tested.print(out, world.colour)?;
    }
    Ok(if tested.differ.is_empty() {
        exit::ANSWERED
    } else {
        DIFFERS
    })
}

/// What came of all cases.
#[derive(Default)]
struct Tested {
    /// How many were expected to be the first and got the second.
    counts: [[usize; 3]; 3],
    differ: Vec<(Case, Verdict)>,
}

impl Tested {
    fn add(&mut self, case: Case, verdict: Verdict) {
        let got = verdict.decision();
        if let Some(count) = self
            .counts
            .get_mut(place(case.expected))
            .and_then(|row| row.get_mut(place(got)))
        {
            *count += 1;
        }
        if got != case.expected {
            self.differ.push((case, verdict));
        }
    }

    fn count(&self, expected: Decision, got: Decision) -> usize {
        self.counts
            .get(place(expected))
            .and_then(|row| row.get(place(got)))
            .copied()
            .unwrap_or_default()
    }

    fn all(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    fn object(&self) -> Value {
        let count = |expected: Decision, got: Decision| {
            json!({
                "expected": expected.risk(),
                "got": got.risk(),
                "count": self.count(expected, got),
            })
        };
        let counts: Vec<Value> = DECISIONS
            .iter()
            .flat_map(|&expected| DECISIONS.map(|got| count(expected, got)))
            .collect();
        let differ = |(case, verdict): &(Case, Verdict)| {
            json!({
                "line": case.line,
                "expected": case.expected.risk(),
                "got": verdict.decision().risk(),
                "rule": verdict.rule(),
                "rule_line": verdict.line(),
                "command": case.command,
                "reason": case.reason,
            })
        };
        json!({
            "cases": self.all(),
            "differ": self.differ.len(),
            "counts": counts,
            "differences": self.differ.iter().map(differ).collect::<Vec<Value>>(),
        })
    }

    fn print(&self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        if !self.differ.is_empty() {
            let mut table = Table::new(&["LINE", "EXPECTED", "GOT", "BY", "COMMAND"]);
            for (case, verdict) in &self.differ {
                let got = verdict.decision().risk();
                let line = case.line.to_string();
                let rule = verdict.rule().unwrap_or("-");
                table.row(&[&line, case.expected.risk(), got, rule, &case.command]);
            }
            table.print(out, colour)?;
            writeln!(out)?;
        }
        let mut table = Table::new(&["EXPECTED", "auto_allowed", "approval_required", "forbidden"]);
        for expected in DECISIONS {
            let mut row = vec![expected.risk().to_owned()];
            row.extend(DECISIONS.map(|got| grouped(self.count(expected, got))));
            let row: Vec<&str> = row.iter().map(String::as_str).collect();
            table.row(&row);
        }
        table.print(out, colour)?;
        writeln!(out)?;
        let differ = self.differ.len();
        let paint = if differ == 0 {
            Paint::Green
        } else {
            Paint::Red
        };
        let said = format!("{} of {} differ", grouped(differ), grouped(self.all()));
        writeln!(out, "{}", paint.on(&said, colour))
    }
}

const DECISIONS: [Decision; 3] = [Decision::Allow, Decision::RequireApproval, Decision::Forbid];

fn place(decision: Decision) -> usize {
    match decision {
        Decision::Allow => 0,
        Decision::RequireApproval => 1,
        Decision::Forbid => 2,
    }
}

/// A number with its digits in groups of three: `3,857`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The exit code where a command is not decided as expected.
const DIFFERS: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, expected) in [
            (0, "0"),
            (12, "12"),
            (999, "999"),
            (1000, "1,000"),
            (3857, "3,857"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }
}
