//! The block that a person reads before saying yes or no.
//!
//! **Reads** nothing.
//! **Gives** [`block`], [`whole`].
//! **Never** hides a character of the command, and never lets the command imitate a line of ours.

use chrono::DateTime;
use chrono::Utc;

use crate::approval::Preview;
use crate::approval::Ticket;
use crate::assurance::Assurance;
use crate::visible;

/// What is shown in a chat: the request, under the sentence that asks for a word. The caller of this
/// program shows it unchanged.
pub fn block(ticket: &Ticket, now: DateTime<Utc>) -> String {
    format!("{}\n\n{}", super::APPROVAL_REQUIRED, whole(ticket, now))
}

/// Everything that the digest covers, for people.
pub fn whole(ticket: &Ticket, now: DateTime<Utc>) -> String {
    let request = &ticket.request;
    let mut lines = vec![format!("Target:   {} ({})", request.target, ticket.host)];
    lines.extend(command_lines("Command:  ", &request.command));
    let odd = visible::odd_count(&request.command);
    if odd > 0 {
        lines.push(format!(
            "Warning:  {odd} hidden or odd characters are written out as <U+…>"
        ));
    }
    let runs = visible::long_runs(&request.command);
    if runs > 0 {
        lines.push(format!(
            "Warning:  {runs} long runs of blanks are written out as <… blanks>"
        ));
    }
    lines.push(format!("Reason:   {}", said(request.reason.as_deref())));
    // The fact first, and then the claim.
    lines.push(format!(
        "Asked by: Unix user {}, by the name {}",
        visible::line(&ticket.caller),
        said(request.requester.as_deref())
    ));
    let named = [
        ("Incident: ", &request.incident),
        ("Chat:     ", &request.conversation),
    ];
    for (heading, text) in named {
        if let Some(text) = text {
            lines.push(format!("{heading}{}", visible::prompted(text)));
        }
    }
    if let Some(seconds) = request.timeout {
        lines.push(format!("Limit:    {seconds} s"));
    }
    if let Some(rule) = &ticket.rule {
        let why = ticket
            .why
            .as_deref()
            .map(|why| format!(" ({})", visible::prompted(why)));
        lines.push(format!(
            "Rule:     {}{}",
            visible::prompted(rule),
            why.unwrap_or_default()
        ));
    }
    if !ticket.explanation.is_empty() {
        lines.push(format!(
            "Judged:   {}",
            visible::prompted(&ticket.explanation)
        ));
    }
    if ticket.irreversible {
        lines.push("Warning:  this cannot be undone".to_owned());
    }
    if let Some(before) = &ticket.before {
        lines.push(format!("Before:   {}", visible::prompted(before)));
    }
    for preview in &ticket.previews {
        lines.extend(preview_lines(preview));
    }
    if ticket.demand.level > Assurance::Relayed {
        lines.push(format!("Needs:    {}", ticket.demand));
    }
    lines.push(format!("Code:     {}", ticket.code));
    lines.push(format!("Digest:   {}", ticket.digest_words()));
    let left = (ticket.expires - now).num_seconds().max(0);
    lines.push(format!(
        "Expires:  {} (in {} min {} s)",
        ticket.expires.format("%Y-%m-%d %H:%M:%S UTC"),
        left / 60,
        left % 60
    ));
    lines.join("\n")
}

/// What a reading command showed: data of the target, set off by a bar.
fn preview_lines(preview: &Preview) -> Vec<String> {
    let mut shown = command_lines("Preview:  ", &preview.command);
    shown.push(format!("  = {}", visible::prompted(&preview.outcome)));
    shown.extend(
        preview
            .output
            .lines()
            .map(|line| format!("  | {}", visible::prompted(line))),
    );
    shown
}

/// A command under a heading. One of several lines is set off by a bar, so that no line of it can
/// be taken for one of ours.
pub fn command_lines(heading: &str, command: &str) -> Vec<String> {
    if !command.contains('\n') {
        return vec![format!("{heading}{}", visible::prompted(command))];
    }
    let lines: Vec<&str> = command.split('\n').collect();
    let mut shown = vec![format!("{heading}({} lines)", lines.len())];
    shown.extend(
        lines
            .iter()
            .map(|line| format!("  | {}", visible::prompted(line))),
    );
    shown
}

fn said(text: Option<&str>) -> String {
    text.map_or_else(|| "(not given)".to_owned(), visible::prompted)
}
