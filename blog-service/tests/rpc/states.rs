//! Drafts and scheduled posts: hidden from others, and published and unpublished by owner and editors.

use std::time::{Duration, SystemTime};

use blog_service::api::v1::get_post_request::Post::Slug;
use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{
    BatchGetPostsRequest, CreatePostRequest, DeletePostRequest, GetPostRequest, ListPostsRequest, Post, PostPatch,
    PostState, PostView, PublishPostRequest, UnpublishPostRequest, UpdatePostRequest, get_post_request,
};
use prost_types::Timestamp;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{ADA, ADMIN, BOB, EDITOR, Service, bad_fields, refused, start, start_with};

const BLOG: &str = "blog.gatepost.dev";

async fn unpublish(service: &Service, user: &str, id: &str, etag: &str) -> Result<Post, Status> {
    let request = UnpublishPostRequest { id: id.into(), etag: etag.into() };
    Ok(service.posts(user).unpublish_post(request).await?.into_inner().post.unwrap())
}

async fn publish(service: &Service, id: &str, etag: &str) -> Result<Post, Status> {
    let request = PublishPostRequest { id: id.into(), publish_time: None, etag: etag.into() };
    Ok(service.posts(ADA).publish_post(request).await?.into_inner().post.unwrap())
}

async fn find(service: &Service, user: &str, slug: &str) -> Result<Post, Status> {
    let request = GetPostRequest { post: Some(Slug(slug.into())), view: 0 };
    Ok(service.posts(user).get_post(request).await?.into_inner().post.unwrap())
}

async fn listed(service: &Service, user: &str) -> Vec<String> {
    let page = service.posts(user).list_posts(ListPostsRequest::default()).await.unwrap().into_inner();
    page.posts.into_iter().map(|post| post.title).collect()
}

#[track_caller]
fn not_found(status: &Status, name: &str) {
    refused(status, Code::NotFound, "POST_NOT_FOUND", BLOG, "post not found");
    assert_eq!(status.get_details_resource_info().unwrap().resource_name, name);
}

#[tokio::test]
async fn post_is_published_unless_it_is_a_draft() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    assert_eq!((post.state(), post.publish_time), (PostState::Published, post.create_time));
    let draft = service.draft(ADA, "Draft").await;
    assert_eq!((draft.state(), draft.publish_time, draft.slug.as_str()), (PostState::Draft, None, "draft"));
    service.clock.advance(Duration::from_secs(5));
    let published = service.publish(ADA, &draft.id, None).await.unwrap();
    let now = Some(SystemTime::from(testkit::start() + Duration::from_secs(5)).into());
    let wanted = Post {
        state: PostState::Published.into(),
        publish_time: now,
        update_time: now,
        revision: 2,
        etag: "r2".into(),
        ..draft
    };
    assert_eq!(published, Post { content: String::new(), content_html: String::new(), ..wanted.clone() });
    assert_eq!(service.read(BOB, &wanted.id).await.unwrap(), wanted);
    assert_eq!(listed(&service, BOB).await, ["Draft", "Hello"]);
    let unpublished = unpublish(&service, ADA, &wanted.id, "r2").await.unwrap();
    assert_eq!((unpublished.state(), unpublished.publish_time), (PostState::Draft, None));
    assert_eq!(listed(&service, ADA).await, ["Hello"]);
}

/// C56: to others a draft or a scheduled post does not exist.
#[tokio::test]
async fn unpublished_posts_do_not_exist_for_others() {
    let service = start().await;
    let (draft, scheduled) = (service.draft(ADA, "Draft").await, service.draft(ADA, "Scheduled").await);
    let later = testkit::start() + Duration::from_hours(1);
    service.publish(ADA, &scheduled.id, Some(later)).await.unwrap();
    for post in [&draft, &scheduled] {
        let id = post.id.as_str();
        for user in [ADA, EDITOR, ADMIN] {
            // The owner's read fills the cache, from which others must not get the post.
            assert_eq!(service.read(user, id).await.unwrap().content, "First post.");
            assert_eq!(find(&service, user, &post.slug).await.unwrap().id, id);
        }
        for user in [BOB, "service"] {
            not_found(&service.read(user, id).await.unwrap_err(), id);
            not_found(&find(&service, user, &post.slug).await.unwrap_err(), &post.slug);
            not_found(&find(&service, user, id).await.unwrap_err(), id);
            let patch = Some(PostPatch { title: Some("Mine".into()), ..PostPatch::default() });
            let update = UpdatePostRequest { id: id.into(), patch, etag: "r9".into(), ..UpdatePostRequest::default() };
            not_found(&service.posts(user).update_post(update).await.unwrap_err(), id);
            let delete = DeletePostRequest { id: id.into(), etag: "r9".into() };
            not_found(&service.posts(user).delete_post(delete).await.unwrap_err(), id);
            not_found(&service.publish(user, id, None).await.unwrap_err(), id);
            not_found(&unpublish(&service, user, id, "r9").await.unwrap_err(), id);
        }
    }
    for user in [ADA, BOB, EDITOR, ADMIN] {
        assert_eq!(listed(&service, user).await, [""; 0], "a list has published posts only");
    }
    for view in [PostView::Basic, PostView::Full] {
        let ids = vec![draft.id.clone(), scheduled.id.clone()];
        for (user, sees) in [(ADA, true), (BOB, false), (EDITOR, true), (ADMIN, true), ("service", false)] {
            let request = BatchGetPostsRequest { ids: ids.clone(), view: view.into() };
            let answer = service.posts(user).batch_get_posts(request).await.unwrap().into_inner();
            let seen: Vec<String> = answer.posts.into_iter().map(|post| post.id).collect();
            let (posts, missing) = if sees { (&ids[..], &[][..]) } else { (&[][..], &ids[..]) };
            assert_eq!((&seen[..], &answer.missing_ids[..]), (posts, missing), "{user} {view:?}");
        }
    }
}

