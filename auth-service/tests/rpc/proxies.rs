//! Behind a trusted proxy the caller's address is the one that the proxy reports.

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{ListSessionsRequest, LoginRequest};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};

use super::support::{EMAIL, PASSWORD, Service, Settings, start_with, with_token};

const WRONG: &str = "a wrong password";
const BEHIND: &[&str] = &["--trusted-proxies", "127.0.0.1,10.0.0.0/8", "--client-address-header", "x-forwarded-for"];

async fn behind() -> Service {
    let service = start_with(Settings { flags: BEHIND, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    service
}

fn request(password: &str, forwarded: &str) -> Request<LoginRequest> {
    let (email, password) = (EMAIL.into(), password.into());
    let mut request = Request::new(LoginRequest { email, password, ..LoginRequest::default() });
    request.metadata_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
    request
}

/// Logs in through the proxy and returns the access token.
async fn login(service: &Service, password: &str, forwarded: &str) -> Result<String, Status> {
    let answer = service.auth().login(request(password, forwarded)).await?;
    Ok(answer.into_inner().tokens.unwrap().access_token)
}

async fn last_peer(service: &Service, token: &str) -> String {
    let list = with_token(ListSessionsRequest::default(), token);
    let sessions = service.sessions().list_sessions(list).await.unwrap().into_inner().sessions;
    sessions.into_iter().find(|session| session.current).unwrap().peer
}

#[tokio::test]
async fn sessions_list_the_callers_address() {
    let service = behind().await;
    for (forwarded, peer) in [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("garbage", "127.0.0.1"),
    ] {
        let token = login(&service, PASSWORD, forwarded).await.unwrap();
        assert_eq!(last_peer(&service, &token).await, peer, "{forwarded}");
    }
}

#[tokio::test]
async fn caller_behind_a_proxy_locks_out_no_other() {
    let flags: &[&str] = &[
        "--trusted-proxies",
        "127.0.0.1",
        "--client-address-header",
        "x-forwarded-for",
        "--address-failures",
        "2",
        "--free-failures",
        "0",
    ];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    for _ in 0..2 {
        assert_eq!(login(&service, WRONG, "198.51.100.7").await.unwrap_err().code(), Code::Unauthenticated);
    }
    // The attacker's own text on the left changes nothing.
    for forwarded in ["198.51.100.7", "203.0.113.1, 198.51.100.7"] {
        assert_eq!(login(&service, WRONG, forwarded).await.unwrap_err().code(), Code::ResourceExhausted);
    }
    login(&service, PASSWORD, "198.51.100.8").await.expect("another caller behind the same proxy logs in");
}

#[tokio::test]
async fn header_of_an_untrusted_peer_is_ignored() {
    let service = behind().await;
    let channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
    let stranger = channel.local_address(Some([127, 0, 0, 2].into())).connect_lazy();
    let answer = AuthServiceClient::new(stranger).login(request(PASSWORD, "198.51.100.7")).await.unwrap();
    let token = answer.into_inner().tokens.unwrap().access_token;
    assert_eq!(last_peer(&service, &token).await, "127.0.0.2");
}
