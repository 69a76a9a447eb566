//! The steps of one request in words.
//!
//! **Reads** an [`Action`] and its records.
//! **Gives** [`of`].
//! **Never** says more than the record it cites.

use super::action;
use super::fact::Action;
use super::fact::Caller;
use super::gather::Kept;
use super::moment::Kind;
use super::moment::Moment;
use super::moment::Sentence;
use super::noted::Noted;
use super::span;
use crate::assurance::Assurance;

impl Action {
    /// What is known of it as texts, each with its name, in the order in which it became known.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let keys = self.host_key.join(" ");
        let facts = [
            ("Request", Some(&self.request_id)),
            ("Preview of", self.preview_of.as_ref()),
            ("Sent as", self.sent.as_ref()),
            ("Host", self.host.as_ref()),
            ("Address", self.host_address.as_ref()),
            ("Host key", Some(&keys).filter(|keys| !keys.is_empty())),
            ("Asked by, their own account", self.requester.as_ref()),
            ("Reason, their own account", self.reason.as_ref()),
            ("Conversation", self.conversation.as_ref()),
            ("Judged", self.risk.as_ref()),
            ("Rule", self.rule.as_ref()),
            ("Because", self.explanation.as_ref()),
            ("Demanded", self.needs.as_ref()),
            ("Digest of what was shown", self.digest.as_ref()),
            ("Said at the end", self.message.as_ref()),
        ];
        let called = self.caller.as_ref();
        facts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?.clone())))
            .chain(called.map(|called| ("Called by Unix user", caller(called))))
            .collect()
    }
}

/// Every step, each with a number that grows in the order of the log.
pub(super) fn of(action: &Action, records: &[Kept]) -> Vec<(u64, Moment)> {
    let mut moments = Vec::new();
    for (nth, kept) in records.iter().enumerate() {
        let first = nth == 0;
        let sentences = match kept.noted.event.as_str() {
            "intent" => started(action, kept, first),
            "outcome" => vec![ended(action, &kept.noted)],
            _ => vec![decided(action, kept, first)],
        };
        for (kind, sentence) in sentences {
            let moment = sentence.at(
                &kept.noted.timestamp,
                kind,
                action.target.as_deref(),
                Some(&action.request_id),
                &kept.cite,
            );
            moments.push((kept.place(), moment));
        }
    }
    moments
}

fn decided(action: &Action, kept: &Kept, first: bool) -> (Kind, Sentence) {
    let noted = &kept.noted;
    if noted.is_answered() {
        return answered(action, kept);
    }
    if noted.event == "request" || noted.status() == "approval_requested" {
        let sentence = command(Sentence::default(), noted)
            .words(" waits for a human")
            .maybe(", asked for by rule ", noted.rule.as_deref());
        return (Kind::Asked, asked_by(sentence, noted));
    }
    let what = match noted.status() {
        "rejected" => "refused",
        "expired" if noted.is_stray_reply() => "a reply, and nothing waited for it",
        "expired" => "expired without an answer",
        "cancelled" => "taken back",
        "judged" => "judged, and nothing else was asked for",
        "invalid" => "a message that was not understood",
        "ambiguous" => "a word that could mean several requests",
        "error" => "not possible",
        _ => "decided",
    };
    let mut sentence = match noted.command {
        Some(_) => command(Sentence::default(), noted).words(": ").words(what),
        None => Sentence::default().words(what),
    };
    if noted.status() == "rejected" {
        sentence = sentence.maybe(" by rule ", noted.rule.as_deref().filter(|_| first));
    }
    if first {
        sentence = asked_by(sentence, noted);
    }
    (
        Kind::NotRun,
        sentence.maybe(". It was said: ", noted.message.as_deref()),
    )
}

fn answered(action: &Action, kept: &Kept) -> (Kind, Sentence) {
    let noted = &kept.noted;
    let word = action
        .answers
        .iter()
        .rev()
        .find(|answer| answer.cite == kept.cite)
        .map_or(action::TOO_WEAK, |answer| answer.answer.as_str());
    let sentence = command(Sentence::default(), noted);
    match word {
        action::APPROVED => (
            Kind::Approved,
            by(sentence.words(": yes by "), noted).words("; more answers are needed"),
        ),
        action::DENIED => {
            let sentence = by(sentence.words(": no by "), noted);
            (
                Kind::Denied,
                after(sentence, action).maybe(", because ", noted.denial_reason.as_deref()),
            )
        }
        action::TOO_LATE => (
            Kind::Answered,
            by(
                sentence.words(": an answer that changed nothing any more, by "),
                noted,
            ),
        ),
        _ => (
            Kind::Answered,
            by(
                sentence.words(": an answer that was not enough, by "),
                noted,
            )
            .maybe(". It was said: ", noted.message.as_deref()),
        ),
    }
}

