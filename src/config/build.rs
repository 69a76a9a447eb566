//! Understands the file: defaults by mode, ranges, hosts, rules.
//!
//! **Reads** a [`Raw`] file.
//! **Gives** a [`Config`], or every fault at once.
//! **Never** stops at the first fault.

use std::path::PathBuf;
use std::time::Duration;

use serde_yaml::Spanned;

use super::Config;
use super::Fault;
use super::Quantity;
use super::rules;
use super::yaml::Enforcement;
use super::yaml::Raw;
use super::yaml::RawApprovals;
use super::yaml::RawPolicy;
use super::yaml::RawSecret;
use super::yaml::RawTarget;
use super::yaml::UnknownDefault;
use crate::approval;
use crate::audit;
use crate::home::Home;
use crate::pipeline;
use crate::policy::Policy;
use crate::redact::Redaction;
use crate::redact::Secret;
use crate::request;
use crate::shell;
use crate::ssh;
use crate::target::Host;
use crate::target::Inventory;
use crate::target::Name;
use crate::target::Scope;
use crate::target::Target;
use crate::target::Tier;
use crate::target::Unknown;

/// Collects faults while values are taken.
#[derive(Default)]
pub(super) struct Reader {
    faults: Vec<Fault>,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: u64 = 86_400;

/// Understands the whole file. A value that has a fault gives way to its default, so that everything
/// behind it is looked at too.
pub(super) fn build(mut raw: Raw, home: &Home, digest: String) -> (Config, Vec<Fault>) {
    let mut reader = Reader::default();
    let lists = reader.lists(&mut raw);
    let login = raw.ssh.user.take().unwrap_or_else(|| "aiops".to_owned());
    let scope = |tier| scope(tier, lists.unknown_default, &raw.approvals);
    let here = scope(raw.mode);
    let targets = std::mem::take(&mut raw.targets);
    let inventory = reader.inventory(targets, &login, &|tier| scope(tier.unwrap_or(raw.mode)));
    let shell = shell::Limits {
        command_bytes: reader.size("limits.command", raw.limits.command, 8 * KIB, 64..=8 * KIB),
        depth: reader.size("limits.command_depth", raw.limits.command_depth, 16, 1..=16),
    };
    let pattern = reader.size(
        "limits.pattern",
        raw.limits.pattern,
        MIB,
        10 * KIB..=64 * MIB,
    );
    let timeout_max = reader.time("limits.timeout_max", raw.limits.timeout_max, 150, 1..=DAY);
    let definitions = rules::definitions(&mut reader, lists, &inventory, timeout_max);
    let fragments = rules::fragments(std::mem::take(&mut raw.fragments));
    let policy = Policy::new(definitions, fragments, shell, pattern);
    let approvals = reader.approvals(&raw, shell.command_bytes);
    let redaction = reader.redaction(std::mem::take(&mut raw.redact), pattern);
    let ssh = reader.ssh(&mut raw, home);
    let audit = reader.audit(&raw, ssh.output_bytes);
    let limits = reader.limits(&mut raw, shell, timeout_max);
    reader.faults.sort_by_key(|fault| fault.line);
    let config = Config {
        scope: here,
        inventory,
        policy,
        approvals,
        audit,
        redaction,
        ssh,
        limits,
        digest,
    };
    (config, reader.faults)
}

impl Reader {
    pub(super) fn fault(&mut self, line: Option<u64>, what: impl Into<String>) {
        self.faults.push(Fault::new(line, what));
    }

    /// The three lists, from the top of the file or from under the lab's `policy`.
    fn lists(&mut self, raw: &mut Raw) -> RawPolicy {
        let top = RawPolicy {
            unknown_default: raw.unknown_default,
            auto_allowed: raw.auto_allowed.take(),
            approval_required: raw.approval_required.take(),
            forbidden: raw.forbidden.take(),
        };
        let any = top.unknown_default.is_some()
            || top.auto_allowed.is_some()
            || top.approval_required.is_some()
            || top.forbidden.is_some();
        let Some(nested) = raw.policy.take() else {
            return top;
        };
        if any {
            let what = "the rules stand twice: at the top of the file and under `policy`; keep one of the two";
            self.fault(line_of(&nested), what);
        }
        nested.value
    }

