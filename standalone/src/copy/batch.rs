//! Rows that one statement writes: at most 500 rows or about 1 MiB, which bounds the memory of a copy.

use super::value::ColumnValue;

/// A row: its values in the order of the table's columns.
pub(super) type TableRow = Vec<ColumnValue>;

/// Largest number of rows of a batch. With 12 columns the parameters stay below both engines' limits (32,766 and 65,535).
const MAX_BATCH_ROWS: usize = 500;

/// Size at which a batch is full, in bytes.
const FULL_BATCH_BYTES: usize = 1024 * 1024;

/// Rows that wait for their insert.
#[derive(Default)]
pub(super) struct RowBatch {
    rows: Vec<TableRow>,
    bytes: usize,
}

impl RowBatch {
    pub(super) fn push(&mut self, row: TableRow) {
        self.bytes += row.iter().map(ColumnValue::size).sum::<usize>();
        self.rows.push(row);
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= MAX_BATCH_ROWS || self.bytes >= FULL_BATCH_BYTES
    }

    /// Takes the rows out; returns `None` for an empty batch.
    pub(super) fn take(&mut self) -> Option<Vec<TableRow>> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then_some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_is_bounded_by_rows_and_bytes() {
        for (length, expected) in [(1, MAX_BATCH_ROWS), (FULL_BATCH_BYTES / 2, 2), (FULL_BATCH_BYTES, 1)] {
            let mut batch = RowBatch::default();
            let mut rows = 0;
            while !batch.is_full() {
                batch.push(vec![ColumnValue::Bytes(Some(vec![0; length]))]);
                rows += 1;
            }
            assert_eq!(rows, expected);
            assert_eq!(batch.take().map(|rows| rows.len()), Some(expected));
            assert!(!batch.is_full() && batch.take().is_none());
        }
    }
}