fn started(action: &Action, kept: &Kept, first: bool) -> Vec<(Kind, Sentence)> {
    let noted = &kept.noted;
    let mut sentences = Vec::new();
    if noted.is_answered() {
        let sentence = command(Sentence::default(), noted).words(": yes by ");
        let sentence = after(by(sentence, noted), action)
            .maybe(", because ", noted.approval_reason.as_deref());
        sentences.push((Kind::Approved, sentence));
    }
    let mut sentence = command(Sentence::default(), noted).words(" is about to start");
    if let Some(grant) = noted.grant.as_ref().filter(|_| noted.uses_grant()) {
        let nth = grant.nth.unwrap_or_default();
        sentence = sentence
            .words(", covered by grant ")
            .said(&grant.code)
            .words(format!(" (use {nth} of {})", grant.of))
            .maybe(" that was given by ", noted.approver.as_deref());
    } else if action.is_preview() {
        sentence = sentence.words(" as a preview of a request that waits");
    } else if first {
        sentence = sentence.maybe(", allowed by rule ", noted.rule.as_deref());
    }
    if first {
        sentence = asked_by(sentence, noted);
    }
    sentences.push((Kind::Started, sentence));
    sentences
}

fn ended(action: &Action, noted: &Noted) -> (Kind, Sentence) {
    let sentence = command(Sentence::default(), noted).words(": ");
    let mut sentence = match (noted.status(), noted.exit_code) {
        ("executed", Some(code)) => sentence.words(format!("ended with exit code {code}")),
        ("executed", None) => sentence.words("ended"),
        ("timed_out", _) => sentence.words("ended by its time limit"),
        ("interrupted", _) => sentence.words("ended from the gateway"),
        ("lost", _) => sentence.words("its end is not known, the connection went away"),
        ("unreachable", _) => sentence.words("never started, the target was not reached"),
        ("error", _) => sentence.words("never started"),
        _ => sentence.words("ended, as ").said(noted.status()),
    };
    if let Some(limit) = action.limit_s.filter(|_| noted.status() == "timed_out") {
        sentence = sentence.words(format!(" of {limit} s"));
    }
    if let Some(signal) = noted.signal {
        sentence = sentence.words(format!(", by signal {signal}"));
    }
    if let Some(ms) = noted.duration_ms {
        sentence = sentence.words(format!(" after {}", span::words(ms)));
    }
    let well = noted.status() == "executed" && noted.exit_code == Some(0);
    (if well { Kind::Succeeded } else { Kind::Ended }, sentence)
}

fn command(sentence: Sentence, noted: &Noted) -> Sentence {
    match &noted.command {
        Some(command) => sentence.said(command),
        None => sentence.words("a request"),
    }
}

fn asked_by(sentence: Sentence, noted: &Noted) -> Sentence {
    let sentence = sentence.maybe("; asked by ", noted.requester.as_deref());
    let sentence = match (&noted.requester, &noted.caller) {
        (None, Some(user)) => sentence.words("; called by ").said(user),
        (Some(claim), Some(user)) if claim != user => {
            sentence.words(" through Unix user ").said(user)
        }
        _ => sentence,
    };
    sentence.maybe(", because ", noted.reason.as_deref())
}

fn by(sentence: Sentence, noted: &Noted) -> Sentence {
    let sentence = sentence.said(noted.approver.as_deref().unwrap_or("-"));
    let mut how: Vec<&str> = Vec::new();
    how.extend(noted.assurance.map(worth));
    how.extend(noted.approver_via.as_deref().map(way));
    how.extend(noted.approver_factor.as_deref().map(factor));
    if noted.self_approved == Some(true) {
        how.push("who also asked");
    }
    if how.is_empty() {
        return sentence;
    }
    sentence.words(format!(" ({})", how.join(", ")))
}

fn after(sentence: Sentence, action: &Action) -> Sentence {
    match action.waited_ms {
        Some(ms) => sentence.words(format!(", {} after the question", span::words(ms))),
        None => sentence,
    }
}

/// What an answer is worth, in a few words.
pub(super) fn worth(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Relayed => "a relayed word",
        Assurance::Client => "the client's own human",
        Assurance::OutOfBand => "out of band",
        Assurance::SecondFactor => "with a second factor",
    }
}

/// The way an answer came; a way that this version does not know is not repeated.
pub(super) fn way(via: &str) -> &'static str {
    match via {
        "stdin" => "by a reply",
        "command" => "on the gateway",
        "client" => "by the client",
        _ => "in another way",
    }
}

/// The code that came with an answer.
pub(super) fn factor(factor: &str) -> &'static str {
    match factor {
        "totp" => "with a code from a phone",
        "recovery" => "with a recovery code",
        _ => "with another code",
    }
}

/// A caller in words: `hermes (1001, sudo)`.
pub(super) fn caller(caller: &Caller) -> String {
    let mut how: Vec<String> = Vec::new();
    how.extend(caller.uid.map(|uid| uid.to_string()));
    how.extend(caller.through.clone());
    how.extend(
        caller
            .disputed
            .as_ref()
            .map(|other| format!("sudo named {other}, which is not borne out")),
    );
    if how.is_empty() {
        caller.user.clone()
    } else {
        format!("{} ({})", caller.user, how.join(", "))
    }
}
