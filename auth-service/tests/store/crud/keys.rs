//! The keys that all replicas share: whoever comes first has drawn them.

use db::secrets;
use testkit::on_both_engines;

use crate::support::Case;

async fn a_key_is_that_of_whoever_came_first(store: Case) {
    assert_eq!(secrets::page_token_key(store.db(), [1; 64]).await.unwrap(), [1; 64]);
    assert_eq!(secrets::page_token_key(store.db(), [2; 64]).await.unwrap(), [1; 64]);
    let store = store.reopened().await;
    assert_eq!(secrets::page_token_key(store.db(), [3; 64]).await.unwrap(), [1; 64]);
}

async fn what_an_earlier_version_sealed_is_found_until_it_is_forgotten(store: Case) {
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
    a_key_is_that_of_whoever_came_first,
    what_an_earlier_version_sealed_is_found_until_it_is_forgotten,
);
