//! Renderings of posts: an outdated one is not returned, and is replaced without a new revision.

use blog_service::domain::{Post, PostChange, PostDetails, PostId, PostView, Rendering, Tag, Tags};
use blog_service::store::{BlogStore, NewPost};
use testkit::{on_both_engines, start};

use crate::support::{Case, body, new_post, title};

const ONE: PostId = PostId::from_u128(1);

async fn full(store: &BlogStore) -> Post {
    store.post(ONE, PostView::Full).await.unwrap().unwrap()
}

fn rendering() -> Rendering {
    Rendering { html: "<p>New.</p>".into(), excerpt: "New.".into() }
}

async fn post_is_stored_with_its_rendering(store: Case) {
    let tags = Tags::join(&[Tag::parse("Rust").unwrap(), Tag::parse("a b").unwrap()]).unwrap();
    let details = PostDetails { tags, ..PostDetails::default() };
    let post = store.create_post(NewPost { details, ..new_post(1) }, None).await.unwrap().unwrap();
    assert_eq!((post.content_html.as_str(), post.excerpt()), ("<p>First post.</p>\n", "First post."));
    assert_eq!(post.tags.iter().collect::<Vec<_>>(), ["rust", "a-b"]);
    assert_eq!(full(&store).await, post);
    let change = PostChange { body: Some(body("*Second*")), ..PostChange::default() };
    let changed = store.update_post(ONE, change, None, start()).await.unwrap().unwrap();
    assert_eq!((changed.content_html.as_str(), changed.excerpt()), ("<p><em>Second</em></p>\n", "Second"));
    assert_eq!(full(&store).await, changed);
    assert!(!store.keep_rendering(ONE, 2, &rendering()).await.unwrap(), "the stored one is current");
    let changed = store.update_post(ONE, title("Second"), None, start()).await.unwrap().unwrap();
    assert!(changed.is_rendered, "another field keeps the rendering");
    assert_eq!(full(&store).await, changed);
}

async fn outdated_rendering_is_replaced_once(store: Case) {
    for outdated in [
        "update posts set html_version = 0",
        // Another version of the service, which knows no HTML, has written the post.
        "update posts set revision = revision + 1",
        "update posts set content_html = null, html_version = null, html_revision = null, made_excerpt = ''",
    ] {
        let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
        store.database.run(outdated).await;
        let read = full(&store).await;
        assert_eq!((read.is_rendered, read.content_html.as_str()), (false, ""), "{outdated}");
        assert!(!store.keep_rendering(ONE, read.revision + 1, &rendering()).await.unwrap(), "another revision");
        assert!(store.keep_rendering(ONE, read.revision, &rendering()).await.unwrap(), "{outdated}");
        assert!(!store.keep_rendering(ONE, read.revision, &rendering()).await.unwrap(), "once");
        let kept = full(&store).await;
        assert_eq!(kept, Post { revision: read.revision, ..post }.with_rendering(rendering()), "{outdated}");
        store.delete_post(ONE, None).await.unwrap().unwrap();
    }
}

async fn rendering_of_a_newer_version_is_kept(store: Case) {
    let post = store.create_post(new_post(1), None).await.unwrap().unwrap();
    store.database.run("update posts set html_version = 1000").await;
    assert_eq!(full(&store).await, post);
    assert!(!store.keep_rendering(ONE, 1, &rendering()).await.unwrap());
}

async fn changes_of_the_state_keep_the_rendering(store: Case) {
    store.create_post(new_post(1), None).await.unwrap().unwrap();
    store.unpublish_post(ONE, None, start()).await.unwrap().unwrap();
    assert!(full(&store).await.is_rendered);
    let later = start() + std::time::Duration::from_secs(1);
    let at = blog_service::domain::Publication::At(later);
    store.publish_post(ONE, at, None, start()).await.unwrap().unwrap();
    assert!(full(&store).await.is_rendered);
    assert_eq!(store.publish_due_posts(later).await.unwrap().count, 1);
    assert!(full(&store).await.is_rendered);
}

on_both_engines!(crate::support::Case:
    post_is_stored_with_its_rendering,
    outdated_rendering_is_replaced_once,
    rendering_of_a_newer_version_is_kept,
    changes_of_the_state_keep_the_rendering,
);
