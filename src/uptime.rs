//! A moment on a clock that nobody can set.
//!
//! **Reads** CLOCK_BOOTTIME (clock_gettime(2)), and the id of this boot from `/proc` (random(4)).
//! **Gives** [`Moment`], [`Mark`].
//! **Never** takes moments of two boots for comparable.

use std::fs;
use std::time::Duration;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde::Deserialize;
use serde::Serialize;

/// A moment of this boot. It does not move when somebody sets the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

/// A moment together with its boot, to be written down for another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The id of the boot.
    boot: String,
    /// Nanoseconds since it began.
    nanos: u64,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanos))
    }

    /// The same moment, for another process to read.
    pub fn mark(self) -> Mark {
        Mark {
            boot: boot(),
            nanos: u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl Mark {
    /// Whether it lay more than `margin` before a moment of this boot. What was marked in an
    /// earlier boot did.
    pub fn is_before(&self, moment: Moment, margin: Duration) -> bool {
        if self.boot != boot() {
            return true;
        }
        Duration::from_nanos(self.nanos).saturating_add(margin) < moment.0
    }
}

/// The id of this boot. Where it cannot be read, all boots look alike and moments are compared all
/// the same.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_marked_before_is_before_and_what_comes_later_is_not() {
        let early = Moment::now().mark();
        let late = Moment::now();
        assert!(early.is_before(late, Duration::ZERO));
        assert!(!early.is_before(late, Duration::from_secs(60)));
        assert!(!late.mark().is_before(late, Duration::ZERO));
    }

    #[test]
    fn another_boot_was_before() {
        let other = Mark {
            boot: "another".to_owned(),
            nanos: u64::MAX,
        };
        assert!(other.is_before(Moment::now(), Duration::from_secs(60)));
    }
}
