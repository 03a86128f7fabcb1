//! Outages and timeouts of the database and of the auth service, and internal errors: the answers to callers, and the
//! recovery.

use std::time::{Duration, Instant};

use blog_service::api::v1::{CreatePostRequest, CreatePostResponse, ListPostsRequest, ListPostsResponse};
use kit::shutdown::Shutdown;
use testkit::{Outsider, Raw, clock, folder};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{ADA, Service, refused, start, start_beside};

const CREATE_POST: &str = "/gatepost.blog.v1.PostService/CreatePost";
const LIST_POSTS: &str = "/gatepost.blog.v1.PostService/ListPosts";
const BLOG: &str = "blog.gatepost.dev";
const AUTH: &str = "auth.gatepost.dev";
const AS_ADA: (&str, &str) = ("api-token", ADA);

/// Creates a post. The client does not enforce a deadline; it only sends these headers.
async fn create(raw: &Raw, headers: &[(&str, &str)]) -> Result<CreatePostResponse, Status> {
    let request =
        CreatePostRequest { title: "Hello".into(), content: "First post.".into(), ..CreatePostRequest::default() };
    raw.ask(CREATE_POST, &[&[AS_ADA], headers].concat(), &request).await
}

async fn count(raw: &Raw) -> Result<usize, Status> {
    let listed: ListPostsResponse = raw.ask(LIST_POSTS, &[AS_ADA], &ListPostsRequest::default()).await?;
    Ok(listed.posts.len())
}

/// Starts a service with a ready database.
async fn ready() -> (Service, Raw) {
    let service = start().await;
    let raw = Raw::connect(service.address).await;
    assert_eq!(count(&raw).await.unwrap(), 0);
    (service, raw)
}

#[tokio::test]
async fn deadline_passes_in_the_database() {
    let (service, raw) = ready().await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    // This deadline is shorter than the database's time limit.
    let status = create(&raw, &[("grpc-timeout", "100m")]).await.unwrap_err();
    let message = "the call took longer than its deadline, try again with a longer one";
    refused(&status, Code::DeadlineExceeded, "DEADLINE", BLOG, message);
    outsider.close().await;
    // The first call may still write its post. The next call succeeds in either case.
    assert!(create(&raw, &[]).await.is_ok());
}

/// While another program locks the database, writes fail with `STORE_UNAVAILABLE` and reads succeed.
#[tokio::test]
async fn database_held_by_another_program_is_unavailable() {
    let (service, raw) = ready().await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    let status = create(&raw, &[]).await.unwrap_err();
    let message = "the database cannot be reached now, try again in a moment";
    refused(&status, Code::Unavailable, "STORE_UNAVAILABLE", BLOG, message);
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    assert_eq!(count(&raw).await.unwrap(), 0, "calls that only read succeed");
    outsider.close().await;
    assert!(create(&raw, &[]).await.is_ok());
    assert_eq!(count(&raw).await.unwrap(), 1);
}

/// C24: if the auth service never answers, the call ends with `UNAVAILABLE`, or earlier at the caller's deadline.
#[tokio::test]
async fn silent_auth_service_ends_calls_in_time() {
    // The kernel accepts the connections, and no program reads from them.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = start_beside(mute.local_addr().unwrap(), folder(), clock(), Shutdown::new()).await;
    let raw = Raw::connect(service.address).await;
    // The guard refuses this call without asking the auth service. So the answer shows that the service has started.
    let status = raw.unary(CREATE_POST, &[], b"").await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING", AUTH, "Authentication token not provided");

    let begun = Instant::now();
    let status = create(&raw, &[]).await.unwrap_err();
    let message = "the auth service cannot be asked about the token now, try again in a moment";
    refused(&status, Code::Unavailable, "AUTH_UNAVAILABLE", AUTH, message);
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(250)));
    let taken = begun.elapsed();
    assert!((500..2000).contains(&taken.as_millis()), "the guard waits for about 500 ms: {taken:?}");

    let status = create(&raw, &[("grpc-timeout", "100m")]).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(status.get_details_error_info().unwrap().reason, "DEADLINE");
}

/// C69: an internal error is answered with `INTERNAL`, and the answer reveals no internals.
#[tokio::test]
async fn internal_error_reveals_no_internals() {
    let (service, raw) = ready().await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("drop table posts").await;
    outsider.close().await;
    let answers = [create(&raw, &[]).await.map(drop), count(&raw).await.map(drop)].map(Result::unwrap_err);
    for status in &answers {
        let message = "internal error: tell the service's operator the request id in the details";
        refused(status, Code::Internal, "INTERNAL", BLOG, message);
        assert_eq!(status.get_details_request_info().unwrap().request_id.len(), 36, "a UUID");
        for word in ["sql", "table", "posts"] {
            assert!(!String::from_utf8_lossy(status.details()).to_lowercase().contains(word), "{status:?}");
        }
    }
    let ids = answers.map(|status| status.get_details_request_info().unwrap().request_id);
    assert_ne!(ids[0], ids[1], "each call has its own id");
}
