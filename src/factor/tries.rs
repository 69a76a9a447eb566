//! How many wrong codes there were, and until when no further one is looked at.
//!
//! **Reads** nothing.
//! **Gives** [`Tries`].
//! **Never** ends a wait because a clock was set back.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use super::Limits;

/// The wrong codes that are remembered: through relays those of everybody together, since whoever
/// relays them is one; of a person who says their own on the gateway, theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// How many.
    pub wrong: u32,
    /// When the last one was said.
    pub last: DateTime<Utc>,
    /// The Unix user that passed it on.
    pub by: String,
    /// Until when no code is looked at. The key has to be there.
    #[serde(deserialize_with = "Option::deserialize")]
    pub until: Option<DateTime<Utc>>,
}

impl Tries {
    /// One wrong code more than before.
    pub(super) fn one_more(
        before: Option<&Self>,
        by: &str,
        now: DateTime<Utc>,
        limits: &Limits,
    ) -> Self {
        let remembered = before.filter(|tries| !tries.is_forgotten(now, limits));
        let wrong = remembered.map_or(0, |tries| tries.wrong).saturating_add(1);
        let over = wrong.checked_sub(limits.tries);
        let wait = over.map(|over| {
            let doubled = 1u32.checked_shl(over).unwrap_or(u32::MAX);
            limits.lock.saturating_mul(doubled).min(limits.lock_max)
        });
        let until = wait.map(|wait| {
            TimeDelta::from_std(wait)
                .ok()
                .and_then(|wait| now.checked_add_signed(wait))
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        Self {
            wrong,
            last: now,
            by: by.to_owned(),
            until,
        }
    }

    /// Whether the last one is so long ago that none of them counts any more. A right code does not
    /// make them forgotten: who has one of their own could guess at another's between two of those.
    fn is_forgotten(&self, now: DateTime<Utc>, limits: &Limits) -> bool {
        let age = (now - self.last).to_std();
        age.is_ok_and(|age| age > limits.lock_max)
    }

    /// Until when no code is looked at, where that is not over.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_wait_begins_after_so_many_doubles_and_has_an_end() {
        let limits = Limits {
            tries: 3,
            lock: Duration::from_secs(30),
            lock_max: Duration::from_secs(100),
            lock_wait: Duration::ZERO,
        };
        let now = DateTime::UNIX_EPOCH;
        let mut tries = None;
        for expected in [None, None, Some(30), Some(60), Some(100), Some(100)] {
            let next = Tries::one_more(tries.as_ref(), "relay", now, &limits);
            let wait = next.wait(now).map(|until| (until - now).num_seconds());
            assert_eq!(wait, expected, "{next:?}");
            tries = Some(next);
        }
        let many = Tries {
            wrong: u32::MAX,
            ..tries.unwrap()
        };
        let next = Tries::one_more(Some(&many), "relay", now, &limits);
        assert_eq!((next.until.unwrap() - now).num_seconds(), 100);
    }

    #[test]
    fn wrong_codes_are_forgotten_after_the_longest_wait_and_not_before() {
        let limits = Limits {
            tries: 3,
            lock: Duration::from_secs(30),
            lock_max: Duration::from_secs(100),
            lock_wait: Duration::ZERO,
        };
        let first = Tries::one_more(None, "relay", DateTime::UNIX_EPOCH, &limits);
        let after = |seconds| {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            Tries::one_more(Some(&first), "relay", now, &limits).wrong
        };
        assert_eq!((after(100), after(101), after(-50)), (2, 1, 2));
    }

    #[test]
    fn a_wait_is_over_at_its_time_and_not_by_a_clock_set_back() {
        let until = DateTime::from_timestamp(1000, 0);
        let tries = Tries {
            wrong: 5,
            last: DateTime::UNIX_EPOCH,
            by: "relay".to_owned(),
            until,
        };
        let at = |seconds| tries.wait(DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!((at(-100), at(999)), (until, until));
        assert_eq!((at(1000), at(2000)), (None, None));
    }

    #[test]
    fn a_file_without_its_end_of_the_wait_is_broken() {
        let whole = r#"{"wrong":1,"last":"2026-01-01T00:00:00Z","by":"x","until":null}"#;
        assert!(serde_json::from_str::<Tries>(whole).is_ok());
        let cut = whole.replace(r#","until":null"#, "");
        assert!(serde_json::from_str::<Tries>(&cut).is_err());
    }
}
