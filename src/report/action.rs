//! One request, put together from its records.
//!
//! **Reads** records of one request that are proven, in the order of the log.
//! **Gives** [`of`].
//! **Never** takes an answer for one that counted because it came.

use super::fact::Action;
use super::fact::Answer;
use super::fact::Caller;
use super::fact::GrantUsed;
use super::fact::Printed;
use super::fact::State;
use super::gather::Kept;
use super::noted::Cut;
use super::noted::Noted;
use super::span;
use crate::audit::OutputFacts;
use crate::audit::SideFile;

/// The request that these records tell of.
pub(super) fn of(request_id: String, records: &[Kept]) -> Action {
    let mut action = Action {
        request_id,
        ..empty()
    };
    for kept in records {
        let noted = &kept.noted;
        action.records.push(kept.cite.clone());
        if action.asked_at.is_empty() {
            action.asked_at.clone_from(&noted.timestamp);
            action.caller = caller(noted);
        }
        fill(&mut action, noted);
        answers(&mut action, kept);
        match noted.event.as_str() {
            "intent" => started(&mut action, noted),
            "outcome" => ended(&mut action, kept),
            _ => decided(&mut action, noted),
        }
    }
    action.waited_ms = action.waited_ms.or_else(|| {
        span::between(
            action.waits_from.as_deref()?,
            action.answered_at.as_deref()?,
        )
    });
    action
}

/// Who called, known from Unix.
pub(super) fn caller(noted: &Noted) -> Option<Caller> {
    Some(Caller {
        user: noted.caller.clone()?,
        uid: noted.caller_uid,
        through: noted.caller_through.clone(),
        disputed: noted.caller_disputed.clone(),
    })
}

/// What is the same in all records, from the first that has it.
fn fill(action: &mut Action, noted: &Noted) {
    for (known, told) in [
        (&mut action.preview_of, &noted.preview_of),
        (&mut action.target, &noted.target),
        (&mut action.host, &noted.host),
        (&mut action.host_address, &noted.host_address),
        (&mut action.command, &noted.command),
        (&mut action.sent, &noted.sent),
        (&mut action.requester, &noted.requester),
        (&mut action.reason, &noted.reason),
        (&mut action.conversation, &noted.conversation),
        (&mut action.incident, &noted.incident),
        (&mut action.risk, &noted.risk),
        (&mut action.rule, &noted.rule),
        (&mut action.explanation, &noted.explanation),
        (&mut action.needs, &noted.needs),
        (&mut action.digest, &noted.digest),
    ] {
        if known.is_none() {
            known.clone_from(told);
        }
    }
    if action.host_key.is_empty() {
        action.host_key.clone_from(&noted.host_key);
    }
    if noted.message.is_some() {
        action.message.clone_from(&noted.message);
    }
}

fn answers(action: &mut Action, kept: &Kept) {
    let noted = &kept.noted;
    if let Some(grant) = noted.grant.as_ref().filter(|_| noted.uses_grant()) {
        action.grant = Some(GrantUsed {
            grant: grant.clone(),
            given_by: noted.approver.clone(),
            assurance: noted.assurance,
        });
    }
    if !noted.is_answered() || noted.event == "outcome" {
        return;
    }
    let Some(by) = &noted.approver else { return };
    for earlier in &noted.earlier_approvers {
        // Its own record may be older than the report's first, or not proven.
        let known = action
            .answers
            .iter()
            .any(|answer| answer.by == earlier.by && answer.answer == APPROVED);
        if !known {
            action.answers.push(Answer {
                answer: APPROVED.to_owned(),
                by: earlier.by.clone(),
                uid: earlier.uid,
                via: Some(earlier.via.clone()),
                factor: earlier.factor.clone(),
                assurance: Some(earlier.assurance),
                reason: earlier.reason.clone(),
                at: earlier.at.clone(),
                self_approved: false,
                cite: kept.cite.clone(),
            });
        }
    }
    let answer = answer_word(action, noted);
    action.answers.push(Answer {
        answer: answer.to_owned(),
        by: by.clone(),
        uid: noted.approver_uid,
        via: noted.approver_via.clone(),
        factor: noted.approver_factor.clone(),
        assurance: noted.assurance,
        reason: noted
            .approval_reason
            .clone()
            .or_else(|| noted.denial_reason.clone()),
        at: noted.timestamp.clone(),
        self_approved: noted.self_approved == Some(true),
        cite: kept.cite.clone(),
    });
    let decides = noted.event == "intent" || answer == DENIED;
    if decides && action.answered_at.is_none() {
        action.answered_at = Some(noted.timestamp.clone());
        action.waited_ms = noted.waited_ms;
    }
}

