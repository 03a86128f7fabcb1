//! Fills a page row by row, up to the requested number of rows or the largest answer.

use chrono::{DateTime, Utc};

use super::{PageKey, PageTokens};

/// Largest size of a page in bytes, independent of the requested rows (a client accepts 4 MiB by default).
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// Bytes of a repeated field besides its message: its tag and its length.
const FIELD_OVERHEAD_BYTES: usize = 8;

/// Row to be added to a page.
pub struct PageRow<T, Id> {
    /// Id of the row, or another key that orders the list.
    pub id: Id,
    /// Bytes of the row in the answer.
    pub bytes: usize,
    /// Row as the answer shows it.
    pub item: T,
}

/// Rows that a reader returns at once.
pub struct PageBatch<T, Id> {
    /// Next rows, in the order of the list.
    pub rows: Vec<PageRow<T, Id>>,
    /// True if the list continues after these rows.
    pub has_more: bool,
    /// Place behind which the next page begins, if the reader has looked beyond the last of these rows. A page then ends
    /// with these rows, even if there are none.
    pub looked_at: Option<Id>,
}

impl<T, Id> PageBatch<T, Id> {
    /// Creates the batch of a reader that stops only at this many rows or at the end of the list.
    pub fn up_to(limit: u32, rows: Vec<PageRow<T, Id>>) -> Self {
        Self { has_more: rows.len() >= limit as usize, rows, looked_at: None }
    }
}

/// Returns the number of rows that fit into one answer, at least 1. `sizes` are lower bounds of the rows' bytes.
pub fn fitting(sizes: impl IntoIterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = |size: &usize| {
        bytes += size + FIELD_OVERHEAD_BYTES;
        bytes <= MAX_PAGE_BYTES
    };
    sizes.into_iter().take_while(fits).count().max(1)
}

/// Request for a page of a list.
pub struct PageRequest<'a> {
    /// Scope of the page token: the method and all that must be the same in the request for the next page.
    pub scope: &'a str,
    /// Largest number of rows.
    pub size: u32,
    /// Page token of the caller; empty for the first page.
    pub token: &'a str,
}

/// Page of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Rows of the page.
    pub items: Vec<T>,
    /// Token for the next page; empty on the last page.
    pub next_page_token: String,
}

/// Error of a page token that is forged, for another request, or too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// Returns the requested page. `read` takes the last id and a limit, and returns the next rows; it may return fewer
/// rows if they fill the answer.
///
/// # Errors
/// [`BadToken`], and the errors of `read`.
pub async fn fill<T, Id, E, F>(
    tokens: &PageTokens,
    wanted: PageRequest<'_>,
    now: DateTime<Utc>,
    read: impl Fn(Option<Id>, u32) -> F,
) -> Result<Page<T>, E>
where
    Id: PageKey,
    E: From<BadToken>,
    F: Future<Output = Result<PageBatch<T, Id>, E>>,
{
    let after = match wanted.token {
        "" => None,
        token => Some(tokens.open(wanted.scope, token, now).ok_or(BadToken)?),
    };
    let (items, next) = rows(after, &wanted, read).await?;
    let next_page_token = next.map(|last| tokens.seal(wanted.scope, &last, now)).unwrap_or_default();
    Ok(Page { items, next_page_token })
}

