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
use super::limit;
use super::limit::Limit;
use super::place::Place;
use super::quorum;
use super::rules;
use super::walk::nearest;
use super::yaml::Enforcement;
use super::yaml::Raw;
use super::yaml::RawPolicy;
use super::yaml::RawSecret;
use super::yaml::RawTarget;
use super::yaml::RelayedCode;
use super::yaml::SelfApproval;
use super::yaml::UnknownDefault;
use crate::approval;
use crate::assurance::Assurance;
use crate::assurance::Demand;
use crate::assurance::Principal;
use crate::audit;
use crate::audit::checkpoint;
use crate::audit::checkpoint::Receivers;
use crate::evidence::key;
use crate::factor;
use crate::grant;
use crate::home::Home;
use crate::pipeline;
use crate::policy::Policy;
use crate::redact;
use crate::redact::Redaction;
use crate::redact::Secret;
use crate::request;
use crate::shell;
use crate::ssh;
use crate::target::BadHost;
use crate::target::Host;
use crate::target::Inventory;
use crate::target::Name;
use crate::target::Scope;
use crate::target::Target;
use crate::target::Tier;
use crate::target::Unknown;
use crate::visible;

/// Collects faults while values are taken.
#[derive(Default)]
pub(super) struct Reader {
    faults: Vec<Fault>,
}

/// Understands the whole file. A value that has a fault gives way to its default, so that everything
/// behind it is looked at too.
pub(super) fn build(mut raw: Raw, home: &Home, digest: String) -> (Config, Vec<Fault>) {
    let mut reader = Reader::default();
    let lists = reader.lists(&mut raw);
    let login = raw.ssh.user.take().unwrap_or_else(|| "aiops".to_owned());
    let wanted = raw.approvals.take_quorum();
    let everywhere = Everywhere {
        mode: raw.mode,
        unknown: lists.unknown_default,
        needs: raw.approvals.needs,
        quorum: quorum::demand(&mut reader, "", &|| Place::of("approvals"), &wanted),
    };
    let here = everywhere.scope(None, None);
    let targets = std::mem::take(&mut raw.targets);
    let inventory = reader.inventory(targets, &login, &everywhere);
    let shell = shell::Limits {
        command_bytes: reader.size(&limit::COMMAND, raw.limits.command),
        depth: reader.size(&limit::COMMAND_DEPTH, raw.limits.command_depth),
    };
    let pattern = reader.size(&limit::PATTERN, raw.limits.pattern);
    let timeout_max = reader.time(&limit::TIMEOUT_MAX, raw.limits.timeout_max);
    let mut approvals = reader.approvals(&raw, shell.command_bytes);
    let longest = rules::Longest {
        timeout: timeout_max,
        ttl: approvals.keep_decided,
    };
    let definitions = rules::definitions(&mut reader, lists, &inventory, longest);
    let longest_ttl = definitions.iter().filter_map(|rule| rule.ttl).max();
    approvals.longest_ttl = longest_ttl.unwrap_or(approvals.ttl).max(approvals.ttl);
    let fragments = rules::fragments(std::mem::take(&mut raw.fragments));
    let policy = Policy::new(definitions, fragments, shell, pattern);
    let grants = reader.grants(&raw, &approvals);
    let factors = reader.factors(&raw, approvals.lock_wait);
    let trust = reader.trust(&mut raw);
    let redaction = reader.redaction(&mut raw, pattern, home);
    let ssh = reader.ssh(&mut raw, home);
    let audit = reader.audit(&raw, ssh.output_bytes);
    let checkpoints = reader.checkpoints(&mut raw, audit.lock_wait);
    let limits = reader.limits(&mut raw, shell, timeout_max);
    let config = Config {
        scope: here,
        inventory,
        policy,
        approvals,
        trust,
        grants,
        factors,
        audit,
        checkpoints,
        redaction,
        ssh,
        limits,
        digest,
        news: super::News::default(),
    };
    (config, reader.faults)
}

