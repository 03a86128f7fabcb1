//! The keys that all replicas share: whoever comes first has drawn them.

use kit::testing::on_both_engines;

use crate::support::Case;

async fn a_key_is_that_of_whoever_came_first(store: Case) {
    assert_eq!(store.page_token_key([1; 64]).await.unwrap(), [1; 64]);
    assert_eq!(store.page_token_key([2; 64]).await.unwrap(), [1; 64]);
    let store = store.reopened().await;
    assert_eq!(store.page_token_key([3; 64]).await.unwrap(), [1; 64]);
}

async fn a_sealed_key_is_kept_byte_by_byte_under_its_name(store: Case) {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(store.sealed_key("signing-1").await.unwrap(), None);
    assert_eq!(store.keep_sealed_key("signing-1", &bytes).await.unwrap(), bytes);
    assert_eq!(store.keep_sealed_key("signing-1", b"late").await.unwrap(), bytes);
    assert_eq!(store.sealed_key("signing-1").await.unwrap(), Some(bytes));
    assert_eq!(store.keep_sealed_key("signing-2", &[]).await.unwrap(), [0_u8; 0]);
    assert_eq!(store.sealed_key("signing-2").await.unwrap(), Some(Vec::new()), "an empty key is a key");
    assert_eq!(store.sealed_key("Signing-1").await.unwrap(), None);
}

on_both_engines!(crate::support::Case:
    a_key_is_that_of_whoever_came_first,
    a_sealed_key_is_kept_byte_by_byte_under_its_name,
);
