//! Bytes as hexadecimal digits.
//!
//! **Reads** nothing.
//! **Gives** [`of`].
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(super::of(&[0, 10, 255]), "000aff");
    }
}
