//! States of posts: published, scheduled and back, each once per revision.

use blog_service::domain::{Post, PostId, PostState, PostView, Publication};
use blog_service::store::{NewPost, NewSlug, PostUnchanged, PublishedPosts};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, draft, new_post, title};

const ONE: PostId = PostId::from_u128(1);
const NONE: PostId = PostId::from_u128(99);

async fn lists_have_only_published_posts(store: Case) {
    store.create_post(draft(1), None).await.unwrap().unwrap();
    store.create_post(draft(2), None).await.unwrap().unwrap();
    store.create_post(new_post(3), None).await.unwrap().unwrap();
    let at = Publication::At(start() + TimeDelta::hours(1));
    store.publish_post(PostId::from_u128(2), at, None, start()).await.unwrap().unwrap();
    for view in [PostView::Basic, PostView::Full] {
        let listed = store.list_posts(None, 9, view).await.unwrap();
        assert_eq!(listed.iter().map(|post| post.id.as_u128()).collect::<Vec<_>>(), [3]);
    }
    // By its id, a post is read in any state: the use cases hide it.
    assert_eq!(store.post(ONE, PostView::Full).await.unwrap().unwrap().state, PostState::Draft);
}

async fn draft_is_published_at_once(store: Case) {
    let post = store.create_post(draft(1), None).await.unwrap().unwrap();
    assert_eq!((post.state, post.publish_time), (PostState::Draft, None));
    let now = start() + TimeDelta::microseconds(1);
    assert_eq!(store.publish_post(ONE, Publication::Now, Some(2), now).await.unwrap(), Err(PostUnchanged::Stale));
    assert_eq!(store.publish_post(NONE, Publication::Now, None, now).await.unwrap(), Err(PostUnchanged::NotFound));
    let published = store.publish_post(ONE, Publication::Now, Some(1), now).await.unwrap().unwrap();
    let wanted =
        Post { state: PostState::Published, publish_time: Some(now), revision: 2, update_time: now, ..post.clone() };
    assert_eq!(published, wanted.basic());
    assert_eq!(store.post(ONE, PostView::Full).await.unwrap(), Some(wanted));
    let again = store.publish_post(ONE, Publication::Now, Some(2), now).await.unwrap();
    assert_eq!(again, Err(PostUnchanged::WrongState(PostState::Published)));
    let stale = store.publish_post(ONE, Publication::Now, Some(1), now).await.unwrap();
    assert_eq!(stale, Err(PostUnchanged::Stale), "the etag comes before the state");
}

async fn published_and_scheduled_posts_become_drafts(store: Case) {
    let later = start() + TimeDelta::hours(1);
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    let post = store.unpublish_post(ONE, Some(1), start()).await.unwrap().unwrap();
    assert_eq!((post.state, post.publish_time, post.revision), (PostState::Draft, None, 2));
    let again = store.unpublish_post(ONE, None, start()).await.unwrap();
    assert_eq!(again, Err(PostUnchanged::WrongState(PostState::Draft)));
    assert_eq!(store.unpublish_post(ONE, Some(1), start()).await.unwrap(), Err(PostUnchanged::Stale));
    assert_eq!(store.unpublish_post(NONE, None, start()).await.unwrap(), Err(PostUnchanged::NotFound));
    store.publish_post(ONE, Publication::At(later), Some(2), start()).await.unwrap().unwrap();
    let post = store.unpublish_post(ONE, Some(3), start()).await.unwrap().unwrap();
    assert_eq!((post.state, post.publish_time, post.revision), (PostState::Draft, None, 4));
    assert_eq!(store.publish_due_posts(later).await.unwrap(), PublishedPosts::default(), "the time was canceled");
}

