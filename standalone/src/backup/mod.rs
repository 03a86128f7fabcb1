//! `gatepost backup` and `gatepost restore`: both services' SQLite files, taken while they run, and put back as a whole.

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

/// Says it on standard output. That nobody reads it any more is no reason to end.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}
