//! Checksum of a table's rows, the same on both engines.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::value::ColumnValue;

/// Number of a table's rows, and the sum of their SHA-256 values modulo 2²⁵⁶.
///
/// A sum does not depend on the order, which differs between engines and collations. Unlike XOR, it detects a duplicate row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TableDigest {
    rows: u64,
    /// Little-endian number.
    sum: [u8; 32],
}

impl TableDigest {
    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn add(&mut self, row: &[ColumnValue]) {
        let mut bytes = Vec::new();
        for value in row {
            value.encode(&mut bytes);
        }
        let digest = Sha256::digest(&bytes);
        let mut carry = 0;
        for (sum, byte) in self.sum.iter_mut().zip(digest.iter().rev()) {
            let [low, high] = (u16::from(*sum) + u16::from(*byte) + carry).to_le_bytes();
            (*sum, carry) = (low, u16::from(high));
        }
        self.rows += 1;
    }
}

/// Writes the sum in hexadecimal digits.
impl fmt::Display for TableDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().rev().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;

    fn text(text: &str) -> ColumnValue {
        ColumnValue::Text(Some(text.to_owned()))
    }

    fn digest(rows: &[&[ColumnValue]]) -> TableDigest {
        let mut digest = TableDigest::default();
        for row in rows {
            digest.add(row);
        }
        digest
    }

    #[test]
    fn digest_depends_on_all_but_the_order_of_rows() {
        let (one, other) = ([text("a"), text("b")], [text("c"), text("d")]);
        let both = digest(&[&one, &other]);
        assert_eq!(both, digest(&[&other, &one]));
        assert_eq!(both.rows(), 2);
        for different in [
            digest(&[]),
            digest(&[&one]),
            digest(&[&one, &one]),
            digest(&[&one, &other, &other]),
            digest(&[&[text("a"), text("d")], &[text("c"), text("b")]]),
            digest(&[&[text("ab"), text("")], &other]),
            digest(&[&[text("a"), ColumnValue::Bytes(Some(b"b".to_vec()))], &other]),
        ] {
            assert_ne!(different.to_string(), both.to_string());
        }
    }

    #[test]
    fn values_and_nulls_of_all_types_have_own_digests() {
        let time = |nanos| ColumnValue::Time(DateTime::<Utc>::from_timestamp(1, nanos));
        let mut all: Vec<_> = [
            ColumnValue::Uuid(None),
            ColumnValue::Uuid(Some(Uuid::nil())),
            ColumnValue::Uuid(Some(Uuid::from_u128(1))),
            ColumnValue::Text(None),
            text(""),
            text("\0"),
            ColumnValue::Bytes(None),
            ColumnValue::Bytes(Some(vec![])),
            ColumnValue::Bytes(Some(vec![0])),
            ColumnValue::Integer(None),
            ColumnValue::Integer(Some(0)),
            ColumnValue::Integer(Some(-1)),
            ColumnValue::Time(None),
            time(0),
            time(1),
        ]
        .into_iter()
        .map(|value| digest(&[&[value]]).to_string())
        .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn digest_is_the_sum_of_row_hashes() {
        // The sum was computed with another program.
        let row = [ColumnValue::Integer(Some(7))];
        let mut bytes = Vec::new();
        row[0].encode(&mut bytes);
        assert_eq!(bytes, [4, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 7]);
        assert_eq!(digest(&[&row]).to_string(), "997cd05986c6224b26bd6e75a5b3435724fd82d7652e7772970db504b036e275");
        assert_eq!(
            digest(&[&row, &row]).to_string(),
            "32f9a0b30d8c44964d7adceb4b6686ae49fb05aeca5ceee52e1b6a09606dc4ea"
        );
    }
}
