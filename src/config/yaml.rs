//! The file as it is written, before anything in it is understood.
//!
//! **Reads** YAML 1.2 text.
//! **Gives** [`Raw`].
//! **Never** lets an unknown or doubled key pass.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::de::value::MapAccessDeserializer;
use serde_yaml::Spanned;

use super::Fault;
use super::Quantity;
use super::tree::Lines;
use super::tree::Tree;
use super::walk;
use crate::assurance::Assurance;
use crate::target::Tier;

/// What becomes of a command that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnknownDefault {
    ApprovalRequired,
    Reject,
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) mode: Tier,
    pub(super) unknown_default: Option<UnknownDefault>,
    pub(super) targets: BTreeMap<String, Spanned<RawTarget>>,
    pub(super) fragments: BTreeMap<String, Spanned<OneOrMore>>,
    pub(super) auto_allowed: Option<Vec<Spanned<RawRule>>>,
    pub(super) approval_required: Option<Vec<Spanned<RawRule>>>,
    pub(super) forbidden: Option<Vec<Spanned<RawRule>>>,
    /// The lab's nesting of the four keys above.
    pub(super) policy: Option<Spanned<RawPolicy>>,
    pub(super) limits: RawLimits,
    pub(super) approvals: RawApprovals,
    pub(super) ssh: RawSsh,
    pub(super) checkpoints: RawCheckpoints,
    pub(super) redact: Vec<Spanned<RawSecret>>,
    pub(super) redact_off: Vec<String>,
    pub(super) client_markers: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPolicy {
    pub(super) unknown_default: Option<UnknownDefault>,
    pub(super) auto_allowed: Option<Vec<Spanned<RawRule>>>,
    pub(super) approval_required: Option<Vec<Spanned<RawRule>>>,
    pub(super) forbidden: Option<Vec<Spanned<RawRule>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTarget {
    #[serde(alias = "address", alias = "hostname", alias = "ip")]
    pub(super) host: String,
    pub(super) port: Option<u16>,
    #[serde(alias = "username", alias = "ssh_user")]
    pub(super) user: Option<String>,
    pub(super) tier: Option<Tier>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) enforcement: Enforcement,
    pub(super) needs: Option<Assurance>,
    pub(super) approvals: Option<RawQuorum>,
}

/// Whether what is decided is done, or only recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Enforcement {
    /// It is done.
    #[default]
    Enforce,
    /// It is only recorded.
    Audit,
}

/// Whether a rule that allows does so behind `sudo` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sudo {
    Allowed,
    Refused,
}

/// Whether the one that asked may approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SelfApproval {
    #[default]
    Refused,
    Allowed,
}

/// What a code from a phone is worth that somebody else brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RelayedCode {
    Client,
    #[default]
    OutOfBand,
}

/// What has to be fed to a command for a rule to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Input {
    None,
}

/// A rule: a bare pattern, or a pattern with more about it.
#[derive(Debug, Default)]
pub(super) struct RawRule {
    pub(super) patterns: Vec<String>,
    pub(super) more: RawRuleMore,
}

/// What a rule may say beside its pattern.
#[derive(Debug, Default)]
pub(super) struct RawRuleMore {
    pub(super) id: Option<String>,
    pub(super) why: Option<String>,
    pub(super) sudo: Option<Sudo>,
    pub(super) targets: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) tiers: Vec<Tier>,
    pub(super) needs: Option<Assurance>,
    pub(super) approvals: Option<RawQuorum>,
    pub(super) ttl: Option<Quantity>,
    pub(super) preview: Option<OneOrMore>,
    pub(super) irreversible: bool,
    pub(super) input: Option<Input>,
    pub(super) timeout: Option<Quantity>,
    pub(super) enforcement: Enforcement,
    pub(super) matches: Vec<String>,
    pub(super) not_matches: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) message: Option<Quantity>,
    pub(super) message_wait: Option<Quantity>,
    pub(super) command: Option<Quantity>,
    pub(super) command_depth: Option<Quantity>,
    pub(super) reason: Option<Quantity>,
    pub(super) name: Option<Quantity>,
    pub(super) timeout: Option<Quantity>,
    pub(super) timeout_max: Option<Quantity>,
    pub(super) answer: Option<Quantity>,
    pub(super) output: Option<Quantity>,
    pub(super) output_read: Option<Quantity>,
    pub(super) pattern: Option<Quantity>,
    pub(super) log_lock_wait: Option<Quantity>,
    pub(super) log_inline: Option<Quantity>,
    pub(super) log_segment: Option<Quantity>,
    pub(super) log_segment_age: Option<Quantity>,
    pub(super) log_line: Option<Quantity>,
}

