//! Answers to invalid calls.

use blog_service::api::v1::get_post_request::Post::Id;
use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{
    BatchGetPostsRequest, CreatePostRequest, DeletePostRequest, GetPostRequest, ListPostsRequest, PublishPostRequest,
    UnpublishPostRequest, UpdatePostRequest,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{ADA, refused, start};

const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

/// C23: every method needs a token.
#[tokio::test]
async fn every_method_needs_a_token() {
    let service = start().await;
    let mut anonymous = PostServiceClient::new(service.channel.clone());
    let answers = [
        anonymous.create_post(CreatePostRequest::default()).await.map(drop),
        anonymous.get_post(GetPostRequest::default()).await.map(drop),
        anonymous.list_posts(ListPostsRequest::default()).await.map(drop),
        anonymous.batch_get_posts(BatchGetPostsRequest::default()).await.map(drop),
        anonymous.update_post(UpdatePostRequest::default()).await.map(drop),
        anonymous.delete_post(DeletePostRequest::default()).await.map(drop),
        anonymous.publish_post(PublishPostRequest::default()).await.map(drop),
        anonymous.unpublish_post(UnpublishPostRequest::default()).await.map(drop),
    ];
    for status in answers.map(Result::unwrap_err) {
        let message = "Authentication token not provided";
        refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "auth.gatepost.dev", message);
    }
}

#[tokio::test]
async fn missing_post_is_named() {
    let service = start().await;
    let wanted = GetPostRequest { post: Some(Id(ABSENT.into())), view: 0 };
    let status = service.posts(ADA).get_post(wanted).await.unwrap_err();
    refused(&status, Code::NotFound, "POST_NOT_FOUND", "blog.gatepost.dev", "post not found");
    assert_eq!(status.get_details_resource_info().unwrap().resource_name, ABSENT);
}

#[tokio::test]
async fn bad_fields_are_named_with_their_rules() {
    let service = start().await;
    for (post, field) in [(None, "id"), (Some(Id(String::new())), "id"), (Some(Id("1 or 1=1".into())), "id")] {
        let status = service.posts(ADA).get_post(GetPostRequest { post, view: 0 }).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
    let wanted = GetPostRequest { post: Some(Id(ABSENT.into())), view: 7 };
    let status = service.posts(ADA).get_post(wanted).await.unwrap_err();
    let rule = "view: must be POST_VIEW_BASIC or POST_VIEW_FULL";
    refused(&status, Code::InvalidArgument, "INVALID_FIELDS", "blog.gatepost.dev", rule);
    for (title, content, fields) in
        [("", "", vec!["title", "content"]), ("a\nb", "fine", vec!["title"]), ("fine", "a\0b", vec!["content"])]
    {
        let status = service.create(ADA, title, content).await.unwrap_err();
        let found = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(found.into_iter().map(|violation| violation.field).collect::<Vec<_>>(), fields);
    }
    assert!(service.posts(ADA).list_posts(ListPostsRequest::default()).await.unwrap().into_inner().posts.is_empty());
}

#[tokio::test]
async fn service_owns_no_posts_but_reads_them() {
    let service = start().await;
    let status = service.create("service", "Hello", "First post.").await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "auth.gatepost.dev", "permission denied");
    assert!(service.posts("service").list_posts(ListPostsRequest::default()).await.is_ok());
}
