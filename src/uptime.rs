//! A moment on a clock that nobody can set.
//!
//! **Reads** CLOCK_BOOTTIME (clock_gettime(2)); from `/proc` the id of this boot (random(4)), and when
//! this process and those above it were started (proc_pid_stat(5)).
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

    /// Since when whoever called this process has had what it was given: the start of this process,
    /// or of the `sudo` that first had to look into its files. It is told in hundredths of a second,
    /// and the one before the start is taken: a word is rather older than it is.
    pub fn of_call() -> Self {
        let mut earliest = Self::now();
        let mut process = Birth::of(std::process::id());
        for _ in 0..MOST_SUDOS {
            let Some(birth) = process else { break };
            earliest = earliest.min(birth.at);
            process = Birth::of(birth.parent).filter(|parent| parent.name == "sudo");
        }
        earliest
    }

    /// How long it takes from now until the start of a process is told apart from this moment.
    pub fn until_a_start_is_later(self) -> Duration {
        let ticks = self.0.as_nanos() / TICK.as_nanos() + 1;
        let next = TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
        next.saturating_sub(Self::now().0)
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

/// How a process came to be.
struct Birth {
    name: String,
    parent: u32,
    at: Moment,
}

impl Birth {
    fn of(pid: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The fields are those of proc_pid_stat(5): (2) comm in parentheses, which may itself hold
    /// some, (4) ppid, (22) starttime.
    fn read(stat: &str) -> Option<Self> {
        let (before, behind) = stat.rsplit_once(") ")?;
        let (_, name) = before.split_once(" (")?;
        let mut fields = behind.split(' ').skip(1);
        let parent = fields.next()?.parse().ok()?;
        let ticks: u32 = fields.nth(17)?.parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            parent,
            at: Moment(TICK.saturating_mul(ticks)),
        })
    }
}

/// What `/proc` counts in: a second has 100 of them (USER_HZ, time(7)), and a start is rounded down.
const TICK: Duration = Duration::from_millis(10);

/// How many processes of sudo may stand above its command: with a terminal of its own there are two.
const MOST_SUDOS: usize = 4;

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
    fn a_process_was_started_before_it_asks() {
        let call = Moment::of_call();
        let now = Moment::now();
        assert!(call <= now);
        assert!(now.until_a_start_is_later() <= TICK);
        std::thread::sleep(now.until_a_start_is_later());
        let mut later = std::process::Command::new("true").spawn().unwrap();
        let birth = Birth::of(later.id()).unwrap();
        later.wait().unwrap();
        assert!(now.mark().is_before(birth.at, Duration::ZERO));
        assert!(birth.at <= Moment::now());
        assert_eq!(birth.parent, std::process::id());
    }

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "7 (a) (b) ) S 3 7 7 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 350179 3133440";
        let birth = Birth::read(stat).unwrap();
        assert_eq!((birth.name.as_str(), birth.parent), ("a) (b) ", 3));
        assert_eq!(birth.at, Moment(Duration::from_millis(3_501_790)));
        for broken in [
            "",
            "7 (a",
            "7 (a) S",
            "7 (a) S x 7",
            "7 (a) S 3 7 7 0 -1 4194304",
        ] {
            assert!(Birth::read(broken).is_none(), "{broken}");
        }
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