    fn inventory(
        &mut self,
        targets: std::collections::BTreeMap<String, Spanned<RawTarget>>,
        login: &str,
        scope: &dyn Fn(Option<Tier>) -> Scope,
    ) -> Inventory {
        let mut known = Vec::new();
        for (name, raw) in targets {
            let line = line_of(&raw);
            let raw = raw.value;
            let user = raw.user.as_deref().unwrap_or(login);
            let host = Host::new(&raw.host, raw.port.unwrap_or(22), user);
            let mut scope = scope(raw.tier);
            for group in &raw.groups {
                match Name::parse(group) {
                    Ok(group) => scope.groups.push(group),
                    Err(_) => {
                        self.fault(line, format!("target `{name}`: group `{group}` is no name"))
                    }
                }
            }
            scope.audited = raw.enforcement == Enforcement::Audit;
            if scope.audited && scope.tier == Tier::Production {
                let what = format!("target `{name}`: `enforcement: audit` is for the tier `lab`");
                self.fault(line, what);
            }
            match (Name::parse(&name), host) {
                (Ok(name), Ok(host)) => known.push(Target::new(name, host, scope)),
                (Err(fault), _) => self.fault(line, format!("target `{name}`: {fault}")),
                (_, Err(fault)) => self.fault(line, format!("target `{name}`: {fault}")),
            }
        }
        Inventory::new(known)
    }

    fn approvals(&mut self, raw: &Raw, command_bytes: usize) -> approval::Limits {
        let raw = &raw.approvals;
        let ttl = self.time("approvals.ttl", raw.ttl, 900, 10..=DAY);
        let keep = self.time(
            "approvals.keep_decided",
            raw.keep_decided,
            DAY,
            60..=90 * DAY,
        );
        if keep < ttl {
            self.fault(
                None,
                "`approvals.keep_decided` is shorter than `approvals.ttl`",
            );
        }
        approval::Limits {
            ttl,
            pending: self.size("approvals.pending", raw.pending, 20, 1..=1000),
            keep_decided: keep,
            lock_wait: self.time("approvals.lock_wait", raw.lock_wait, 5, 1..=60),
            // A request in JSON takes at most six bytes for one of its own, and has some company.
            file_bytes: 6 * command_bytes + 128 * 1024,
        }
    }

    fn redaction(&mut self, raw: Vec<Spanned<RawSecret>>, pattern: usize) -> Redaction {
        let secret = |raw: Spanned<RawSecret>| Secret {
            id: raw.value.id,
            pattern: raw.value.pattern,
            keywords: raw
                .value
                .keywords
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
        };
        Redaction::new(raw.into_iter().map(secret).collect(), pattern)
    }

    fn ssh(&mut self, raw: &mut Raw, home: &Home) -> ssh::Settings {
        let limits = &raw.limits;
        let ssh = &mut raw.ssh;
        ssh::Settings {
            key: home.key(),
            known_hosts: home.known_hosts(),
            sockets: home.sockets(),
            connect_timeout: self.time("ssh.connect_timeout", ssh.connect_timeout, 10, 1..=120),
            persist: self.time("ssh.persist", ssh.persist, 600, 1..=DAY),
            alive_interval: self.time("ssh.alive_interval", ssh.alive_interval, 5, 1..=300),
            alive_count: u32::try_from(self.size("ssh.alive_count", ssh.alive_count, 3, 1..=100))
                .unwrap_or(u32::MAX),
            masters_per_target: self.size(
                "ssh.masters_per_target",
                ssh.masters_per_target,
                4,
                1..=32,
            ),
            kill_grace: self.time("ssh.kill_grace", ssh.kill_grace, 5, 1..=60),
            drain: self.time("ssh.drain", ssh.drain, 1, 0..=30),
            output_bytes: self.size("limits.output", limits.output, 64 * KIB, 256..=64 * MIB),
            output_read_bytes: self.number(
                "limits.output_read",
                limits.output_read,
                4 * GIB,
                KIB..=1024 * GIB,
            ),
            path: ssh.path.take().unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            ssh_program: PathBuf::from(
                ssh.program
                    .take()
                    .unwrap_or_else(|| "/usr/bin/ssh".to_owned()),
            ),
        }
    }

