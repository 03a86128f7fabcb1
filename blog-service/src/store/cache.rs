//! Cached posts. Only posts of a SQLite file are cached: replicas on PostgreSQL do not see each other's writes.

use std::fmt;
use std::sync::Arc;

use db::{Db, HeldByWrite, ReadMark, RowBytes, RowCache};
use kit::metrics::{EventCounter, FamilyKind, MetricsPage};

use crate::domain::{Post, PostId, PostSize, PostView};

/// Bytes of an entry besides its texts: the post, its key and the cache's own fields.
const ENTRY_BYTES: usize = size_of::<Post>() + 80;

/// The cached posts; empty on PostgreSQL.
#[derive(Clone, Debug)]
pub(super) struct CachedPosts(Option<Arc<PostCache>>);

#[derive(Debug)]
struct PostCache {
    rows: Arc<RowCache<PostId, Post>>,
    hits: EventCounter,
    misses: EventCounter,
}

/// A read of a post from the database.
pub(super) struct PostRead<'c> {
    /// Cache that keeps the post, with the begin of the read; `None` if the post is not kept.
    kept_by: Option<(&'c RowCache<PostId, Post>, ReadMark)>,
}

impl RowBytes for Post {
    fn bytes(&self) -> u64 {
        u64::try_from(ENTRY_BYTES + self.text_bytes()).unwrap_or(u64::MAX)
    }
}

impl CachedPosts {
    /// Creates a cache of at most this number of bytes.
    pub(super) fn new(db: &Db, bytes: u64) -> Self {
        let cache = || PostCache {
            rows: Arc::new(RowCache::new(bytes)),
            hits: EventCounter::default(),
            misses: EventCounter::default(),
        };
        Self((db.has_one_writer() && bytes > 0).then(|| Arc::new(cache())))
    }

    /// Creates a cache that keeps no post.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Returns the post, if it is cached.
    pub(super) fn find(&self, id: PostId, view: PostView) -> Option<Post> {
        let cache = self.0.as_ref()?;
        let Some(post) = cache.rows.find(&id) else {
            cache.misses.one();
            return None;
        };
        cache.hits.one();
        Some(match view {
            PostView::Full => Post::clone(&post),
            PostView::Basic => post.basic(),
        })
    }

    /// Returns the size of the cached post.
    pub(super) fn size(&self, id: PostId) -> Option<PostSize> {
        let post = self.0.as_ref()?.rows.find(&id)?;
        Some(post.size())
    }

    /// Begins a read of the post from the database. A post without its content is not kept.
    pub(super) fn begin_read(&self, id: PostId, view: PostView) -> PostRead<'_> {
        let cache = self.0.as_ref().filter(|_| view == PostView::Full);
        PostRead { kept_by: cache.map(|cache| (&*cache.rows, cache.rows.mark(&id))) }
    }

    /// Removes the post until its write has ended.
    pub(super) fn hold(&self, id: PostId) -> HeldByWrite {
        self.hold_all(&[id])
    }

    /// Removes the posts until their write has ended.
    pub(super) fn hold_all(&self, ids: &[PostId]) -> HeldByWrite {
        let cache = self.0.as_ref()?;
        let holds: Vec<_> = ids.iter().map(|id| cache.rows.hold(*id)).collect();
        Some(Box::new(holds))
    }

    /// Writes the number of reads and the bytes of the posts, if posts are cached.
    pub(super) fn write_metrics(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let Some(cache) = &self.0 else { return Ok(()) };
        let help = "Reads of single posts, by whether the post was cached";
        let mut reads = page.family(FamilyKind::Counter, "gatepost_post_cache_reads", help)?;
        reads.number(&[("result", "hit")], cache.hits.get())?;
        reads.number(&[("result", "miss")], cache.misses.get())?;
        page.gauge("gatepost_post_cache_bytes", "Bytes of the cached posts", cache.rows.bytes())
    }
}

impl PostRead<'_> {
    /// Keeps the post that was read, and returns it.
    pub(super) fn keep(self, post: Post) -> Post {
        if let Some((cache, begun)) = self.kept_by.filter(|(cache, _)| cache.fits(&post)) {
            cache.keep(begun, post.id, post.clone());
        }
        post
    }
}
