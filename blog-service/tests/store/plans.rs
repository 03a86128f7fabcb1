//! How the database finds the rows: no statement walks through a table, however large it gets.

use std::path::Path;

use harness::statements::{Statement, statements};
use kit::testing::on_both_engines;

use crate::support::Case;

async fn no_statement_walks_through_a_table(store: Case) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = statements(&[&here.join("src/store"), &here.join("../kit/src/db")]);
    let walks = store.scans(&all).await;
    assert!(walks.is_empty(), "of {} statements these walk:\n{}", all.len(), walks.join("\n"));
}

async fn a_walk_is_found(store: Case) {
    let statement = |sql: &str| Statement { place: "here".into(), sql: sql.into() };
    let walks = [
        "select id from posts where title = $1",
        "select count(*) from posts",
        "update posts set title = $1 where revision > $2",
        "select title from posts order by id",
    ];
    let search = "select title from posts where id < $1 order by id";
    let found = store.scans(&walks.iter().chain([&search]).map(|sql| statement(sql)).collect::<Vec<_>>()).await;
    assert_eq!(found.len(), walks.len(), "{found:?}");
    for (found, walk) in found.iter().zip(walks) {
        assert!(found.ends_with(walk), "{found}");
    }
}

on_both_engines!(crate::support::Case:
    no_statement_walks_through_a_table,
    a_walk_is_found,
);
