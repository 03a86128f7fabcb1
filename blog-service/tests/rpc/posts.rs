//! Owners write posts, and every caller with a token reads them.

use blog_service::api::v1::get_post_request::Post::Id;
use blog_service::api::v1::{GetPostRequest, PostView};

use super::support::{ADA, BOB, start};

#[tokio::test]
async fn owner_is_the_bearer_of_the_token() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    assert_eq!((post.owner_id.as_str(), post.revision, post.etag.as_str()), (ADA, 1, "r1"));
    assert_eq!(post.create_time, Some(std::time::SystemTime::from(testkit::start()).into()));
    assert_eq!(post.update_time, post.create_time);
}

#[tokio::test]
async fn post_is_read_by_others_with_or_without_content() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First\r\npost.\t\u{1f980}").await.unwrap();
    let wanted = |view: PostView| GetPostRequest { post: Some(Id(post.id.clone())), view: view.into() };
    for view in [PostView::Unspecified, PostView::Full] {
        let read = service.posts(BOB).get_post(wanted(view)).await.unwrap().into_inner().post.unwrap();
        assert_eq!(read, post, "{view:?}");
    }
    let basic = service.posts(BOB).get_post(wanted(PostView::Basic)).await.unwrap().into_inner().post.unwrap();
    assert_eq!((basic.title.as_str(), basic.content.as_str()), ("Hello", ""));
}

#[tokio::test]
async fn read_by_the_owner_deletes_nothing() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    let wanted = GetPostRequest { post: Some(Id(post.id)), view: 0 };
    for _ in 0..2 {
        assert!(service.posts(ADA).get_post(wanted.clone()).await.is_ok());
    }
}

#[tokio::test]
async fn largest_content_is_accepted_and_returned() {
    let service = start().await;
    let content = "\u{1f980}".repeat(1024 * 1024 / 4);
    let post = service.create(ADA, &"\u{1f980}".repeat(128), &content).await.unwrap();
    assert_eq!(post.content, content);
}
