//! A call is acknowledged if its commit can be found, even if the database's answer to the commit is lost. An unknown
//! outcome is reported as unknown.

use blog_service::api::v1::get_post_request::Post::Id;
use blog_service::api::v1::{
    CreatePostRequest, CreatePostResponse, DeletePostRequest, GetPostRequest, Post, PostPatch, UpdatePostRequest,
};
use testkit::Raw;
use testkit::postgres::server;
use testkit::proxy::Proxy;
use tonic::{Code, Status};

use super::support::{ADA, Service, refused, start_at};

const UNKNOWN: &str = "the database has not said whether this was written: read it before you repeat the call, or repeat it \
                       with the same request_id";

async fn read(service: &Service, id: &str) -> Result<Post, Status> {
    let request = GetPostRequest { post: Some(Id(id.into())), view: 0 };
    Ok(service.posts(ADA).get_post(request).await?.into_inner().post.unwrap())
}

async fn update(service: &Service, post: &Post, content: &str) -> Result<Post, Status> {
    let patch = Some(PostPatch { content: Some(content.into()), ..PostPatch::default() });
    let request =
        UpdatePostRequest { id: post.id.clone(), patch, etag: post.etag.clone(), ..UpdatePostRequest::default() };
    Ok(service.posts(ADA).update_post(request).await?.into_inner().post.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_with_a_lost_answer_is_acknowledged() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    // The first call waits until the service has started, and prepares the statement. From the second use on, only the values
    // of a statement are sent.
    service.create(ADA, "Hello", "Before the first post.").await.unwrap();
    proxy.cut_on_answer_of(b"First post.");
    // The lost answer is the refusal of the slug, which another post has.
    let post = service.create(ADA, "Hello", "First post.").await.unwrap();
    proxy.fired().await;
    assert_eq!((read(&service, &post.id).await.unwrap(), post.slug.as_str()), (post.clone(), "hello-2"));
    proxy.cut_on_answer_of(b"Another post.");
    let post = service.create(ADA, "Another title", "Another post.").await.unwrap();
    proxy.fired().await;
    assert_eq!(read(&service, &post.id).await.unwrap(), post);

    let post = update(&service, &post, "Second version.").await.unwrap();
    proxy.cut_on_answer_of(b"Third version.");
    let post = update(&service, &post, "Third version.").await.unwrap();
    proxy.fired().await;
    assert_eq!((read(&service, &post.id).await.unwrap(), post.revision), (post.clone(), 3), "written once");

    proxy.cut_on_answer_of(b"delete from posts");
    let request = DeletePostRequest { id: post.id.clone(), etag: post.etag.clone() };
    service.posts(ADA).delete_post(request).await.unwrap();
    proxy.fired().await;
    assert_eq!(read(&service, &post.id).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_after_a_commit_reports_unknown_outcome() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let raw = Raw::connect(service.address).await;
    // The first call waits until the service has started.
    service.create(ADA, "Hello", "First post.").await.unwrap();
    let request = CreatePostRequest {
        title: "Hello".into(),
        content: "Second post.".into(),
        request_id: "01900000-0000-7000-8000-000000000001".into(),
        ..CreatePostRequest::default()
    };
    let create = async |headers: &[(&str, &str)]| {
        let headers = [&[("api-token", ADA)], headers].concat();
        raw.ask::<CreatePostResponse>("/gatepost.blog.v1.PostService/CreatePost", &headers, &request).await
    };
    proxy.go_on_answer_of(b"commit");
    let status = create(&[("grpc-timeout", "500m")]).await.unwrap_err();
    refused(&status, Code::DeadlineExceeded, "OUTCOME_UNKNOWN", "blog.gatepost.dev", UNKNOWN);
    proxy.pass();
    let again = loop {
        match create(&[]).await {
            Ok(answer) => break answer.post.unwrap(),
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
    };
    assert_eq!(again.revision, 1);
    let next = create(&[]).await.unwrap().post.unwrap();
    assert_eq!(next.id, again.id, "it was written once");
}
