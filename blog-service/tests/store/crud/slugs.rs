//! Slugs are unique, get numbers if they are made, and belong to their post until its deletion.

use blog_service::domain::{PostChange, PostId, PostView, Slug};
use blog_service::store::{BlogStore, NewPost, NewSlug, NotCreated, PostUnchanged};
use testkit::{on_both_engines, start};

use crate::support::{Case, key, new_post, reads, slug, writes};

const ONE: PostId = PostId::from_u128(1);
const TWO: PostId = PostId::from_u128(2);

fn given(id: u128, text: &str) -> NewPost {
    NewPost { slug: NewSlug::Given(slug(text)), ..new_post(id) }
}

fn made(id: u128, text: &str) -> NewPost {
    NewPost { slug: NewSlug::Made(slug(text)), ..new_post(id) }
}

fn to(text: &str) -> PostChange {
    PostChange { slug: Some(slug(text)), ..PostChange::default() }
}

async fn owner(store: &BlogStore, text: &str) -> Option<PostId> {
    store.id_of_slug(&Slug::parse(text.into()).unwrap()).await.unwrap()
}

async fn given_slug_is_unique(store: Case) {
    let post = store.create_post(given(1, "hello"), None).await.unwrap().unwrap();
    assert_eq!(post.slug, "hello");
    assert_eq!(store.post(ONE, PostView::Full).await.unwrap(), Some(post));
    for request in [None, Some(&key(7))] {
        let taken = store.create_post(given(2, "hello"), request).await.unwrap();
        assert_eq!(taken, Err(NotCreated::SlugTaken));
    }
    assert_eq!(store.post(TWO, PostView::Basic).await.unwrap(), None);
    assert_eq!(owner(&store, "hello").await, Some(ONE));
    assert_eq!(owner(&store, "other").await, None);
    let post = store.create_post(given(2, "other"), Some(&key(7))).await.unwrap().unwrap();
    assert_eq!(post.slug, "other", "the refused request has not used up its id");
}

async fn made_slug_gets_the_next_number(store: Case) {
    // A caller has chosen a number that a made slug would get.
    store.create_post(given(90, "hello-5"), None).await.unwrap().unwrap();
    for (id, wanted) in [(1, "hello"), (2, "hello-2"), (3, "hello-3"), (4, "hello-4"), (5, "hello-6")] {
        let request = (id % 2 == 0).then(|| key(id));
        let post = store.create_post(made(id, "hello"), request.as_ref()).await.unwrap().unwrap();
        assert_eq!(post.slug, wanted);
        assert_eq!(store.post(post.id, PostView::Full).await.unwrap(), Some(post));
    }
    assert_eq!(store.free_number(&slug("hello"), 1).await.unwrap(), Some(7));
    assert_eq!(store.free_number(&slug("new"), 1).await.unwrap(), Some(2));
}

async fn posts_with_one_title_need_one_statement_each(store: Case) {
    for id in 1..=2 {
        store.create_post(made(id, "hello"), None).await.unwrap().unwrap();
    }
    let (written, read) = (writes(&store), reads(&store));
    for id in 3..=50 {
        let post = store.create_post(made(id, "hello"), None).await.unwrap().unwrap();
        assert_eq!(post.slug, format!("hello-{id}"));
    }
    assert_eq!((writes(&store) - written, reads(&store) - read), (48, 0));
}

async fn post_without_a_slug_shows_its_id(store: Case) {
    let new = NewPost { slug: NewSlug::FromId, ..new_post(1) };
    let post = store.create_post(new.clone(), None).await.unwrap().unwrap();
    assert_eq!(post.slug, ONE.to_string());
    for view in [PostView::Basic, PostView::Full] {
        assert_eq!(store.posts_of(&[ONE], view).await.unwrap()[0].slug, post.slug);
        assert_eq!(store.list_posts(None, 1, view).await.unwrap()[0].slug, post.slug);
    }
    assert!(store.create_post(new, None).await.is_err(), "the id is taken");
    let changed = store.update_post(ONE, to("hello"), None, start()).await.unwrap().unwrap();
    assert_eq!(changed.slug, "hello");
}

async fn earlier_slugs_stay_with_their_post(store: Case) {
    store.create_post(given(1, "first"), None).await.unwrap().unwrap();
    store.create_post(given(2, "other"), None).await.unwrap().unwrap();
    let changed = store.update_post(ONE, to("second"), Some(1), start()).await.unwrap().unwrap();
    assert_eq!((changed.slug.as_str(), changed.revision), ("second", 2));
    for text in ["first", "second"] {
        assert_eq!(owner(&store, text).await, Some(ONE));
        assert_eq!(store.update_post(TWO, to(text), None, start()).await.unwrap(), Err(PostUnchanged::SlugTaken));
        assert_eq!(store.create_post(given(3, text), None).await.unwrap(), Err(NotCreated::SlugTaken));
    }
    let back = store.update_post(ONE, to("first"), Some(2), start()).await.unwrap().unwrap();
    assert_eq!((back.slug.as_str(), back.revision), ("first", 3), "a post may return to its earlier slug");
    assert_eq!(store.update_post(ONE, to("first"), Some(3), start()).await.unwrap().unwrap().revision, 4);
    assert_eq!(store.update_post(ONE, to("x"), Some(3), start()).await.unwrap(), Err(PostUnchanged::Stale));
    assert_eq!(owner(&store, "x").await, None, "a refused change claims no slug");
}

async fn slugs_of_a_deleted_post_are_free(store: Case) {
    store.create_post(given(1, "first"), None).await.unwrap().unwrap();
    store.update_post(ONE, to("second"), None, start()).await.unwrap().unwrap();
    store.delete_post(ONE, None).await.unwrap().unwrap();
    for (id, text) in [(2, "first"), (3, "second")] {
        assert_eq!(owner(&store, text).await, None);
        assert_eq!(store.create_post(given(id, text), None).await.unwrap().unwrap().slug, text);
    }
}

on_both_engines!(crate::support::Case:
    given_slug_is_unique,
    made_slug_gets_the_next_number,
    posts_with_one_title_need_one_statement_each,
    post_without_a_slug_shows_its_id,
    earlier_slugs_stay_with_their_post,
    slugs_of_a_deleted_post_are_free,
);
