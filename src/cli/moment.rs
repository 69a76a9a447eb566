//! A moment as people write it: an instant, a day, or how long ago.
//!
//! **Reads** nothing.
//! **Gives** [`read`], [`NO_TIME`].
//! **Never** takes a bare number for a time: it would be seconds, and is more likely a slip of the pen.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use super::Stop;
use crate::config::Quantity;
use crate::status::exit;
use crate::visible;

/// Reads a moment. None where it is none.
pub(super) fn read(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return day.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    }
    let age = text.strip_suffix(" ago").unwrap_or(text);
    let ago = Quantity::parse(age).filter(|_| !age.bytes().all(|b| b.is_ascii_digit()))?;
    let ago = TimeDelta::from_std(ago.duration()?).ok()?;
    now.checked_sub_signed(ago)
}

/// Reads a moment that was asked for, in milliseconds since 1970.
pub(super) fn millis(text: Option<&str>, now: DateTime<Utc>) -> Result<Option<i64>, Stop> {
    let read = |text: &str| {
        read(text, now)
            .map(|at| at.timestamp_millis())
            .ok_or_else(|| {
                let message = format!("`{}` is no time: {NO_TIME}", visible::line(text));
                Stop::Said(message, exit::INVALID)
            })
    };
    text.map(read).transpose()
}

/// What to write instead of something that is no time.
pub(super) const NO_TIME: &str = "write a moment like `2026-03-01T12:00:00Z`, a day like `2026-03-01`, or how long ago like `30d`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::stamp;

    #[test]
    fn a_time_is_a_moment_a_day_or_an_age() {
        let now = DateTime::parse_from_rfc3339("2026-03-31T12:00:00Z")
            .unwrap()
            .to_utc();
        let read = |text| read(text, now).map(stamp);
        assert_eq!(read("2026-03-01").unwrap(), "2026-03-01T00:00:00.000Z");
        assert_eq!(read("30d").unwrap(), "2026-03-01T12:00:00.000Z");
        assert_eq!(read("2h ago").unwrap(), "2026-03-31T10:00:00.000Z");
        assert_eq!(
            read("2026-03-01T02:00:00+01:00").unwrap(),
            "2026-03-01T01:00:00.000Z"
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = DateTime::UNIX_EPOCH;
        for text in [
            "",
            "30",
            "yesterday",
            "2026-02-30",
            "64KiB",
            "d",
            "ago",
            "-1d",
        ] {
            assert_eq!(read(text, now), None, "{text}");
        }
    }
}
