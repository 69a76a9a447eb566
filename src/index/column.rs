//! One field of many records, close together.
//!
//! **Reads** nothing.
//! **Gives** [`Column`], [`pack`], [`unpack`].
//! **Never** takes bytes for numbers that it did not write: what does not fit is no column.
//!
//! A column is a list of numbers. Where they grow from record to record, their differences are
//! stored. The bytes of equal weight lie together, those that are zero in every number are left out,
//! and zstd (RFC 8878) makes it small.

use super::query::Facet;

/// A field of the records in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The number of the record.
    Seq,
    /// The segment it lies in.
    Segment,
    /// Bytes before it there.
    Offset,
    /// The first eight bytes of its hash.
    Hash,
    /// Milliseconds since 1970.
    Time,
    /// A value out of the dictionary.
    Of(Facet),
    /// Eight bytes of a hash of the request's id.
    Request,
    /// The command, out of the dictionary.
    Command,
    /// How long it waited for a human in milliseconds, and one more; 0 where it did not.
    Waited,
}

/// Columns of a block; numbers below this belong to one.
pub(super) const COLUMNS: i64 = 32;

impl Column {
    /// All of them.
    pub(super) const ALL: [Self; 16] = [
        Self::Seq,
        Self::Segment,
        Self::Offset,
        Self::Hash,
        Self::Time,
        Self::Of(Facet::Event),
        Self::Of(Facet::Status),
        Self::Of(Facet::Risk),
        Self::Of(Facet::Rule),
        Self::Of(Facet::Target),
        Self::Of(Facet::Requester),
        Self::Of(Facet::Incident),
        Self::Of(Facet::Approver),
        Self::Request,
        Self::Command,
        Self::Waited,
    ];

    /// Its place among the columns of a block.
    pub(super) fn number(self) -> usize {
        Self::ALL
            .iter()
            .position(|other| *other == self)
            .unwrap_or(0)
    }

    fn grows(self) -> bool {
        matches!(self, Self::Seq | Self::Segment | Self::Offset | Self::Time)
    }
}

/// Packs the numbers of a column.
///
/// # Errors
///
/// Those of the compressor.
pub(super) fn pack(column: Column, numbers: &[u64]) -> std::io::Result<Vec<u8>> {
    let mut before = 0_u64;
    let stored: Vec<u64> = numbers
        .iter()
        .map(|&number| {
            if !column.grows() {
                return number;
            }
            let step = number.wrapping_sub(before).cast_signed();
            before = number;
            // Steps back are rare and small: their sign goes to the lowest bit.
            ((step << 1) ^ (step >> 63)).cast_unsigned()
        })
        .collect();
    let all = stored.iter().fold(0, |all, number| all | number);
    let planes = 8 - all.leading_zeros() as usize / 8;
    let mut bytes = Vec::with_capacity(stored.len() * planes);
    for plane in 0..planes {
        bytes.extend(stored.iter().map(|number| (number >> (8 * plane)) as u8));
    }
    zstd::bulk::compress(&bytes, 1)
}

/// The numbers of a column; none where these bytes are no column of so many rows.
pub(super) fn unpack(column: Column, packed: &[u8], rows: usize) -> Option<Vec<u64>> {
    if packed.is_empty() {
        return None;
    }
    let bytes = zstd::bulk::decompress(packed, rows * 8).ok()?;
    let mut numbers = vec![0_u64; rows];
    if rows == 0 || bytes.len() % rows != 0 {
        return (rows == 0).then_some(numbers);
    }
    for (plane, bytes) in bytes.chunks_exact(rows).enumerate() {
        for (number, byte) in numbers.iter_mut().zip(bytes) {
            *number |= u64::from(*byte) << (8 * plane);
        }
    }
    if column.grows() {
        let mut before = 0_u64;
        for number in &mut numbers {
            let step = (*number >> 1).cast_signed() ^ -((*number & 1).cast_signed());
            before = before.wrapping_add(step.cast_unsigned());
            *number = before;
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_comes_out_again(
            numbers in proptest::collection::vec(prop_oneof![any::<u64>(), 0_u64..300], 0..300),
        ) {
            for column in [Column::Time, Column::Hash] {
                let packed = pack(column, &numbers).unwrap();
                let unpacked = unpack(column, &packed, numbers.len());
                prop_assert_eq!(unpacked.as_ref(), Some(&numbers));
            }
        }

        #[test]
        fn other_bytes_are_no_column(bytes in any::<Vec<u8>>(), rows in 0_usize..100) {
            let _ = unpack(Column::Seq, &bytes, rows);
        }
    }

    #[test]
    fn a_column_of_other_rows_is_none() {
        let packed = pack(Column::Hash, &[1, 2, 3]).unwrap();
        assert_eq!(unpack(Column::Hash, &packed, 2), None);
        assert_eq!(unpack(Column::Hash, b"", 2), None);
    }

    #[test]
    fn every_column_has_a_number_of_its_own() {
        for (at, column) in Column::ALL.iter().enumerate() {
            assert_eq!(column.number(), at);
        }
    }
}
