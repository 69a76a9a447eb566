//! Lengths of time, for people and from stamps.
//!
//! **Reads** nothing.
//! **Gives** [`words`], [`between`], [`moment`].
//! **Never** guesses where a stamp is no moment.

use chrono::DateTime;
use chrono::Utc;

/// A stamp of the log as a moment.
pub(super) fn moment(stamp: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(stamp)
        .ok()
        .map(|at| at.to_utc())
}

/// Milliseconds from one stamp to a later one.
pub(super) fn between(from: &str, to: &str) -> Option<u64> {
    let length = moment(to)?.signed_duration_since(moment(from)?);
    u64::try_from(length.num_milliseconds()).ok()
}

/// A length in the two largest units that say something.
pub(super) fn words(ms: u64) -> String {
    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let two = |large: u64, name: &str, small: u64, small_name: &str| {
        let rest = ms % large / small;
        if rest == 0 {
            format!("{} {name}", ms / large)
        } else {
            format!("{} {name} {rest} {small_name}", ms / large)
        }
    };
    match ms {
        DAY.. => two(DAY, "d", HOUR, "h"),
        HOUR.. => two(HOUR, "h", MINUTE, "min"),
        MINUTE.. => two(MINUTE, "min", SECOND, "s"),
        SECOND.. => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        _ => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_two_units_at_most() {
        let told = [84, 1_250, 61_000, 3_600_000, 90_000_000].map(words);
        assert_eq!(told, ["84 ms", "1.2 s", "1 min 1 s", "1 h", "1 d 1 h"]);
    }

    #[test]
    fn what_is_no_moment_or_runs_backwards_has_no_length() {
        let (early, late) = ("2026-11-23T09:14:03.428Z", "2026-11-23T09:14:04.000Z");
        assert_eq!(between(early, late), Some(572));
        assert_eq!(between(late, early), None);
        assert_eq!(between("yesterday", late), None);
    }
}
