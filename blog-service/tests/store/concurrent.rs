//! Concurrent calls: exactly one wins, and each other call gets the reason why it lost.

use std::collections::HashSet;

use blog_service::domain::{PostChange, PostId, PostState, PostView, Publication};
use blog_service::store::{BlogStore, NewPost, NewSlug, NotCreated, PostUnchanged};
use chrono::TimeDelta;
use db::requests::{self, Earlier};
use db::secrets;
use testkit::{on_both_engines, start};
use tokio::task::JoinSet;

use crate::support::{Case, draft, key, new_post, slug, title};

/// Runs the same work `times` times at once, each with its number, and returns the results.
async fn at_once<T: Send + 'static, F>(store: &BlogStore, times: u128, work: impl Fn(BlogStore, u128) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    (0..times).map(|time| work(store.clone(), time)).collect::<JoinSet<_>>().join_all().await
}

async fn one_of_hundred_changes_for_one_revision_wins(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let changed = at_once(&store, 100, |store, number| async move {
        store.update_post(PostId::from_u128(1), title(&format!("{number}")), Some(1), start()).await.unwrap()
    });
    let (won, lost): (Vec<_>, Vec<_>) = changed.await.into_iter().partition(Result::is_ok);
    assert!(lost.len() == 99 && lost.iter().all(|lost| *lost == Err(PostUnchanged::Stale)), "{lost:?}");
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), won[0].clone().ok());
}

async fn changes_for_any_revision_are_all_counted(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    let changed = at_once(&store, 100, |store, number| async move {
        store
            .update_post(PostId::from_u128(1), title(&format!("{number}")), None, start())
            .await
            .unwrap()
            .unwrap()
            .revision
    });
    let mut revisions = changed.await;
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=101).collect::<Vec<_>>(), "each change returns its own revision");
    assert_eq!(store.post(post.id, PostView::Full).await.unwrap().unwrap().revision, 101);
}

async fn post_is_deleted_once(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    let deleted =
        at_once(&store, 20, |store, _| async move { store.delete_post(PostId::from_u128(1), None).await.unwrap() });
    let lost = deleted.await.into_iter().filter(|deleted| *deleted == Err(PostUnchanged::NotFound)).count();
    assert_eq!(lost, 19);
}

async fn change_or_deletion_for_one_revision_wins_alone(store: Case) {
    for id in 1..=50 {
        store.create_post(new_post(id), None).await.unwrap().unwrap();
    }
    let ended = at_once(&store, 100, |store, number| async move {
        let id = PostId::from_u128(number / 2 + 1);
        let done = if number % 2 == 0 {
            store.delete_post(id, Some(1)).await.unwrap()
        } else {
            store.update_post(id, title("Second"), Some(1), start()).await.unwrap().map(drop)
        };
        (number, done.is_ok())
    });
    let done: Vec<_> = ended.await.into_iter().filter(|(_, done)| *done).map(|(number, _)| number).collect();
    assert_eq!(done.len(), 50, "one success for each post");
    for number in done {
        let post = store.post(PostId::from_u128(number / 2 + 1), PostView::Basic).await.unwrap();
        assert_eq!(post.map(|post| post.revision), (number % 2 == 1).then_some(2), "{number}");
    }
}

async fn request_sent_twenty_times_at_once_writes_once(store: Case) {
    let created =
        at_once(&store, 20, |store, id| async move { store.create_post(new_post(id), Some(&key(7))).await.unwrap() });
    let posts: Vec<_> = created.await.into_iter().flatten().collect();
    assert_eq!(posts, store.list_posts(None, 99, PostView::Full).await.unwrap(), "one row");
    assert_eq!(posts.len(), 1);
    assert_eq!(requests::find::<PostId>(store.db(), &key(7), start()).await.unwrap(), Some(Earlier::Same(posts[0].id)));
}

async fn one_of_twenty_posts_gets_the_given_slug(store: Case) {
    let created = at_once(&store, 20, |store, id| async move {
        let new = NewPost { slug: NewSlug::Given(slug("hello")), ..new_post(id + 1) };
        store.create_post(new, None).await.unwrap()
    });
    let (won, lost): (Vec<_>, Vec<_>) = created.await.into_iter().partition(Result::is_ok);
    assert!(lost.len() == 19 && lost.iter().all(|lost| *lost == Err(NotCreated::SlugTaken)), "{lost:?}");
    let winner = won[0].clone().unwrap().id;
    assert_eq!(store.id_of_slug(&slug("hello")).await.unwrap(), Some(winner));
}

