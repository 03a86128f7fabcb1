//! Lists in pages (AIP-158): the size of a page and the token for the next one.

mod filling;
mod tokens;

pub use filling::{BadToken, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fill, fitting};
pub use tokens::{PageKey, PageTokens};

/// Number of rows of a page without a requested size, and the maximum of any page.
const DEFAULT_PAGE_SIZE: u32 = 50;
const MAX_PAGE_SIZE: u32 = 1000;

/// Rule for page sizes, as an error text.
pub const SIZE_RULE: &str = "must be 1 to 1000, or 0 for 50";

/// Returns the number of rows for a requested page size: 50 for 0, at most 1000, and `None` for a negative number.
pub fn size(wanted: i32) -> Option<u32> {
    match u32::try_from(wanted) {
        Ok(0) => Some(DEFAULT_PAGE_SIZE),
        Ok(wanted) => Some(wanted.min(MAX_PAGE_SIZE)),
        Err(_) => None,
    }
}

/// Returns the largest size of a page in bytes, if no row has more than `row_bytes`.
pub fn max_bytes(page_size: i32, row_bytes: usize) -> usize {
    let rows = usize::try_from(size(page_size).unwrap_or(0)).unwrap_or(usize::MAX);
    rows.saturating_mul(row_bytes).min(MAX_PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C60: page sizes are bounded.
    #[test]
    fn page_size_is_clamped_and_never_negative() {
        let sizes = [0, 1, 1000, 1001, i32::MAX, -1, i32::MIN].map(size);
        assert_eq!(sizes, [Some(50), Some(1), Some(1000), Some(1000), Some(1000), None, None]);
    }
}