/// Returns the rows of the page, and the id of the last row if more follow.
async fn rows<T, Id, E, F>(
    mut after: Option<Id>,
    wanted: &PageRequest<'_>,
    read: impl Fn(Option<Id>, u32) -> F,
) -> Result<(Vec<T>, Option<Id>), E>
where
    Id: Clone,
    F: Future<Output = Result<PageBatch<T, Id>, E>>,
{
    let (mut items, mut bytes) = (Vec::new(), 0);
    loop {
        // One more row than requested shows that more follow.
        let batch = read(after.clone(), wanted.size + 1).await?;
        for row in batch.rows {
            bytes += row.bytes + FIELD_OVERHEAD_BYTES;
            if items.len() == wanted.size as usize || (bytes > MAX_PAGE_BYTES && !items.is_empty()) {
                return Ok((items, after));
            }
            items.push(row.item);
            after = Some(row.id);
        }
        if !batch.has_more {
            return Ok((items, None));
        }
        if batch.looked_at.is_some() {
            return Ok((items, batch.looked_at));
        }
        // The reader stops at a full answer. No rows means that they were deleted after they were measured: read on.
        if !items.is_empty() {
            return Ok((items, after));
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// List of the rows 1 to `count` of `bytes` bytes each. Its reader returns at most `batch` rows at once.
    struct List {
        count: u128,
        bytes: usize,
        batch: usize,
    }

    impl List {
        async fn page(&self, token: &str, size: u32) -> Result<Page<u128>, BadToken> {
            let read = async |after: Option<Uuid>, limit: u32| {
                let first = after.map_or(1, |after| after.as_u128() + 1);
                let rows = (first..=self.count).take(self.batch.min(limit as usize));
                let rows = rows.map(|id| PageRow { id: Uuid::from_u128(id), bytes: self.bytes, item: id });
                let rows: Vec<_> = rows.collect();
                let has_more = rows.last().is_some_and(|last| last.item < self.count);
                Ok(PageBatch { rows, has_more, looked_at: None })
            };
            let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            fill(&PageTokens::new(&[7; 64]), PageRequest { scope: "List", size, token }, now, read).await
        }

        /// Returns the rows of every page.
        async fn walk(&self, size: u32) -> Vec<Vec<u128>> {
            let (mut pages, mut token) = (Vec::new(), String::new());
            loop {
                let page = self.page(&token, size).await.unwrap();
                pages.push(page.items);
                token = page.next_page_token;
                if token.is_empty() {
                    return pages;
                }
            }
        }
    }

    #[tokio::test]
    async fn page_has_the_requested_number_of_rows() {
        for batch in [2, 3, 100] {
            assert_eq!(List { count: 5, bytes: 1, batch }.walk(2).await, [vec![1, 2], vec![3, 4], vec![5]]);
            assert_eq!(List { count: 4, bytes: 1, batch }.walk(2).await, [[1, 2], [3, 4]]);
            assert_eq!(List { count: 0, bytes: 1, batch }.walk(2).await, [[]]);
        }
    }

    #[tokio::test]
    async fn page_ends_at_its_readers_batch() {
        assert_eq!(List { count: 5, bytes: 1, batch: 3 }.walk(4).await, [vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(List { count: 2, bytes: 1, batch: 1 }.walk(4).await, [[1], [2]]);
    }

    #[tokio::test]
    async fn list_continues_after_rows_are_deleted() {
        let tries = std::sync::atomic::AtomicU32::new(0);
        let read = async |_: Option<Uuid>, _| {
            let is_first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            let rows = if is_first { Vec::new() } else { vec![PageRow { id: Uuid::nil(), bytes: 1, item: 1 }] };
            Ok::<_, BadToken>(PageBatch { rows, has_more: is_first, looked_at: None })
        };
        let (wanted, now) = (PageRequest { scope: "List", size: 9, token: "" }, DateTime::UNIX_EPOCH);
        let page = fill(&PageTokens::new(&[7; 64]), wanted, now, read).await.unwrap();
        assert_eq!((page.items, page.next_page_token.as_str()), (vec![1], ""));
    }

    #[tokio::test]
    async fn page_ends_where_its_reader_has_looked() {
        let read = async |after: Option<Uuid>, _| {
            let next = after.map_or(1, |after| after.as_u128() + 1);
            let rows = if next == 3 { vec![PageRow { id: Uuid::from_u128(3), bytes: 1, item: 3 }] } else { Vec::new() };
            let looked_at = (next < 4).then(|| Uuid::from_u128(next));
            Ok::<_, BadToken>(PageBatch { rows, has_more: next < 4, looked_at })
        };
        let (tokens, mut token, mut pages) = (PageTokens::new(&[7; 64]), String::new(), Vec::new());
        loop {
            let wanted = PageRequest { scope: "List", size: 9, token: &token };
            let page = fill(&tokens, wanted, DateTime::UNIX_EPOCH, read).await.unwrap();
            pages.push(page.items);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, [vec![], vec![], vec![3], vec![]]);
    }

    #[test]
    fn rows_fit_up_to_the_largest_answer() {
        assert_eq!(fitting([]), 1);
        assert_eq!(fitting([MAX_PAGE_BYTES * 2, 1]), 1);
        assert_eq!(fitting([1, MAX_PAGE_BYTES]), 1);
        assert_eq!(fitting([MAX_PAGE_BYTES / 3 - FIELD_OVERHEAD_BYTES; 9]), 3);
        assert_eq!(fitting([1; 9]), 9);
    }

    #[tokio::test]
    async fn large_rows_end_a_page_after_at_least_one() {
        let walk = async |bytes| List { count: 2, bytes, batch: 100 }.walk(50).await;
        assert_eq!(walk(MAX_PAGE_BYTES / 2).await, [[1], [2]]);
        assert_eq!(walk(MAX_PAGE_BYTES * 2).await, [[1], [2]]);
        assert_eq!(walk(MAX_PAGE_BYTES / 2 - FIELD_OVERHEAD_BYTES).await, [[1, 2]]);
    }

    /// C60: an invalid token is an error, not the first page.
    #[tokio::test]
    async fn invalid_token_is_not_a_first_page() {
        assert_eq!(List { count: 2, bytes: 1, batch: 1 }.page("x", 1).await, Err(BadToken));
    }
}
