//! F14: a process that waits for a migration runs no statement in the meantime, so that no other process has to wait
//! for it.

use super::outsider::Outsider;
use super::service::{Service, Which};
use super::steps;

/// Part of the line of a process that waits.
pub(super) const WAITS: &str = "is being migrated by another process: waiting";

/// F14: the others wait for a migration that is held up, and then continue.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_starts_continue_after_a_held_up_migration() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.make_older(Which::Auth, 1).await;
    steps::count(&mut outsider).await;
    let mut owner = Outsider::of_server(&database.url).await;
    // The second migration alters this table.
    owner.run("begin; lock table sessions in access share mode").await;
    let mut first = Service::start(Which::Auth, &database.url);
    while outsider.texts("select mode from pg_locks where not granted and locktype = 'relation'").await.is_empty() {}
    let mut others = [(); 4].map(|()| Service::start(Which::Auth, &database.url));
    for other in &mut others {
        other.wait_for_line(&[WAITS]);
    }
    owner.run("commit").await;
    first.serves();
    for other in &mut others {
        other.serves();
    }
    outsider.check(Which::Auth, true).await;
    steps::check_made_once(&mut outsider).await;
}

/// F14: an index built concurrently by another program does not deadlock with starts.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_index_from_outside_does_not_deadlock() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.run("create table busy (number integer)").await;
    steps::count(&mut outsider).await;
    steps::hold(&mut outsider, 1).await;
    // One holds the lock, in a transaction of its own; two wait for it.
    let mut first = Service::start(Which::Blog, &database.url);
    first.wait_for_line(&[steps::HELD]);
    let mut others = [(); 2].map(|()| Service::start(Which::Blog, &database.url));
    for other in &mut others {
        other.wait_for_line(&[WAITS]);
    }
    // The index waits for running transactions: for the one of the lock's holder, but not for the waiting processes,
    // which have none.
    let index = tokio::spawn({
        let url = database.url.clone();
        async move { Outsider::of_server(&url).await.run("create index concurrently on busy (number)").await }
    });
    steps::release(&mut outsider).await;
    index.await.unwrap();
    first.serves();
    for other in &mut others {
        other.serves();
    }
    outsider.check(Which::Blog, false).await;
}

/// F14: a process that builds an index concurrently under the lock does not deadlock with the waiting ones.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_index_under_the_lock_does_not_deadlock() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.run("create table busy (number integer)").await;
    outsider.run(LOCK).await;
    let mut others = [(); 2].map(|()| Service::start(Which::Blog, &database.url));
    for other in &mut others {
        other.wait_for_line(&[WAITS]);
    }
    // With waiting statements this would be a deadlock: each would wait for the other's snapshot or lock.
    outsider.run("create index concurrently on busy (number)").await;
    let Outsider::Server(holder) = outsider else { unreachable!("the outsider is on a server") };
    sqlx::Connection::close(holder).await.unwrap();
    for other in &mut others {
        other.serves();
    }
}

/// The services' lock of the schema `public`, as they compute it.
pub(super) const LOCK: &str = "select pg_advisory_lock(('x' || encode(substr(sha256(convert_to('gatepost migrations', 'UTF8') \
     || '\\x00'::bytea || convert_to('public', 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint)";
