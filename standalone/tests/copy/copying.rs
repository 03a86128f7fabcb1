//! A copy as a process, with a search for secrets in its output, and databases to copy.

use std::path::Path;
use std::process::Command;

use super::outsider::{Home, Outsider};
use super::pair::gatepost;
use super::pair::watch::{secrets, shows};
use super::service::{Service, Which};

/// Returns the command, with both URLs in the environment.
fn command(from: &str, to: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = gatepost();
    command.arg("copy").env("GATEPOST_COPY_FROM", from).env("GATEPOST_COPY_TO", to).env("RUST_LOG", "trace");
    command.envs(settings.iter().copied());
    command
}

/// Returns the secrets: the settings' values, and the key in a file next to the source.
fn hidden(from: &str, settings: &[(&str, &str)]) -> Vec<String> {
    let path = from.strip_prefix("sqlite:").unwrap_or("no file");
    secrets(settings, &Path::new(path).with_extension("key.pem"))
}

/// Starts a copy.
pub(super) fn copy(from: &str, to: &str, settings: &[(&str, &str)]) -> Service {
    Service::spawn(&mut command(from, to, settings), hidden(from, settings))
}

/// Copies, and returns the lines about tables on standard output.
pub(super) fn copies(from: &str, to: &str, settings: &[(&str, &str)]) -> Vec<String> {
    let output = command(from, to, settings).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(output.status.success() && err.contains("Done: all of it is in "), "{out}{err}");
    let hidden = hidden(from, settings);
    let found: Vec<_> = out.lines().chain(err.lines()).filter(|line| shows(line, &hidden)).collect();
    assert!(found.is_empty(), "a secret, or a panic, is in the output:\n{found:#?}");
    out.lines().map(str::to_owned).collect()
}

/// Starts a service once to create its database, and inserts the rows of [`Outsider::fill`].
pub(super) async fn filled(which: Which, home: &Home) {
    let mut outsider = home.outsider().await;
    outsider.make_older(which, super::outsider::count(which)).await;
    close(outsider).await;
}

/// Closes an outsider's connection, so that a file's log is empty.
pub(super) async fn close(outsider: Outsider) {
    use sqlx::Connection as _;
    match outsider {
        Outsider::File(connection) => connection.close().await.unwrap(),
        Outsider::Server(connection) => connection.close().await.unwrap(),
    }
}

/// Returns the number of rows in all tables.
pub(super) async fn rows(which: Which, home: &Home) -> usize {
    let tables: &[&str] = match which {
        Which::Auth => &[
            "users",
            "user_roles",
            "sessions",
            "deleted_users",
            "secrets",
            "requests",
            "failed_attempts",
            "allowances",
        ],
        Which::Blog => &["post_slugs", "posts", "secrets", "requests"],
    };
    let mut outsider = home.outsider().await;
    let mut rows = 0;
    for table in tables {
        rows += outsider.texts(&format!("select 'row' from {table}")).await.len();
    }
    close(outsider).await;
    rows
}
