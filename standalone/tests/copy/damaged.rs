//! A row that cannot be copied exactly stops the whole copy.

use super::copying::{copy, filled, rows};
use super::outsider::Home;
use super::service::{SEALED, Which};

/// Returns a source, and a target that has its tables already.
async fn pairing(source: usize, target: usize) -> Option<(Home, Home)> {
    let (mut from, mut to) = (Home::all().await, Home::all().await);
    if source >= from.len() || target >= to.len() {
        return None;
    }
    let (from, to) = (from.swap_remove(source), to.swap_remove(target));
    filled(Which::Auth, &from).await;
    to.outsider().await.migrate_to(Which::Auth, super::outsider::count(Which::Auth)).await;
    Some((from, to))
}

#[tokio::test(flavor = "multi_thread")]
async fn row_changed_lost_or_doubled_by_target_is_noticed() {
    for (source, target) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for change in [
            "update users set name = 'Eve' where name = 'Bob'",
            "delete from sessions",
            "update users set revision = 2",
        ] {
            let Some((from, to)) = pairing(source, target).await else { continue };
            let trigger = match &to {
                Home::File(_) => format!("create trigger alter_it after insert on sessions begin {change}; end"),
                Home::Server(_) => format!(
                    "create function alter_it() returns trigger language plpgsql as $$ begin {change}; return null; end $$; \
                     create trigger alter_it after insert on sessions for each statement execute function alter_it()"
                ),
            };
            to.outsider().await.run(&trigger).await;
            let why = copy(&from.url(), &to.url(), &SEALED).refuses(1);
            assert!(
                why.contains("differs from what was written (rows: ") && why.contains("look for a trigger"),
                "{why}"
            );
            assert_eq!(rows(Which::Auth, &to).await, 0, "no row is kept");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_refused_by_the_target_is_named_by_its_table() {
    for source in [0, 1] {
        let Some((from, to)) = pairing(source, 1).await else { continue };
        to.outsider().await.run("alter table sessions add constraint no_ada check (peer <> '')").await;
        let why = copy(&from.url(), &to.url(), &SEALED).refuses(1);
        assert!(why.contains("refuses table sessions (") && why.contains("no_ada"), "{why}");
        assert_eq!(rows(Which::Auth, &to).await, 0, "no row is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_source_row_is_named_by_its_column() {
    const CANARY: &str = "marimba";
    for (change, says) in [
        (
            "update sessions set create_time = 'marimba'",
            "(a row of table sessions cannot be read in column create_time)",
        ),
        ("update sessions set id = x'00'", "(a row of table sessions cannot be read in column id)"),
        ("update users set name = cast(x'ff' as text)", "(a row of table users cannot be read in column name)"),
        ("update users set revision = 1 << 40", "(a row of table users cannot be read in column revision)"),
    ] {
        for target in [0, 1] {
            let Some((from, to)) = pairing(0, target).await else { continue };
            from.outsider().await.run(change).await;
            let why = copy(&from.url(), &to.url(), &SEALED).refuses(1);
            assert!(why.contains("is damaged") && why.contains(says) && !why.contains(CANARY), "{why}");
            assert_eq!(rows(Which::Auth, &to).await, 0, "no row is kept");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_whose_index_has_lost_rows_is_damaged() {
    let Some((from, to)) = pairing(0, 0).await else { return };
    let mut outsider = from.outsider().await;
    let change = "pragma writable_schema = on; \
         update sqlite_schema set sql = replace(sql, '(state, id)', '(name, id)') where name = 'users_by_state'";
    outsider.run(change).await;
    super::copying::close(outsider).await;
    let why = copy(&from.url(), &to.url(), &SEALED).refuses(1);
    assert!(why.contains("is damaged (") && why.contains("users_by_state"), "{why}");
    assert_eq!(rows(Which::Auth, &to).await, 0);
}
