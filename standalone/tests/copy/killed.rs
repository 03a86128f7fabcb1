//! A copy that is killed or stopped leaves an empty target, and the same command succeeds afterwards.

use rustix::process::Signal;

use super::copying::{close, copies, copy, filled, rows};
use super::outsider::Home;
use super::pair::folder;
use super::service::{SEALED, Service, Which};

pub(super) const HELD: &str = "the drill holds this statement";

/// Returns SQL that holds up writes to this table until the client has ended.
pub(super) fn hold(table: &str) -> String {
    format!(
        "create function hold_it() returns trigger language plpgsql as $$ begin \
             raise warning '{HELD}'; perform set_config('lock_timeout', '0', true); \
             perform pg_advisory_xact_lock(4243); return null; end $$; \
         create trigger hold_it before insert on {table} for each statement execute function hold_it()"
    )
}

/// Ends the copy with a signal; then the target is empty and the source unchanged.
async fn end(copy: Service, signal: Signal, from: &Home, to: &Home) {
    copy.signal(signal);
    let code = copy.code();
    assert_eq!(code, if signal == Signal::KILL { None } else { Some(1) });
    // The server notices the end of its client by itself.
    assert_eq!(rows(Which::Auth, to).await, 0, "no row is kept");
    assert_eq!(rows(Which::Auth, from).await, 5, "the source is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_to_a_server_is_ended_at_each_table() {
    for signal in [Signal::KILL, Signal::TERM] {
        for table in ["users", "user_roles", "sessions"] {
            for source in 0..2 {
                let mut homes = Home::all().await;
                if homes.len() < 2 {
                    return;
                }
                let from = homes.swap_remove(source);
                let to = Home::Server(testkit::postgres::database().await.unwrap());
                filled(Which::Auth, &from).await;
                let mut outsider = to.outsider().await;
                outsider.migrate_to(Which::Auth, super::outsider::count(Which::Auth)).await;
                outsider.run(&hold(table)).await;
                outsider.run("select pg_advisory_lock(4243)").await;
                let mut held = copy(&from.url(), &to.url(), &SEALED);
                held.wait_for_line(&[HELD]);
                end(held, signal, &from, &to).await;
                outsider.run(&format!("drop trigger hold_it on {table}")).await;
                copies(&from.url(), &to.url(), &SEALED);
                assert_eq!(rows(Which::Auth, &to).await, 5);
            }
        }
    }
}

/// A statement of SQLite that never ends.
const ENDLESS: &str =
    "select (with recursive n (x) as (select 1 union all select x + 1 from n) select count(*) from n)";

#[tokio::test(flavor = "multi_thread")]
async fn copy_to_a_file_is_ended_at_each_table() {
    for signal in [Signal::KILL, Signal::TERM] {
        for (before, table) in [
            ("Copying the auth service's database", "users"),
            ("users: 2 of 2 rows, all written", "user_roles"),
            ("user_roles: 2 of 2 rows, all written", "sessions"),
        ] {
            for from in Home::all().await {
                filled(Which::Auth, &from).await;
                let to = Home::File(folder());
                let mut outsider = to.outsider().await;
                outsider.migrate_to(Which::Auth, super::outsider::count(Which::Auth)).await;
                outsider.run(&format!("create trigger hold_it after insert on {table} begin {ENDLESS}; end")).await;
                close(outsider).await;
                let mut held = copy(&from.url(), &to.url(), &SEALED);
                held.wait_for_line(&[before]);
                end(held, signal, &from, &to).await;
                to.outsider().await.run("drop trigger hold_it").await;
                copies(&from.url(), &to.url(), &SEALED);
                assert_eq!(rows(Which::Auth, &to).await, 5);
            }
        }
    }
}
