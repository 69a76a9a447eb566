//! The numbers of the file: what each is where nothing is written, and its range.
//!
//! **Reads** a [`Quantity`].
//! **Gives** [`Limit`], and what is wrong with a number out of its range.
//! **Never** mixes a duration with a size.

use std::time::Duration;

use super::Quantity;

/// One number with a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// The section and the key: `limits.timeout`.
    pub(super) key: &'static str,
    /// Seconds, bytes or things.
    pub(super) kind: Kind,
    /// What holds where nothing is written; none where something else does then.
    pub(super) default: Option<u64>,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Seconds.
    Time,
    /// Bytes, or things.
    Size,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: u64 = 86_400;

const fn time(key: &'static str, default: u64, least: u64, most: u64) -> Limit {
    Limit {
        key,
        kind: Kind::Time,
        default: Some(default),
        least,
        most,
    }
}

const fn size(key: &'static str, default: u64, least: u64, most: u64) -> Limit {
    Limit {
        key,
        kind: Kind::Size,
        default: Some(default),
        least,
        most,
    }
}

pub(super) const MESSAGE: Limit = size("limits.message", 256 * KIB, KIB, 256 * KIB);
pub(super) const MESSAGE_WAIT: Limit = time("limits.message_wait", 30, 1, 3600);
pub(super) const COMMAND: Limit = size("limits.command", 8 * KIB, 64, 8 * KIB);
pub(super) const COMMAND_DEPTH: Limit = size("limits.command_depth", 16, 1, 16);
pub(super) const REASON: Limit = size("limits.reason", 2 * KIB, 16, 8 * KIB);
pub(super) const NAME: Limit = size("limits.name", 256, 16, KIB);
pub(super) const TIMEOUT: Limit = time("limits.timeout", 60, 1, DAY);
pub(super) const TIMEOUT_MAX: Limit = time("limits.timeout_max", 150, 1, DAY);
pub(super) const ANSWER: Limit = size(
    "limits.answer",
    crate::pipeline::ANSWER_CHARS as u64,
    24_000,
    16 * MIB,
);
pub(super) const OUTPUT: Limit = size("limits.output", 64 * KIB, 256, 64 * MIB);
pub(super) const OUTPUT_READ: Limit = size("limits.output_read", 4 * GIB, KIB, 1024 * GIB);
pub(super) const PATTERN: Limit = size("limits.pattern", MIB, 10 * KIB, 64 * MIB);
pub(super) const LOG_LOCK_WAIT: Limit = time("limits.log_lock_wait", 10, 1, 300);
pub(super) const LOG_LINE: Limit = size(
    "limits.log_line",
    2 * MIB,
    256 * KIB,
    crate::audit::LONGEST_LINE as u64,
);

pub(super) const LOG_INLINE: Limit = size("limits.log_inline", 16 * KIB, KIB, 64 * MIB);
pub(super) const LOG_SEGMENT: Limit = size("limits.log_segment", 64 * MIB, 64 * KIB, 1024 * GIB);
pub(super) const LOG_SEGMENT_AGE: Limit = time("limits.log_segment_age", 30 * DAY, 60, 3650 * DAY);

pub(super) const CHECKPOINT_RECORDS: Limit = size("checkpoints.records", 1000, 1, 1_000_000_000);
pub(super) const CHECKPOINT_EVERY: Limit = time("checkpoints.every", 300, 1, 30 * DAY);
pub(super) const CHECKPOINT_WAIT: Limit = time("checkpoints.command_wait", 5, 1, 300);

pub(super) const TTL: Limit = time("approvals.ttl", 900, 10, DAY);
pub(super) const RULE_TTL: Limit = Limit {
    default: None,
    ..time("ttl", 0, 60, DAY)
};
pub(super) const APPROVALS_MIN: Limit = size("approvals.min", 1, 1, 10);
pub(super) const PENDING: Limit = size("approvals.pending", 20, 1, 1000);
pub(super) const PENDING_PER_REQUESTER: Limit =
    size("approvals.pending_per_requester", 10, 1, 1000);
