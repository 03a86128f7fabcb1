//! Lists in pages (AIP-158): how large a page is, and where the next one begins.

mod filling;
mod tokens;

pub use filling::{BadToken, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fill, fitting};
pub use tokens::PageTokens;

/// Rows of a page without a wish, and the most of them.
const DEFAULT_PAGE_SIZE: u32 = 50;
const MAX_PAGE_SIZE: u32 = 1000;

/// What a page size must be.
pub const SIZE_RULE: &str = "must be 1 to 1000, or 0 for 50";

/// How many rows a caller wants: 50 for 0, at most 1000, or `None` for a negative number.
pub fn size(wanted: i32) -> Option<u32> {
    match u32::try_from(wanted) {
        Ok(0) => Some(DEFAULT_PAGE_SIZE),
        Ok(wanted) => Some(wanted.min(MAX_PAGE_SIZE)),
        Err(_) => None,
    }
}

/// Returns the most bytes that a page of rows of at most so many bytes takes.
pub fn max_bytes(page_size: i32, row_bytes: usize) -> usize {
    let rows = usize::try_from(size(page_size).unwrap_or(0)).unwrap_or(usize::MAX);
    rows.saturating_mul(row_bytes).min(MAX_PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c60_a_size_is_clamped_and_never_negative() {
        let sizes = [0, 1, 1000, 1001, i32::MAX, -1, i32::MIN].map(size);
        assert_eq!(sizes, [Some(50), Some(1), Some(1000), Some(1000), Some(1000), None, None]);
    }
}
