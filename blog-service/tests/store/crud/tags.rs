//! Tags of published posts are counted; other posts do not count.

use blog_service::domain::{PostChange, PostDetails, PostId, Publication, Tag, Tags};
use blog_service::store::{BlogStore, NewPost};
use testkit::{on_both_engines, start};

use crate::support::{Case, draft, new_post};

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn tags(all: &[&str]) -> Tags {
    Tags::join(&all.iter().map(|text| tag(text)).collect::<Vec<_>>()).unwrap()
}

fn tagged(new: NewPost, all: &[&str]) -> NewPost {
    NewPost { details: PostDetails { tags: tags(all), ..PostDetails::default() }, ..new }
}

/// Returns the tags and their counts, as text.
async fn counts(store: &BlogStore, after: Option<&str>, limit: u32) -> String {
    let after = after.map(tag);
    let found = store.list_tags(after.as_ref(), limit).await.unwrap();
    let found: Vec<String> = found.iter().map(|count| format!("{} {}", count.tag.as_str(), count.posts)).collect();
    found.join(", ")
}

async fn tags_of_published_posts_are_counted_in_pages(store: Case) {
    assert_eq!(counts(&store, None, 9).await, "");
    for (id, all) in
        [(1, &["rust", "c++", "o'brien"][..]), (2, &["rust", "\u{e9}t\u{e9}", "\u{1f980}"]), (3, &["rust"]), (4, &[])]
    {
        store.create_post(tagged(new_post(id), all), None).await.unwrap().unwrap();
    }
    store.create_post(tagged(draft(5), &["rust", "draft"]), None).await.unwrap().unwrap();
    // In the order of bytes on both engines.
    assert_eq!(counts(&store, None, 9).await, "c++ 1, o'brien 1, rust 3, \u{e9}t\u{e9} 1, \u{1f980} 1");
    assert_eq!(counts(&store, None, 2).await, "c++ 1, o'brien 1");
    assert_eq!(counts(&store, Some("o'brien"), 2).await, "rust 3, \u{e9}t\u{e9} 1");
    assert_eq!(counts(&store, Some("\u{1f980}"), 2).await, "");
}

async fn counts_follow_changes_of_posts(store: Case) {
    let one = PostId::from_u128(1);
    store.create_post(tagged(new_post(1), &["a", "b"]), None).await.unwrap().unwrap();
    store.create_post(tagged(new_post(2), &["a"]), None).await.unwrap().unwrap();
    let change = |all: &[&str]| PostChange { tags: Some(tags(all)), ..PostChange::default() };
    store.update_post(one, change(&["b", "c"]), None, start()).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 1, b 1, c 1");
    store.unpublish_post(one, None, start()).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 1");
    store.update_post(one, change(&["a", "d"]), None, start()).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 1");
    let later = start() + std::time::Duration::from_secs(1);
    store.publish_post(one, Publication::At(later), None, start()).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 1");
    store.publish_due_posts(later).await.unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 2, d 1");
    store.delete_post(one, None).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "a 1");
    store.update_post(PostId::from_u128(2), change(&[]), None, start()).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "");
}

/// A copy brings the tags and their counts before the posts.
async fn copied_posts_are_counted_once(store: Case) {
    let one = PostId::from_u128(1);
    store.create_post(tagged(new_post(1), &["a", "b"]), None).await.unwrap().unwrap();
    for saved in ["posts", "post_tags", "tag_counts"] {
        store.database.run(&format!("create table saved_{saved} as select * from {saved}")).await;
    }
    store.delete_post(one, None).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "");
    for copied in ["tag_counts", "post_tags", "posts"] {
        store.database.run(&format!("insert into {copied} select * from saved_{copied}")).await;
    }
    assert_eq!(counts(&store, None, 9).await, "a 1, b 1");
    store.delete_post(one, None).await.unwrap().unwrap();
    assert_eq!(counts(&store, None, 9).await, "");
    // No row is left that a list would have to skip.
    store
        .database
        .run("create table left_over (tag text not null, shard text not null, posts integer check (false))")
        .await;
    store.database.run("insert into left_over select tag, shard, posts from tag_counts").await;
}

/// Posts of one tag share rows of counts, and each write locks some of them.
async fn concurrent_writes_count_each_post(store: Case) {
    let all = ["a", "b", "c", "d"];
    let turned = |turn: usize| [&all[turn % 4..], &all[..turn % 4]].concat();
    let ids: Vec<u128> = (1..=48).collect();
    let created = ids.iter().map(|id| {
        let (store, tags) = (store.clone(), turned(usize::try_from(*id).unwrap()));
        let new = tagged(new_post(*id), &tags);
        tokio::spawn(async move { store.create_post(new, None).await.unwrap().unwrap() })
    });
    for post in created.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    assert_eq!(counts(&store, None, 9).await, "a 48, b 48, c 48, d 48");
    let changed = ids.iter().map(|id| {
        let (store, id) = (store.clone(), PostId::from_u128(*id));
        let tags = tags(&turned(usize::try_from(id.as_u128() * 3).unwrap())[..2]);
        let change = PostChange { tags: Some(tags), ..PostChange::default() };
        tokio::spawn(async move { store.update_post(id, change, None, start()).await.unwrap().unwrap() })
    });
    for post in changed.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    assert_eq!(counts(&store, None, 9).await, "a 24, b 24, c 24, d 24");
}

on_both_engines!(crate::support::Case:
    tags_of_published_posts_are_counted_in_pages,
    counts_follow_changes_of_posts,
    copied_posts_are_counted_once,
    concurrent_writes_count_each_post,
);
