//! `audit search`.
//!
//! **Reads** the log and the index beside it; brings the index up to date where it may.
//! **Gives** the records that are meant.
//! **Never** shows a record that is not in the log as it was when it was read into the index.

use std::io::BufWriter;
use std::io::Write;

use clap::Args;

use super::Stop;
use super::World;
use super::moment::Period;
use super::rows::Rows;
use super::rows::screen_columns;
use crate::index;
use crate::index::Answer;
use crate::index::Facet;
use crate::index::Query;
use crate::index::Searched;
use crate::index::Term;
use crate::status::exit;

/// `audit search`.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Words that have to be in the command, reason, message, rule, explanation or output. All are
    /// required; `word*` stands for every ending; a phrase is put in quotes. Letter case, and
    /// everything that is no letter or digit, does not count
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    #[command(flatten)]
    fields: Fields,
    /// How many at most; 0 is all of them
    #[arg(short = 'n', long = "lines", default_value_t = 50, value_name = "N")]
    lines: usize,
    /// The oldest first, instead of the newest
    #[arg(long)]
    oldest_first: bool,
    /// Print only how many there are
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    form: Form,
}

/// What the fields of a record have to be.
#[derive(Debug, Args, Default)]
pub(super) struct Fields {
    /// On this target. This and the like may be given several times, for any of them; a `*` at the
    /// end stands for every ending
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Asked for by this requester
    #[arg(long, value_name = "NAME")]
    requester: Vec<String>,
    /// Judged so: `auto_allowed`, `approval_required` or `forbidden`
    #[arg(long, value_name = "RISK")]
    risk: Vec<String>,
    /// With this status: `executed`, `denied`, `timed_out`, …
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,
    /// Of this event: `decision`, `request`, `intent`, `outcome`, `freeze`, …
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Of this incident
    #[arg(long, value_name = "ID")]
    incident: Vec<String>,
    /// Of this request
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Approved or denied by this person
    #[arg(long, value_name = "NAME")]
    approver: Vec<String>,
    /// Decided by this rule
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Not before: a moment (`2026-03-01T12:00:00Z`), a day (`2026-03-01`), or how long ago (`2h`,
    /// `7d`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until this, likewise; a day is meant with all of it
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// How records are printed.
#[derive(Debug, Args, Clone, Copy)]
pub(super) struct Form {
    /// Print the lines of the log, which are JSON; without a terminal that is what is printed
    #[arg(long, conflicts_with = "table")]
    json: bool,
    /// Print a table, also where there is no terminal
    #[arg(long)]
    table: bool,
}

impl Form {
    /// Whether the lines themselves are printed.
    pub(super) fn is_json(self, world: &World) -> bool {
        self.json || !(self.table || world.stdout_is_terminal)
    }
}

impl Fields {
    /// The question, with these words.
    pub(super) fn query(&self, world: &World, terms: Vec<Term>) -> Result<Query, Stop> {
        let fields = [
            (Facet::Event, &self.event),
            (Facet::Status, &self.status),
            (Facet::Risk, &self.risk),
            (Facet::Rule, &self.rule),
            (Facet::Target, &self.target),
            (Facet::Requester, &self.requester),
            (Facet::Incident, &self.incident),
            (Facet::Approver, &self.approver),
        ];
        let asked = fields.into_iter().filter(|(_, values)| !values.is_empty());
        let now = (world.now)();
        let period = Period::asked(self.since.as_deref(), self.until.as_deref(), now)?;
        Ok(Query {
            terms,
            facets: asked
                .map(|(facet, values)| (facet, values.clone()))
                .collect(),
            request: self.request.clone(),
            since: period.since.map(|at| at.timestamp_millis()),
            until: period.until.map(|at| at.timestamp_millis() + 1),
        })
    }

    /// All records of a request.
    pub(super) fn of_request(id: &str) -> Self {
        Self {
            request: Some(id.to_owned()),
            ..Self::default()
        }
    }
}

/// Prints what is meant. Exit code 0 with hits and 1 without, as of grep; 5 where the log does not hold
/// a record as it was.
pub(super) fn search(
    world: &World,
    asked: &SearchArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let terms = Term::read(&asked.text).map_err(|why| Stop::Said(why, exit::INVALID))?;
    let query = asked.fields.query(world, terms)?;
    let searched = Searched::of(&world.home);
    if asked.count {
        let answer = index::count(&searched, &query)?;
        writeln!(out, "{}", answer.hits)?;
        return Ok(told(&answer, err));
    }
    let most = (asked.lines > 0).then_some(asked.lines);
    let json = asked.form.is_json(world);
    let mut out = BufWriter::new(out);
    let mut rows = Rows::new(screen_columns(world.stdout_is_terminal), world.colour);
    let answer = index::search(&searched, &query, most, !asked.oldest_first, &mut |hit| {
        if json {
            out.write_all(&hit.line)?;
            out.write_all(b"\n")
        } else {
            rows.print(&hit.line, &mut out)
        }
    })?;
    out.flush()?;
    Ok(told(&answer, err))
}

/// Says what a person should know beside the answer, and with which exit code it ends.
pub(super) fn told(answer: &Answer, err: &mut dyn Write) -> u8 {
    // Where it cannot be said, the exit code says it.
    for note in &answer.notes {
        let _ = writeln!(err, "aiops: {note}");
    }
    for differs in &answer.differs {
        let _ = writeln!(
            err,
            "aiops: damage: record {} is not in the log as it was when it was read into the index (segment {}, byte {}); `aiops audit verify` says whether the log was changed, and `aiops audit index --rebuild` makes the index anew",
            differs.seq, differs.place.segment, differs.place.offset
        );
    }
    match answer {
        Answer { differs, .. } if !differs.is_empty() => exit::AUDIT,
        Answer { hits: 0, .. } => exit::FOUND,
        Answer { .. } => exit::ANSWERED,
    }
}

impl From<index::Error> for Stop {
    fn from(fault: index::Error) -> Self {
        match fault {
            index::Error::Out(fault) => Self::Io(fault),
            index::Error::Question(_) => Self::Said(fault.to_string(), exit::INVALID),
            index::Error::Index { .. } => {
                let message = format!("{fault}; `aiops audit index --rebuild` makes it anew");
                Self::Said(message, exit::AUDIT)
            }
            fault => Self::Said(fault.to_string(), exit::AUDIT),
        }
    }
}
