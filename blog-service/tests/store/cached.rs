//! Cached posts: no read returns a post older than an acknowledged write.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use blog_service::domain::{Post, PostId, PostState, PostView, Publication};
use blog_service::store::BlogStore;
use chrono::TimeDelta;
use db::{TransactionOutcome, transaction};
use testkit::{on_both_engines, start};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use crate::support::{Case, new_post, title};

const ID: PostId = PostId::from_u128(1);

async fn full(store: &BlogStore) -> Option<Post> {
    store.post(ID, PostView::Full).await.unwrap()
}

async fn posts_are_cached_on_sqlite_alone(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    let post = full(&store).await.unwrap();
    // Only another program changes rows without the store.
    store.database.run("update posts set title = 'Changed'").await;
    let is_cached = full(&store).await.unwrap() == post;
    assert_eq!(is_cached, matches!(store.db(), db::Db::Sqlite(_)));
    let basic = store.post(ID, PostView::Basic).await.unwrap().unwrap();
    let found = store.posts_of(&[ID, PostId::from_u128(2)], PostView::Full).await.unwrap();
    assert_eq!((basic.title == post.title, basic.content.as_str()), (is_cached, ""));
    assert_eq!(found == [post], is_cached);
    let sizes = store.sizes_of(&[ID, PostId::from_u128(2)]).await.unwrap();
    assert_eq!(sizes, [found[0].size()]);
}

async fn change_and_deletion_replace_a_cached_post(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    full(&store).await.unwrap();
    let changed = store.update_post(ID, title("Second"), None, start()).await.unwrap().unwrap();
    assert_eq!(full(&store).await, Some(changed.clone()));
    assert_eq!(full(&store).await, Some(changed), "from the cache");
    store.delete_post(ID, None).await.unwrap().unwrap();
    assert_eq!(full(&store).await, None);
    assert_eq!(store.posts_of(&[ID], PostView::Full).await.unwrap(), []);
}

async fn change_of_the_state_replaces_a_cached_post(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    assert_eq!(full(&store).await.unwrap().state, PostState::Published);
    store.unpublish_post(ID, None, start()).await.unwrap().unwrap();
    // No cached copy still counts as published.
    assert_eq!(full(&store).await.unwrap().state, PostState::Draft);
    assert_eq!(store.sizes_of(&[ID]).await.unwrap()[0].state, PostState::Draft);
    let later = start() + TimeDelta::seconds(1);
    store.publish_post(ID, Publication::At(later), None, start()).await.unwrap().unwrap();
    assert_eq!(full(&store).await.unwrap().state, PostState::Scheduled);
    assert_eq!(store.publish_due_posts(later).await.unwrap().count, 1);
    assert_eq!(full(&store).await.unwrap().state, PostState::Published);
    assert_eq!(store.posts_of(&[ID], PostView::Full).await.unwrap()[0].state, PostState::Published);
}

async fn refused_change_keeps_the_post(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    full(&store).await.unwrap();
    store.update_post(ID, title("Second"), Some(9), start()).await.unwrap().unwrap_err();
    store.database.refuse("update", "posts").await;
    store.update_post(ID, title("Second"), None, start()).await.unwrap_err();
    store.database.accept("posts").await;
    assert_eq!(full(&store).await.as_ref(), Some(&post));
    assert_eq!(full(&store).await, Some(post));
}

async fn concurrent_reads_see_every_acknowledged_change(store: Case) {
    const CHANGES: i32 = 300;
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    let acknowledged = Arc::new(AtomicI32::new(1));
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (store, acknowledged) = ((*store).clone(), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            let mut last = 1;
            while last <= CHANGES {
                let floor = acknowledged.load(Ordering::Acquire);
                let one = full(&store).await.unwrap().revision;
                let several = store.posts_of(&[ID], PostView::Full).await.unwrap()[0].revision;
                assert!(one >= floor && one >= last, "read {one} after {floor} was acknowledged and {last} was read");
                assert!(several >= one, "read {several} after {one}");
                last = several;
                yield_now().await;
            }
        });
    }
    for _ in 0..CHANGES {
        let changed = store.update_post(ID, title("Again"), None, start()).await.unwrap().unwrap();
        acknowledged.store(changed.revision, Ordering::Release);
    }
    tasks.join_all().await;
}

on_both_engines!(crate::support::Case:
    posts_are_cached_on_sqlite_alone,
    change_and_deletion_replace_a_cached_post,
    change_of_the_state_replaces_a_cached_post,
    refused_change_keeps_the_post,
    concurrent_reads_see_every_acknowledged_change,
);

/// Starts a transaction that announces itself and then waits.
fn waiting_transaction(store: &BlogStore) -> (Arc<Semaphore>, Arc<Semaphore>, tokio::task::JoinHandle<()>) {
    let (begun, end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (store, announced, awaited) = (store.clone(), Arc::clone(&begun), Arc::clone(&end));
    let task = tokio::spawn(async move {
        transaction!(store.db(), async move |_tx| {
            announced.add_permits(1);
            drop(awaited.acquire().await);
            Ok(TransactionOutcome::Commit(()))
        })
        .unwrap();
    });
    (begun, end, task)
}

#[tokio::test]
async fn abandoned_change_is_seen_after_its_commit() {
    let store = Case::sqlite().await;
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let (begun, end, first) = waiting_transaction(&store);
    drop(begun.acquire().await);
    // Both wait in the queue, so they will share a commit.
    let changing = tokio::spawn({
        let store = (*store).clone();
        async move { store.update_post(ID, title("Second"), None, start()).await }
    });
    yield_now().await;
    let (begun, end_of_second, second) = waiting_transaction(&store);
    yield_now().await;
    end.add_permits(1);
    first.await.unwrap();
    drop(begun.acquire().await);
    // The statement of the change has run, but is not committed.
    changing.abort();
    assert!(changing.await.unwrap_err().is_cancelled());
    assert_eq!(full(&store).await, Some(post));
    end_of_second.add_permits(1);
    second.await.unwrap();
    assert_eq!(full(&store).await.unwrap().title, "Second");
    store.close().await;
}