async fn due_posts_are_published_once(store: Case) {
    let second = |number| start() + TimeDelta::seconds(number);
    assert_eq!(store.publish_due_posts(start()).await.unwrap(), PublishedPosts { count: 0, next: None });
    for (id, time) in [(1, 20), (2, 10), (3, 3600)] {
        store.create_post(draft(id), None).await.unwrap().unwrap();
        let at = Publication::At(second(time));
        store.publish_post(PostId::from_u128(id), at, None, start()).await.unwrap().unwrap();
    }
    assert_eq!(store.publish_due_posts(second(8)).await.unwrap(), PublishedPosts::default());
    let soon = store.publish_due_posts(second(10) - TimeDelta::microseconds(1)).await.unwrap();
    assert_eq!(soon, PublishedPosts { count: 0, next: Some(second(10)) }, "due within a second");
    for count in [1, 0] {
        assert_eq!(store.publish_due_posts(second(10)).await.unwrap(), PublishedPosts { count, next: None });
    }
    let post = store.post(PostId::from_u128(2), PostView::Full).await.unwrap().unwrap();
    assert_eq!((post.state, post.revision), (PostState::Published, 3));
    assert_eq!((post.publish_time, post.update_time), (Some(second(10)), second(10)));
    // A late poll publishes with the planned time.
    assert_eq!(store.publish_due_posts(second(30)).await.unwrap().count, 1);
    let post = store.post(ONE, PostView::Full).await.unwrap().unwrap();
    assert_eq!((post.publish_time, post.update_time, post.revision), (Some(second(20)), second(30), 3));
    // A clock that is set back changes nothing.
    assert_eq!(store.publish_due_posts(second(5)).await.unwrap(), PublishedPosts::default());
    assert_eq!(store.post(ONE, PostView::Full).await.unwrap(), Some(post));
}

async fn scheduled_post_gets_another_time(store: Case) {
    let second = |number| start() + TimeDelta::seconds(number);
    store.create_post(draft(1), None).await.unwrap().unwrap();
    for time in [10, 5] {
        let at = Publication::At(second(time));
        let post = store.publish_post(ONE, at, None, start()).await.unwrap().unwrap();
        assert_eq!((post.state, post.publish_time), (PostState::Scheduled, Some(second(time))));
    }
    assert_eq!(store.publish_due_posts(second(5)).await.unwrap().count, 1);
    store.unpublish_post(ONE, None, start()).await.unwrap().unwrap();
    store.publish_post(ONE, Publication::At(second(9)), None, start()).await.unwrap().unwrap();
    let post = store.publish_post(ONE, Publication::Now, None, second(6)).await.unwrap().unwrap();
    assert_eq!((post.state, post.publish_time), (PostState::Published, Some(second(6))));
    assert_eq!(store.publish_due_posts(second(9)).await.unwrap(), PublishedPosts::default());
}

async fn many_due_posts_are_published_in_batches(store: Case) {
    let time = start() + TimeDelta::seconds(1);
    for id in 1..=70 {
        store.create_post(NewPost { slug: NewSlug::FromId, ..draft(id) }, None).await.unwrap().unwrap();
        store.publish_post(PostId::from_u128(id), Publication::At(time), None, start()).await.unwrap().unwrap();
    }
    for (count, next) in [(32, Some(time)), (32, Some(time)), (6, None), (0, None)] {
        assert_eq!(store.publish_due_posts(time).await.unwrap(), PublishedPosts { count, next });
    }
    assert_eq!(store.list_posts(None, 99, PostView::Basic).await.unwrap().len(), 70);
}

async fn row_of_an_earlier_version_is_published(store: Case) {
    // An earlier version names neither slug nor state.
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let run = "insert into posts (id, owner_id, title, revision, create_time, update_time, content) \
         select $ID, owner_id, title, revision, create_time, update_time, content from posts";
    let id = if store.db().has_one_writer() { "randomblob(16)" } else { "gen_random_uuid()" };
    store.database.run(&run.replace("$ID", id)).await;
    let listed = store.list_posts(None, 9, PostView::Basic).await.unwrap();
    let old = listed.iter().find(|listed| listed.id != post.id).unwrap();
    assert_eq!((old.state, old.publish_time), (PostState::Published, Some(old.create_time)));
    assert_eq!(old.slug, old.id.to_string());
    let changed = store.update_post(old.id, title("Second"), Some(1), start()).await.unwrap().unwrap();
    assert_eq!(changed.slug, old.slug);
    store.delete_post(old.id, Some(2)).await.unwrap().unwrap();
}

on_both_engines!(crate::support::Case:
    lists_have_only_published_posts,
    draft_is_published_at_once,
    published_and_scheduled_posts_become_drafts,
    due_posts_are_published_once,
    scheduled_post_gets_another_time,
    many_due_posts_are_published_in_batches,
    row_of_an_earlier_version_is_published,
);
