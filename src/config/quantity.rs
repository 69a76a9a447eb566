//! Durations and sizes as people write them: `15m`, `64KiB`.
//!
//! **Reads** a number, or a number with a unit.
//! **Gives** [`Quantity`].
//! **Never** takes a unit for another: `m` is minutes, `MiB` is 2^20 bytes.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::Visitor;

/// A number with its unit, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    number: u64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    None,
    Seconds(u64),
    Milliseconds,
    Bytes(u64),
}

impl Quantity {
    /// A number without a unit.
    pub fn of(number: u64) -> Self {
        Self {
            number,
            unit: Unit::None,
        }
    }

    /// Reads `15m`, `250ms`, `64KiB` or a bare number.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let unit = match unit.trim_start() {
            "" => Unit::None,
            "ms" => Unit::Milliseconds,
            "s" => Unit::Seconds(1),
            "m" | "min" => Unit::Seconds(60),
            "h" => Unit::Seconds(3600),
            "d" => Unit::Seconds(86_400),
            "B" => Unit::Bytes(1),
            "KiB" => Unit::Bytes(1 << 10),
            "MiB" => Unit::Bytes(1 << 20),
            "GiB" => Unit::Bytes(1 << 30),
            _ => return None,
        };
        Some(Self {
            number: number.parse().ok()?,
            unit,
        })
    }

    /// As a duration: seconds where no unit is given. None for a size, or one that is too long.
    pub fn duration(self) -> Option<Duration> {
        let seconds = |unit| self.number.checked_mul(unit).map(Duration::from_secs);
        match self.unit {
            Unit::None => seconds(1),
            Unit::Seconds(unit) => seconds(unit),
            Unit::Milliseconds => Some(Duration::from_millis(self.number)),
            Unit::Bytes(_) => None,
        }
    }

    /// As a number of bytes or of things. None for a duration, or one that is too large.
    pub fn count(self) -> Option<u64> {
        match self.unit {
            Unit::None => Some(self.number),
            Unit::Bytes(unit) => self.number.checked_mul(unit),
            Unit::Seconds(_) | Unit::Milliseconds => None,
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a duration like `15m` or a size like `64KiB`")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity::of(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                let fault = || {
                    E::custom(format!(
                        "`{text}` is no duration like `15m` and no size like `64KiB`"
                    ))
                };
                Quantity::parse(text).ok_or_else(fault)
            }
        }

        yaml.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        let duration = |text| Quantity::parse(text).and_then(Quantity::duration);
        let count = |text| Quantity::parse(text).and_then(Quantity::count);
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("60"), Some(Duration::from_secs(60)));
        assert_eq!(count("64KiB"), Some(65_536));
        assert_eq!(count("4 GiB"), Some(4 << 30));
    }

    #[test]
    fn a_unit_is_never_taken_for_another() {
        assert_eq!(Quantity::parse("64KiB").and_then(Quantity::duration), None);
        assert_eq!(Quantity::parse("15m").and_then(Quantity::count), None);
        for text in [
            "",
            "m",
            "15 minutes",
            "-1",
            "1.5h",
            "64kb",
            "64K",
            "99999999999999999999",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
        assert_eq!(
            Quantity::parse("99999999999999999d").and_then(Quantity::duration),
            None
        );
    }
}
