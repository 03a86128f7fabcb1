//! Query plans: no statement scans a whole table.

use std::path::Path;

use testkit::on_both_engines;
use testkit::statements::statements;

use crate::support::Case;

async fn no_statement_scans_a_table(store: Case) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = statements(&[&here.join("src/store"), &here.join("../db/src")]);
    let walks = store.database.scans(&all).await;
    assert!(walks.is_empty(), "these of {} statements scan:\n{}", all.len(), walks.join("\n"));
}

on_both_engines!(crate::support::Case: no_statement_scans_a_table);
