//! What is written is what is read: one, some, a page.

use blog_service::domain::{Post, View};
use kit::testing::{on_both_engines, start};
use uuid::Uuid;

use super::support::{ADA, Case, new_post};

fn ids(posts: &[Post]) -> Vec<u128> {
    posts.iter().map(|post| post.id.as_u128()).collect()
}

async fn a_post_is_read_with_or_without_its_content(store: Case) {
    let post = store.create_post(&new_post(1), None).await.unwrap().unwrap();
    assert_eq!((post.owner_id, post.title.as_str(), post.content.as_str()), (ADA, "Post 1", "First post."));
    assert_eq!((post.revision, post.create_time, post.update_time), (1, start(), start()));
    assert_eq!(store.post(post.id, View::Full).await.unwrap().as_ref(), Some(&post));
    let basic = Post { content: String::new(), ..post.clone() };
    assert_eq!(store.post(post.id, View::Basic).await.unwrap(), Some(basic));
    assert_eq!(store.post(Uuid::from_u128(9), View::Full).await.unwrap(), None);
    assert!(store.create_post(&new_post(1), None).await.is_err(), "no two rows have one id");
}

async fn some_posts_and_pages_of_them(store: Case) {
    for id in 1..=10 {
        store.create_post(&new_post(id), None).await.unwrap().unwrap();
    }
    for (view, content) in [(View::Basic, ""), (View::Full, "First post.")] {
        assert_eq!(ids(&store.list_posts(None, 3, view).await.unwrap()), [10, 9, 8]);
        assert_eq!(ids(&store.list_posts(Some(Uuid::from_u128(3)), 9, view).await.unwrap()), [2, 1]);
        let wanted: Vec<Uuid> = [3, 9, 99, 1].map(Uuid::from_u128).into();
        let mut found = store.posts_of(&wanted, view).await.unwrap();
        found.sort_unstable_by_key(|post| post.id);
        assert_eq!(ids(&found), [1, 3, 9]);
        assert!(found.iter().all(|post| post.content == content));
    }
    assert_eq!(store.posts_of(&[], View::Full).await.unwrap(), []);
}

on_both_engines!(crate::support::Case: a_post_is_read_with_or_without_its_content, some_posts_and_pages_of_them);
