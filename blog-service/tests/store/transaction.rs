//! A failed transaction writes nothing: here each method fails at its last statement.

use blog_service::domain::{PostId, PostView};
use blog_service::store::StoreError;
use db::requests::{self, Earlier};
use testkit::{on_both_engines, start};
use tokio::task::JoinSet;

use crate::support::{Case, key, new_post, title};

async fn refused_post_leaves_no_request(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    // The request is stored first; then there is a post with this id already.
    let taken = store.create_post(new_post(1), Some(&key(7))).await;
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), start()).await.unwrap(), None);
    store.database.refuse("insert", "posts").await;
    let refused = store.create_post(new_post(2), Some(&key(7))).await;
    assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), start()).await.unwrap(), None);
    store.database.accept("posts").await;
    let post = store.create_post(new_post(2), Some(&key(7))).await.unwrap().unwrap();
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), start()).await.unwrap(), Some(Earlier::Same(post.id)));
}

async fn refused_request_leaves_no_post(store: Case) {
    store.database.refuse("insert", "requests").await;
    assert!(store.create_post(new_post(1), Some(&key(7))).await.is_err());
    assert_eq!(store.post(new_post(1).id, PostView::Basic).await.unwrap(), None);
}

async fn refused_statement_leaves_the_row_as_it_was(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    store.database.refuse("update", "posts").await;
    assert!(store.update_post(post.id, title("Second"), None, start()).await.is_err());
    store.database.accept("posts").await;
    store.database.refuse("delete", "posts").await;
    assert!(store.delete_post(post.id, None).await.is_err());
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(post));
}

async fn broken_rule_does_not_hurt_concurrent_writes(store: Case) {
    store.create_post(new_post(1000), None).await.unwrap().unwrap();
    let mut all = JoinSet::new();
    for id in 0..40 {
        let store = (*store).clone();
        let new = new_post(if id % 2 == 0 { id } else { 1000 });
        all.spawn(async move { (id, store.create_post(new, Some(&key(id))).await) });
    }
    while let Some(created) = all.join_next().await {
        let (id, created) = created.unwrap();
        let is_as_it_should =
            if id % 2 == 0 { matches!(created, Ok(Ok(_))) } else { matches!(created, Err(StoreError::Taken(_))) };
        assert!(is_as_it_should, "{id}: {created:?}");
    }
    assert_eq!(store.list_posts(None, 100, PostView::Basic).await.unwrap().len(), 21);
}

on_both_engines!(crate::support::Case:
    refused_post_leaves_no_request,
    refused_request_leaves_no_post,
    refused_statement_leaves_the_row_as_it_was,
    broken_rule_does_not_hurt_concurrent_writes,
);