pub(super) const NOTICE: Limit = time("approvals.notice", 0, 0, 60);
pub(super) const WORD_WINDOW: Limit = time("approvals.word_window", 60, 0, 3600);
pub(super) const PREVIEW_TIMEOUT: Limit = time("approvals.preview_timeout", 10, 1, 60);
pub(super) const PREVIEW: Limit = size("approvals.preview", 2 * KIB, 64, 8 * KIB);
pub(super) const GRANTS: Limit = size("approvals.grants", 20, 0, 1000);
pub(super) const GRANT_TTL: Limit = time("approvals.grant_ttl", 900, 10, 3600);
pub(super) const GRANT_TTL_MAX: Limit = time("approvals.grant_ttl_max", 3600, 10, 3600);
pub(super) const GRANT_USES: Limit = size("approvals.grant_uses", 20, 1, 1000);
pub(super) const KEEP_DECIDED: Limit = time("approvals.keep_decided", DAY, 60, 90 * DAY);
pub(super) const REMEMBERED: Limit = size("approvals.remembered", 1000, 10, 100_000);
pub(super) const APPROVALS_LOCK_WAIT: Limit = time("approvals.lock_wait", 5, 1, 60);
pub(super) const FACTOR_TRIES: Limit = size("approvals.factor_tries", 5, 1, 100);
pub(super) const FACTOR_LOCK: Limit = time("approvals.factor_lock", 30, 1, DAY);
pub(super) const FACTOR_LOCK_MAX: Limit = time("approvals.factor_lock_max", DAY, 1, 30 * DAY);

pub(super) const CONNECT_TIMEOUT: Limit = time("ssh.connect_timeout", 10, 1, 120);
pub(super) const PERSIST: Limit = time("ssh.persist", 600, 1, DAY);
pub(super) const ALIVE_INTERVAL: Limit = time("ssh.alive_interval", 5, 1, 300);
pub(super) const ALIVE_COUNT: Limit = size("ssh.alive_count", 3, 1, 100);
pub(super) const MASTERS_PER_TARGET: Limit = size("ssh.masters_per_target", 4, 1, 32);
pub(super) const KILL_GRACE: Limit = time("ssh.kill_grace", 5, 1, 60);
pub(super) const DRAIN: Limit = time("ssh.drain", 1, 0, 30);

impl Limit {
    /// The duration, or what is wrong with it.
    pub(super) fn time(&self, written: Quantity) -> Result<Duration, String> {
        let range = Duration::from_secs(self.least)..=Duration::from_secs(self.most);
        match written.duration() {
            Some(time) if range.contains(&time) => Ok(time),
            Some(_) => Err(self.out_of_range()),
            None => Err(format!("`{}` has to be a duration like `15m`", self.key)),
        }
    }

    /// The number, or what is wrong with it.
    pub(super) fn count(&self, written: Quantity) -> Result<u64, String> {
        match written.count() {
            Some(count) if (self.least..=self.most).contains(&count) => Ok(count),
            Some(_) => Err(self.out_of_range()),
            None => Err(format!(
                "`{}` has to be a number, or a size like `64KiB`",
                self.key
            )),
        }
    }

    /// What is wrong with a number.
    pub(super) fn fault(&self, written: Quantity) -> Option<String> {
        match self.kind {
            Kind::Time => self.time(written).err(),
            Kind::Size => self.count(written).err(),
        }
    }

    fn out_of_range(&self) -> String {
        let (least, most) = (self.shown(self.least), self.shown(self.most));
        format!("`{}` has to be between {least} and {most}", self.key)
    }

    /// A number of this kind as people write it: `15m`, `64KiB`.
    pub(super) fn shown(&self, number: u64) -> String {
        let units: &[(u64, &str)] = match self.kind {
            Kind::Time => &[(DAY, "d"), (3600, "h"), (60, "m"), (1, "s")],
            Kind::Size => &[(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "")],
        };
        let whole = |&&(unit, _): &&(u64, &str)| number > 0 && number.is_multiple_of(unit);
        match units.iter().find(whole) {
            Some((unit, word)) => format!("{}{word}", number / unit),
            None => number.to_string(),
        }
    }
}
