//! Bytes as hexadecimal digits.
//!
//! **Reads** nothing.
//! **Gives** [`of`], [`read`].
//! **Never** fails.

/// The bytes in small hexadecimal digits.
pub fn of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The `N` bytes that digits stand for, as [`of`] writes them.
pub fn read<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let pairs = digits.as_chunks().0;
    if pairs.len() != N || digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(super::of(&[0, 10, 255]), "000aff");
    }

    #[test]
    fn only_what_was_written_is_read_back() {
        let bytes: [u8; 32] = std::array::from_fn(|at| (at * 8) as u8);
        let text = super::of(&bytes);
        assert_eq!(super::read(text.as_bytes()), Some(bytes));
        assert_eq!(super::read::<32>(text.to_uppercase().as_bytes()), None);
        assert_eq!(super::read::<32>(&text.as_bytes()[1..]), None);
        assert_eq!(super::read::<32>(text.replace('0', "g").as_bytes()), None);
    }

    #[test]
    fn any_number_of_bytes_is_read_and_no_other_number() {
        assert_eq!(super::read(b"000aff"), Some([0, 10, 255]));
        assert_eq!(super::read(b""), Some([]));
        for wrong in [
            "", "000af", "000afff", "000aff00", "000aFF", "000a g", "0x0aff",
        ] {
            assert_eq!(super::read::<3>(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