impl Reader {
    pub(super) fn fault(&mut self, place: Place, what: impl Into<String>) {
        self.faults.push(Fault::at(place, what));
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
            self.fault(Place::of("policy"), what);
        }
        nested.value
    }

    fn inventory(
        &mut self,
        targets: std::collections::BTreeMap<String, Spanned<RawTarget>>,
        login: &str,
        everywhere: &Everywhere,
    ) -> Inventory {
        let mut known = Vec::new();
        for (name, raw) in targets {
            let place = || Place::of("targets").key(&name);
            let raw = raw.value;
            let user = raw.user.as_deref().unwrap_or(login);
            let host = Host::new(&raw.host, raw.port.unwrap_or(22), user);
            let mut scope = everywhere.scope(raw.tier, raw.needs);
            if let Some(wanted) = &raw.approvals {
                let owner = format!("target `{name}`: ");
                let place = || place().key("approvals");
                let demand = quorum::demand(self, &owner, &place, wanted);
                scope.demand = scope.demand.and(&demand);
            }
            for (at, group) in raw.groups.iter().enumerate() {
                match Name::parse(group) {
                    Ok(group) => scope.groups.push(group),
                    Err(_) => self.fault(
                        place().key("groups").item(at),
                        format!("target `{name}`: group `{group}` is no name"),
                    ),
                }
            }
            scope.audited = raw.enforcement == Enforcement::Audit;
            if scope.audited && scope.tier == Tier::Production {
                let what = format!("target `{name}`: `enforcement: audit` is for the tier `lab`");
                self.fault(place().key("enforcement"), what);
            }
            match (Name::parse(&name), host) {
                (Ok(name), Ok(host)) => known.push(Target::new(name, host, scope)),
                (Err(fault), _) => {
                    let place = place().itself();
                    self.fault(place, format!("target `{name}`: {fault}"));
                }
                (_, Err(fault)) => {
                    let place = place().key(match fault {
                        BadHost::Address(_) => "host",
                        BadHost::User(_) => "user",
                        BadHost::Port => "port",
                    });
                    self.fault(place, format!("target `{name}`: {fault}"));
                }
            }
        }
        Inventory::new(known)
    }

    fn approvals(&mut self, raw: &Raw, command_bytes: usize) -> approval::Limits {
        let raw = &raw.approvals;
        let ttl = self.time(&limit::TTL, raw.ttl);
        let keep = self.time(&limit::KEEP_DECIDED, raw.keep_decided);
        if keep < ttl {
            self.fault(
                Place::of("approvals.keep_decided"),
                "`approvals.keep_decided` is shorter than `approvals.ttl`",
            );
        }
        let word_window = self.time(&limit::WORD_WINDOW, raw.word_window);
        if keep < word_window {
            self.fault(
                Place::of("approvals.keep_decided"),
                "`approvals.keep_decided` is shorter than `approvals.word_window`",
            );
        }
        approval::Limits {
            ttl,
            longest_ttl: ttl,
            pending: self.size(&limit::PENDING, raw.pending),
            pending_per_requester: self
                .size(&limit::PENDING_PER_REQUESTER, raw.pending_per_requester),
            notice: self.time(&limit::NOTICE, raw.notice),
            word_window,
            keep_decided: keep,
            remembered: self.size(&limit::REMEMBERED, raw.remembered),
            lock_wait: self.time(&limit::APPROVALS_LOCK_WAIT, raw.lock_wait),
            // A request in JSON takes at most six bytes for one of its own, and has some company.
            file_bytes: 6 * command_bytes + 128 * 1024,
        }
    }

    /// Who is believed.
    fn trust(&mut self, raw: &mut Raw) -> approval::Trust {
        let raw = &mut raw.approvals;
        let group = raw
            .group
            .take()
            .unwrap_or_else(|| approval::APPROVERS.to_owned());
        if !matches!(
            Principal::parse(&format!("%{group}")),
            Ok(Principal::Group(_))
        ) {
            let what = format!("`approvals.group`: `{group}` is no name of a Unix group");
            self.fault(Place::of("approvals.group"), what);
        }
        approval::Trust {
            group,
            self_approval: raw.self_approval == SelfApproval::Allowed,
            relayed_code: match raw.relayed_code {
                RelayedCode::Client => Assurance::Client,
                RelayedCode::OutOfBand => Assurance::OutOfBand,
            },
        }
    }

    fn grants(&mut self, raw: &Raw, approvals: &approval::Limits) -> grant::Limits {
        let raw = &raw.approvals;
        let ttl = self.time(&limit::GRANT_TTL, raw.grant_ttl);
        let ttl_max = self.time(&limit::GRANT_TTL_MAX, raw.grant_ttl_max);
        if ttl > ttl_max {
            self.fault(
                Place::of("approvals.grant_ttl"),
                "`approvals.grant_ttl` is longer than `approvals.grant_ttl_max`",
            );
        }
        let uses = self.number(&limit::GRANT_USES, raw.grant_uses);
        grant::Limits {
            ttl,
            ttl_max,
            uses_max: u32::try_from(uses).unwrap_or(u32::MAX),
            standing: self.size(&limit::GRANTS, raw.grants),
            keep: approvals.keep_decided.max(ttl_max),
            lock_wait: approvals.lock_wait,
            file_bytes: approvals.file_bytes,
        }
    }

    fn factors(&mut self, raw: &Raw, lock_wait: Duration) -> factor::Limits {
        let raw = &raw.approvals;
        let lock = self.time(&limit::FACTOR_LOCK, raw.factor_lock);
        let lock_max = self.time(&limit::FACTOR_LOCK_MAX, raw.factor_lock_max);
        if lock_max < lock {
            self.fault(
                Place::of("approvals.factor_lock_max"),
                "`approvals.factor_lock_max` is shorter than `approvals.factor_lock`",
            );
        }
        let tries = self.number(&limit::FACTOR_TRIES, raw.factor_tries);
        factor::Limits {
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            lock,
            lock_max,
            lock_wait,
        }
    }

    fn redaction(&mut self, raw: &mut Raw, pattern: usize, home: &Home) -> Redaction {
        let names: Vec<&str> = redact::built_in().map(|rule| rule.id).collect();
        for (number, off) in raw.redact_off.iter().enumerate() {
            if names.contains(&off.as_str()) {
                continue;
            }
            let what = format!("there is no built-in redact rule `{}`", visible::line(off));
            self.faults.push(Fault {
                hint: nearest(names.iter().copied(), off),
                ..Fault::at(Place::of("redact_off").item(number), what)
            });
        }
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
        let own = std::mem::take(&mut raw.redact).into_iter().map(secret);
        let key = redact::Key::at(home.redaction_key());
        Redaction::new(own.collect(), &raw.redact_off, pattern, key)
    }

    fn ssh(&mut self, raw: &mut Raw, home: &Home) -> ssh::Settings {
        let limits = &raw.limits;
        let ssh = &mut raw.ssh;
        ssh::Settings {
            key: home.key(),
            known_hosts: home.known_hosts(),
            sockets: home.sockets(),
            connect_timeout: self.time(&limit::CONNECT_TIMEOUT, ssh.connect_timeout),
            persist: self.time(&limit::PERSIST, ssh.persist),
            alive_interval: self.time(&limit::ALIVE_INTERVAL, ssh.alive_interval),
            alive_count: u32::try_from(self.size(&limit::ALIVE_COUNT, ssh.alive_count))
                .unwrap_or(u32::MAX),
            masters_per_target: self.size(&limit::MASTERS_PER_TARGET, ssh.masters_per_target),
            kill_grace: self.time(&limit::KILL_GRACE, ssh.kill_grace),
            drain: self.time(&limit::DRAIN, ssh.drain),
            output_bytes: self.size(&limit::OUTPUT, limits.output),
            output_read_bytes: self.number(&limit::OUTPUT_READ, limits.output_read),
            path: ssh.path.take().unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            ssh_program: PathBuf::from(
                ssh.program
                    .take()
                    .unwrap_or_else(|| "/usr/bin/ssh".to_owned()),
            ),
        }
    }

    fn audit(&mut self, raw: &Raw, output_bytes: usize) -> audit::Limits {
        let limits = &raw.limits;
        let line = self.size(&limit::LOG_LINE, limits.log_line);
        let inline = self.size(&limit::LOG_INLINE, limits.log_inline);
        // Two streams, six bytes of JSON for one of theirs at worst, and the other fields.
        let longest = 12 * inline.min(output_bytes) + 192 * 1024;
        if line < longest {
            let what = format!(
                "`limits.log_line` has to be at least {longest} bytes to hold two outputs of `limits.log_inline`"
            );
            self.fault(Place::of("limits.log_line"), what);
        }
        audit::Limits {
            lock_wait: self.time(&limit::LOG_LOCK_WAIT, limits.log_lock_wait),
            line_bytes: line,
            inline_bytes: inline,
            rotation: audit::Rotation {
                bytes: self.number(&limit::LOG_SEGMENT, limits.log_segment),
                age: self.time(&limit::LOG_SEGMENT_AGE, limits.log_segment_age),
            },
        }
    }

    fn checkpoints(&mut self, raw: &mut Raw, lock_wait: Duration) -> checkpoint::Settings {
        let raw = std::mem::take(&mut raw.checkpoints);
        if let Some(origin) = &raw.origin
            && !key::is_origin(&origin.value)
        {
            let what = "`checkpoints.origin` has to be a name like `gw1.example.org/aiops`";
            self.fault(Place::of("checkpoints.origin"), what);
        }
        let socket = |path: &str, wanted: bool| wanted.then(|| PathBuf::from(path));
        checkpoint::Settings {
            origin: raw.origin.map(|origin| origin.value),
            records: self.number(&limit::CHECKPOINT_RECORDS, raw.records),
            every: self.time(&limit::CHECKPOINT_EVERY, raw.every),
            lock_wait,
            receivers: Receivers {
                journald: socket(JOURNALD, raw.journald.unwrap_or(true)),
                syslog: socket(SYSLOG, raw.syslog.unwrap_or(false)),
                command: raw.command,
                command_wait: self.time(&limit::CHECKPOINT_WAIT, raw.command_wait),
            },
        }
    }

    fn limits(
        &mut self,
        raw: &mut Raw,
        shell: shell::Limits,
        timeout_max: Duration,
    ) -> pipeline::Limits {
        let limits = &raw.limits;
        let timeout = self.time(&limit::TIMEOUT, limits.timeout);
        if timeout > timeout_max {
            let place = Place::of("limits.timeout");
            self.fault(
                place,
                "`limits.timeout` is longer than `limits.timeout_max`",
            );
        }
        pipeline::Limits {
            request: request::Limits {
                input_bytes: self.size(&limit::MESSAGE, limits.message),
                reason_bytes: self.size(&limit::REASON, limits.reason),
                name_bytes: self.size(&limit::NAME, limits.name),
                timeout_max,
                shell,
            },
            timeout,
            preview_timeout: self.time(&limit::PREVIEW_TIMEOUT, raw.approvals.preview_timeout),
            preview_chars: self.size(&limit::PREVIEW, raw.approvals.preview),
            message_wait: self.time(&limit::MESSAGE_WAIT, limits.message_wait),
            answer_chars: self.size(&limit::ANSWER, limits.answer),
            client_markers: raw.client_markers.take().unwrap_or_else(|| {
                CLIENT_MARKERS
                    .iter()
                    .map(|marker| (*marker).to_owned())
                    .collect()
            }),
        }
    }

    fn time(&mut self, limit: &Limit, written: Option<Quantity>) -> Duration {
        let default = Duration::from_secs(limit.default.unwrap_or(limit.least));
        self.taken(limit, default, written.map(|written| limit.time(written)))
    }

    fn number(&mut self, limit: &Limit, written: Option<Quantity>) -> u64 {
        let taken = written.map(|written| limit.count(written));
        self.taken(limit, limit.default.unwrap_or(limit.least), taken)
    }

    fn size(&mut self, limit: &Limit, written: Option<Quantity>) -> usize {
        usize::try_from(self.number(limit, written)).unwrap_or(usize::MAX)
    }

    fn taken<T>(&mut self, limit: &Limit, default: T, taken: Option<Result<T, String>>) -> T {
        match taken {
            Some(Ok(value)) => value,
            Some(Err(what)) => {
                self.fault(Place::of(limit.key), what);
                default
            }
            None => default,
        }
    }
}

