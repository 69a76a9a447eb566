//! A report as Markdown, to be put into a repository or a page and written on.
//!
//! **Reads** a [`Report`].
//! **Gives** [`markdown`], in the dialect that CommonMark and GitHub share.
//! **Never** puts text from outside anywhere but into code, where nothing is markup; and never into
//! a table.

use std::fmt::Write as _;

use super::escape;
use super::escape::code;
use super::fact::Action;
use super::fact::Answer;
use super::fact::Cite;
use super::fact::Printed;
use super::fact::Report;
use super::fact::State;
use super::moment::Piece;
use super::narrative;
use super::span;
use super::step;

/// The whole report.
pub fn markdown(report: &Report) -> String {
    let mut page = Page::default();
    page.head(report);
    page.texts(&narrative::TEXTS);
    page.figures(report);
    page.people(report);
    page.commands(report);
    page.timeline(report);
    page.details(report);
    page.log(report);
    page.lessons();
    page.evidence(report);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    fn heading(&mut self, level: usize, text: &str) {
        if !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
        let marks = "#".repeat(level);
        let _ = write!(self.0, "{marks} {text}\n\n");
    }

    fn head(&mut self, report: &Report) {
        self.line(format!("# Incident report: {}", code(&report.title)));
        self.line("");
        if !report.log.whole {
            self.line("> [!CAUTION]");
            self.line(format!(
                "> **THE LOG IS BROKEN in {} {}, and what stands before a break is not proven.**",
                report.log.break_count,
                plural(report.log.break_count, "place", "places")
            ));
            for broken in &report.log.breaks {
                self.line(format!(
                    "> - {}: {}.",
                    place(broken.after, broken.at),
                    broken.what
                ));
            }
            let withheld = report.unverified.len() as u64;
            if withheld > 0 {
                self.line(">");
                self.line(format!(
                    "> **{withheld} {} of this incident cannot be proven.** What they say is left out of everything below; they are listed under Evidence.",
                    plural(withheld, "record", "records")
                ));
            }
            self.line("");
        }
        for field in narrative::HEAD {
            self.line(format!("- **{field}:** _{}_", narrative::EMPTY));
        }
        if let Some(period) = &report.period {
            let length = period
                .ms
                .map_or_else(String::new, |ms| format!(" ({})", span::words(ms)));
            self.line(format!(
                "- **Period:** {} to {}{length}",
                when(&period.from),
                when(&period.to)
            ));
        }
        let targets: Vec<String> = report
            .targets
            .iter()
            .map(|target| code(&target.name))
            .collect();
        self.line(format!("- **Targets:** {}", or_none(&targets.join(", "))));
        self.line(format!("- **Selected:** {}", selected(report)));
        self.line(format!(
            "- **Made:** {} by {}",
            when(&report.made_at),
            report.made_by
        ));
        self.line("");
        self.line("Facts below come from records of the log that the chain proves, and each line cites its record as `#number hash`; `aiops audit show NUMBER` prints it. What is _to be written_ only people can tell: about systems and commands, not about guilt.");
    }

    fn texts(&mut self, texts: &[(&str, &str)]) {
        for (heading, question) in texts {
            self.heading(2, heading);
            self.line(format!("_{}_ \u{2014} {question}", narrative::EMPTY));
        }
    }

    fn lessons(&mut self) {
        self.heading(2, "Lessons");
        for (heading, question) in narrative::LESSONS {
            self.heading(3, heading);
            self.line(format!("_{}_ \u{2014} {question}", narrative::EMPTY));
        }
        self.heading(2, "Action items");
        self.line(format!("| {} |", narrative::ITEMS.join(" | ")));
        self.line("| --- | --- | --- | --- |");
        for _ in 0..3 {
            self.line(format!(
                "|{}",
                format!(" _{}_ |", narrative::EMPTY).repeat(4)
            ));
        }
    }

    fn figures(&mut self, report: &Report) {
        let figures = &report.figures;
        self.heading(2, "Facts");
        self.line("| What | How many |");
        self.line("| --- | ---: |");
        self.line(format!("| Requests | {} |", figures.actions));
        for state in &report.figures.states {
            self.line(format!(
                "| \u{2026} {} | {} |",
                state.word.replace('_', " "),
                state.count
            ));
        }
        self.line(format!("| Started | {} |", figures.started));
        self.line(format!(
            "| Previews before a question | {} |",
            figures.previews
        ));
        self.line(format!("| Questions to a human | {} |", figures.asked));
        self.line(format!(
            "| \u{2026} answered with yes or no | {} |",
            figures.answered
        ));
        let time = |ms: Option<u64>| ms.map_or_else(|| "\u{2014}".to_owned(), span::words);
        self.line(format!(
            "| From question to answer, median | {} |",
            time(figures.median_wait_ms)
        ));
        self.line(format!(
            "| From question to answer, longest | {} |",
            time(figures.longest_wait_ms)
        ));
        self.line(format!(
            "| Time that commands ran | {} |",
            span::words(figures.run_ms)
        ));
        self.line(format!(
            "| Other requests on these targets in this time | {} |",
            figures.others
        ));
        self.line("");
        let risks: Vec<String> = figures
            .risks
            .iter()
            .map(|risk| format!("{} {}", code(&risk.word), risk.count))
            .collect();
        self.line(format!("- **Judged:** {}", or_none(&risks.join(", "))));
        for (name, end) in [
            ("First record", &figures.first),
            ("Last record", &figures.last),
        ] {
            if let Some(end) = end {
                self.line(format!("- **{name}:** {}", cite(end)));
            }
        }
        for target in &report.targets {
            let hosts: Vec<String> = target.hosts.iter().map(|host| code(host)).collect();
            self.line(format!(
                "- **Target** {}: {} requests, {} started; reached as {} {}",
                code(&target.name),
                target.actions,
                target.started,
                or_none(&hosts.join(", ")),
                cite(&target.cite)
            ));
        }
        for policy in &report.policies {
            self.line(format!(
                "- **Configuration in force:** {} from {} to {}",
                code(&policy.sha256),
                cite(&policy.first),
                cite(&policy.last)
            ));
        }
    }

    fn people(&mut self, report: &Report) {
        self.heading(2, "Who took part");
        for asker in &report.askers {
            let claim = asker
                .claims
                .as_deref()
                .map_or_else(|| "nobody".to_owned(), code);
            let caller = asker.caller.as_ref().map_or_else(
                || "not known".to_owned(),
                |caller| code(&step::caller(caller)),
            );
            self.line(format!(
                "- **Asked:** {claim} by their own account, Unix user {caller}: {} {} {}",
                asker.actions,
                plural(asker.actions, "request", "requests"),
                cite(&asker.cite)
            ));
        }
        for approver in &report.approvers {
            let uid = approver
                .uid
                .map_or_else(String::new, |uid| format!(", Unix id {uid}"));
            let how = how(
                approver.assurance,
                approver.via.as_deref(),
                approver.factor.as_deref(),
            );
            let without = match approver.without_effect {
                0 => String::new(),
                count => format!(", {count} without effect"),
            };
            self.line(format!(
                "- **Answered:** {}{uid} ({how}): {} yes, {} no{without} {}",
                code(&approver.name),
                approver.approved,
                approver.denied,
                cite(&approver.cite)
            ));
        }
        if report.askers.is_empty() && report.approvers.is_empty() {
            self.line("- nobody that a proven record names");
        }
    }

    fn commands(&mut self, report: &Report) {
        let asked = || report.actions.iter().filter(|action| !action.is_preview());
        for (heading, takes) in [
            ("What ran", Action::is_started as fn(&Action) -> bool),
            ("What did not run", |action| {
                !action.is_started() && action.state != State::Waiting
            }),
            ("What was still open", |action| action.state.is_open()),
        ] {
            self.heading(2, heading);
            let mut any = false;
            for action in asked().filter(|action| takes(action)) {
                any = true;
                self.line(format!("- {}", summary(action)));
            }
            if !any {
                self.line("- nothing");
            }
        }
    }

    fn timeline(&mut self, report: &Report) {
        self.heading(2, "Timeline (UTC)");
        let mut day = None;
        for moment in &report.timeline {
            let clock = escape::clock(&moment.at);
            let (today, time) = match clock {
                Some((today, time)) => (Some(today), time),
                None => (None, code(&moment.at)),
            };
            if today.is_some() && today != day {
                if day.is_some() {
                    self.line("");
                }
                self.line(format!("**{}**", today.as_deref().unwrap_or_default()));
                self.line("");
                day = today;
            }
            let target = moment
                .target
                .as_deref()
                .map_or_else(String::new, |target| format!(" on {}", code(target)));
            self.line(format!(
                "- {time} **{}**{target}: {} {}",
                moment.kind.words(),
                sentence(&moment.pieces),
                cite(&moment.cite)
            ));
        }
    }

    fn details(&mut self, report: &Report) {
        self.heading(2, "Each request");
        for action in &report.actions {
            self.action(action);
        }
    }

    fn action(&mut self, action: &Action) {
        let number = action.records.first().map_or(0, |cite| cite.seq);
        let target = action
            .target
            .as_deref()
            .map_or_else(String::new, |target| format!(" on {}", code(target)));
        let preview = if action.is_preview() {
            ", a preview"
        } else {
            ""
        };
        self.heading(
            3,
            &format!("#{number}{target}{preview}: {}", action.state.words()),
        );
        if let Some(command) = &action.command {
            self.0.push_str(&escape::fenced(command));
            self.line("");
        }
        for (name, text) in action.facts() {
            self.line(format!("- **{name}:** {}", code(&text)));
        }
        for answer in &action.answers {
            self.line(format!("- **Answer:** {}", told(answer)));
        }
        if let Some(used) = &action.grant {
            self.line(format!(
                "- **Grant:** {}, use {} of {}, given by {}",
                code(&used.grant.code),
                used.grant.nth.unwrap_or_default(),
                used.grant.of,
                used.given_by
                    .as_deref()
                    .map_or_else(|| "nobody".to_owned(), code)
            ));
        }
        if let Some(times) = times(action) {
            self.line(format!("- **Times:** {times}"));
        }
        let cites: Vec<String> = action.records.iter().map(cite).collect();
        self.line(format!("- **Records:** {}", cites.join(", ")));
        if action.unverified_records > 0 {
            self.line(format!(
                "- **{} of its records cannot be proven and are left out.**",
                action.unverified_records
            ));
        }
        self.printed("Standard output", action.stdout.as_ref());
        self.printed("Standard error", action.stderr.as_ref());
    }

    fn printed(&mut self, name: &str, printed: Option<&Printed>) {
        let Some(printed) = printed.filter(|printed| !printed.text.is_empty()) else {
            return;
        };
        self.line("");
        self.line(format!("{name}, {}:", about(printed)));
        self.line("");
        self.0.push_str(&escape::fenced(&printed.text));
    }

    fn log(&mut self, report: &Report) {
        let log = &report.log;
        self.heading(2, "The log");
        let whole = if log.whole {
            "the chain is whole".to_owned()
        } else {
            format!("**the chain is broken in {} places**", log.break_count)
        };
        self.line(format!(
            "- {} records in {} {} were read, and {whole}.",
            log.records,
            log.segments,
            plural(log.segments, "file", "files")
        ));
        for (name, end) in [("First", &log.first), ("Last", &log.last)] {
            if let Some(end) = end {
                self.line(format!(
                    "- {name} record: #{}, SHA-256 `{}`",
                    end.seq, end.sha256
                ));
            }
        }
        for note in notes(report) {
            self.line(format!("- {note}"));
        }
        for key in &log.checkpoints.keys {
            self.line(format!("- Checkpoints are signed by {}.", code(key)));
        }
    }

    fn evidence(&mut self, report: &Report) {
        self.heading(2, "Evidence");
        self.line("Each record with the SHA-256 of its line, without the line break.");
        self.line("");
        self.line("| Record | Time (UTC) | File | SHA-256 |");
        self.line("| ---: | --- | ---: | --- |");
        for evidence in &report.evidence {
            let at = escape::clock(&evidence.at);
            let at = at.map_or_else(
                || "\u{2014}".to_owned(),
                |(day, time)| format!("{day} {time}"),
            );
            self.line(format!(
                "| #{} | {at} | {} | `{}` |",
                evidence.cite.seq, evidence.segment, evidence.cite.sha256
            ));
        }
        if report.unverified.is_empty() {
            return;
        }
        self.heading(3, "Not proven");
        self.line("These records belong here by what they say, and nothing proves it.");
        self.line("");
        self.line("| Record, as it says | File | SHA-256 |");
        self.line("| ---: | ---: | --- |");
        for unverified in &report.unverified {
            self.line(format!(
                "| #{} | {} | `{}` |",
                unverified.cite.seq, unverified.segment, unverified.cite.sha256
            ));
        }
    }
}

