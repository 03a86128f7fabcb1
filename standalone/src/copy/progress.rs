//! What a copy says of itself while it works.

use super::digest::Digest;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is in the middle of a long table.
    Copying {
        /// The table.
        table: &'static str,
        /// How many of its rows are written.
        rows: u64,
        /// How many it has.
        of: u64,
    },
    /// A table is written, and not read back yet.
    Copied {
        /// The table.
        table: &'static str,
        /// What was read from the source.
        digest: Digest,
    },
    /// A table was read back, and is the same.
    Verified {
        /// The table.
        table: &'static str,
    },
}
