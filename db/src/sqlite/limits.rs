//! Limits of each connection.

use std::time::Duration;

/// Longest wait of a statement for a lock that another program holds on the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(300);

/// KiB of the cache of each connection that reads: a page of a list with its 50 rows of a page each stays in it. The
/// system caches the file's pages for all connections, but each read of one from there is a call of the system.
pub(super) const READER_CACHE_KIB: i32 = 1024;
