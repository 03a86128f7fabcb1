//! Quotas of users: posts and bytes per minute.

use std::time::Duration;

use blog_service::api::v1::{CreatePostRequest, PostPatch, UpdatePostRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{ADA, BOB, bad_fields, refused, start_with};

#[track_caller]
fn used_up(status: &Status, seconds: u64) {
    let message = format!("you have written more than the quota of a minute, try again in {seconds} s");
    refused(status, Code::ResourceExhausted, "QUOTA_USED_UP", "blog.gatepost.dev", &message);
    let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(delay.as_secs(), seconds);
}

#[tokio::test]
async fn posts_of_a_user_have_a_quota() {
    let service = start_with(&["--user-posts-per-minute", "2"]).await;
    for _ in 0..2 {
        service.create(ADA, "Hello", "Text.").await.unwrap();
    }
    used_up(&service.create(ADA, "Hello", "Text.").await.unwrap_err(), 30);
    service.create(BOB, "Hello", "Text.").await.expect("each user has a quota of its own");
    service.clock.advance(Duration::from_secs(30));
    service.create(ADA, "Hello", "Text.").await.unwrap();
}

#[tokio::test]
async fn bytes_of_a_user_have_a_quota() {
    let service = start_with(&["--user-kib-per-minute", "1"]).await;
    // A text counts three times: as it is, as HTML with eight more bytes, and as excerpt.
    let post = service.create(ADA, "Hello!", &"x".repeat(166)).await.unwrap();
    let update = |length: usize| {
        let patch = PostPatch { content: Some("x".repeat(length)), ..PostPatch::default() };
        let request = UpdatePostRequest { id: post.id.clone(), patch: Some(patch), ..UpdatePostRequest::default() };
        let mut posts = service.posts(ADA);
        async move { posts.update_post(request).await.map(drop) }
    };
    update(168).await.unwrap();
    // The quota has nothing left. The wait is the one for the text.
    used_up(&update(168).await.unwrap_err(), 10);
    used_up(&service.create(ADA, "Hello!", &"x".repeat(250)).await.unwrap_err(), 15);
    service.clock.advance(Duration::from_mins(1));
    update(4_000).await.expect("a large post uses up a whole minute");
    used_up(&update(1).await.unwrap_err(), 61);
}

/// C59: a used up quota refuses a call before its text is rendered, and a request that only validates counts.
#[tokio::test]
async fn quota_limits_renderings() {
    let service = start_with(&["--user-kib-per-minute", "2048"]).await;
    let request = |validate_only| CreatePostRequest {
        title: "Hello".into(),
        // Gives too much HTML, which the rendering would find.
        content: "&".repeat(1024 * 1024 - 5),
        validate_only,
        ..CreatePostRequest::default()
    };
    for validate_only in [true, false] {
        let status = service.posts(ADA).create_post(request(validate_only)).await.unwrap_err();
        assert_eq!(bad_fields(&status), ["content"]);
    }
    for validate_only in [true, false] {
        used_up(&service.posts(ADA).create_post(request(validate_only)).await.unwrap_err(), 30);
    }
    let post = service.create(BOB, "Hello", "Text.").await.unwrap();
    let update = |validate_only| UpdatePostRequest {
        id: post.id.clone(),
        patch: Some(PostPatch { content: Some("&".repeat(1024 * 1024)), ..PostPatch::default() }),
        validate_only,
        ..UpdatePostRequest::default()
    };
    let status = service.posts(BOB).update_post(update(true)).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["patch.content"]);
    used_up(&service.posts(BOB).update_post(update(false)).await.unwrap_err(), 1);
}
