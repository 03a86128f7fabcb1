//! Output of the copy: progress on standard error, results on standard output.

use std::io::Write as _;

use db::DatabaseUrl;

use super::key::SigningKeyTransfer;
use super::progress::Progress;
use super::target::CopiedTable;

/// Help text below the flags.
pub(super) const HELP: &str = "\
The command detects the service from the database. The pair has two databases, so copy twice. Put a URL with a password \
into the environment. For the auth service, AUTH_MASTER_KEY and JWT_SECRET_KEY (each also as NAME_FILE) are read as by the \
service: AUTH_MASTER_KEY, which PostgreSQL needs, seals a signing key of a file into the target.

Standard output has a line for each table: its name, the number of its rows, and the sum of their SHA-256.";

pub(super) fn begin(service: &str, from: &DatabaseUrl, to: &DatabaseUrl) {
    say(&format!("Copying the {service} service's database from {from} to {to}"));
}

pub(super) fn progress(progress: Progress) {
    say(&match progress {
        Progress::Copying { table, rows, total } => format!("  {table}: {rows} of {total} rows"),
        Progress::Copied { table, digest } => format!("  {table}: {0} of {0} rows, all written", digest.rows()),
        Progress::Verified { table } => format!("  {table}: read back, the same"),
    });
}

pub(super) fn done(service: &str, tables: &[CopiedTable], to: &DatabaseUrl, key: &SigningKeyTransfer) {
    for CopiedTable { name, digest } in tables {
        let _ = writeln!(std::io::stdout(), "{name} {} {digest}", digest.rows());
    }
    let variable = service.to_uppercase();
    say(&format!("Done: all of it is in {to}, verified."));
    if let Some(note) = key.note() {
        say(&note);
    }
    say(&format!(
        "Next: set {variable}_DATABASE_URL to it and start the service. Keep the source until you trust the copy, and start \
         nothing on it: later writes there are not in the copy."
    ));
}

/// Prints to standard error. A closed output is ignored.
fn say(text: &str) {
    kit::output::err(text);
}
