//! A bounded cache of rows by id. A process that is the only writer of its file may use it.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Number of parts of the cache whose writes are counted apart. Rows that are read during a write of their part are not
/// kept.
const WRITE_COUNTERS: usize = 64;

/// Average bytes of a row. The cache prepares for the number of such rows that fit.
const MEAN_ROW_BYTES: u64 = 1024;

/// Part of the cache that one row may take.
const LARGEST_SHARE: u64 = 64;

/// A row whose size is known.
pub trait RowBytes {
    /// Returns the approximate bytes of the row in memory.
    fn bytes(&self) -> u64;
}

/// A bounded cache of rows by id, which never returns a row older than an acknowledged write.
///
/// A writer takes a [`WriteHold`] of the row before its write is queued, and gives it up after the commit and before the
/// acknowledgment. The hold removes the row, and while it lives no reader keeps the row. A reader takes a
/// [`ReadMark`] before it reads the row from the database, and keeps the row only if no hold of it began since.
pub struct RowCache<K, V> {
    rows: Cache<K, Arc<V>, RowWeight>,
    /// Bytes of the largest row that is kept, so that a few large rows do not replace many small ones.
    largest: u64,
    writes: Box<[Mutex<WriteCounter>]>,
    hasher: RandomState,
}

/// Proof that a row was read after all writes that had been acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct ReadMark {
    /// Number of writes that had begun; `None` if one was running.
    begun: Option<u64>,
}

/// A write of one row that is queued or running.
pub struct WriteHold<K, V>
where
    K: Hash + Eq,
{
    cache: Arc<RowCache<K, V>>,
    key: K,
}

/// Writes of one part of the cache.
#[derive(Default)]
struct WriteCounter {
    running: u64,
    begun: u64,
}

#[derive(Clone)]
struct RowWeight;

impl<K, V: RowBytes> Weighter<K, Arc<V>> for RowWeight {
    fn weight(&self, _: &K, row: &Arc<V>) -> u64 {
        row.bytes().max(1)
    }
}

impl<K, V> RowCache<K, V>
where
    K: Hash + Eq + Clone,
    V: RowBytes,
{
    /// Creates a cache of at most this number of bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let rows = usize::try_from(bytes / MEAN_ROW_BYTES).unwrap_or(usize::MAX).max(1);
        Self {
            rows: Cache::with_weighter(rows, bytes, RowWeight),
            largest: bytes / LARGEST_SHARE,
            writes: (0..WRITE_COUNTERS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Returns the row, if it is cached.
    pub fn find(&self, key: &K) -> Option<Arc<V>> {
        self.rows.get(key)
    }

    /// Returns true if the cache keeps rows of this size.
    pub fn fits(&self, row: &V) -> bool {
        row.bytes() <= self.largest
    }

    /// Marks the begin of a read of this row from the database.
    pub fn mark(&self, key: &K) -> ReadMark {
        let writes = self.writes_of(key);
        ReadMark { begun: (writes.running == 0).then_some(writes.begun) }
    }

    /// Keeps a row that was read since the mark, unless a write of it may have overtaken the read or it is too large.
    pub fn keep(&self, mark: ReadMark, key: K, row: V) {
        if !self.fits(&row) {
            return;
        }
        let row = Arc::new(row);
        let writes = self.writes_of(&key);
        if mark.begun == Some(writes.begun) {
            self.rows.insert(key, row);
        }
    }

    /// Removes the row before its write is queued. Give up the hold once the write is committed or has failed.
    #[must_use = "the row is kept again once the hold is dropped"]
    pub fn hold(self: &Arc<Self>, key: K) -> WriteHold<K, V> {
        let mut writes = self.writes_of(&key);
        writes.running += 1;
        writes.begun += 1;
        self.rows.remove(&key);
        drop(writes);
        WriteHold { cache: Arc::clone(self), key }
    }

    /// Returns the bytes of the cached rows.
    pub fn bytes(&self) -> u64 {
        self.rows.weight()
    }
}

impl<K: Hash + Eq, V> RowCache<K, V> {
    fn writes_of(&self, key: &K) -> MutexGuard<'_, WriteCounter> {
        let part = usize::try_from(self.hasher.hash_one(key) % WRITE_COUNTERS as u64).unwrap_or(0);
        self.writes[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V> Drop for WriteHold<K, V> {
    fn drop(&mut self) {
        self.cache.writes_of(&self.key).running -= 1;
    }
}

impl<K, V> fmt::Debug for RowCache<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RowCache").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, V> fmt::Debug for WriteHold<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WriteHold").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl RowBytes for u64 {
        fn bytes(&self) -> u64 {
            100
        }
    }

    fn cache() -> Arc<RowCache<u8, u64>> {
        Arc::new(RowCache::new(1 << 20))
    }

    fn read(cache: &RowCache<u8, u64>, row: u64) {
        cache.keep(cache.mark(&1), 1, row);
    }

    fn found(cache: &RowCache<u8, u64>) -> Option<u64> {
        cache.find(&1).map(|row| *row)
    }

    #[test]
    fn row_is_found_until_its_write() {
        let cache = cache();
        read(&cache, 7);
        assert_eq!(found(&cache), Some(7));
        let hold = cache.hold(1);
        assert_eq!(found(&cache), None, "the write may be committed at any time now");
        drop(hold);
        assert_eq!(found(&cache), None);
    }

    #[test]
    fn read_that_overlaps_a_write_is_not_kept() {
        let cache = cache();
        let before = cache.mark(&1);
        let hold = cache.hold(1);
        let during = cache.mark(&1);
        cache.keep(before, 1, 7);
        assert_eq!(found(&cache), None, "the write is running");
        drop(hold);
        cache.keep(before, 1, 7);
        cache.keep(during, 1, 7);
        assert_eq!(found(&cache), None, "both reads may be older than the commit");
        read(&cache, 8);
        assert_eq!(found(&cache), Some(8));
    }

    #[test]
    fn second_write_holds_the_row_after_the_first() {
        let cache = cache();
        let (first, second) = (cache.hold(1), cache.hold(1));
        drop(first);
        read(&cache, 7);
        assert_eq!(found(&cache), None);
        drop(second);
        read(&cache, 8);
        assert_eq!(found(&cache), Some(8));
    }

    #[test]
    fn rows_take_no_more_than_the_limit() {
        let cache = RowCache::<u16, u64>::new(50_000);
        for key in 0..10_000 {
            cache.keep(cache.mark(&key), key, 1);
        }
        assert!((25_000..=50_000).contains(&cache.bytes()), "{}", cache.bytes());
        let small = RowCache::<u16, u64>::new(6_399);
        small.keep(small.mark(&1), 1, 1);
        assert_eq!(small.bytes(), 0, "a row of 100 bytes is more than a 64th");
    }
}
