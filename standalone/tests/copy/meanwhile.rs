//! Writes to the source during a copy are prevented, or make the copy fail.

use super::copying::{close, copy, filled, rows};
use super::killed::{HELD, hold};
use super::outsider::{Home, Outsider};
use super::service::{SEALED, Service, Which};

/// Starts a copy to a server that waits at the first table, and returns it with the connection that can release it.
async fn held(from: &Home) -> Option<(Home, Outsider, Service)> {
    let to = Home::Server(testkit::postgres::database().await?);
    filled(Which::Auth, from).await;
    let mut outsider = to.outsider().await;
    outsider.migrate_to(Which::Auth, super::outsider::count(Which::Auth)).await;
    outsider.run(&hold("users")).await;
    outsider.run("select pg_advisory_lock(4243)").await;
    let mut copy = copy(&from.url(), &to.url(), &SEALED);
    copy.wait_for_line(&[HELD]);
    Some((to, outsider, copy))
}

#[tokio::test(flavor = "multi_thread")]
async fn file_written_during_the_copy_fails_it() {
    let from = Home::File(super::pair::folder());
    let Some((to, mut outsider, copy)) = held(&from).await else { return };
    let mut other = from.outsider().await;
    other.run("update users set revision = 7").await;
    close(other).await;
    outsider.run("select pg_advisory_unlock(4243)").await;
    let why = copy.refuses(1);
    assert!(
        why.contains("was changed during the copy, and nothing is kept: stop the program that writes to it"),
        "{why}"
    );
    assert_eq!(rows(Which::Auth, &to).await, 0);
}

/// During a copy, a server refuses writes to the tables, and no service can open a file.
#[tokio::test(flavor = "multi_thread")]
async fn source_takes_no_write_during_the_copy() {
    for from in Home::all().await {
        let Some((_to, mut outsider, mut copy)) = held(&from).await else { return };
        match &from {
            Home::File(_) => {
                let why = Service::start(Which::Auth, &from.url()).refuses(1);
                assert!(why.contains("is in use by another process"), "{why}");
            }
            Home::Server(_) => {
                let mut other = from.outsider().await;
                other.run("set lock_timeout = '100ms'").await;
                other
                    .run(
                        "do $$ begin update users set revision = 7; raise 'it was written'; \
                         exception when lock_not_available then null; end $$",
                    )
                    .await;
            }
        }
        outsider.run("select pg_advisory_unlock(4243)").await;
        copy.wait_for_line(&["Done: all of it is in "]);
        assert_eq!(copy.code(), Some(0));
    }
}
