//! Where a moment stands in a picture.
//!
//! **Reads** moments in milliseconds.
//! **Gives** [`Axis`]: places, ticks, and the gaps that are drawn shorter than they are.
//! **Never** shortens a gap without a mark.

use chrono::DateTime;
use chrono::Utc;

/// Time from left to right.
#[derive(Debug)]
pub(super) struct Axis {
    stretches: Vec<Stretch>,
}

/// A part of the time that is drawn to scale.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: i64,
    to: i64,
    left: f64,
    right: f64,
}

/// A mark at the scale.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// Where.
    pub(super) x: f64,
    /// The time of day, and the day where it is another one.
    pub(super) label: String,
    /// The day, where it differs from the tick before.
    pub(super) day: Option<String>,
}

/// Idle time that is left out.
#[derive(Debug, PartialEq)]
pub(super) struct Gap {
    /// Where it begins.
    pub(super) left: f64,
    /// Where it ends.
    pub(super) right: f64,
    /// How long it is.
    pub(super) ms: u64,
}

impl Axis {
    /// For these moments, between two places. `busy` are stretches of time in which something waits
    /// or runs: they are drawn to scale unless they are very long.
    pub(super) fn new(mut moments: Vec<i64>, busy: &[(i64, i64)], left: f64, right: f64) -> Self {
        moments.sort_unstable();
        moments.dedup();
        let mut gaps: Vec<(i64, i64)> = moments
            .iter()
            .zip(moments.iter().skip(1))
            .map(|(from, to)| (*from, *to))
            .collect();
        let mut rest: i64 = gaps.iter().map(|(from, to)| to - from).sum();
        gaps.sort_by_key(|(from, to)| from - to);
        let mut idle: Vec<(i64, i64)> = Vec::new();
        for (from, to) in gaps {
            let length = to - from;
            let is_busy = busy.iter().any(|(start, end)| *start <= from && *end >= to);
            let least = if is_busy { BUSY_LONG } else { IDLE_LONG };
            // What is long beside all the rest would leave no place for it.
            if idle.len() < MOST_GAPS && length >= least && length * 4 > rest {
                rest -= length;
                idle.push((from, to));
            }
        }
        idle.sort_unstable();
        let first = moments.first().copied().unwrap_or(0);
        let last = moments.last().copied().unwrap_or(first);
        let mut bounds = Vec::new();
        let mut from = first;
        for (start, end) in idle {
            bounds.push((from, start));
            from = end;
        }
        bounds.push((from, last));
        Self::laid(&bounds, left, right)
    }

    fn laid(bounds: &[(i64, i64)], left: f64, right: f64) -> Self {
        let count = bounds.len() as f64;
        let total: i64 = bounds.iter().map(|(from, to)| to - from).sum();
        let width = right - left;
        let gap = GAP.min(width / (4.0 * count));
        let usable = width - gap * (count - 1.0);
        let each = LEAST.min(usable / count);
        let shared = usable - each * count;
        let mut at = left;
        let stretches = bounds
            .iter()
            .map(|(from, to)| {
                let share = if total == 0 {
                    1.0 / count
                } else {
                    (to - from) as f64 / total as f64
                };
                let stretch = Stretch {
                    from: *from,
                    to: *to,
                    left: at,
                    right: at + each + shared * share,
                };
                at = stretch.right + gap;
                stretch
            })
            .collect();
        Self { stretches }
    }

    /// The place of a moment.
    pub(super) fn x(&self, moment: i64) -> f64 {
        let mut before: Option<&Stretch> = None;
        for stretch in &self.stretches {
            if moment < stretch.from {
                // In a gap, or before everything.
                return before.map_or(stretch.left, |before| {
                    between(
                        moment,
                        (before.to, stretch.from),
                        (before.right, stretch.left),
                    )
                });
            }
            if moment <= stretch.to {
                return between(
                    moment,
                    (stretch.from, stretch.to),
                    (stretch.left, stretch.right),
                );
            }
            before = Some(stretch);
        }
        before.map_or(0.0, |last| last.right)
    }

