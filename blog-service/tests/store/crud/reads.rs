//! Reads return the written values: one post, several posts, a page.

use std::slice::from_ref;

use blog_service::domain::{Post, PostChange, PostId, PostSize, PostState, PostView, Title};
use blog_service::store::{BlogStore, NewPost};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{ADA, Case, body, draft, new_post};

fn ids(posts: &[Post]) -> Vec<u128> {
    posts.iter().map(|post| post.id.as_u128()).collect()
}

async fn post_is_read_with_or_without_its_content(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    assert_eq!((post.owner_id, post.title.as_str(), post.content.as_str()), (ADA, "Post 1", "First post."));
    assert_eq!((post.revision, post.create_time, post.update_time), (1, start(), start()));
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap().as_ref(), Some(&post));
    assert_eq!(store.post(post.id, PostView::Basic).await.unwrap(), Some(post.basic()));
    assert_eq!(store.post(PostId::from_u128(9), PostView::Full).await.unwrap(), None);
    assert!(store.create_post(new_post(1), None).await.is_err(), "ids are unique");
}

async fn several_posts_and_pages_are_read(store: Case) {
    for id in 1..=10 {
        store.create_post(new_post(id), None).await.unwrap().unwrap();
    }
    for (view, content) in [(PostView::Basic, ""), (PostView::Full, "First post.")] {
        assert_eq!(ids(&store.list_posts(None, 3, view).await.unwrap()), [10, 9, 8]);
        assert_eq!(ids(&store.list_posts(Some(PostId::from_u128(3)), 9, view).await.unwrap()), [2, 1]);
        let wanted: Vec<PostId> = [3, 9, 99, 1].map(PostId::from_u128).into();
        let mut found = store.posts_of(&wanted, view).await.unwrap();
        found.sort_unstable_by_key(|post| post.id);
        assert_eq!(ids(&found), [1, 3, 9]);
        assert!(found.iter().all(|post| post.content == content));
    }
    assert_eq!(store.posts_of(&[], PostView::Full).await.unwrap(), []);
}

async fn post_of_the_largest_size_is_read_as_written(store: Case) {
    // Characters of four bytes and of one, quotes, a backslash, both forms of an accent, and a time to the microsecond.
    let text = "\u{1f980}'\"\\%_\u{e9}e\u{301}\n\t ";
    let content = text.repeat(1024 * 1024 / text.len());
    let content = format!("{content}{}", "a".repeat(1024 * 1024 - content.len()));
    let (title, time) = ("\u{1f980}".repeat(128), start() + TimeDelta::microseconds(123_456));
    let new =
        NewPost { title: Title::parse(title.clone()).unwrap(), body: body(&content), create_time: time, ..new_post(1) };
    let post = store.create_post(new, None).await.unwrap().unwrap();
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(post.clone()));
    assert_eq!((&post.title, post.create_time), (&title, time));
    assert!(post.content == content, "every byte");
    assert_eq!(store.posts_of(&[post.id], PostView::Full).await.unwrap(), from_ref(&post));
    let later = start() + TimeDelta::microseconds(999_999);
    let change = PostChange { body: Some(body(&"\u{e9}".repeat(512 * 1024))), ..PostChange::default() };
    let changed = store.update_post(post.id, change, Some(1), later).await.unwrap().unwrap();
    assert_eq!(changed.update_time, later);
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(changed));
}

async fn list_stops_at_lowest_and_highest_ids(store: Case) {
    assert_eq!(store.list_posts(None, 9, PostView::Full).await.unwrap(), [], "there is no post");
    for id in [1, 2, u128::MAX - 1] {
        store.create_post(new_post(id), None).await.unwrap().unwrap();
    }
    for (after, limit, found) in [
        (None, 9, vec![u128::MAX - 1, 2, 1]),
        (Some(u128::MAX), 9, vec![u128::MAX - 1, 2, 1]),
        (Some(u128::MAX - 1), 9, vec![2, 1]),
        (Some(1), 9, vec![]),
        (Some(0), 9, vec![]),
        (None, 0, vec![]),
        (None, u32::MAX, vec![u128::MAX - 1, 2, 1]),
    ] {
        let posts = store.list_posts(after.map(PostId::from_u128), limit, PostView::Basic).await.unwrap();
        assert_eq!(ids(&posts), found, "{after:?}, {limit}");
    }
}

async fn post_asked_for_twice_is_found_once(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    let found = store.posts_of(&[PostId::from_u128(1); 8], PostView::Basic).await.unwrap();
    assert_eq!(ids(&found), [1]);
    assert_eq!(store.posts_of(&[PostId::NIL, PostId::MAX], PostView::Basic).await.unwrap(), []);
}

/// Returns number and size of the published posts that are older than the post with the number `after`.
async fn sizes(store: &BlogStore, after: Option<u128>, limit: u32) -> Vec<(u128, u64)> {
    let listed = store.list_sizes(after.map(PostId::from_u128), limit).await.unwrap();
    listed.into_iter().map(|size| (size.id.as_u128(), size.octets)).collect()
}

async fn octets(store: &BlogStore, ids: &[PostId]) -> u64 {
    store.sizes_of(ids).await.unwrap().into_iter().map(|size| size.octets).sum()
}

async fn posts_are_measured_in_bytes_without_being_read(store: Case) {
    assert_eq!(store.sizes_of(&[]).await.unwrap(), []);
    assert_eq!(sizes(&store, None, 9).await, []);
    let ids: Vec<PostId> = (1..=100).map(PostId::from_u128).collect();
    for (id, content) in [(1, "a"), (2, "\u{e9}\u{1f980}"), (100, "abc")] {
        let new = NewPost { body: body(content), ..new_post(id) };
        store.create_post(new, None).await.unwrap().unwrap();
    }
    // Titles: "Post 1", "Post 2", "Post 100". The HTML has eight bytes more than the text, and the excerpt is the text.
    assert_eq!(octets(&store, &ids).await, (6 + 11) + (6 + 26) + (8 + 17));
    assert_eq!(octets(&store, &ids[1..99]).await, 32);
    assert_eq!(sizes(&store, None, 9).await, [(100, 25), (2, 32), (1, 17)]);
    assert_eq!(sizes(&store, Some(100), 1).await, [(2, 32)]);
    let long = NewPost { body: body(&"a".repeat(1024 * 1024)), ..draft(50) };
    let long = store.create_post(long, None).await.unwrap().unwrap();
    let size = PostSize { id: long.id, owner_id: ADA, state: PostState::Draft, octets: 2 * 1024 * 1024 + 8 + 202 + 7 };
    assert_eq!(store.sizes_of(&[long.id]).await.unwrap(), [size]);
    assert_eq!(sizes(&store, Some(100), 9).await, [(2, 32), (1, 17)], "a list has no drafts");
}

on_both_engines!(crate::support::Case:
    post_is_read_with_or_without_its_content,
    several_posts_and_pages_are_read,
    post_of_the_largest_size_is_read_as_written,
    posts_are_measured_in_bytes_without_being_read,
    list_stops_at_lowest_and_highest_ids,
    post_asked_for_twice_is_found_once,
);
