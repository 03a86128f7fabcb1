//! Requests that are repeated with the same `request_id`, and requests that are only validated.

use std::sync::Arc;
use std::time::Duration;

use blog_service::api::v1::{CreatePostRequest, DeletePostRequest, ListPostsRequest, Post, PostState};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::support::{ADA, BOB, Service, bad_fields, refused, start, start_in};

const ID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const REUSED: &str =
    "request_id: was used for another request within the last 24 hours, draw a new UUID for each request";

fn request() -> CreatePostRequest {
    CreatePostRequest {
        title: "Hello".into(),
        content: "First post.".into(),
        request_id: ID.into(),
        ..CreatePostRequest::default()
    }
}

async fn create(service: &Service, user: &str, request: CreatePostRequest) -> Result<Post, Status> {
    Ok(service.posts(user).create_post(request).await?.into_inner().post.unwrap())
}

async fn count(service: &Service) -> usize {
    service.posts(BOB).list_posts(ListPostsRequest::default()).await.unwrap().into_inner().posts.len()
}

/// C64: a repeated request returns the same post, even after a restart. Another request with the same id is refused.
#[tokio::test]
async fn repeated_request_answers_the_same_post() {
    let service = start().await;
    let first = create(&service, ADA, request()).await.unwrap();
    let (folder, clock) = service.stop();
    let service = start_in(folder, clock).await;
    assert_eq!(create(&service, ADA, request()).await.unwrap(), first, "a restart forgets no request");
    assert_eq!(count(&service).await, 1);
    for other in [
        CreatePostRequest { title: "Other".into(), ..request() },
        CreatePostRequest { content: "Other".into(), ..request() },
        CreatePostRequest { content: "Other".into(), validate_only: true, ..request() },
        CreatePostRequest { slug: "other".into(), ..request() },
        CreatePostRequest { draft: true, ..request() },
        CreatePostRequest { excerpt: "Other".into(), ..request() },
        CreatePostRequest { tags: vec!["other".into()], ..request() },
        CreatePostRequest { cover_image_url: "https://example.com/a".into(), ..request() },
        CreatePostRequest { language_code: "en".into(), ..request() },
    ] {
        let status = create(&service, ADA, other).await.unwrap_err();
        refused(&status, Code::AlreadyExists, "REQUEST_ID_REUSED", "blog.gatepost.dev", REUSED);
    }
    assert_ne!(create(&service, BOB, request()).await.unwrap().id, first.id, "each caller has its own ids");
    assert_ne!(
        create(&service, ADA, CreatePostRequest { request_id: String::new(), ..request() }).await.unwrap(),
        first
    );
    assert_eq!(count(&service).await, 3);
}

/// C64: a request is remembered for a day.
#[tokio::test]
async fn request_is_remembered_for_a_day() {
    let service = start().await;
    let first = create(&service, ADA, request()).await.unwrap();
    service.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(create(&service, ADA, request()).await.unwrap(), first);
    service.clock.advance(Duration::from_secs(1));
    assert_ne!(create(&service, ADA, request()).await.unwrap().id, first.id);
}

/// C64: concurrent copies of a request create one post.
#[tokio::test(flavor = "multi_thread")]
async fn same_request_at_once_makes_one_post() {
    let service = Arc::new(start().await);
    let mut all = JoinSet::new();
    for _ in 0..32 {
        let service = Arc::clone(&service);
        all.spawn(async move { create(&service, ADA, request()).await.unwrap() });
    }
    let first = all.join_next().await.unwrap().unwrap();
    while let Some(answer) = all.join_next().await {
        assert_eq!(answer.unwrap(), first);
    }
    assert_eq!(count(&service).await, 1);
}

#[tokio::test]
async fn repeated_request_does_not_recreate_a_deleted_post() {
    let service = start().await;
    let first = create(&service, ADA, request()).await.unwrap();
    let delete = DeletePostRequest { id: first.id, etag: String::new() };
    service.posts(ADA).delete_post(delete).await.unwrap();
    let status = create(&service, ADA, request()).await.unwrap_err();
    refused(&status, Code::NotFound, "POST_NOT_FOUND", "blog.gatepost.dev", "post not found");
}

#[tokio::test]
async fn validate_only_checks_all_and_leaves_nothing() {
    let service = start().await;
    let trial = CreatePostRequest { validate_only: true, ..request() };
    let shown = create(&service, ADA, trial).await.unwrap();
    let wanted = Post {
        owner_id: ADA.into(),
        slug: "hello".into(),
        title: "Hello".into(),
        content: "First post.".into(),
        content_html: "<p>First post.</p>\n".into(),
        excerpt: "First post.".into(),
        state: PostState::Published.into(),
        ..Post::default()
    };
    assert_eq!(shown, wanted);
    assert_eq!(count(&service).await, 0);
    assert!(create(&service, ADA, request()).await.is_ok(), "the validation has not used up the id");
    let bad = CreatePostRequest { title: String::new(), request_id: "1".into(), validate_only: true, ..request() };
    assert_eq!(bad_fields(&create(&service, ADA, bad).await.unwrap_err()), ["title", "request_id"]);
}
