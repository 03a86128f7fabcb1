//! A post changes once a revision, and requests that come twice write once.

use std::time::Duration;

use blog_service::domain::{Content, PostChange, View};
use blog_service::store::{StoreError, Unchanged};
use kit::db::requests::Earlier;
use kit::request_id::{Fingerprint, RequestKey};
use kit::testing::{on_both_engines, start};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::support::{ADA, Case, new_post, title};

const NONE: Uuid = Uuid::from_u128(99);

async fn a_change_is_for_the_revision_that_was_read(store: Case) {
    let post = store.create_post(&new_post(1), None).await.unwrap().unwrap();
    let later = start() + Duration::from_secs(1);
    let changed = store.update_post(post.id, &title("Second"), Some(1), later).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.content.as_str()), ("Second", "First post."));
    assert_eq!((changed.revision, changed.create_time, changed.update_time), (2, start(), later));
    assert_eq!(store.post(post.id, View::Full).await.unwrap(), Some(changed));
    assert_eq!(store.update_post(post.id, &title("x"), Some(1), later).await.unwrap(), Err(Unchanged::Stale));
    assert_eq!(store.update_post(NONE, &title("x"), None, later).await.unwrap(), Err(Unchanged::NotFound));
    let content = PostChange { title: None, content: Content::parse("Third".into()).ok() };
    let changed = store.update_post(post.id, &content, None, later).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.content.as_str(), changed.revision), ("Second", "Third", 3));
}

async fn a_post_is_deleted_once_and_for_its_revision(store: Case) {
    let post = store.create_post(&new_post(1), None).await.unwrap().unwrap();
    assert_eq!(store.delete_post(post.id, Some(2)).await.unwrap(), Err(Unchanged::Stale));
    assert_eq!(store.delete_post(post.id, Some(1)).await.unwrap(), Ok(()));
    assert_eq!(store.delete_post(post.id, None).await.unwrap(), Err(Unchanged::NotFound));
    assert_eq!(store.post(post.id, View::Basic).await.unwrap(), None);
}

async fn a_request_that_comes_twice_writes_once(store: Case) {
    let key = RequestKey {
        caller: ADA.to_string(),
        method: "CreatePost",
        id: Uuid::from_u128(7),
        fingerprint: Fingerprint::of(&["Post", "First post."]),
    };
    assert_eq!(store.earlier(&key, start()).await.unwrap(), None);
    let post = store.create_post(&new_post(1), Some(&key)).await.unwrap().unwrap();
    assert_eq!(store.create_post(&new_post(2), Some(&key)).await.unwrap(), None);
    assert_eq!(store.earlier(&key, start()).await.unwrap(), Some(Earlier::Same(post.id)));
    assert_eq!(store.post(Uuid::from_u128(2), View::Basic).await.unwrap(), None, "nothing is written");
}

async fn of_a_hundred_changes_for_one_revision_exactly_one_wins(store: Case) {
    let post = store.create_post(&new_post(1), None).await.unwrap().unwrap();
    let mut all = JoinSet::new();
    for number in 0..100 {
        let (store, id) = ((*store).clone(), post.id);
        all.spawn(async move { store.update_post(id, &title(&format!("{number}")), Some(1), start()).await });
    }
    let mut won = 0;
    while let Some(changed) = all.join_next().await {
        match changed.unwrap() {
            Ok(Ok(_)) => won += 1,
            Ok(Err(Unchanged::Stale)) | Err(StoreError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
}

on_both_engines!(crate::support::Case: a_change_is_for_the_revision_that_was_read, a_post_is_deleted_once_and_for_its_revision, a_request_that_comes_twice_writes_once, of_a_hundred_changes_for_one_revision_exactly_one_wins);