/// A refusal of a large batch would reveal hidden posts.
#[tokio::test]
async fn hidden_posts_do_not_count_in_a_batch() {
    let service = start().await;
    let mut ids = Vec::new();
    for title in ["1", "2", "3", "4"] {
        let request = CreatePostRequest {
            title: title.into(),
            content: "a".repeat(1024 * 1024),
            draft: true,
            ..CreatePostRequest::default()
        };
        ids.push(service.posts(ADA).create_post(request).await.unwrap().into_inner().post.unwrap().id);
    }
    let batch = async |user: &str| {
        let request = BatchGetPostsRequest { ids: ids.clone(), view: PostView::Full.into() };
        service.posts(user).batch_get_posts(request).await
    };
    assert_eq!(batch(BOB).await.unwrap().into_inner().missing_ids, ids);
    assert_eq!(batch(ADA).await.unwrap_err().code(), Code::ResourceExhausted);
}

/// C56: with public reads, a caller without a token sees published posts only.
#[tokio::test]
async fn public_reads_show_no_drafts() {
    let service = start_with(&["--public-reads"]).await;
    let draft = service.draft(ADA, "Draft").await;
    service.create(ADA, "Hello", "First post.").await.unwrap();
    let mut anonymous = PostServiceClient::new(service.channel.clone());
    for name in [get_post_request::Post::Id(draft.id.clone()), Slug("draft".into())] {
        let status = anonymous.get_post(GetPostRequest { post: Some(name), view: 0 }).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
    }
    let page = anonymous.list_posts(ListPostsRequest::default()).await.unwrap().into_inner();
    assert_eq!(page.posts.iter().map(|post| post.slug.as_str()).collect::<Vec<_>>(), ["hello"]);
    let request = BatchGetPostsRequest { ids: vec![draft.id.clone()], view: 0 };
    assert_eq!(anonymous.batch_get_posts(request).await.unwrap().into_inner().missing_ids, [draft.id]);
}

/// C56: owner and editors publish and unpublish. Admins see the post and change nothing.
#[tokio::test]
async fn only_owner_and_editors_change_the_state() {
    let service = start().await;
    let post = service.draft(ADA, "Draft").await;
    let status = service.publish(ADMIN, &post.id, None).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_POST_OWNER", BLOG, "permission denied");
    assert_eq!(service.publish(EDITOR, &post.id, None).await.unwrap().owner_id, ADA);
    for user in [BOB, ADMIN, "service"] {
        let status = unpublish(&service, user, &post.id, "r9").await.unwrap_err();
        refused(&status, Code::PermissionDenied, "NOT_POST_OWNER", BLOG, "permission denied");
        let status = service.publish(user, &post.id, None).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "NOT_POST_OWNER", BLOG, "permission denied");
    }
    assert_eq!(unpublish(&service, EDITOR, &post.id, "").await.unwrap().state(), PostState::Draft);
}

#[tokio::test]
async fn wrong_state_is_named_after_the_etag() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    let status = publish(&service, &post.id, "r2").await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "ETAG_MISMATCH");
    for etag in ["", "r1"] {
        let status = publish(&service, &post.id, etag).await.unwrap_err();
        let message = "the post is published already: unpublish it before you publish it again";
        refused(&status, Code::FailedPrecondition, "WRONG_POST_STATE", BLOG, message);
        let violations = status.get_details_precondition_failure().unwrap().violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].r#type, "POST_STATE");
        assert_eq!(violations[0].subject, format!("gatepost.blog.v1.Post/{}", post.id));
    }
    unpublish(&service, ADA, &post.id, "r1").await.unwrap();
    let status = unpublish(&service, ADA, &post.id, "").await.unwrap_err();
    let message = "the post is a draft already: only a published or scheduled post can be unpublished";
    refused(&status, Code::FailedPrecondition, "WRONG_POST_STATE", BLOG, message);
    let status = unpublish(&service, ADA, &post.id, "r1").await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "ETAG_MISMATCH");
}

#[tokio::test]
async fn bad_ids_and_times_are_refused() {
    let service = start().await;
    let post = service.draft(ADA, "Draft").await;
    for (seconds, nanos) in [(i64::MAX, 0), (253_402_300_800, 0), (-62_135_596_801, 0), (0, -1), (0, 1_000_000_000)] {
        let publish_time = Some(Timestamp { seconds, nanos });
        let request = PublishPostRequest { id: post.id.clone(), publish_time, etag: String::new() };
        let status = service.posts(ADA).publish_post(request).await.unwrap_err();
        assert_eq!(bad_fields(&status), ["publish_time"], "{seconds} {nanos}");
    }
    let request = PublishPostRequest {
        id: "x".into(),
        publish_time: Some(Timestamp { seconds: 0, nanos: -1 }),
        etag: String::new(),
    };
    assert_eq!(bad_fields(&service.posts(ADA).publish_post(request).await.unwrap_err()), ["id", "publish_time"]);
    assert_eq!(bad_fields(&unpublish(&service, ADA, "x", "").await.unwrap_err()), ["id"]);
    assert_eq!(service.read(ADA, &post.id).await.unwrap(), post, "nothing was changed");
}
