//! What the copy says: how far it is, on standard error; what it came to, on standard output.

use std::io::Write as _;

use db::DatabaseUrl;

use super::digest::Digest;
use super::key::Key;
use super::progress::Progress;

/// What stands below the flags' help.
pub(super) const HELP: &str = "\
Which service's database it is, is seen from its tables; the pair has two, so copy twice. A URL with a password belongs \
into the environment. For the auth service, AUTH_MASTER_KEY and JWT_SECRET_KEY (each also as NAME_FILE) are read as by the \
service: a signing key in a file is sealed into the target with AUTH_MASTER_KEY, which PostgreSQL needs.

Standard output has a line for each table: its name, its rows, and the sum of its rows' SHA-256.";

pub(super) fn begin(service: &str, from: &DatabaseUrl, to: &DatabaseUrl) {
    say(&format!("Copying the {service} service's database from {from} to {to}"));
}

pub(super) fn progress(progress: Progress) {
    say(&match progress {
        Progress::Copying { table, rows, of } => format!("  {table}: {rows} of {of} rows"),
        Progress::Copied { table, digest } => format!("  {table}: {0} of {0} rows, all written", digest.rows()),
        Progress::Verified { table } => format!("  {table}: read back, the same"),
    });
}

pub(super) fn done(service: &str, tables: &[(&'static str, Digest)], to: &DatabaseUrl, key: &Key) {
    for (table, digest) in tables {
        let _ = writeln!(std::io::stdout(), "{table} {} {digest}", digest.rows());
    }
    let variable = service.to_uppercase();
    say(&format!("Done: all of it is in {to}, verified."));
    if let Some(note) = key.note() {
        say(&note);
    }
    say(&format!(
        "Next: set {variable}_DATABASE_URL to it and start the service. Keep the source until you are content, and start \
         nothing on it: what is written there from now on is not in the copy."
    ));
}

/// That nobody reads it any more is no reason to end.
fn say(text: &str) {
    kit::output::err(text);
}
