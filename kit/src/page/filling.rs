//! Fills a page row by row, until it has as many rows as were wanted or is as large as an answer may be.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PageTokens;

/// A page ends at so many bytes, however many rows were wanted (a client takes 4 MiB by default).
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// What a repeated field costs beside its message: its tag and its length.
const FIELD_OVERHEAD_BYTES: usize = 8;

/// A row on its way into a page.
pub struct PageRow<T> {
    /// The row's id, by which the list is ordered.
    pub id: Uuid,
    /// The bytes that it takes in the answer.
    pub bytes: usize,
    /// The row as it is answered.
    pub item: T,
}

/// The rows that a reader gives at once.
pub struct PageBatch<T> {
    /// The next rows, in the order of the list.
    pub rows: Vec<PageRow<T>>,
    /// The list goes on after these rows.
    pub has_more: bool,
}

impl<T> PageBatch<T> {
    /// A batch of a reader that stops at this many rows and nowhere before, but for the list's end.
    pub fn up_to(limit: u32, rows: Vec<PageRow<T>>) -> Self {
        Self { has_more: rows.len() >= limit as usize, rows }
    }
}

/// Returns how many of these rows, by the least bytes that each takes, fit into one answer: at least the first.
pub fn fitting(sizes: impl IntoIterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = |size: &usize| {
        bytes += size + FIELD_OVERHEAD_BYTES;
        bytes <= MAX_PAGE_BYTES
    };
    sizes.into_iter().take_while(fits).count().max(1)
}

/// What is asked of a list.
pub struct PageRequest<'a> {
    /// What a page token is bound to: the method and whatever must be the same in the request for the next page.
    pub scope: &'a str,
    /// How many rows at the most.
    pub size: u32,
    /// The caller's page token; empty for the first page.
    pub token: &'a str,
}

/// A page as it is answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Asks for the next page; empty when this was the last.
    pub next_page_token: String,
}

/// The page token is not ours, not for this request, or too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// Returns the page that is wanted. `read` gives the next rows after a row: at most so many, or fewer that fill the answer.
///
/// # Errors
/// [`BadToken`], and what `read` fails with.
pub async fn fill<T, E, F>(
    tokens: &PageTokens,
    wanted: PageRequest<'_>,
    now: DateTime<Utc>,
    read: impl Fn(Option<Uuid>, u32) -> F,
) -> Result<Page<T>, E>
where
    E: From<BadToken>,
    F: Future<Output = Result<PageBatch<T>, E>>,
{
    let after = match wanted.token {
        "" => None,
        token => Some(tokens.open(wanted.scope, token, now).ok_or(BadToken)?),
    };
    let (items, next) = rows(after, &wanted, read).await?;
    let next_page_token = next.map(|last| tokens.seal(wanted.scope, last, now)).unwrap_or_default();
    Ok(Page { items, next_page_token })
}

/// The rows of the page, and the last of them when there are more.
async fn rows<T, E, F>(
    mut after: Option<Uuid>,
    wanted: &PageRequest<'_>,
    read: impl Fn(Option<Uuid>, u32) -> F,
) -> Result<(Vec<T>, Option<Uuid>), E>
where
    F: Future<Output = Result<PageBatch<T>, E>>,
{
    let (mut items, mut bytes) = (Vec::new(), 0);
    loop {
        // One more than is wanted says whether there are more.
        let batch = read(after, wanted.size + 1).await?;
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
        // A full answer, where the reader stopped; rows that have gone since they were measured are no page.
        if !items.is_empty() {
            return Ok((items, after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows 1 to `count`, of so many bytes each, of which a reader gives at most `batch` at once.
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
                Ok(PageBatch { rows, has_more })
            };
            let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            fill(&PageTokens::new(&[7; 64]), PageRequest { scope: "List", size, token }, now, read).await
        }

        /// The rows of every page.
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
    async fn a_page_has_as_many_rows_as_were_wanted() {
        for batch in [2, 3, 100] {
            assert_eq!(List { count: 5, bytes: 1, batch }.walk(2).await, [vec![1, 2], vec![3, 4], vec![5]]);
            assert_eq!(List { count: 4, bytes: 1, batch }.walk(2).await, [[1, 2], [3, 4]]);
            assert_eq!(List { count: 0, bytes: 1, batch }.walk(2).await, [[]]);
        }
    }

    #[tokio::test]
    async fn a_page_ends_where_its_reader_has_filled_it() {
        assert_eq!(List { count: 5, bytes: 1, batch: 3 }.walk(4).await, [vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(List { count: 2, bytes: 1, batch: 1 }.walk(4).await, [[1], [2]]);
    }

    #[tokio::test]
    async fn rows_that_go_after_they_are_measured_end_no_list() {
        let tries = std::sync::atomic::AtomicU32::new(0);
        let read = async |_, _| {
            let is_first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            let rows = if is_first { Vec::new() } else { vec![PageRow { id: Uuid::nil(), bytes: 1, item: 1 }] };
            Ok::<_, BadToken>(PageBatch { rows, has_more: is_first })
        };
        let (wanted, now) = (PageRequest { scope: "List", size: 9, token: "" }, DateTime::UNIX_EPOCH);
        let page = fill(&PageTokens::new(&[7; 64]), wanted, now, read).await.unwrap();
        assert_eq!((page.items, page.next_page_token.as_str()), (vec![1], ""));
    }

    #[test]
    fn as_many_rows_fit_as_an_answer_may_have_bytes() {
        assert_eq!(fitting([]), 1);
        assert_eq!(fitting([MAX_PAGE_BYTES * 2, 1]), 1);
        assert_eq!(fitting([1, MAX_PAGE_BYTES]), 1);
        assert_eq!(fitting([MAX_PAGE_BYTES / 3 - FIELD_OVERHEAD_BYTES; 9]), 3);
        assert_eq!(fitting([1; 9]), 9);
    }

    #[tokio::test]
    async fn a_page_ends_when_the_answer_is_large_but_has_one_row_at_the_least() {
        let walk = async |bytes| List { count: 2, bytes, batch: 100 }.walk(50).await;
        assert_eq!(walk(MAX_PAGE_BYTES / 2).await, [[1], [2]]);
        assert_eq!(walk(MAX_PAGE_BYTES * 2).await, [[1], [2]]);
        assert_eq!(walk(MAX_PAGE_BYTES / 2 - FIELD_OVERHEAD_BYTES).await, [[1, 2]]);
    }

    #[tokio::test]
    async fn c60_a_token_that_does_not_open_is_no_first_page() {
        assert_eq!(List { count: 2, bytes: 1, batch: 1 }.page("x", 1).await, Err(BadToken));
    }
}
