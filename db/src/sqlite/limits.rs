//! Limits of each connection.

use std::time::Duration;

/// Longest wait of a statement for a lock that another program holds on the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(300);

/// KiB of the cache of each connection that reads. The system caches the file's pages for all of them.
pub(super) const READER_CACHE_KIB: i32 = 256;
