//! What is no request: freezes, grants, people who approve, the log's own words.
//!
//! **Reads** one record.
//! **Gives** [`of`], [`moment`].
//! **Never** leaves out an event because it does not know it.

use super::action;
use super::fact::Happening;
use super::gather::Kept;
use super::moment::Kind;
use super::moment::Moment;
use super::moment::Sentence;

/// The facts of it.
pub(super) fn of(kept: &Kept) -> Happening {
    let noted = &kept.noted;
    Happening {
        at: noted.timestamp.clone(),
        event: noted.event.clone(),
        status: noted.status.clone(),
        target: noted.target.clone(),
        caller: action::caller(noted),
        reason: noted
            .reason
            .clone()
            .or_else(|| noted.approval_reason.clone()),
        message: noted.message.clone(),
        grant: noted.grant.clone(),
        policy: noted.policy.clone(),
        policy_before: noted.policy_before.clone(),
        verifier_key: noted.verifier_key.clone(),
        cite: kept.cite.clone(),
    }
}

/// Its line in the timeline.
pub(super) fn moment(happening: &Happening) -> Moment {
    let status = happening.status.as_deref().unwrap_or_default();
    let (kind, what) = match (happening.event.as_str(), status) {
        ("freeze", "frozen") => (Kind::Frozen, "frozen: nothing starts there"),
        ("freeze", "thawed") => (Kind::Thawed, "thawed: it may run again"),
        ("grant", "granted") => (Kind::Grant, "a grant was given"),
        ("grant", "revoked") => (Kind::Grant, "a grant was ended"),
        ("approver", _) => (Kind::Other, "who approves was changed"),
        ("config_changed", _) => (Kind::Other, "another configuration is in force"),
        ("key", _) => (
            Kind::Other,
            "the key that signs the log was made or changed",
        ),
        ("recovered", _) => (
            Kind::Other,
            "what stands before this record is none; it may be a write that a crash ended",
        ),
        ("sealed", _) => (
            Kind::Other,
            "what stands before this record is another program's",
        ),
        _ => (Kind::Other, "an event of kind "),
    };
    let mut sentence = Sentence::default();
    if matches!(happening.event.as_str(), "freeze") {
        sentence = match &happening.target {
            Some(target) => sentence.said(target).words(" is "),
            None => sentence.words("everything is "),
        };
    }
    sentence = sentence.words(what);
    if what.ends_with(' ') {
        sentence = sentence.said(&happening.event);
    }
    if let Some(grant) = &happening.grant {
        sentence = sentence
            .words(", with code ")
            .said(&grant.code)
            .words(format!(" and {} uses", grant.of));
    }
    let who = happening.caller.as_ref().map(|caller| caller.user.as_str());
    sentence = sentence
        .maybe(", by ", who)
        .maybe(", because ", happening.reason.as_deref());
    if kind == Kind::Other {
        sentence = sentence.maybe(". It was said: ", happening.message.as_deref());
    }
    sentence.at(
        &happening.at,
        kind,
        happening.target.as_deref(),
        None,
        &happening.cite,
    )
}