    fn audit(&mut self, raw: &Raw, output_bytes: usize) -> audit::Limits {
        let line = self.size(
            "limits.log_line",
            raw.limits.log_line,
            2 * MIB,
            256 * KIB..=audit::LONGEST_LINE as u64,
        );
        // Two streams, six bytes of JSON for one of theirs at worst, and the other fields.
        let longest = 12 * output_bytes + 192 * 1024;
        if line < longest {
            let what = format!(
                "`limits.log_line` has to be at least {longest} bytes to hold two outputs of `limits.output`"
            );
            self.fault(None, what);
        }
        audit::Limits {
            lock_wait: self.time(
                "limits.log_lock_wait",
                raw.limits.log_lock_wait,
                10,
                1..=300,
            ),
            line_bytes: line,
        }
    }

    fn limits(
        &mut self,
        raw: &mut Raw,
        shell: shell::Limits,
        timeout_max: Duration,
    ) -> pipeline::Limits {
        let limits = &raw.limits;
        let timeout = self.time("limits.timeout", limits.timeout, 60, 1..=DAY);
        if timeout > timeout_max {
            self.fault(None, "`limits.timeout` is longer than `limits.timeout_max`");
        }
        pipeline::Limits {
            request: request::Limits {
                input_bytes: self.size(
                    "limits.message",
                    limits.message,
                    256 * KIB,
                    KIB..=256 * KIB,
                ),
                reason_bytes: self.size("limits.reason", limits.reason, 2 * KIB, 16..=8 * KIB),
                name_bytes: self.size("limits.name", limits.name, 256, 16..=KIB),
                timeout_max,
                shell,
            },
            timeout,
            message_wait: self.time("limits.message_wait", limits.message_wait, 30, 1..=3600),
            answer_chars: self.size(
                "limits.answer",
                limits.answer,
                pipeline::ANSWER_CHARS as u64,
                24_000..=16 * MIB,
            ),
            client_markers: raw.client_markers.take().unwrap_or_else(|| {
                CLIENT_MARKERS
                    .iter()
                    .map(|marker| (*marker).to_owned())
                    .collect()
            }),
        }
    }

    fn time(
        &mut self,
        key: &str,
        value: Option<Quantity>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Duration {
        let default = Duration::from_secs(default);
        let Some(value) = value else { return default };
        let (least, most) = (
            Duration::from_secs(*range.start()),
            Duration::from_secs(*range.end()),
        );
        match value.duration() {
            Some(value) if (least..=most).contains(&value) => value,
            Some(_) => {
                self.fault(
                    None,
                    format!("`{key}` has to be between {least:?} and {most:?}"),
                );
                default
            }
            None => {
                self.fault(None, format!("`{key}` has to be a duration like `15m`"));
                default
            }
        }
    }

    fn number(
        &mut self,
        key: &str,
        value: Option<Quantity>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let Some(value) = value else { return default };
        match value.count() {
            Some(value) if range.contains(&value) => value,
            _ => {
                let (least, most) = (range.start(), range.end());
                self.fault(
                    None,
                    format!("`{key}` has to be a number between {least} and {most}"),
                );
                default
            }
        }
    }

    fn size(
        &mut self,
        key: &str,
        value: Option<Quantity>,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> usize {
        usize::try_from(self.number(key, value, default, range)).unwrap_or(usize::MAX)
    }
}

/// What is demanded in a tier, with what the file says for all of them.
fn scope(tier: Tier, unknown: Option<UnknownDefault>, approvals: &RawApprovals) -> Scope {
    let by_tier = Scope::of_tier(tier);
    Scope {
        unknown: match unknown {
            Some(UnknownDefault::Reject) => Unknown::Reject,
            Some(UnknownDefault::ApprovalRequired) => Unknown::Ask,
            None => by_tier.unknown,
        },
        needs: approvals.needs.unwrap_or(by_tier.needs),
        ..by_tier
    }
}

/// The line that something stands in, where it is known.
pub(super) fn line_of<T>(spanned: &Spanned<T>) -> Option<u64> {
    Some(spanned.referenced.line()).filter(|line| *line > 0)
}

/// `PATH` on the target where the file names none: that of Debian's login for root, so that the
/// tools in `sbin` are found.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What Hermes takes for its own voice.
const CLIENT_MARKERS: [&str; 3] = [
    "[OUT-OF-BAND USER MESSAGE",
    "<untrusted_tool_result",
    "</untrusted_tool_result",
];