async fn made_slugs_differ_under_races(store: Case) {
    let created = at_once(&store, 64, |store, id| async move {
        let new = NewPost { slug: NewSlug::Made(slug("hello")), ..new_post(id + 1) };
        let request = (id % 2 == 0).then(|| key(id));
        store.create_post(new, request.as_ref()).await.unwrap().unwrap()
    });
    let created = created.await;
    let slugs: HashSet<&str> = created.iter().map(|post| post.slug.as_str()).collect();
    assert_eq!(slugs.len(), 64, "{slugs:?}");
    assert!(slugs.contains("hello") && slugs.contains("hello-2"), "{slugs:?}");
    for post in &created {
        assert!(post.slug.starts_with("hello"), "each try of a slug is one of many numbers: {}", post.slug);
        assert_eq!(store.post(post.id, PostView::Full).await.unwrap().as_ref(), Some(post));
    }
}

#[tokio::test]
async fn made_slugs_of_two_processes_differ() {
    let Some(one) = Case::postgres().await else { return };
    let other = BlogStore::open(&one.database.url, 0).await.unwrap();
    let created = at_once(&one, 64, |one, id| {
        let store = if id % 2 == 0 { one } else { other.clone() };
        async move {
            let new = NewPost { slug: NewSlug::Made(slug("hello")), ..new_post(id + 1) };
            store.create_post(new, None).await.unwrap().unwrap()
        }
    });
    let created = created.await;
    let slugs: HashSet<&str> = created.iter().map(|post| post.slug.as_str()).collect();
    assert!(slugs.len() == 64 && slugs.iter().all(|slug| slug.starts_with("hello")), "{slugs:?}");
    other.close().await;
}

async fn change_and_creation_for_one_slug_win_alone(store: Case) {
    for id in 1..=20 {
        store.create_post(new_post(id), None).await.unwrap().unwrap();
    }
    let claimed = at_once(&store, 40, |store, number| async move {
        let (id, wanted) = (number / 2 + 1, slug(&format!("wanted-{}", number / 2)));
        if number % 2 == 0 {
            let change = PostChange { slug: Some(wanted), ..PostChange::default() };
            store.update_post(PostId::from_u128(id), change, None, start()).await.unwrap().is_ok()
        } else {
            let new = NewPost { slug: NewSlug::Given(wanted), ..new_post(100 + id) };
            store.create_post(new, None).await.unwrap().is_ok()
        }
    });
    assert_eq!(claimed.await.into_iter().filter(|claimed| *claimed).count(), 20, "one success for each slug");
}

async fn due_posts_are_published_once_by_many(store: Case) {
    let time = start() + TimeDelta::seconds(1);
    for id in 1..=100 {
        store.create_post(draft(id), None).await.unwrap().unwrap();
        store.publish_post(PostId::from_u128(id), Publication::At(time), None, start()).await.unwrap().unwrap();
    }
    let published = at_once(&store, 8, move |store, _| async move {
        let mut count = 0;
        for _ in 0..100 {
            let published = store.publish_due_posts(time).await.unwrap();
            count += published.count;
            if published.next.is_none() {
                break;
            }
        }
        count
    });
    assert_eq!(published.await.iter().sum::<u64>(), 100);
    for post in store.list_posts(None, 200, PostView::Basic).await.unwrap() {
        assert_eq!((post.state, post.revision), (PostState::Published, 3));
    }
}

async fn concurrent_starts_store_one_page_key(store: Case) {
    let kept = at_once(&store, 20, |store, number| async move {
        secrets::page_token_key(store.db(), [u8::try_from(number).unwrap(); 64]).await.unwrap()
    });
    let kept = kept.await;
    assert!(kept.iter().all(|key| *key == kept[0]), "{kept:?}");
}

on_both_engines!(crate::support::Case:
    one_of_hundred_changes_for_one_revision_wins,
    changes_for_any_revision_are_all_counted,
    post_is_deleted_once,
    change_or_deletion_for_one_revision_wins_alone,
    request_sent_twenty_times_at_once_writes_once,
    one_of_twenty_posts_gets_the_given_slug,
    made_slugs_differ_under_races,
    change_and_creation_for_one_slug_win_alone,
    due_posts_are_published_once_by_many,
    concurrent_starts_store_one_page_key,
);
