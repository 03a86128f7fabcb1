//! Owners and editors change and delete posts.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use blog_service::api::v1::get_post_request::Post::Id;
use blog_service::api::v1::{DeletePostRequest, GetPostRequest, Post, PostPatch, UpdatePostRequest};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{ADA, BOB, EDITOR, Service, bad_fields, refused, start};

const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";
const STALE: &str = "etag: the resource has changed since it was read, read it again and retry";

fn patch(id: &str, title: Option<&str>, content: Option<&str>) -> UpdatePostRequest {
    let patch = PostPatch { title: title.map(Into::into), content: content.map(Into::into), ..PostPatch::default() };
    UpdatePostRequest { id: id.into(), patch: Some(patch), ..UpdatePostRequest::default() }
}

fn masked(request: UpdatePostRequest, paths: &[&str]) -> UpdatePostRequest {
    let paths = paths.iter().map(ToString::to_string).collect();
    UpdatePostRequest { update_mask: Some(FieldMask { paths }), ..request }
}

async fn update(service: &Service, user: &str, request: UpdatePostRequest) -> Result<Post, Status> {
    Ok(service.posts(user).update_post(request).await?.into_inner().post.unwrap())
}

async fn read(service: &Service, id: &str) -> Result<Post, Status> {
    let request = GetPostRequest { post: Some(Id(id.into())), view: 0 };
    Ok(service.posts(BOB).get_post(request).await?.into_inner().post.unwrap())
}

async fn delete(service: &Service, user: &str, id: &str, etag: &str) -> Result<(), Status> {
    let request = DeletePostRequest { id: id.into(), etag: etag.into() };
    service.posts(user).delete_post(request).await.map(drop)
}

#[tokio::test]
async fn owner_changes_only_fields_of_the_patch() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    service.clock.advance(Duration::from_secs(5));
    let later = SystemTime::from(testkit::start() + Duration::from_secs(5));
    let wanted = Post {
        title: "Hello again".into(),
        revision: 2,
        etag: "r2".into(),
        update_time: Some(later.into()),
        ..post.clone()
    };
    assert_eq!(update(&service, ADA, patch(&post.id, Some("Hello again"), None)).await.unwrap(), wanted);
    assert_eq!(read(&service, &post.id).await.unwrap(), wanted);
    let both = masked(patch(&post.id, Some("a\nb"), Some("Second.")), &["content"]);
    let changed = update(&service, ADA, both).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.content.as_str()), ("Hello again", "Second."));
}

/// C57: fields that cannot be changed are refused by name.
#[tokio::test]
async fn unchangeable_fields_are_refused_by_name() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    for (paths, fields) in [
        (&["*"][..], vec!["update_mask"]),
        (&["owner_id"], vec!["update_mask"]),
        (&["revision"], vec!["update_mask"]),
        (&["title", "title"], vec!["update_mask"]),
        (&["patch.title"], vec!["update_mask"]),
        (&["content"], vec!["patch.content"]),
    ] {
        let status = update(&service, ADA, masked(patch(&post.id, Some("x"), None), paths)).await.unwrap_err();
        assert_eq!(bad_fields(&status), fields, "{paths:?}");
    }
    assert_eq!(bad_fields(&update(&service, ADA, patch(&post.id, None, None)).await.unwrap_err()), ["patch"]);
    let status = update(&service, ADA, patch("x", Some(""), Some("a\0"))).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["id", "patch.title", "patch.content"]);
    assert_eq!(read(&service, &post.id).await.unwrap(), post, "nothing was changed");
}

/// C56: other users change nothing, editors everything.
#[tokio::test]
async fn others_change_nothing_and_editors_everything() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    for stranger in [BOB, "service"] {
        let title = patch(&post.id, Some("Mine"), None);
        // Ownership comes before the etag: a stranger learns nothing about the post's state.
        for request in [title.clone(), UpdatePostRequest { etag: "r9".into(), validate_only: true, ..title }] {
            let status = update(&service, stranger, request).await.unwrap_err();
            refused(&status, Code::PermissionDenied, "NOT_POST_OWNER", "blog.gatepost.dev", "permission denied");
        }
        let status = delete(&service, stranger, &post.id, "").await.unwrap_err();
        refused(&status, Code::PermissionDenied, "NOT_POST_OWNER", "blog.gatepost.dev", "permission denied");
    }
    let edited = update(&service, EDITOR, patch(&post.id, Some("Edited"), None)).await.unwrap();
    assert_eq!((edited.title.as_str(), edited.owner_id.as_str()), ("Edited", ADA));
    delete(&service, EDITOR, &post.id, &edited.etag).await.unwrap();
    for user in [ADA, BOB, EDITOR] {
        let absent = [
            update(&service, user, patch(&post.id, Some("x"), None)).await.map(drop),
            delete(&service, user, ABSENT, "").await,
        ];
        for status in absent.map(Result::unwrap_err) {
            refused(&status, Code::NotFound, "POST_NOT_FOUND", "blog.gatepost.dev", "post not found");
            let resource = status.get_details_resource_info().unwrap();
            assert_eq!(resource.resource_type, "gatepost.blog.v1.Post");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_changes_with_one_etag_wins() {
    let service = Arc::new(start().await);
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..20 {
        let service = Arc::clone(&service);
        let title = patch(&post.id, Some(&format!("Hello {number}")), None);
        let request = UpdatePostRequest { etag: post.etag.clone(), ..title };
        all.spawn(async move { update(&service, ADA, request).await });
    }
    let mut won = 0;
    while let Some(answer) = all.join_next().await {
        match answer.unwrap() {
            Ok(changed) => won += usize::from(changed.revision == 2),
            Err(status) => refused(&status, Code::Aborted, "ETAG_MISMATCH", "blog.gatepost.dev", STALE),
        }
    }
    assert_eq!(won, 1);
    let status = delete(&service, ADA, &post.id, &post.etag).await.unwrap_err();
    refused(&status, Code::Aborted, "ETAG_MISMATCH", "blog.gatepost.dev", STALE);
    assert_eq!(read(&service, &post.id).await.unwrap().revision, 2);
    delete(&service, ADA, &post.id, "r2").await.unwrap();
    assert_eq!(read(&service, &post.id).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn validate_only_shows_the_post_and_changes_nothing() {
    let service = start().await;
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    let trial = UpdatePostRequest { validate_only: true, ..patch(&post.id, Some("Hello again"), None) };
    let shown = update(&service, ADA, trial.clone()).await.unwrap();
    assert_eq!(shown, Post { title: "Hello again".into(), ..post.clone() });
    let stale = UpdatePostRequest { etag: "r2".into(), ..trial };
    let status = update(&service, ADA, stale).await.unwrap_err();
    refused(&status, Code::Aborted, "ETAG_MISMATCH", "blog.gatepost.dev", STALE);
    assert_eq!(read(&service, &post.id).await.unwrap(), post);
}