/// Who has to approve, and how many.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawQuorum {
    pub(super) min: Option<Quantity>,
    pub(super) all_of: Vec<String>,
    pub(super) any_of: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApprovals {
    pub(super) needs: Option<Assurance>,
    pub(super) group: Option<String>,
    pub(super) self_approval: SelfApproval,
    pub(super) relayed_code: RelayedCode,
    pub(super) min: Option<Quantity>,
    pub(super) all_of: Vec<String>,
    pub(super) any_of: Vec<String>,
    pub(super) ttl: Option<Quantity>,
    pub(super) pending: Option<Quantity>,
    pub(super) pending_per_requester: Option<Quantity>,
    pub(super) notice: Option<Quantity>,
    pub(super) word_window: Option<Quantity>,
    pub(super) preview_timeout: Option<Quantity>,
    pub(super) preview: Option<Quantity>,
    pub(super) grants: Option<Quantity>,
    pub(super) grant_ttl: Option<Quantity>,
    pub(super) grant_ttl_max: Option<Quantity>,
    pub(super) grant_uses: Option<Quantity>,
    pub(super) factor_tries: Option<Quantity>,
    pub(super) factor_lock: Option<Quantity>,
    pub(super) factor_lock_max: Option<Quantity>,
    pub(super) keep_decided: Option<Quantity>,
    pub(super) remembered: Option<Quantity>,
    pub(super) lock_wait: Option<Quantity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCheckpoints {
    pub(super) origin: Option<Spanned<String>>,
    pub(super) records: Option<Quantity>,
    pub(super) every: Option<Quantity>,
    pub(super) journald: Option<bool>,
    pub(super) syslog: Option<bool>,
    pub(super) command: Vec<String>,
    pub(super) command_wait: Option<Quantity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSsh {
    pub(super) user: Option<String>,
    pub(super) program: Option<String>,
    pub(super) path: Option<String>,
    pub(super) connect_timeout: Option<Quantity>,
    pub(super) persist: Option<Quantity>,
    pub(super) alive_interval: Option<Quantity>,
    pub(super) alive_count: Option<Quantity>,
    pub(super) masters_per_target: Option<Quantity>,
    pub(super) kill_grace: Option<Quantity>,
    pub(super) drain: Option<Quantity>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecret {
    pub(super) id: String,
    pub(super) pattern: String,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
}

/// Reads the file, or says all that is wrong with it.
///
/// The library stops at the first fault, so a file that it could not read is read once more as a
/// tree, and all of that is compared with what there may be. A good file is read once.
pub(super) fn parse(text: &str) -> Result<Raw, Vec<Fault>> {
    if text.trim().is_empty() {
        return Err(vec![Fault::new(None, "the file is empty")]);
    }
    serde_yaml::from_str(text).map_err(|error| {
        let found = match Tree::parse(text) {
            Ok(tree) => walk::faults(text, &tree),
            // It is no YAML, and what is behind this place cannot be told.
            Err(error) => vec![stopped(text, &error)],
        };
        if found.is_empty() {
            vec![stopped(text, &error)]
        } else {
            found
        }
    })
}

/// What the library stopped at.
fn stopped(text: &str, error: &serde_yaml::Error) -> Fault {
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // The library says the place again, which stands before it already.
    let what = match first.split_once(": ") {
        Some((place, what)) if place.starts_with("line ") => what,
        _ => first,
    };
    // It goes on to advise programmers.
    let what = what.split_once("; use ").map_or(what, |(what, _)| what);
    let mut fault = Fault::new(None, what);
    let lines = Lines::new(text);
    if let Some(spot) = error.location().and_then(|place| lines.spot(&place)) {
        lines.tell(&mut fault, spot);
    }
    fault
}

/// One text, or a list of them.
#[derive(Debug)]
pub(super) struct OneOrMore(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore(texts))
            }
        }

        yaml.deserialize_any(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for RawRule {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            id: Option<String>,
            pattern: OneOrMore,
            why: Option<String>,
            sudo: Option<Sudo>,
            #[serde(default)]
            targets: Vec<String>,
            #[serde(default)]
            groups: Vec<String>,
            #[serde(default)]
            tiers: Vec<Tier>,
            needs: Option<Assurance>,
            approvals: Option<RawQuorum>,
            ttl: Option<Quantity>,
            preview: Option<OneOrMore>,
            #[serde(default)]
            irreversible: bool,
            input: Option<Input>,
            timeout: Option<Quantity>,
            #[serde(default)]
            enforcement: Enforcement,
            #[serde(default)]
            r#match: Vec<String>,
            #[serde(default)]
            not_match: Vec<String>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = RawRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern, or an object with `pattern` and more about the rule")
            }

            fn visit_str<E: serde::de::Error>(self, pattern: &str) -> Result<RawRule, E> {
                Ok(RawRule {
                    patterns: vec![pattern.to_owned()],
                    ..RawRule::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRule, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawRule {
                    patterns: full.pattern.0,
                    more: RawRuleMore {
                        id: full.id,
                        why: full.why,
                        sudo: full.sudo,
                        targets: full.targets,
                        groups: full.groups,
                        tiers: full.tiers,
                        needs: full.needs,
                        approvals: full.approvals,
                        ttl: full.ttl,
                        preview: full.preview,
                        irreversible: full.irreversible,
                        input: full.input,
                        timeout: full.timeout,
                        enforcement: full.enforcement,
                        matches: full.r#match,
                        not_matches: full.not_match,
                    },
                })
            }
        }

        yaml.deserialize_any(Either)
    }
}