/// What an answer came to.
fn answer_word(action: &Action, noted: &Noted) -> &'static str {
    if noted.event == "intent" {
        return APPROVED;
    }
    match noted.status() {
        "denied" => DENIED,
        "approval_requested" | "approved" => APPROVED,
        "expired" | "cancelled" => TOO_LATE,
        _ if action.answered_at.is_some() => TOO_LATE,
        _ => TOO_WEAK,
    }
}

fn started(action: &mut Action, noted: &Noted) {
    action.state = State::Running;
    action.status = noted.status().to_owned();
    action.started_at = Some(noted.timestamp.clone());
    action.limit_s = noted.limit_s;
}

fn ended(action: &mut Action, kept: &Kept) {
    let noted = &kept.noted;
    noted.status().clone_into(&mut action.status);
    action.state = match noted.status() {
        "executed" if noted.exit_code == Some(0) => State::Succeeded,
        "executed" => State::Failed,
        other => state(other),
    };
    action.ended_at = Some(noted.timestamp.clone());
    action.duration_ms = noted.duration_ms;
    action.exit_code = noted.exit_code;
    action.signal = noted.signal;
    let (facts, file) = (noted.stdout_facts.as_ref(), noted.stdout_file.as_ref());
    action.stdout = printed(noted.stdout.as_ref(), facts, file, kept);
    let (facts, file) = (noted.stderr_facts.as_ref(), noted.stderr_file.as_ref());
    action.stderr = printed(noted.stderr.as_ref(), facts, file, kept);
}

fn decided(action: &mut Action, noted: &Noted) {
    // What comes behind the end changes nothing: a second answer, or one that came too late.
    if action.is_started() || matches!(action.state, State::Denied | State::Cancelled) {
        return;
    }
    let asks = noted.event == "request" || noted.status() == "approval_requested";
    if asks {
        action.state = State::Waiting;
        "approval_requested".clone_into(&mut action.status);
        action
            .waits_from
            .get_or_insert_with(|| noted.timestamp.clone());
        return;
    }
    // A word that was not enough, or a freeze, may leave it waiting, and the record says so in
    // words only.
    let stays = noted
        .message
        .as_deref()
        .is_some_and(|message| message.contains("still waiting"));
    if action.state == State::Waiting && stays {
        return;
    }
    noted.status().clone_into(&mut action.status);
    action.state = if noted.is_stray_reply() {
        State::NothingWaited
    } else {
        state(noted.status())
    };
}

fn state(status: &str) -> State {
    match status {
        "timed_out" => State::TimedOut,
        "interrupted" => State::Interrupted,
        "lost" => State::Lost,
        "unreachable" => State::Unreachable,
        "denied" => State::Denied,
        "rejected" => State::Refused,
        "expired" => State::Expired,
        "cancelled" => State::Cancelled,
        "judged" => State::Judged,
        "invalid" | "ambiguous" => State::NotUnderstood,
        "error" => State::Error,
        _ => State::Unknown,
    }
}

fn printed(
    text: Option<&Cut>,
    facts: Option<&OutputFacts>,
    file: Option<&SideFile>,
    kept: &Kept,
) -> Option<Printed> {
    let text = text?;
    Some(Printed {
        text: text.text.clone(),
        left_out: text.left_out,
        bytes: facts.map(|facts| facts.bytes),
        sha256: facts.map(|facts| facts.sha256.clone()),
        truncated: facts.is_some_and(|facts| facts.truncated),
        file: file.cloned(),
        cite: kept.cite.clone(),
    })
}

fn empty() -> Action {
    Action {
        request_id: String::new(),
        preview_of: None,
        state: State::Unknown,
        status: String::new(),
        target: None,
        host: None,
        host_address: None,
        host_key: Vec::new(),
        command: None,
        sent: None,
        requester: None,
        reason: None,
        conversation: None,
        incident: None,
        caller: None,
        risk: None,
        rule: None,
        explanation: None,
        needs: None,
        digest: None,
        asked_at: String::new(),
        waits_from: None,
        answered_at: None,
        waited_ms: None,
        answers: Vec::new(),
        grant: None,
        started_at: None,
        limit_s: None,
        ended_at: None,
        duration_ms: None,
        exit_code: None,
        signal: None,
        message: None,
        stdout: None,
        stderr: None,
        records: Vec::new(),
        unverified_records: 0,
    }
}

pub(super) const APPROVED: &str = "approved";
pub(super) const DENIED: &str = "denied";
pub(super) const TOO_WEAK: &str = "too_weak";
pub(super) const TOO_LATE: &str = "too_late";
