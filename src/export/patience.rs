//! How long to wait before the next try.
//!
//! **Reads** the system's random numbers.
//! **Gives** [`Patience`].
//! **Never** waits longer than it was told to at most.

use std::time::Duration;

/// Waits that double, each shortened by chance, so that many exporters do not come back at once.
#[derive(Debug)]
pub(super) struct Patience {
    next: Duration,
    most: Duration,
}

impl Patience {
    pub(super) fn new(most: Duration) -> Self {
        Self {
            next: FIRST.min(most),
            most,
        }
    }

    /// The next wait. What the destination asked for is the least it is, up to the longest wait.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.most);
        let half = whole / 2;
        let jittered = half + half.mul_f64(chance());
        jittered.max(asked.unwrap_or_default()).min(self.most)
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let [byte, ..] = uuid::Uuid::new_v4().into_bytes();
    f64::from(byte) / f64::from(u8::MAX)
}

const FIRST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_are_not_all_alike() {
        let most = Duration::from_secs(5);
        let mut patience = Patience::new(most);
        let waits: Vec<_> = (0..12).map(|_| patience.next(None)).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= most));
        assert!(waits[8..].iter().all(|wait| *wait >= most / 2), "{waits:?}");
    }

    #[test]
    fn what_the_destination_asks_for_is_kept_to_within_the_limit() {
        let mut patience = Patience::new(Duration::from_secs(5));
        let asked = Duration::from_secs(3);
        assert_eq!(patience.next(Some(asked)), asked);
        assert_eq!(patience.next(Some(Duration::MAX)), Duration::from_secs(5));
    }
}
