//! A stop of the pair under write load: acknowledged writes survive it.

use std::collections::BTreeSet;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, ListPostsRequest};
use gatepost::api::auth::v1::CreateUserRequest;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::pair::{Outcome, PASSWORD, Pair, folder};

/// Number of concurrent writers.
const WRITERS: usize = 8;

/// Number of acknowledged writes after which the pair is stopped.
const WRITES_BEFORE_STOP: usize = 200;

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

async fn register(pair: &Pair) -> Result<String, tonic::Status> {
    let (name, email, password) = ("Ada".into(), "ada@example.com".into(), PASSWORD.into());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    let created = UserServiceClient::new(channel(&pair.auth)).create_user(request).await?.into_inner();
    Ok(created.tokens.unwrap().access_token)
}

/// Returns the ids of all posts.
async fn list(pair: &Pair, token: &str) -> Result<BTreeSet<String>, tonic::Status> {
    let (mut posts, mut ids, mut page) = (PostServiceClient::new(channel(&pair.blog)), BTreeSet::new(), String::new());
    loop {
        let request = ListPostsRequest { page_token: page, page_size: 100, ..ListPostsRequest::default() };
        let listed = posts.list_posts(with_token(request, token)).await?.into_inner();
        ids.extend(listed.posts.into_iter().map(|post| post.id));
        page = listed.next_page_token;
        if page.is_empty() {
            return Ok(ids);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_stop_under_load() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    let token = register(&pair).await?;
    let (sender, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (mut posts, token, sender) = (PostServiceClient::new(channel(&pair.blog)), token.clone(), sender.clone());
        writers.spawn(async move {
            let request = CreatePostRequest { title: "a".into(), content: "b".into(), ..CreatePostRequest::default() };
            // The first failure means that the service has stopped.
            while let Ok(created) = posts.create_post(with_token(request.clone(), &token)).await {
                sender.send(created.into_inner().post.unwrap().id).unwrap();
            }
        });
    }
    drop(sender);
    let mut written = BTreeSet::new();
    while written.len() < WRITES_BEFORE_STOP {
        written.extend(acknowledged.recv().await);
    }
    pair.stop();
    writers.join_all().await;
    while let Some(id) = acknowledged.recv().await {
        written.insert(id);
    }
    let pair = Pair::start(folder.path(), &[]);
    let kept = list(&pair, &token).await?;
    assert!(
        written.is_subset(&kept),
        "{} of {} acknowledged writes are lost",
        written.difference(&kept).count(),
        written.len()
    );
    Ok(())
}
