//! The timeline as a picture: one SVG, drawn by the program and readable without colour.
//!
//! **Reads** a [`Report`].
//! **Gives** [`picture`], [`legend`].
//! **Never** needs a script, a font or a file, and never shows what the table does not hold.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::axis::Axis;
use super::escape;
use super::fact::Action;
use super::fact::Report;
use super::fact::State;
use super::lane;
use super::lane::Bar;
use super::markdown::plural;
use super::moment::Kind;
use super::span;

/// Draws the timeline so wide, in units of about one pixel. None where nothing can be drawn.
pub(super) fn picture(report: &Report, width: f64) -> Option<String> {
    let targets = lane::by_target(report);
    let flags = flags(report);
    if targets.is_empty() && flags.is_empty() {
        return None;
    }
    let bars = || targets.values().flatten();
    let moments: Vec<i64> = bars()
        .flat_map(|bar| {
            let wait = bar.wait.map(|(from, to)| [from, to]);
            let run = bar.run.map(|(from, to)| [from, to]);
            [Some([bar.from, bar.to]), wait, run]
        })
        .flatten()
        .flatten()
        .chain(flags.iter().map(|flag| flag.at))
        .collect();
    let busy: Vec<(i64, i64)> = bars()
        .flat_map(|bar| [bar.wait, bar.run])
        .flatten()
        .collect();
    let axis = Axis::new(moments, &busy, EDGE, width - EDGE);
    let mut drawing = Drawing {
        axis,
        width,
        y: TOP,
        text: String::new(),
    };
    drawing.flags(&flags);
    let many = bars().count() > MOST_ROWS;
    for (target, bars) in &targets {
        drawing.target(target, bars);
        drawing.held(target, &flags);
        if many {
            drawing.packed(bars);
        } else {
            for bar in bars {
                drawing.row(bar);
            }
        }
        drawing.y += 8.0;
    }
    Some(drawing.finish(report))
}

/// The marks that this report uses, each with its meaning, as HTML list items.
pub(super) fn legend(report: &Report) -> String {
    let mut html = String::new();
    let waits = report
        .actions
        .iter()
        .any(|action| action.waits_from.is_some());
    let runs = report.actions.iter().any(Action::is_started);
    let mut item = |drawing: &str, words: &str| {
        let _ = writeln!(
            html,
            "<li><svg viewBox=\"-14 -9 28 18\" width=\"28\" height=\"18\" aria-hidden=\"true\">{drawing}</svg> {words}</li>"
        );
    };
    if waits {
        item(
            "<circle class=\"asked\" cx=\"-9\" cy=\"0\" r=\"3.5\"/><line class=\"wait\" x1=\"-5\" y1=\"0\" x2=\"14\" y2=\"0\"/>",
            "asked, and waiting for a human",
        );
    }
    if runs {
        item(
            "<rect class=\"run\" x=\"-13\" y=\"-4\" width=\"26\" height=\"8\"/>",
            "running",
        );
    }
    if flags(report).iter().any(|flag| flag.kind == Kind::Frozen) {
        item(
            "<rect class=\"held\" x=\"-13\" y=\"-3\" width=\"26\" height=\"5\"/>",
            "frozen by an operator",
        );
    }
    let states: BTreeSet<State> = report
        .actions
        .iter()
        .filter(|action| !action.is_preview())
        .map(|action| action.state)
        .collect();
    for state in states {
        item(&mark(state, 0.0, 0.0), state.words());
    }
    html
}

/// Something that is no request.
struct Flag<'a> {
    at: i64,
    kind: Kind,
    target: Option<&'a str>,
    event: &'a str,
}

fn flags(report: &Report) -> Vec<Flag<'_>> {
    report
        .happenings
        .iter()
        .filter_map(|happening| {
            let status = happening.status.as_deref().unwrap_or_default();
            let kind = match (happening.event.as_str(), status) {
                ("freeze", "frozen") => Kind::Frozen,
                ("freeze", _) => Kind::Thawed,
                ("grant", _) => Kind::Grant,
                _ => Kind::Other,
            };
            Some(Flag {
                at: lane::ms(&happening.at)?,
                kind,
                target: happening.target.as_deref(),
                event: &happening.event,
            })
        })
        .collect()
}

struct Drawing {
    axis: Axis,
    width: f64,
    /// Where the next row begins.
    y: f64,
    text: String,
}

