//! Slugs of posts. Each slug that a post has or had belongs to the post until its deletion. Triggers keep the table.

use std::collections::HashSet;
use std::iter::repeat;

use db::{FileRow, FileRowError, ReadRow, SqlStatement};
use sqlx::FromRow;
use uuid::Uuid;

use super::{BlogStore, StoreError};
use crate::domain::{PostId, Slug, SlugNumbers};

/// Number of slugs that one statement looks up.
const SLUGS_PER_READ: usize = 16;

impl BlogStore {
    /// Returns the post that has or had this slug.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn id_of_slug(&self, slug: &Slug) -> Result<Option<PostId>, StoreError> {
        const SQL: &str = "select post_id from post_slugs where slug = $1";
        let mut rows: Vec<SlugOwnerRow> = self.db.select(SqlStatement::new(SQL).bind(slug.as_str())).await?;
        Ok(rows.pop().map(|row| row.post_id))
    }

    /// Returns a free number of a slug, behind this number that is taken; `None` if the search found none. Another process
    /// may take the number meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free_number(&self, base: &Slug, taken: u32) -> Result<Option<u32>, StoreError> {
        let mut numbers = SlugNumbers::after(taken);
        loop {
            let slugs: Vec<Slug> = numbers.probes().into_iter().map(|number| base.numbered(number)).collect();
            if slugs.is_empty() {
                return Ok(numbers.free());
            }
            let taken = self.taken_slugs(&slugs).await?;
            numbers.note(|number| taken.contains(base.numbered(number).as_str()));
        }
    }

    /// Returns those of at most 16 slugs that are taken.
    async fn taken_slugs(&self, slugs: &[Slug]) -> Result<HashSet<String>, StoreError> {
        const SQL: &str = "select slug from post_slugs where slug in \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) order by slug limit 16";
        // Padded with the empty text, which is no slug.
        let padded = slugs.iter().map(Slug::as_str).chain(repeat("")).take(SLUGS_PER_READ);
        let rows: Vec<SlugRow> = self.db.select(padded.fold(SqlStatement::new(SQL), SqlStatement::bind)).await?;
        Ok(rows.into_iter().map(|row| row.slug).collect())
    }
}

/// The post of a slug.
#[derive(FromRow)]
struct SlugOwnerRow {
    post_id: PostId,
}

impl ReadRow for SlugOwnerRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { post_id: row.get::<_, Uuid>("post_id")?.into() })
    }
}

/// A taken slug.
#[derive(FromRow)]
struct SlugRow {
    slug: String,
}

impl ReadRow for SlugRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { slug: row.get("slug")? })
    }
}
