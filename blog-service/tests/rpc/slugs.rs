//! Slugs over the wire: given and made, stable, and never lost.

use blog_service::api::v1::get_post_request::Post::Slug;
use blog_service::api::v1::{
    CreatePostRequest, DeletePostRequest, GetPostRequest, Post, PostPatch, PostView, UpdatePostRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{ADA, BOB, EDITOR, Service, bad_fields, refused, start, start_with};

const BLOG: &str = "blog.gatepost.dev";
const TAKEN: &str = "slug: another post has this slug now or had it before, choose another one";

async fn create(service: &Service, title: &str, slug: &str) -> Result<Post, Status> {
    let request = CreatePostRequest {
        title: title.into(),
        content: "First post.".into(),
        slug: slug.into(),
        ..CreatePostRequest::default()
    };
    Ok(service.posts(ADA).create_post(request).await?.into_inner().post.unwrap())
}

async fn find(service: &Service, slug: &str) -> Result<Post, Status> {
    let request = GetPostRequest { post: Some(Slug(slug.into())), view: 0 };
    Ok(service.posts(BOB).get_post(request).await?.into_inner().post.unwrap())
}

fn patch(id: &str, patch: PostPatch) -> UpdatePostRequest {
    UpdatePostRequest { id: id.into(), patch: Some(patch), ..UpdatePostRequest::default() }
}

fn to(id: &str, slug: &str) -> UpdatePostRequest {
    patch(id, PostPatch { slug: Some(slug.into()), ..PostPatch::default() })
}

async fn update(service: &Service, user: &str, request: UpdatePostRequest) -> Result<Post, Status> {
    Ok(service.posts(user).update_post(request).await?.into_inner().post.unwrap())
}

#[tokio::test]
async fn slug_is_made_from_the_title_or_given() {
    let service = start().await;
    for (title, slug, wanted) in [
        ("\u{c9}t\u{e9} 2026!", "", "ete-2026"),
        ("\u{c9}t\u{e9} 2026?", "", "ete-2026-2"),
        ("\u{c9}t\u{e9} 2026", "", "ete-2026-3"),
        ("Hello", "my-own-slug", "my-own-slug"),
    ] {
        let post = create(&service, title, slug).await.unwrap();
        assert_eq!(post.slug, wanted);
        assert_eq!(find(&service, wanted).await.unwrap(), post);
    }
    let post = create(&service, "!?", "").await.unwrap();
    assert_eq!(post.slug, post.id, "the title has no letters");
    assert_eq!(find(&service, &post.id).await.unwrap(), post);
}

#[tokio::test]
async fn taken_slug_is_refused_by_name() {
    let service = start().await;
    create(&service, "Hello", "hello").await.unwrap();
    let other = create(&service, "Other", "").await.unwrap();
    let trial = UpdatePostRequest { validate_only: true, ..to(&other.id, "hello") };
    let create_trial = CreatePostRequest {
        title: "Hello".into(),
        content: "Text.".into(),
        slug: "hello".into(),
        validate_only: true,
        ..CreatePostRequest::default()
    };
    for status in [
        create(&service, "Hello", "hello").await.unwrap_err(),
        service.posts(ADA).create_post(create_trial).await.unwrap_err(),
        update(&service, ADA, to(&other.id, "hello")).await.unwrap_err(),
        update(&service, ADA, trial).await.unwrap_err(),
    ] {
        refused(&status, Code::AlreadyExists, "SLUG_TAKEN", BLOG, TAKEN);
    }
    assert_eq!(find(&service, "other").await.unwrap(), other);
}

#[tokio::test]
async fn new_title_leaves_the_slug() {
    let service = start().await;
    let post = service.draft(ADA, "Hello").await;
    let title = || PostPatch { title: Some("Other".into()), ..PostPatch::default() };
    assert_eq!(update(&service, ADA, patch(&post.id, title())).await.unwrap().slug, "hello");
    service.publish(ADA, &post.id, None).await.unwrap();
    assert_eq!(update(&service, ADA, patch(&post.id, title())).await.unwrap().slug, "hello");
}

#[tokio::test]
async fn old_slugs_answer_until_the_post_is_deleted() {
    let service = start().await;
    let post = create(&service, "Hello", "").await.unwrap();
    let trial = UpdatePostRequest { validate_only: true, ..to(&post.id, "second") };
    assert_eq!(update(&service, ADA, trial).await.unwrap().slug, "second");
    assert_eq!(find(&service, "second").await.unwrap_err().code(), Code::NotFound, "only validated");
    for (user, slug) in [(ADA, "second"), (EDITOR, "third")] {
        assert_eq!(update(&service, user, to(&post.id, slug)).await.unwrap().slug, slug);
    }
    for slug in ["hello", "second", "third", &post.id] {
        let found = find(&service, slug).await.unwrap();
        assert_eq!((found.id.as_str(), found.slug.as_str()), (post.id.as_str(), "third"));
    }
    let again = create(&service, "Hello", "").await.unwrap();
    assert_eq!(again.slug, "hello-2", "the old slug stays reserved");
    let delete = DeletePostRequest { id: post.id, etag: String::new() };
    service.posts(ADA).delete_post(delete).await.unwrap();
    let status = find(&service, "second").await.unwrap_err();
    refused(&status, Code::NotFound, "POST_NOT_FOUND", BLOG, "post not found");
    assert_eq!(status.get_details_resource_info().unwrap().resource_name, "second");
    create(&service, "Hello", "hello").await.expect("the slugs of a deleted post are free");
}

#[tokio::test]
async fn bad_slugs_are_refused() {
    let service = start().await;
    let post = create(&service, "Hello", "").await.unwrap();
    for bad in ["A", "a b", "\u{e9}", &"a".repeat(129), "01900000-0000-7000-8000-0000000000ff"] {
        assert_eq!(bad_fields(&create(&service, "Hello", bad).await.unwrap_err()), ["slug"], "{bad}");
        assert_eq!(bad_fields(&update(&service, ADA, to(&post.id, bad)).await.unwrap_err()), ["patch.slug"], "{bad}");
    }
    assert_eq!(bad_fields(&update(&service, ADA, to(&post.id, "")).await.unwrap_err()), ["patch.slug"]);
    for bad in ["", "A", &"a".repeat(129)] {
        assert_eq!(bad_fields(&find(&service, bad).await.unwrap_err()), ["slug"], "{bad}");
    }
}

#[tokio::test]
async fn slug_is_read_in_both_views() {
    let service = start().await;
    create(&service, "Hello", "").await.unwrap();
    for (view, content) in [(PostView::Basic, ""), (PostView::Full, "First post.")] {
        let request = GetPostRequest { post: Some(Slug("hello".into())), view: view.into() };
        let post = service.posts(BOB).get_post(request).await.unwrap().into_inner().post.unwrap();
        assert_eq!((post.slug.as_str(), post.content.as_str()), ("hello", content));
    }
}

/// Each new slug counts in the quota of posts, because it stays reserved.
#[tokio::test]
async fn new_slugs_of_a_user_have_a_quota() {
    let service = start_with(&["--user-posts-per-minute", "2"]).await;
    let post = create(&service, "Hello", "").await.unwrap();
    update(&service, ADA, to(&post.id, "second")).await.unwrap();
    let status = update(&service, ADA, to(&post.id, "third")).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "QUOTA_USED_UP");
}
