//! Checks of reads and writes of the database.

use db::health;
use testkit::on_both_engines;

use crate::support::Case;

async fn look_succeeds_while_reads_do(store: Case) {
    health::look(store.db()).await.unwrap();
    store.database.run("alter table secrets rename to gone").await;
    assert!(health::look(store.db()).await.is_err(), "it reads a table of the service's own");
    store.database.run("alter table gone rename to secrets").await;
    health::look(store.db()).await.unwrap();
}

async fn touch_succeeds_while_writes_do(store: Case) {
    health::touch(store.db(), [1; 16]).await.unwrap();
    health::touch(store.db(), [2; 16]).await.unwrap();
    store.database.run("alter table secrets rename to gone").await;
    assert!(health::touch(store.db(), [3; 16]).await.is_err(), "it writes to a table of the service's own");
    store.database.run("alter table gone rename to secrets").await;
    health::touch(store.db(), [3; 16]).await.unwrap();
}

on_both_engines!(crate::support::Case: look_succeeds_while_reads_do, touch_succeeds_while_writes_do);
