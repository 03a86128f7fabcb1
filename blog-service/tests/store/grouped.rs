//! Reads of single posts on a server share statements.

use std::future::poll_fn;
use std::task::Poll;

use blog_service::domain::{PostId, PostView};
use tokio::task::JoinSet;

use crate::support::{Case, new_post, reads};

#[tokio::test]
async fn reads_at_once_share_statements() {
    let Some(store) = Case::postgres().await else { return };
    for id in 1..=20 {
        store.create_post(new_post(id), None).await.unwrap().unwrap();
    }
    let before = reads(&store);
    // The test has one thread, so all of them wait before the first statement begins.
    let mut all = JoinSet::new();
    for number in 0..100 {
        let (store, id) = ((*store).clone(), PostId::from_u128(number % 25 + 1));
        all.spawn(async move { (id, store.post(id, PostView::Full).await) });
    }
    for (id, found) in all.join_all().await {
        let exists = id <= PostId::from_u128(20);
        assert_eq!(found.unwrap().map(|post| post.id), exists.then_some(id));
    }
    assert_eq!(reads(&store) - before, 13, "eight posts for each statement");
}

#[tokio::test]
async fn abandoned_reads_are_left_out() {
    let Some(store) = Case::postgres().await else { return };
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let before = reads(&store);
    for _ in 0..50 {
        let mut abandoned = Box::pin(store.post(post.id, PostView::Full));
        assert!(poll_fn(|context| Poll::Ready(abandoned.as_mut().poll(context).is_pending())).await);
    }
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(post));
    assert_eq!(reads(&store) - before, 1);
}
