//! A moment as people write it: an instant, a day, or how long ago.
//!
//! **Reads** nothing.
//! **Gives** [`asked`], [`Period`].
//! **Never** takes a bare number for a time: it would be seconds, and is more likely a slip of the pen.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use super::Stop;
use crate::audit::stamp;
use crate::config::Quantity;
use crate::status::exit;
use crate::visible;

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    /// The first moment in it.
    pub(super) since: Option<DateTime<Utc>>,
    /// The last moment in it.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Period {
    /// Reads `--since` and `--until`. Both are in it, and a day is meant with all of it.
    pub(super) fn asked(
        since: Option<&str>,
        until: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, Stop> {
        let since = since.map(|text| asked(text, now)).transpose()?;
        let until = until.map(|text| last(text, now)).transpose()?;
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let message = format!(
                "`--since` is {} and later than `--until`, which is {}; nothing lies between them",
                stamp(since),
                stamp(until)
            );
            return Err(Stop::Said(message, exit::INVALID));
        }
        Ok(Self { since, until })
    }
}

/// Reads a moment that was asked for.
pub(super) fn asked(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Stop> {
    read(text, now).ok_or_else(|| {
        let message = format!("`{}` is no time: {NO_TIME}", visible::line(text));
        Stop::Said(message, exit::INVALID)
    })
}

/// Reads the last moment of a period; the log counts in milliseconds.
fn last(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Stop> {
    let at = asked(text, now)?;
    if text.parse::<NaiveDate>().is_err() {
        return Ok(at);
    }
    let rest = TimeDelta::days(1) - TimeDelta::milliseconds(1);
    Ok(at.checked_add_signed(rest).unwrap_or(at))
}

/// Reads a moment. None where it is none.
fn read(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
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

/// What to write instead of something that is no time.
const NO_TIME: &str = "write a moment like `2026-03-01T12:00:00Z`, a day like `2026-03-01`, or how long ago like `30d`";

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_period_holds_its_last_day_and_does_not_run_backwards() {
        let now = DateTime::parse_from_rfc3339("2026-03-31T12:00:00Z")
            .unwrap()
            .to_utc();
        let last = |until| Period::asked(None, Some(until), now).unwrap().until;
        let told = |until| last(until).map(stamp).unwrap();
        assert_eq!(told("2026-03-01"), "2026-03-01T23:59:59.999Z");
        assert_eq!(told("2026-03-01T12:00:00Z"), "2026-03-01T12:00:00.000Z");
        assert_eq!(told("1d"), "2026-03-30T12:00:00.000Z");
        let asked = |since, until| Period::asked(Some(since), Some(until), now);
        assert!(asked("2026-03-01", "2026-03-01").is_ok());
        assert!(asked("2026-03-02", "2026-03-01").is_err());
        assert!(asked("2026-03-03", "2026-03-01").is_err());
        assert!(asked("2d", "1d").is_ok());
        assert!(asked("1d", "2d").is_err());
    }
}
