//! A report as one HTML file that needs nothing else.
//!
//! **Reads** a [`Report`].
//! **Gives** [`html`].
//! **Never** holds a script, a form, or a reference to anything outside of itself; its own policy
//! forbids them, and allows the one style sheet by its hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;

use super::escape;
use super::fact::Action;
use super::fact::Answer;
use super::fact::Cite;
use super::fact::Printed;
use super::fact::Report;
use super::fact::State;
use super::markdown;
use super::markdown::LINE;
use super::markdown::plural;
use super::moment::Kind;
use super::moment::Moment;
use super::moment::Piece;
use super::narrative;
use super::picture;
use super::span;
use super::step;

/// The whole page.
pub fn html(report: &Report) -> String {
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
    page.line("</main>");
    let made = when(&report.made_at);
    page.line(format!(
        "<footer><p>Made {made} by {}. It is a copy: the log is what counts.</p></footer>\n</body>\n</html>",
        escape::html(&report.made_by)
    ));
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    fn head(&mut self, report: &Report) {
        let title = escape::html(&report.title);
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        self.line("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        self.line(format!(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">"
        ));
        self.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">");
        self.line(format!("<title>Incident report: {title}</title>"));
        self.line(format!("<style>{STYLE}</style>\n</head>\n<body>"));
        self.line(format!(
            "<header>\n<p class=\"kicker\">Incident report</p>\n<h1>{title}</h1>"
        ));
        self.alarm(report);
        self.line("<dl>");
        for field in narrative::HEAD {
            self.line(format!(
                "<dt>{field}</dt><dd class=\"todo\">{}</dd>",
                narrative::EMPTY
            ));
        }
        if let Some(period) = &report.period {
            let length = period
                .ms
                .map_or_else(String::new, |ms| format!(" ({})", span::words(ms)));
            self.line(format!(
                "<dt>Period</dt><dd>{} to {}{length}</dd>",
                when(&period.from),
                when(&period.to)
            ));
        }
        let targets: Vec<String> = report
            .targets
            .iter()
            .map(|target| code(&target.name))
            .collect();
        self.line(format!(
            "<dt>Targets</dt><dd>{}</dd>",
            or_none(&targets.join(" "))
        ));
        self.line(format!("<dt>Selected</dt><dd>{}</dd>", selected(report)));
        self.line("</dl>");
        self.line(format!(
            "<p class=\"soft\">Facts on this page come from records of the log that the chain proves. Each cites its record as <b>#number</b> with the first digits of its hash; <code>aiops audit show NUMBER</code> prints the record. What is <span class=\"todo\">{}</span> only people can tell: about systems and commands, not about guilt.</p>\n</header>\n<main>",
            narrative::EMPTY
        ));
    }

    fn alarm(&mut self, report: &Report) {
        if report.log.whole {
            return;
        }
        let count = report.log.break_count;
        self.line(format!(
            "<div class=\"alarm\" role=\"alert\">\n<p><strong>The log is broken in {count} {}, and what stands before a break is not proven.</strong></p>\n<ul>",
            plural(count, "place", "places")
        ));
        for broken in &report.log.breaks {
            self.line(format!(
                "<li>{}: {}.</li>",
                markdown::place(broken.after, broken.at),
                escape::html(&broken.what)
            ));
        }
        self.line("</ul>");
        let withheld = report.unverified.len() as u64;
        if withheld > 0 {
            self.line(format!(
                "<p><strong>{withheld} {} of this incident cannot be proven.</strong> What they say is left out of everything below; they are listed under <a href=\"#evidence\">Evidence</a>.</p>",
                plural(withheld, "record", "records")
            ));
        }
        self.line("</div>");
    }

    fn texts(&mut self, texts: &[(&str, &str)]) {
        self.line("<section>\n<h2>What people know</h2>\n<div class=\"gaps\">");
        for (heading, question) in texts {
            self.blank(heading, question);
        }
        self.line("</div>\n</section>");
    }

    fn blank(&mut self, heading: &str, question: &str) {
        self.line(format!(
            "<div class=\"blank\"><h3>{heading}</h3><p class=\"soft\">{question}</p><p class=\"todo\">{}</p></div>",
            narrative::EMPTY
        ));
    }

    fn lessons(&mut self) {
        self.line("<section>\n<h2>Lessons</h2>\n<div class=\"gaps\">");
        for (heading, question) in narrative::LESSONS {
            self.blank(heading, question);
        }
        self.line("</div>\n</section>\n<section>\n<h2>Action items</h2>\n<div class=\"scroll\"><table>\n<caption>What is to be done, by whom, until when.</caption>");
        let heads: String = narrative::ITEMS
            .iter()
            .map(|head| format!("<th scope=\"col\">{head}</th>"))
            .collect();
        self.line(format!("<thead><tr>{heads}</tr></thead>\n<tbody>"));
        for _ in 0..3 {
            let cells = format!("<td class=\"todo\">{}</td>", narrative::EMPTY).repeat(4);
            self.line(format!("<tr>{cells}</tr>"));
        }
        self.line("</tbody>\n</table></div>\n</section>");
    }

    fn figures(&mut self, report: &Report) {
        let figures = &report.figures;
        self.line("<section>\n<h2>Facts</h2>\n<ul class=\"numbers\">");
        let time = |ms: Option<u64>| ms.map_or_else(|| "\u{2014}".to_owned(), span::words);
        for (number, words) in [
            (figures.actions.to_string(), "requests"),
            (figures.started.to_string(), "started"),
            (figures.asked.to_string(), "questions to a human"),
            (figures.answered.to_string(), "answered with yes or no"),
            (
                time(figures.median_wait_ms),
                "from question to answer, median",
            ),
            (
                time(figures.longest_wait_ms),
                "from question to answer, longest",
            ),
            (span::words(figures.run_ms), "that commands ran"),
        ] {
            self.line(format!("<li><b>{number}</b><span>{words}</span></li>"));
        }
        self.line("</ul>\n<dl>");
        let states: Vec<String> = figures
            .states
            .iter()
            .map(|count| format!("{} {}", count.count, count.word.replace('_', " ")))
            .collect();
        self.line(format!(
            "<dt>What became of them</dt><dd>{}</dd>",
            or_none(&states.join(", "))
        ));
        let risks: Vec<String> = figures
            .risks
            .iter()
            .map(|count| format!("{} {}", count.count, code(&count.word)))
            .collect();
        self.line(format!(
            "<dt>How they were judged</dt><dd>{}</dd>",
            or_none(&risks.join(", "))
        ));
        if figures.previews > 0 {
            self.line(format!(
                "<dt>Previews</dt><dd>{} commands showed the state before a question</dd>",
                figures.previews
            ));
        }
        self.line(format!(
            "<dt>Not part of this</dt><dd>{} other {} on these targets in this time</dd>",
            figures.others,
            plural(figures.others, "request", "requests")
        ));
        for (name, end) in [
            ("First record", &figures.first),
            ("Last record", &figures.last),
        ] {
            if let Some(end) = end {
                self.line(format!("<dt>{name}</dt><dd>{}</dd>", cite(end)));
            }
        }
        for policy in &report.policies {
            self.line(format!(
                "<dt>Configuration in force</dt><dd>{} from {} to {}</dd>",
                code(&policy.sha256),
                cite(&policy.first),
                cite(&policy.last)
            ));
        }
        self.line("</dl>");
        if !report.targets.is_empty() {
            self.table(
                "",
                "The targets.",
                &["Target", "Reached as", "Requests", "Started", "Record"],
            );
            for target in &report.targets {
                let hosts: Vec<String> = target.hosts.iter().map(|host| code(host)).collect();
                self.line(format!(
                    "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    code(&target.name),
                    or_none(&hosts.join(" ")),
                    target.actions,
                    target.started,
                    cite(&target.cite)
                ));
            }
            self.end_table();
        }
        self.line("</section>");
    }

    fn table(&mut self, class: &str, caption: &str, heads: &[&str]) {
        let heads: String = heads
            .iter()
            .map(|head| format!("<th scope=\"col\">{head}</th>"))
            .collect();
        let class = if class.is_empty() {
            String::new()
        } else {
            format!(" class=\"{class}\"")
        };
        self.line(format!(
            "<div class=\"scroll\"><table{class}>\n<caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>"
        ));
    }

    fn end_table(&mut self) {
        self.line("</tbody>\n</table></div>");
    }

    fn people(&mut self, report: &Report) {
        self.line("<section>\n<h2>Who took part</h2>");
        if report.askers.is_empty() && report.approvers.is_empty() {
            self.line("<p>Nobody that a proven record names.</p>");
        }
        if !report.askers.is_empty() {
            self.table(
                "",
                "Who asked. A name of one's own account is a claim; the Unix user is known.",
                &[
                    "By their own account",
                    "Unix user",
                    "Requests",
                    "First record",
                ],
            );
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
                    "<tr><td>{claim}</td><td>{caller}</td><td>{}</td><td>{}</td></tr>",
                    asker.actions,
                    cite(&asker.cite)
                ));
            }
            self.end_table();
        }
        if !report.approvers.is_empty() {
            self.table(
                "",
                "Who answered, and how far the answer can be believed.",
                &[
                    "Person",
                    "Answer came",
                    "Yes",
                    "No",
                    "Without effect",
                    "First record",
                ],
            );
            for approver in &report.approvers {
                let uid = approver.uid.map_or_else(String::new, |uid| {
                    format!(" <span class=\"soft\">Unix id {uid}</span>")
                });
                let how = markdown::how(
                    approver.assurance,
                    approver.via.as_deref(),
                    approver.factor.as_deref(),
                );
                self.line(format!(
                    "<tr><th scope=\"row\">{}{uid}</th><td>{how}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    code(&approver.name),
                    approver.approved,
                    approver.denied,
                    approver.without_effect,
                    cite(&approver.cite)
                ));
            }
            self.end_table();
        }
        self.line("</section>");
    }

    fn commands(&mut self, report: &Report) {
        self.line("<section>\n<h2>What ran, and what did not</h2>");
        for (caption, none, takes) in [
            (
                "What ran.",
                "Nothing ran.",
                Action::is_started as fn(&Action) -> bool,
            ),
            (
                "What did not run.",
                "Nothing was refused, denied or left to expire.",
                |action| !action.is_started() && action.state != State::Waiting,
            ),
            (
                "What was still open.",
                "Nothing was still open.",
                |action| action.state.is_open(),
            ),
        ] {
            let actions: Vec<&Action> = report
                .actions
                .iter()
                .filter(|action| !action.is_preview() && takes(action))
                .collect();
            if actions.is_empty() {
                self.line(format!("<p>{none}</p>"));
                continue;
            }
            self.table(
                "steps",
                caption,
                &["Target", "Command", "Result", "Records"],
            );
            for action in actions {
                let cites: Vec<String> = action.records.iter().map(cite).collect();
                self.line(format!(
                    "<tr><td class=\"short\">{}</td><td><a href=\"#{}\">{}</a></td><td><span class=\"kind {}\">{}</span></td><td>{}</td></tr>",
                    code(action.target.as_deref().unwrap_or("-")),
                    anchor(action),
                    code(&escape::cut(action.command.as_deref().unwrap_or("(no command)"), LINE)),
                    class_of(action.state),
                    markdown::outcome(action),
                    cites.join(" ")
                ));
            }
            self.end_table();
        }
        self.line("</section>");
    }

    fn timeline(&mut self, report: &Report) {
        self.line("<section>\n<h2>Timeline</h2>");
        if let (Some(wide), Some(narrow)) = (
            picture::picture(report, WIDE),
            picture::picture(report, NARROW),
        ) {
            self.line(format!(
                "<figure>\n<div class=\"wide\">{wide}</div>\n<div class=\"narrow\">{narrow}</div>\n<ul class=\"legend\">{}</ul>\n<figcaption>Times are UTC. A grey band stands for idle time of the length that is written below it. A run that is too short to be seen is drawn three pixels wide.</figcaption>\n</figure>",
                picture::legend(report)
            ));
        }
        self.table(
            "steps",
            "Every step, in the order of the log. Times are UTC.",
            &["Time", "Step", "Target", "What", "Record"],
        );
        let mut day = None;
        for moment in &report.timeline {
            let clock = escape::clock(&moment.at);
            let (today, time) = match clock {
                Some((today, time)) => (Some(today), time),
                None => (None, code(&moment.at)),
            };
            if today.is_some() && today != day {
                self.line(format!(
                    "<tr class=\"day\"><th colspan=\"5\" scope=\"rowgroup\">{}</th></tr>",
                    today.as_deref().unwrap_or_default()
                ));
                day = today;
            }
            self.step(moment, &time);
        }
        self.end_table();
        self.line("</section>");
    }

    fn step(&mut self, moment: &Moment, time: &str) {
        let what: String = moment
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Words(words) => escape::html(words),
                Piece::Said(text) => code(&escape::cut(text, LINE)),
            })
            .collect();
        self.line(format!(
            "<tr><td class=\"time\">{time}</td><td class=\"short\"><span class=\"kind {}\">{}</span></td><td class=\"short\">{}</td><td>{what}</td><td>{}</td></tr>",
            class_of_step(moment.kind),
            moment.kind.words(),
            moment.target.as_deref().map_or_else(String::new, code),
            cite(&moment.cite)
        ));
    }

    fn details(&mut self, report: &Report) {
        self.line("<section>\n<h2>Each request</h2>");
        if report.actions.is_empty() {
            self.line("<p>None.</p>");
        }
        for action in &report.actions {
            self.action(action);
        }
        self.line("</section>");
    }

    fn action(&mut self, action: &Action) {
        let number = action.records.first().map_or(0, |cite| cite.seq);
        let preview = if action.is_preview() { "preview, " } else { "" };
        let mark = picture::mark(action.state, 0.0, 0.0);
        self.line(format!(
            "<details id=\"{}\">\n<summary><svg viewBox=\"-9 -9 18 18\" width=\"18\" height=\"18\" aria-hidden=\"true\">{mark}</svg> <b>#{number}</b> {} on {} <span class=\"soft\">{preview}{}</span></summary>",
            anchor(action),
            code(&escape::cut(action.command.as_deref().unwrap_or("(no command)"), LINE)),
            code(action.target.as_deref().unwrap_or("-")),
            markdown::outcome(action)
        ));
        if let Some(command) = &action.command {
            self.line(format!("<pre>{}</pre>", escape::html_block(command)));
        }
        self.line("<dl>");
        for (name, text) in action.facts() {
            self.line(format!("<dt>{name}</dt><dd>{}</dd>", code(&text)));
        }
        for answer in &action.answers {
            self.line(format!("<dt>Answer</dt><dd>{}</dd>", told(answer)));
        }
        if let Some(used) = &action.grant {
            self.line(format!(
                "<dt>Grant</dt><dd>{}, use {} of {}, given by {}</dd>",
                code(&used.grant.code),
                used.grant.nth.unwrap_or_default(),
                used.grant.of,
                used.given_by
                    .as_deref()
                    .map_or_else(|| "nobody".to_owned(), code)
            ));
        }
        if let Some(times) = markdown::times(action) {
            self.line(format!("<dt>Times</dt><dd>{times}</dd>"));
        }
        let cites: Vec<String> = action.records.iter().map(cite).collect();
        self.line(format!("<dt>Records</dt><dd>{}</dd>", cites.join(" ")));
        self.line("</dl>");
        if action.unverified_records > 0 {
            self.line(format!(
                "<p class=\"alarm\"><strong>{} of its records cannot be proven and are left out.</strong></p>",
                action.unverified_records
            ));
        }
        self.printed("Standard output", action.stdout.as_ref());
        self.printed("Standard error", action.stderr.as_ref());
        self.line("</details>");
    }

    fn printed(&mut self, name: &str, printed: Option<&Printed>) {
        let Some(printed) = printed else { return };
        let about = markdown::about(printed).replace('`', "");
        if printed.text.is_empty() {
            self.line(format!(
                "<p class=\"soft\">{name}: empty, {}</p>",
                escape::html(&about)
            ));
            return;
        }
        let text = escape::html_block(&printed.text);
        let about = format!(
            "{name} <span class=\"soft\">{}</span>",
            escape::html(&about)
        );
        let long = printed.text.lines().count() > LONG_LINES || printed.text.len() > LONG_BYTES;
        let open = if long { "" } else { " open" };
        // A line break right behind the tag would be swallowed, and so one is put there.
        self.line(format!(
            "<details{open}>\n<summary>{about}</summary>\n<pre>\n{text}</pre>\n</details>"
        ));
    }

    fn log(&mut self, report: &Report) {
        let log = &report.log;
        self.line("<section>\n<h2>The log</h2>\n<ul>");
        let whole = if log.whole {
            "the chain is whole".to_owned()
        } else {
            format!(
                "<strong>the chain is broken in {} {}</strong>",
                log.break_count,
                plural(log.break_count, "place", "places")
            )
        };
        self.line(format!(
            "<li>{} records in {} {} were read, and {whole}.</li>",
            log.records,
            log.segments,
            plural(log.segments, "file", "files")
        ));
        for (name, end) in [("First", &log.first), ("Last", &log.last)] {
            if let Some(end) = end {
                self.line(format!(
                    "<li>{name} record: #{}, SHA-256 <code>{}</code></li>",
                    end.seq, end.sha256
                ));
            }
        }
        for note in markdown::notes(report) {
            self.line(format!("<li>{}</li>", escape::html(&note)));
        }
        for key in &log.checkpoints.keys {
            self.line(format!("<li>Checkpoints are signed by {}.</li>", code(key)));
        }
        self.line("</ul>\n</section>");
    }

    fn evidence(&mut self, report: &Report) {
        self.line("<section>\n<h2 id=\"evidence\">Evidence</h2>");
        self.table("hash", "Each record, the file of the log by its first record, and the SHA-256 of its line without the line break.", &["Record", "Time", "Event", "File", "SHA-256"]);
        for evidence in &report.evidence {
            self.line(format!(
                "<tr id=\"{}\"><th scope=\"row\">#{}</th><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
                mark_of(&evidence.cite),
                evidence.cite.seq,
                when(&evidence.at),
                escape::html(&evidence.event),
                evidence.segment,
                evidence.cite.sha256
            ));
        }
        self.end_table();
        if !report.unverified.is_empty() {
            self.line("<h3>Not proven</h3>");
            self.table(
                "hash",
                "These records belong here by what they say, and nothing proves it.",
                &["Record, as it says", "File", "SHA-256"],
            );
            for unverified in &report.unverified {
                self.line(format!(
                    "<tr><th scope=\"row\">#{}</th><td>{}</td><td><code>{}</code></td></tr>",
                    unverified.cite.seq, unverified.segment, unverified.cite.sha256
                ));
            }
            self.end_table();
        }
        self.line("</section>");
    }
}

fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return format!(
            "<span class=\"soft\">({} blanks)</span>",
            text.chars().count()
        );
    }
    format!("<code>{}</code>", escape::html(text))
}

fn cite(cite: &Cite) -> String {
    format!(
        "<a class=\"cite\" href=\"#{}\" title=\"SHA-256 {}\">#{} <code>{}</code></a>",
        mark_of(cite),
        cite.sha256,
        cite.seq,
        cite.short()
    )
}

/// The id of a record on the page. In a broken log two may bear one number.
fn mark_of(cite: &Cite) -> String {
    format!("e{}-{}", cite.seq, cite.short())
}

/// The id of a request on the page.
fn anchor(action: &Action) -> String {
    action.records.first().map_or_else(
        || "a".to_owned(),
        |cite| format!("a{}-{}", cite.seq, cite.short()),
    )
}

fn told(answer: &Answer) -> String {
    let how = markdown::how(
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

fn selected(report: &Report) -> String {
    let parts: Vec<String> = report
        .selection
        .parts()
        .map(|(name, text)| format!("{name} {}", code(text)))
        .collect();
    or_none(&parts.join(", "))
}

fn when(stamp: &str) -> String {
    escape::clock(stamp).map_or_else(
        || code(stamp),
        |(day, time)| format!("<span class=\"time\">{day} {time} UTC</span>"),
    )
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none" } else { text }.to_owned()
}

/// The colour of an end; the words beside it say the same.
fn class_of(state: State) -> &'static str {
    match state {
        State::Succeeded => "good",
        State::Failed | State::Denied | State::Refused => "bad",
        State::TimedOut
        | State::Interrupted
        | State::Lost
        | State::Unreachable
        | State::Running
        | State::Waiting => "warn",
        State::Expired
        | State::NothingWaited
        | State::Cancelled
        | State::Judged
        | State::NotUnderstood
        | State::Error
        | State::Unknown => "calm",
    }
}

fn class_of_step(kind: Kind) -> &'static str {
    match kind {
        Kind::Succeeded | Kind::Approved => "good",
        Kind::Ended | Kind::Denied => "bad",
        Kind::Asked | Kind::Answered | Kind::NotRun => "warn",
        Kind::Started | Kind::Frozen | Kind::Thawed => "run",
        Kind::Grant | Kind::Other => "calm",
    }
}

/// The style sheet, which the page holds.
const STYLE: &str = include_str!("style.css");

/// Widths of the picture, for a wide and for a narrow window.
const WIDE: f64 = 1080.0;
const NARROW: f64 = 362.0;

/// From so much on an output is closed at first.
const LONG_LINES: usize = 12;
const LONG_BYTES: usize = 1200;
