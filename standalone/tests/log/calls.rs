//! Calls, the feed between the services, and a stop, while standard error takes no lines.

use std::net::SocketAddr;

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, GetMeRequest, LogoutRequest, RefreshTokenRequest, TokenPair};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::broken::{ALL, Broken};
use super::pair::{Outcome, PASSWORD, folder, gatepost};
use super::process::{Process, metric, reaches};

pub(super) fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

pub(super) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

pub(super) async fn register(auth: SocketAddr) -> Result<TokenPair, Status> {
    let (name, email, password) = ("Ada".into(), "ada@example.com".into(), PASSWORD.into());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    Ok(UserServiceClient::new(channel(auth)).create_user(request).await?.into_inner().tokens.unwrap())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, reason: &str) {
    let status = answer.unwrap_err();
    assert_eq!(status.get_details_error_info().map(|info| info.reason).as_deref(), Some(reason), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pair_works_without_a_log() -> Outcome {
    for broken in ALL {
        let folder = folder();
        let (stderr, _reader) = broken.open();
        let mut command = gatepost();
        command
            .args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path())
            .envs([("AUTH_OPS_LISTEN", "127.0.0.1:0"), ("BLOG_OPS_LISTEN", "127.0.0.1:0"), ("RUST_LOG", "trace")])
            .envs([("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)]);
        let pair = Process::start(&mut command, stderr);
        // Both services start at once, and each names its ports in this order.
        let mut addresses = [None; 4];
        let names =
            ["auth-service operations", "blog-service operations", "auth-service listening", "blog-service listening"];
        while addresses.contains(&None) {
            let line = pair.line();
            let (name, address) = line.split_once(" on ").unwrap();
            addresses[names.iter().position(|known| *known == name).unwrap()] = Some(address.parse()?);
        }
        let [auth_ops, blog_ops, auth, blog] = addresses.map(Option::unwrap);

        let tokens = register(auth).await?;
        let (mut users, mut posts) = (UserServiceClient::new(channel(auth)), PostServiceClient::new(channel(blog)));
        for _ in 0..20 {
            refused(users.get_me(with_token(GetMeRequest {}, "x")).await, "TOKEN_INVALID");
            refused(posts.list_posts(with_token(ListPostsRequest::default(), "x")).await, "TOKEN_INVALID");
        }
        let mut sessions = AuthServiceClient::new(channel(auth));
        let request = RefreshTokenRequest { refresh_token: tokens.refresh_token, ..RefreshTokenRequest::default() };
        let token = sessions.refresh_token(request).await?.into_inner().tokens.unwrap().access_token;
        users.get_me(with_token(GetMeRequest {}, &token)).await?;
        posts.list_posts(with_token(ListPostsRequest::default(), &token)).await?;
        reaches(blog_ops, "gatepost_feed_up", 1).await;
        sessions.logout(with_token(LogoutRequest {}, &token)).await?;
        refused(posts.list_posts(with_token(ListPostsRequest::default(), &token)).await, "TOKEN_REVOKED");
        if broken != Broken::Stalled {
            // Lines for a stalled reader wait, and are dropped once the queue is full.
            for ops in [auth_ops, blog_ops] {
                assert!(metric(ops, "gatepost_log_dropped_total").await > 20, "{broken:?}");
            }
        }
        pair.stop();
    }
    Ok(())
}
