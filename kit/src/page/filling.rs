//! Fills a page row by row, until it has as many as were wanted or is as large as an answer may be.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PageTokens;

/// A page ends at so many bytes, however many rows were wanted (a client takes 4 MiB by default).
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// What a repeated field costs beside its message: its tag and its length.
const FRAMING: usize = 8;

/// A row on its way into a page.
pub struct Row<T> {
    /// The row's id, by which the list is ordered.
    pub id: Uuid,
    /// The bytes that it takes in the answer.
    pub bytes: usize,
    /// The row as it is answered.
    pub item: T,
}

/// What is asked of a list.
pub struct Wanted<'a> {
    /// What a page token is bound to: the method and whatever must be the same in the request for the next page.
    pub scope: &'a str,
    /// How many rows at the most.
    pub size: u32,
    /// How many rows are read at once.
    pub batch: u32,
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

/// The page that is wanted. `read` gives the next rows after a row, at most so many.
///
/// # Errors
/// [`BadToken`], and what `read` fails with.
pub async fn fill<T, E, F>(
    tokens: &PageTokens,
    wanted: Wanted<'_>,
    now: DateTime<Utc>,
    read: impl Fn(Option<Uuid>, u32) -> F,
) -> Result<Page<T>, E>
where
    E: From<BadToken>,
    F: Future<Output = Result<Vec<Row<T>>, E>>,
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
    wanted: &Wanted<'_>,
    read: impl Fn(Option<Uuid>, u32) -> F,
) -> Result<(Vec<T>, Option<Uuid>), E>
where
    F: Future<Output = Result<Vec<Row<T>>, E>>,
{
    let (mut items, mut bytes) = (Vec::new(), 0);
    loop {
        let rows = read(after, wanted.batch).await?;
        let is_last = rows.len() < wanted.batch as usize;
        for row in rows {
            bytes += row.bytes + FRAMING;
            if items.len() == wanted.size as usize || (bytes > MAX_BYTES && !items.is_empty()) {
                return Ok((items, after));
            }
            items.push(row.item);
            after = Some(row.id);
        }
        if is_last {
            return Ok((items, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows 1 to `count`, of so many bytes each.
    struct List {
        count: u128,
        bytes: usize,
    }

    impl List {
        async fn page(&self, token: &str, size: u32, batch: u32) -> Result<Page<u128>, BadToken> {
            let read = async |after: Option<Uuid>, limit: u32| {
                let first = after.map_or(1, |after| after.as_u128() + 1);
                let rows = (first..=self.count).take(limit as usize);
                Ok(rows.map(|id| Row { id: Uuid::from_u128(id), bytes: self.bytes, item: id }).collect())
            };
            let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
            fill(&PageTokens::new(&[7; 64]), Wanted { scope: "List", size, batch, token }, now, read).await
        }

        /// The rows of every page.
        async fn walk(&self, size: u32, batch: u32) -> Vec<Vec<u128>> {
            let (mut pages, mut token) = (Vec::new(), String::new());
            loop {
                let page = self.page(&token, size, batch).await.unwrap();
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
        for batch in [1, 2, 3, 100] {
            assert_eq!(List { count: 5, bytes: 1 }.walk(2, batch).await, [vec![1, 2], vec![3, 4], vec![5]]);
            assert_eq!(List { count: 4, bytes: 1 }.walk(2, batch).await, [[1, 2], [3, 4]]);
            assert_eq!(List { count: 0, bytes: 1 }.walk(2, batch).await, [[]]);
        }
    }

    #[tokio::test]
    async fn a_page_ends_when_the_answer_is_large_but_has_one_row_at_the_least() {
        assert_eq!(List { count: 2, bytes: MAX_BYTES / 2 }.walk(50, 8).await, [[1], [2]]);
        assert_eq!(List { count: 2, bytes: MAX_BYTES * 2 }.walk(50, 8).await, [[1], [2]]);
        assert_eq!(List { count: 2, bytes: MAX_BYTES / 2 - FRAMING }.walk(50, 8).await, [[1, 2]]);
    }

    #[tokio::test]
    async fn c60_a_token_that_does_not_open_is_no_first_page() {
        assert_eq!(List { count: 2, bytes: 1 }.page("x", 1, 1).await, Err(BadToken));
    }
}