/// What the file says for every machine.
struct Everywhere {
    mode: Tier,
    unknown: Option<UnknownDefault>,
    needs: Option<Assurance>,
    quorum: Demand,
}

impl Everywhere {
    /// What is demanded on a machine, with its own tier and assurance where it has them. Of
    /// assurances the nearest one holds, also a weaker one; people are demanded all together.
    fn scope(&self, tier: Option<Tier>, needs: Option<Assurance>) -> Scope {
        let tier = tier.unwrap_or(self.mode);
        let by_tier = Scope::of_tier(tier);
        let needs = needs.or(self.needs).unwrap_or(tier.needs());
        Scope {
            unknown: match self.unknown {
                Some(UnknownDefault::Reject) => Unknown::Reject,
                Some(UnknownDefault::ApprovalRequired) => Unknown::Ask,
                None => by_tier.unknown,
            },
            demand: Demand::of(needs).and(&self.quorum),
            ..by_tier
        }
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
/// The socket of journald's native protocol, and that of syslog.
const JOURNALD: &str = "/run/systemd/journal/socket";
const SYSLOG: &str = "/dev/log";

const CLIENT_MARKERS: [&str; 3] = [
    "[OUT-OF-BAND USER MESSAGE",
    "<untrusted_tool_result",
    "</untrusted_tool_result",
];
