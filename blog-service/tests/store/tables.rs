//! What a copy takes along is all that there is: a table or a column that its description lacks would be left behind.

use blog_service::store::SCHEMA;
use testkit::on_both_engines;

use crate::support::Case;

async fn a_copy_knows_every_column_of_every_table(store: Case) {
    assert_eq!(store.database.uncopied(&SCHEMA).await, [""; 0]);
    // And what it does not know is found.
    store.database.run("alter table posts add column color text").await;
    assert_eq!(store.database.uncopied(&SCHEMA).await, ["posts.color text true"]);
}

on_both_engines!(crate::support::Case: a_copy_knows_every_column_of_every_table);
