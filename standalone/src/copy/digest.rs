//! What a table holds, in one number that is the same on both engines.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::value::Value;

/// The rows of a table: how many, and the sum of their SHA-256 as numbers modulo 2²⁵⁶.
///
/// A sum does not ask for an order, in which engines and collations differ; and unlike an exclusive or, it sees a row that
/// comes twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    rows: u64,
    /// The least byte first.
    sum: [u8; 32],
}

impl Digest {
    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn add(&mut self, row: &[Value]) {
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

/// The checksum: the sum in hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().rev().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }

    fn digest(rows: &[&[Value]]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add(row);
        }
        digest
    }

    #[test]
    fn the_order_of_rows_is_nothing_and_all_else_is_something() {
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
            digest(&[&[text("a"), Value::Bytes(Some(b"b".to_vec()))], &other]),
        ] {
            assert_ne!(different.to_string(), both.to_string());
        }
    }

    #[test]
    fn each_bit_of_a_value_counts_and_null_is_none_of_them() {
        let time = |nanos| Value::Time(DateTime::<Utc>::from_timestamp(1, nanos));
        let mut all: Vec<_> = [
            Value::Uuid(None),
            Value::Uuid(Some(Uuid::nil())),
            Value::Uuid(Some(Uuid::from_u128(1))),
            Value::Text(None),
            text(""),
            text("\0"),
            Value::Bytes(None),
            Value::Bytes(Some(vec![])),
            Value::Bytes(Some(vec![0])),
            Value::Integer(None),
            Value::Integer(Some(0)),
            Value::Integer(Some(-1)),
            Value::Time(None),
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
    fn the_sum_is_that_of_the_numbers() {
        // Two rows' SHA-256, added with another program.
        let row = [Value::Integer(Some(7))];
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
