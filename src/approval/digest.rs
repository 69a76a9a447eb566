//! The digest over everything that was shown and everything that would run.
//!
//! **Reads** nothing; the facts of the moment are handed in.
//! **Gives** [`Facts`], and the digest of a [`Ticket`] under them.
//! **Never** lets two different records have the same bytes.

use sha2::Digest as _;
use sha2::Sha256;

use super::Ticket;
use crate::hex;
use crate::shell::Script;
use crate::target::Target;

/// What a request comes down to at this moment. It is gathered when the request is put and again
/// when it is taken, and has to be the same.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The machine, as the inventory has it now.
    pub target: &'a Target,
    /// The host keys that are pinned for it now, as known_hosts(5) writes them.
    pub pins: &'a [String],
    /// What would be sent now.
    pub script: &'a Script,
    /// SHA-256 of the configuration that judges now.
    pub policy: &'a str,
}

/// SHA-256, in hexadecimal digits, over a list of fields, each led by its length as eight bytes
/// (big-endian). A field that may be missing has `-` in front where it is, and `+` where it is not.
///
/// In this order: a name and version, the id, the code, the target's name, address, port and login,
/// the same as it was shown, the pinned host keys, the bytes to be sent, the command as received,
/// the digest of the policy, id and name of the Unix user that asked, who else it may have been,
/// requester, reason, incident, conversation, time limit, rule, its justification, whether it can be
/// undone, the explanation, the demand, the previews, what was said before, creation and expiry, the
/// nonce.
pub(super) fn of(ticket: &Ticket, facts: &Facts<'_>) -> String {
    let request = &ticket.request;
    let host = facts.target.host();
    let maybe = |text: Option<&str>| match text {
        Some(text) => format!("+{text}"),
        None => "-".to_owned(),
    };
    let timeout = request.timeout.map(|seconds| seconds.to_string());
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let fields = [
        "aiops approval 2".to_owned(),
        ticket.id.to_string(),
        ticket.code.to_string(),
        facts.target.name().to_string(),
        host.address().to_owned(),
        host.port().to_string(),
        host.user().to_owned(),
        ticket.host.clone(),
        facts.pins.join("\n"),
        facts.script.to_send().into_owned(),
        request.command.clone(),
        facts.policy.to_owned(),
        ticket.caller_uid.to_string(),
        ticket.caller.clone(),
        maybe(ticket.disputed.as_deref()),
        maybe(request.requester.as_deref()),
        maybe(request.reason.as_deref()),
        maybe(request.incident.as_deref()),
        maybe(request.conversation.as_deref()),
        maybe(timeout.as_deref()),
        maybe(ticket.rule.as_deref()),
        maybe(ticket.why.as_deref()),
        ticket.irreversible.to_string(),
        ticket.explanation.clone(),
        json(serde_json::to_string(&ticket.demand)),
        json(serde_json::to_string(&ticket.previews)),
        maybe(ticket.before.as_deref()),
        ticket.created.to_rfc3339(),
        ticket.expires.to_rfc3339(),
        ticket.nonce.to_string(),
    ];
    over(&fields)
}

/// SHA-256 over fields, each led by its length.
pub fn over(fields: &[String]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hex::of(&hash.finalize())
}

/// The first characters of a digest, for people to compare.
pub fn words(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
