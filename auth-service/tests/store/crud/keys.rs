//! Keys that all replicas share: the first one stays.

use db::secrets;
use testkit::on_both_engines;

use crate::support::Case;

async fn first_drawn_key_is_kept(store: Case) {
    assert_eq!(secrets::page_token_key(store.db(), [1; 64]).await.unwrap(), [1; 64]);
    assert_eq!(secrets::page_token_key(store.db(), [2; 64]).await.unwrap(), [1; 64]);
    let store = store.reopened().await;
    assert_eq!(secrets::page_token_key(store.db(), [3; 64]).await.unwrap(), [1; 64]);
}

/// A key that an earlier version sealed is found until it is forgotten.
async fn key_sealed_by_an_earlier_version_is_found(store: Case) {
    assert_eq!(secrets::find(store.db(), "signing-key").await.unwrap(), None);
    secrets::page_token_key(store.db(), [1; 64]).await.unwrap();
    store.database.run("update secrets set name = 'signing-key'").await;
    assert_eq!(secrets::find(store.db(), "signing-key").await.unwrap(), Some(vec![1; 64]));
    assert_eq!(secrets::find(store.db(), "Signing-Key").await.unwrap(), None);
    secrets::forget(store.db(), "signing-key").await.unwrap();
    secrets::forget(store.db(), "signing-key").await.unwrap();
    assert_eq!(secrets::find(store.db(), "signing-key").await.unwrap(), None);
}

on_both_engines!(crate::support::Case:
    first_drawn_key_is_kept,
    key_sealed_by_an_earlier_version_is_found,
);