/// Notes on the log that are worth a line; no text from outside stands in them.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let log = &report.log;
    let mut notes = Vec::new();
    if !log.from_genesis {
        notes.push("The first records of the log are not here; what was before its first one is not known to this report.".to_owned());
    }
    if log.sealed_lines > 0 {
        notes.push(format!(
            "{} lines of another program stand before the first record, sealed by their hash.",
            log.sealed_lines
        ));
    }
    if log.recovered_lines > 0 {
        notes.push(format!(
            "{} lines are no records, and the records behind them acknowledge them.",
            log.recovered_lines
        ));
    }
    if log.torn_bytes > 0 {
        notes.push(format!(
            "{} bytes behind the last line: a record was being written, or was torn by a crash.",
            log.torn_bytes
        ));
    }
    notes.extend(signed(report));
    notes.push("The chain does not show records that were cut off at its end as a whole, or a log that was written anew from its beginning; a checkpoint that is kept elsewhere does.".to_owned());
    notes
}

/// What became of comparing the log with what was signed of it.
fn signed(report: &Report) -> Vec<String> {
    let found = &report.log.checkpoints;
    let mut notes = Vec::new();
    if found.fit > 0 {
        notes.push(format!(
            "{} signed {} {} the log; the newest covers its first {} records.",
            found.fit,
            plural(found.fit, "checkpoint", "checkpoints"),
            plural(found.fit, "fits", "fit"),
            found.covered
        ));
    }
    if found.misfit > 0 {
        notes.push(format!(
            "{} signed {} not fit the log.",
            found.misfit,
            plural(found.misfit, "checkpoint does", "checkpoints do")
        ));
    }
    if found.unbelieved > 0 {
        notes.push(format!(
            "{} {} no known key signed, and so they say nothing here.",
            found.unbelieved,
            plural(
                found.unbelieved,
                "note is there that",
                "notes are there that"
            )
        ));
    }
    if found.fit + found.misfit == 0 {
        notes.push("No signed checkpoint was compared.".to_owned());
    }
    notes
}

