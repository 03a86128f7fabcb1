//! A copy includes all data: it would omit a table or column that is missing in the description of the schema.

use auth_service::store::SCHEMA;
use testkit::on_both_engines;

use crate::support::Case;

async fn copy_knows_every_column_of_every_table(store: Case) {
    assert_eq!(store.database.uncopied(&SCHEMA).await, [""; 0]);
    // An unknown column is found.
    store.database.run("alter table users add column color text").await;
    assert_eq!(store.database.uncopied(&SCHEMA).await, ["users.color text true"]);
}

on_both_engines!(crate::support::Case: copy_knows_every_column_of_every_table);
