//! Changes and deletion of a post, once per revision.

use std::time::Duration;

use blog_service::domain::{PostChange, PostId, PostView};
use blog_service::store::PostUnchanged;
use testkit::{on_both_engines, start};

use crate::support::{Case, body, new_post, title};

const NONE: PostId = PostId::from_u128(99);

async fn change_needs_the_revision_that_was_read(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let later = start() + Duration::from_secs(1);
    let changed = store.update_post(post.id, title("Second"), Some(1), later).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.content.as_str()), ("Second", "First post."));
    assert_eq!((changed.revision, changed.create_time, changed.update_time), (2, start(), later));
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(changed));
    assert_eq!(store.update_post(post.id, title("x"), Some(1), later).await.unwrap(), Err(PostUnchanged::Stale));
    assert_eq!(store.update_post(NONE, title("x"), None, later).await.unwrap(), Err(PostUnchanged::NotFound));
    let content = PostChange { body: Some(body("Third")), ..PostChange::default() };
    let changed = store.update_post(post.id, content, None, later).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.content.as_str(), changed.revision), ("Second", "Third", 3));
}

async fn post_is_deleted_once_and_for_its_revision(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    assert_eq!(store.delete_post(post.id, Some(2)).await.unwrap(), Err(PostUnchanged::Stale));
    assert_eq!(store.delete_post(post.id, Some(1)).await.unwrap(), Ok(()));
    assert_eq!(store.delete_post(post.id, None).await.unwrap(), Err(PostUnchanged::NotFound));
    assert_eq!(store.post(post.id, PostView::Basic).await.unwrap(), None);
}

on_both_engines!(crate::support::Case:
    change_needs_the_revision_that_was_read,
    post_is_deleted_once_and_for_its_revision,
);