fn sentence(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Said(text) => code(&escape::cut(text, LINE)),
        })
        .collect()
}

fn summary(action: &Action) -> String {
    let command = action.command.as_deref().unwrap_or("(no command)");
    let target = action.target.as_deref().unwrap_or("-");
    let cites: Vec<String> = action.records.iter().map(cite).collect();
    format!(
        "{} on {}: **{}** {}",
        code(&escape::cut(command, LINE)),
        code(target),
        outcome(action),
        cites.join(" ")
    )
}

/// What became of a request, with its numbers.
pub(super) fn outcome(action: &Action) -> String {
    let mut words = match (action.state, action.exit_code) {
        (State::Failed, Some(code)) => format!("ran, exit code {code}"),
        (state, _) => state.words().to_owned(),
    };
    if let Some(signal) = action.signal {
        let _ = write!(words, ", signal {signal}");
    }
    if let Some(ms) = action.duration_ms {
        let _ = write!(words, ", {}", span::words(ms));
    }
    words
}

/// When it was asked, started and ended; none where no stamp is a moment.
pub(super) fn times(action: &Action) -> Option<String> {
    let mut times = Vec::new();
    for (name, at) in [
        ("asked", Some(&action.asked_at)),
        ("answered", action.answered_at.as_ref()),
        ("started", action.started_at.as_ref()),
        ("ended", action.ended_at.as_ref()),
    ] {
        if let Some((day, time)) = at.and_then(|at| escape::clock(at)) {
            times.push(format!("{name} {day} {time}"));
        }
    }
    if let Some(ms) = action.waited_ms {
        times.push(format!("waited {}", span::words(ms)));
    }
    if let Some(limit) = action.limit_s {
        times.push(format!("time limit {limit} s"));
    }
    if let Some(ms) = action.duration_ms {
        times.push(format!("ran {}", span::words(ms)));
    }
    (!times.is_empty()).then(|| times.join(", "))
}

