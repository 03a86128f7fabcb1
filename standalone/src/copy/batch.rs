//! Rows that are written by one statement: some hundred, or a mebibyte, so that a copy's memory has a bound.

use super::value::Value;

/// A row, its values in the order of its table's columns.
pub(super) type Row = Vec<Value>;

/// The most rows: with a dozen columns far below the parameters that either engine takes (32,766 and 65,535).
const ROWS: usize = 500;

/// The bytes at which it is full.
const BYTES: usize = 1024 * 1024;

/// Rows that wait to be written.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    pub(super) fn push(&mut self, row: Row) {
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        self.rows.push(row);
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= ROWS || self.bytes >= BYTES
    }

    /// The rows, if there are any; then it is empty.
    pub(super) fn take(&mut self) -> Option<Vec<Row>> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then_some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_bounded_by_its_rows_and_by_its_bytes() {
        for (length, expected) in [(1, ROWS), (BYTES / 2, 2), (BYTES, 1)] {
            let mut batch = Batch::default();
            let mut rows = 0;
            while !batch.is_full() {
                batch.push(vec![Value::Bytes(Some(vec![0; length]))]);
                rows += 1;
            }
            assert_eq!(rows, expected);
            assert_eq!(batch.take().map(|rows| rows.len()), Some(expected));
            assert!(!batch.is_full() && batch.take().is_none());
        }
    }
}