    /// The gaps that are drawn shorter.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.stretches
            .iter()
            .zip(self.stretches.iter().skip(1))
            .map(|(before, behind)| Gap {
                left: before.right,
                right: behind.left,
                ms: u64::try_from(behind.from - before.to).unwrap_or(0),
            })
            .collect()
    }

    /// Marks with times: one where each stretch begins, and round ones as far as there is place.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut day = String::new();
        for stretch in &self.stretches {
            let length = stretch.to - stretch.from;
            let room = ((stretch.right - stretch.left) / TICK).floor().max(1.0) as i64;
            let step = STEPS
                .into_iter()
                .find(|step| length / step < room)
                .unwrap_or(DAY * (length / DAY / room + 1));
            let mut moments = vec![stretch.from];
            let mut at = (stretch.from / step + 1) * step;
            while at < stretch.to {
                moments.push(at);
                at += step;
            }
            let mut last = f64::MIN;
            for moment in moments {
                let x = self.x(moment);
                if x - last < TICK || x + TICK * 0.75 > stretch.right && last > f64::MIN {
                    continue;
                }
                let Some(time) = DateTime::<Utc>::from_timestamp_millis(moment) else {
                    continue;
                };
                last = x;
                let today = time.format("%Y-%m-%d").to_string();
                let label = if moment % MINUTE == 0 {
                    time.format("%H:%M")
                } else {
                    time.format("%H:%M:%S")
                };
                ticks.push(Tick {
                    x,
                    label: label.to_string(),
                    day: (today != day).then(|| today.clone()),
                });
                day = today;
            }
        }
        ticks
    }
}

fn between(moment: i64, (from, to): (i64, i64), (left, right): (f64, f64)) -> f64 {
    if to == from {
        return left;
    }
    left + (right - left) * (moment - from) as f64 / (to - from) as f64
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Round distances between ticks.
const STEPS: [i64; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    12 * HOUR,
    DAY,
];

/// From so long on idle time may be left out, and time in which something waits or runs.
const IDLE_LONG: i64 = 2 * MINUTE;
const BUSY_LONG: i64 = 6 * HOUR;

/// Gaps that are left out.
const MOST_GAPS: usize = 6;

/// Width of a gap, of the shortest stretch, and from tick to tick.
const GAP: f64 = 34.0;
const LEAST: f64 = 64.0;
const TICK: f64 = 62.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_from_left_to_right() {
        let axis = Axis::new(vec![0, 60_000, 90_000], &[], 10.0, 410.0);
        assert!((axis.x(0) - 10.0).abs() < 0.01);
        assert!((axis.x(90_000) - 410.0).abs() < 0.01);
        assert!(axis.x(30_000) < axis.x(60_000));
        assert!(axis.gaps().is_empty());
    }

    #[test]
    fn a_long_idle_time_is_left_out_and_marked() {
        let axis = Axis::new(
            vec![0, MINUTE, 9 * HOUR, 9 * HOUR + MINUTE],
            &[],
            0.0,
            400.0,
        );
        let gaps = axis.gaps();
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].ms, (9 * HOUR - MINUTE) as u64);
        assert!(axis.x(MINUTE) > 150.0 && axis.x(9 * HOUR) < 250.0);
    }

    #[test]
    fn a_wait_is_drawn_to_scale() {
        let busy = [(0, 15 * MINUTE)];
        let axis = Axis::new(vec![0, 15 * MINUTE, 16 * MINUTE], &busy, 0.0, 400.0);
        assert!(axis.gaps().is_empty());
    }

    #[test]
    fn one_moment_or_none_has_a_place_too() {
        for moments in [vec![], vec![5]] {
            let axis = Axis::new(moments, &[], 0.0, 400.0);
            assert!(axis.x(5) >= 0.0 && axis.x(5) <= 400.0);
            assert_eq!(axis.ticks().len(), 1);
        }
    }

    #[test]
    fn ticks_keep_their_distance() {
        for (length, width) in [
            (7_000, 300.0),
            (3 * DAY, 900.0),
            (90 * MINUTE, 300.0),
            (1, 50.0),
        ] {
            let ticks = Axis::new(
                vec![1_700_000_000_123, 1_700_000_000_123 + length],
                &[],
                0.0,
                width,
            )
            .ticks();
            assert!(
                !ticks.is_empty() && ticks.len() <= 16,
                "{length}: {ticks:?}"
            );
            for pair in ticks.windows(2) {
                assert!(pair[1].x - pair[0].x >= 60.0, "{length}: {ticks:?}");
            }
        }
    }
}