fn told(answer: &Answer) -> String {
    let how = how(
        answer.assurance,
        answer.via.as_deref(),
        answer.factor.as_deref(),
    );
    let why = answer
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(", because {}", code(why)));
    let own = if answer.self_approved {
        ", who also asked"
    } else {
        ""
    };
    format!(
        "{} by {} ({how}{own}), {}{why} {}",
        answer.answer.replace('_', " "),
        code(&answer.by),
        when(&answer.at),
        cite(&answer.cite)
    )
}

/// How an answer came and what it is worth; only our own words.
pub(super) fn how(
    assurance: Option<crate::assurance::Assurance>,
    via: Option<&str>,
    factor: Option<&str>,
) -> String {
    let mut how: Vec<&str> = Vec::new();
    how.extend(assurance.map(step::worth));
    how.extend(via.map(step::way));
    how.extend(factor.map(step::factor));
    if how.is_empty() {
        return "nothing more is known".to_owned();
    }
    how.join(", ")
}

/// Size and hash of an output, and what is missing of it; only our own words and digits.
pub(super) fn about(printed: &Printed) -> String {
    let mut words = printed.bytes.map_or_else(
        || "size not known".to_owned(),
        |bytes| format!("{bytes} bytes"),
    );
    let hash = printed.sha256.as_deref().filter(|hash| is_hash(hash));
    if let Some(hash) = hash {
        let _ = write!(words, ", SHA-256 {hash}");
    }
    if let Some(file) = printed.file.as_ref().filter(|file| is_hash(&file.sha256)) {
        let _ = write!(words, ", all of it is in audit/outputs/{}.zst", file.sha256);
    } else if printed.truncated {
        words.push_str(", the record itself does not hold all of it");
    }
    if printed.left_out > 0 {
        let _ = write!(
            words,
            ", {} characters left out here (`aiops audit show {}` prints them)",
            printed.left_out, printed.cite.seq
        );
    }
    words
}

fn is_hash(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn selected(report: &Report) -> String {
    let parts: Vec<String> = report
        .selection
        .parts()
        .map(|(name, text)| format!("{name} {}", code(text)))
        .collect();
    or_none(&parts.join(", "))
}

/// Where a break is.
pub(super) fn place(after: Option<u64>, at: Option<u64>) -> String {
    match (after, at) {
        (Some(after), Some(at)) => format!("between records {after} and {at}"),
        (None, Some(at)) => format!("at record {at}"),
        (Some(after), None) => format!("behind record {after}"),
        (None, None) => "in the log".to_owned(),
    }
}

fn cite(cite: &Cite) -> String {
    format!("[#{} `{}`]", cite.seq, cite.short())
}

fn when(stamp: &str) -> String {
    escape::clock(stamp).map_or_else(|| code(stamp), |(day, time)| format!("{day} {time} UTC"))
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none" } else { text }.to_owned()
}

pub(super) fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Characters of a text in a line of the timeline; all of it stands with its request.
pub(super) const LINE: usize = 160;