impl Drawing {
    fn put(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(part);
        self.text.push('\n');
    }

    /// The lane of what operators did.
    fn flags(&mut self, flags: &[Flag<'_>]) {
        if flags.is_empty() {
            return;
        }
        self.heading("Operators");
        let mut ends: Vec<f64> = Vec::new();
        let top = self.y;
        for flag in flags {
            let label = match (flag.kind, flag.target) {
                (Kind::Frozen, target) => format!("frozen: {}", target.unwrap_or("everything")),
                (Kind::Thawed, target) => format!("thawed: {}", target.unwrap_or("everything")),
                _ => flag.event.replace('_', " "),
            };
            let label = escape::cut(&label, 24).into_owned();
            let x = self.axis.x(flag.at);
            let length = label.chars().count() as f64 * LETTER + 12.0;
            // At the right edge the label stands on the other side.
            let left_of = x + length > self.width;
            let (from, to) = if left_of {
                (x - length, x + 4.0)
            } else {
                (x - 4.0, x + length)
            };
            let free = ends.iter().position(|end| *end <= from);
            let row = free.unwrap_or(ends.len()).min(MOST_FLAGS);
            match ends.get_mut(row) {
                Some(end) => *end = to.max(*end),
                None => ends.push(to),
            }
            let y = top + row as f64 * FLAG + 9.0;
            let class = match flag.kind {
                Kind::Frozen => "frozen",
                Kind::Thawed => "thawed",
                _ => "noted",
            };
            let (anchor, text_x) = if left_of {
                ("end", x - 7.0)
            } else {
                ("start", x + 7.0)
            };
            let label = escape::html(&label);
            self.put(format_args!(
                "<g><path class=\"{class}\" d=\"M{x:.1} {:.1}v12M{x:.1} {:.1}l5 3.5l-5 3.5z\"/><text class=\"small\" x=\"{text_x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text></g>",
                y - 6.0, y - 6.0, y + 4.0
            ));
        }
        self.y = top + ends.len() as f64 * FLAG + 10.0;
    }

    fn heading(&mut self, name: &str) {
        let (y, width) = (self.y, self.width);
        let name = escape::html(name);
        self.put(format_args!(
            "<line class=\"rule\" x1=\"0\" y1=\"{y:.1}\" x2=\"{width:.1}\" y2=\"{y:.1}\"/><text class=\"target\" x=\"2\" y=\"{:.1}\">{name}</text>",
            y + 15.0
        ));
        self.y += 22.0;
    }

    fn target(&mut self, name: &str, bars: &[Bar<'_>]) {
        let count = bars.len();
        let name = if name.is_empty() { "no target" } else { name };
        let requests = if count == 1 { "request" } else { "requests" };
        self.heading(&format!(
            "{} \u{2014} {count} {requests}",
            escape::cut(name, 40)
        ));
    }

    /// The time in which a target was frozen, along the top of its lane.
    fn held(&mut self, target: &str, flags: &[Flag<'_>]) {
        let mut since: Option<f64> = None;
        let mut spans = Vec::new();
        for flag in flags {
            let x = self.axis.x(flag.at);
            // A freeze over everything and one over the target are two, and either holds; what is
            // drawn ends with the first that is lifted, and the table says the rest.
            if flag.target.is_some_and(|other| other != target) {
                continue;
            }
            match flag.kind {
                Kind::Frozen => since = since.or(Some(x)),
                Kind::Thawed => spans.extend(since.take().map(|from| (from, x))),
                _ => {}
            }
        }
        spans.extend(since.map(|from| (from, self.width)));
        let y = self.y - 22.0;
        for (from, to) in spans {
            self.put(format_args!(
                "<g><title>frozen</title><rect class=\"held\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"5\"/></g>",
                (to - from).max(2.0)
            ));
        }
    }

    /// One request in a row of its own: its command, and below it what became of it.
    fn row(&mut self, bar: &Bar<'_>) {
        let action = bar.action;
        let result = result(action);
        let taken = result.chars().count() as f64 * LETTER + 16.0;
        let letters = ((self.width - taken) / LETTER).max(8.0) as usize;
        let number = action.records.first().map_or(0, |cite| cite.seq);
        let command = action.command.as_deref().unwrap_or("(no command)");
        let label = format!("#{number} {command}");
        // What is odd becomes longer where it is written out.
        let label = crate::visible::line(&label).into_owned();
        let (label, whole) = (
            escape::html(&escape::cut(&label, letters)),
            escape::html(command),
        );
        let (y, right) = (self.y, self.width - 2.0);
        self.put(format_args!(
            "<g><title>{whole}: {}</title>",
            escape::html(&result)
        ));
        self.put(format_args!(
            "<text class=\"label\" x=\"2\" y=\"{:.1}\">{label}</text><text class=\"small\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y + 11.0, y + 11.0, escape::html(&result)
        ));
        self.bar(bar, y + 24.0);
        self.put(format_args!("</g>"));
        self.y += ROW;
    }

    /// Many requests in as few rows as they have place in.
    fn packed(&mut self, bars: &[Bar<'_>]) {
        let rows = lane::rows(bars, &self.axis, MOST_PACKED);
        let top = self.y;
        let mut count = 0;
        for (bar, row) in bars.iter().zip(rows) {
            count = count.max(row + 1);
            let number = bar.action.records.first().map_or(0, |cite| cite.seq);
            let command = escape::html(bar.action.command.as_deref().unwrap_or("(no command)"));
            let result = escape::html(&result(bar.action));
            self.put(format_args!(
                "<g><title>#{number} {command}: {result}</title>"
            ));
            self.bar(bar, top + row as f64 * PACKED + 9.0);
            self.put(format_args!("</g>"));
        }
        self.y = top + count as f64 * PACKED + 4.0;
    }

    fn bar(&mut self, bar: &Bar<'_>, y: f64) {
        let mut end = self.axis.x(bar.to);
        if let Some((from, to)) = bar.wait {
            let (from, to) = (self.axis.x(from), self.axis.x(to));
            self.put(format_args!(
                "<line class=\"wait\" x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\"/><circle class=\"asked\" cx=\"{from:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
            ));
            let label = bar.action.waited_ms.map(span::words);
            if let Some(label) =
                label.filter(|label| to - from > label.len() as f64 * LETTER + 60.0)
            {
                // It stands on the line, on a ground of its own.
                let middle = from.midpoint(to);
                let width = (label.len() as f64 + 7.0) * LETTER * 0.95;
                self.put(format_args!(
                    "<rect class=\"ground\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"12\"/><text class=\"small\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">waited {label}</text>",
                    middle - width / 2.0, y - 6.0, y + 4.0
                ));
            }
        }
        if let Some((from, to)) = bar.run {
            let from = self.axis.x(from);
            let width = (self.axis.x(to) - from).max(3.0);
            self.put(format_args!(
                "<rect class=\"run\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"8\"/>",
                y - 4.0
            ));
            end = end.max(from + width);
        }
        // The mark stands behind what it ends, and never outside.
        let x = (end + 7.0).min(self.width - 8.0).max(8.0);
        let mark = mark(bar.state, x, y);
        self.put(format_args!("{mark}"));
    }

    /// The scale, drawn below everything else, and the frame around it.
    fn finish(self, report: &Report) -> String {
        let mut scale = String::new();
        let bottom = self.y;
        for gap in self.axis.gaps() {
            let (middle, width) = (gap.left.midpoint(gap.right), gap.right - gap.left);
            let _ = writeln!(
                scale,
                "<rect class=\"gap\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/><text class=\"small\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                gap.left + 4.0,
                TOP - 10.0,
                (width - 8.0).max(2.0),
                bottom - TOP + 10.0,
                bottom + 13.0,
                gap_words(gap.ms)
            );
        }
        for tick in self.axis.ticks() {
            let x = tick.x;
            let anchor = if x > self.width - 30.0 {
                "end"
            } else {
                "start"
            };
            let _ = writeln!(
                scale,
                "<line class=\"tick\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/><text class=\"small\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                TOP - 14.0,
                TOP - 18.0,
                tick.label
            );
            if let Some(day) = tick.day {
                let _ = writeln!(
                    scale,
                    "<text class=\"small day\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{day}</text>",
                    TOP - 31.0
                );
            }
        }
        let (width, height) = (self.width, bottom + 20.0);
        let what = escape::html(&spoken(report));
        format!(
            "<svg role=\"img\" aria-label=\"{what}\" viewBox=\"0 0 {width:.0} {height:.0}\" preserveAspectRatio=\"xMinYMin meet\">\n{scale}{}</svg>\n",
            self.text
        )
    }
}

/// The picture in words, for those who do not see it.
fn spoken(report: &Report) -> String {
    let figures = &report.figures;
    let mut states: Vec<String> = Vec::new();
    for count in &figures.states {
        states.push(format!("{} {}", count.count, count.word.replace('_', " ")));
    }
    let period = report.period.as_ref().map_or_else(String::new, |period| {
        format!(" from {} to {}", period.from, period.to)
    });
    format!(
        "Timeline of {} {} on {} {}{period}: {}. The table below it holds every step.",
        figures.actions,
        plural(figures.actions, "request", "requests"),
        report.targets.len(),
        plural(report.targets.len() as u64, "target", "targets"),
        states.join(", ")
    )
}

/// What became of it, in a few words.
pub(super) fn result(action: &Action) -> String {
    let mut words = match (action.state, action.exit_code) {
        (State::Succeeded | State::Failed, Some(code)) => format!("exit {code}"),
        (State::TimedOut, _) => "time limit".to_owned(),
        (State::Interrupted, _) => "ended from here".to_owned(),
        (State::Lost, _) => "end unknown".to_owned(),
        (State::Unreachable, _) => "not reached".to_owned(),
        (State::Running, _) => "no outcome".to_owned(),
        (State::Waiting, _) => "still waiting".to_owned(),
        (state, _) => state.word().replace('_', " "),
    };
    if let Some(ms) = action.duration_ms {
        words.push_str(", ");
        words.push_str(&span::words(ms));
    }
    words
}

/// A mark whose shape says what became of a request; the colour only says it again.
pub(super) fn mark(state: State, x: f64, y: f64) -> String {
    let at = |class: &str, shape: &str, sign: &str| {
        format!(
            "<g class=\"mark {class}\" transform=\"translate({x:.1} {y:.1})\">{shape}<path class=\"sign\" d=\"{sign}\"/></g>"
        )
    };
    match state {
        State::Succeeded => at("good", "<circle r=\"6.5\"/>", "M-3 0.3L-0.9 2.6L3.2 -2.4"),
        State::Failed => at(
            "bad",
            "<rect x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/>",
            "M-2.8 -2.8L2.8 2.8M2.8 -2.8L-2.8 2.8",
        ),
        State::TimedOut | State::Interrupted | State::Lost | State::Unreachable => at(
            "warn",
            "<path d=\"M0 -7.5L7.5 6.2H-7.5Z\"/>",
            "M0 -3V1.6M0 3.6V4.4",
        ),
        State::Running | State::Waiting => at(
            "open",
            "<path d=\"M0 -7.5L7.5 0L0 7.5L-7.5 0Z\"/>",
            "M-3.2 0H-2.2M-0.5 0H0.5M2.2 0H3.2",
        ),
        State::Denied => at(
            "bad",
            "<path d=\"M-2.8 -6.8H2.8L6.8 -2.8V2.8L2.8 6.8H-2.8L-6.8 2.8V-2.8Z\"/>",
            "M-3.6 0H3.6",
        ),
        State::Refused => at("hollow", "<circle r=\"6\"/>", "M-4.2 4.2L4.2 -4.2"),
        State::Expired => at("calm", "<circle r=\"6\"/>", "M0 -3.4V0.3L2.6 2"),
        State::Cancelled => at("calm", "<circle r=\"6\"/>", "M-3 0H3"),
        State::NothingWaited
        | State::Judged
        | State::NotUnderstood
        | State::Error
        | State::Unknown => at(
            "calm",
            "<rect x=\"-5.5\" y=\"-5.5\" width=\"11\" height=\"11\"/>",
            "M-0.6 0H0.6",
        ),
    }
}

/// The length of a gap, short.
fn gap_words(ms: u64) -> String {
    let words = span::words(ms);
    let mut parts = words.split(' ');
    match (parts.next(), parts.next()) {
        (Some(number), Some(unit)) => format!("+{number} {unit}"),
        _ => words,
    }
}

/// Requests up to which each has a row with its command.
const MOST_ROWS: usize = 60;

/// Rows of one target where they share them.
const MOST_PACKED: usize = 24;

/// Rows of flags, less one.
const MOST_FLAGS: usize = 11;

/// The space left and right of the scale, above the first row, and of the rows.
const EDGE: f64 = 10.0;
const TOP: f64 = 46.0;
const ROW: f64 = 38.0;
const PACKED: f64 = 17.0;
const FLAG: f64 = 17.0;

/// About the width of a letter.
const LETTER: f64 = 6.6;
