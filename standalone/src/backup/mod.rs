//! `gatepost backup` and `gatepost restore`: copies of both services' SQLite files while they run, and their restore.

mod draft;
mod error;
mod files;
mod manifest;
mod part;
mod places;
mod restore;
mod site;
mod snapshot;
mod take;

pub(crate) use restore::{RestoreFlags, run as restore};
pub(crate) use take::{BackupFlags, run as backup};

/// Prints to standard output. A closed output is ignored.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}
