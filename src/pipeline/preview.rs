//! Shows the person who is asked what the machine looks like before.
//!
//! **Reads** the target, by commands that the policy allows by themselves.
//! **Gives** [`all`].
//! **Never** runs what would need a human itself, and never without its own two records.

use uuid::Uuid;

use super::Line;
use super::run_allowed;
use super::scribe::Scribe;
use crate::approval::Preview;
use crate::policy::Allowed;
use crate::policy::Case;
use crate::policy::Judged;
use crate::request::Draft;
use crate::request::Request;
use crate::response;
use crate::response::Response;
use crate::status::Status;

/// What the previews that the rules name show. An error is the answer where this program was told to
/// stop while it looked: then nobody is asked.
pub(super) fn all(line: &Line, case: &Case, asked: Uuid) -> Result<Vec<Preview>, Box<Response>> {
    let mut previews = Vec::new();
    for command in case.verdict().previews() {
        previews.push(one(line, case, command, asked)?);
    }
    Ok(previews)
}

fn one(line: &Line, case: &Case, command: &str, asked: Uuid) -> Result<Preview, Box<Response>> {
    let not_run = |why: &str| Preview {
        command: command.to_owned(),
        outcome: format!("not run: {why}"),
        output: String::new(),
    };
    let of = case.request().to_draft();
    let draft = Draft {
        target: of.target,
        command: command.to_owned(),
        requester: Some("aiops".to_owned()),
        reason: Some(format!("preview of {asked}")),
        incident: of.incident,
        conversation: of.conversation,
        timeout: None,
        dry_run: None,
    };
    let Ok(request) = Request::from_draft(draft, &line.limits.request) else {
        return Ok(not_run("it is no command that could be asked for"));
    };
    let scribe = Scribe::new(line, &request).previewing(asked);
    match line.policy.judge(request, case.target().clone()) {
        Judged::Allowed(allowed) => shown(line, scribe, allowed, command),
        Judged::NeedsApproval(_) | Judged::Forbidden(_) => {
            Ok(not_run("the policy does not allow it by itself"))
        }
    }
}

fn shown(
    line: &Line,
    scribe: Scribe<'_>,
    allowed: Allowed,
    command: &str,
) -> Result<Preview, Box<Response>> {
    let answer = run_allowed(line, scribe, allowed, line.limits.preview_timeout);
    if matches!(answer.status, Status::Interrupted | Status::Error) {
        return Err(Box::new(answer));
    }
    let printed = [answer.stdout, answer.stderr]
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect::<Vec<String>>()
        .join("\n");
    Ok(Preview {
        command: command.to_owned(),
        outcome: answer.message,
        output: response::cut(printed, line.limits.preview_chars),
    })
}
