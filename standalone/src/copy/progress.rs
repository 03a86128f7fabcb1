//! Progress of a copy.

use super::digest::TableDigest;

/// Progress of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// A long table is being copied.
    Copying {
        /// Name of the table.
        table: &'static str,
        /// Number of written rows.
        rows: u64,
        /// Number of all rows.
        total: u64,
    },
    /// A table is written, but not read back yet.
    Copied {
        /// Name of the table.
        table: &'static str,
        /// Digest of the source's rows.
        digest: TableDigest,
    },
    /// A table was read back and matches.
    Verified {
        /// Name of the table.
        table: &'static str,
    },
}
