//! Mutual TLS: a client certificate in place of the service key, for the feed and for nothing more.

use std::time::Duration;

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{GetMeRequest, LogoutRequest, TokenState, WatchRevocationsRequest};
use gatepost::tls::ClientTls;
use gatepost::{AuthService, InactiveReason, Token, TokenStatus, Verify as _};
use tempfile::TempDir;
use testkit::tls::Authority;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, Service, Settings, refused, start_with, with_token};

const BLOG_ID: &str = "spiffe://example.org/blog";

/// An auth service that accepts the certificate of [`BLOG_ID`] as the blog service's, and the authority of both.
struct Secured {
    service: Service,
    authority: Authority,
    folder: TempDir,
}

impl Secured {
    async fn start() -> Self {
        let (folder, authority) = (testkit::folder(), Authority::new("authority"));
        let ca = authority.write(folder.path(), "ca");
        let files = authority.issue(&["127.0.0.1"]).write(folder.path(), "server");
        let services = format!("{BLOG_ID}=blog");
        let flags = [
            ("--tls-cert", files.certificate.to_str().unwrap()),
            ("--tls-key", files.key.to_str().unwrap()),
            ("--tls-client-ca", ca.to_str().unwrap()),
            ("--tls-client-auth", "optional"),
            ("--tls-services", &services),
        ];
        let flags: Vec<&'static str> =
            flags.into_iter().flat_map(|(flag, value)| [flag, &*value.to_owned().leak()]).collect();
        let mut service = start_with(Settings { flags: flags.leak(), ..Settings::default() }).await;
        let client = ClientTls::builder().authorities(&ca).build().unwrap();
        service.channel = client.channel(&format!("https://{}", service.address)).unwrap();
        Self { service, authority, folder }
    }

    fn url(&self) -> String {
        format!("https://{}", self.service.address)
    }

    /// Returns a client with a certificate of this name.
    fn client(&self, name: &str) -> ClientTls {
        let files = self.authority.issue(&[name]).write(self.folder.path(), "client");
        let ca = self.folder.path().join("ca.crt");
        ClientTls::builder().authorities(ca).certificate(files.certificate, files.key).build().unwrap()
    }

    /// Opens the feed with a certificate of this name, or without one.
    async fn watch(&self, name: Option<&str>) -> Result<(), Status> {
        let channel = match name {
            Some(name) => self.client(name).channel(&self.url()).unwrap(),
            None => self.service.channel.clone(),
        };
        let first = futures_util::stream::iter([WatchRevocationsRequest { message: None }]);
        TokenServiceClient::new(channel).watch_revocations(first).await.map(drop)
    }
}

/// C27: the feed is for services, by their certificates.
#[tokio::test]
async fn only_certificates_of_services_may_watch() {
    let secured = Secured::start().await;
    // The first message is malformed, so the feed itself answers.
    assert_eq!(secured.watch(Some(BLOG_ID)).await.unwrap_err().code(), Code::InvalidArgument);
    for name in [None, Some("spiffe://example.org/other"), Some("blog.example.org")] {
        let status = secured.watch(name).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    }
}

#[tokio::test]
async fn guard_follows_the_feed_by_its_certificate() {
    let secured = Secured::start().await;
    let guard = AuthService::builder(secured.url()).tls(secured.client(BLOG_ID)).build().unwrap();
    let fed = async {
        while !guard.metrics().read().is_fed {
            yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), fed).await.expect("the feed is up");
    let account = secured.service.account(EMAIL).await;
    let token = Token::parse(&account.token).unwrap();
    let status = async || {
        let deadline = Instant::now() + Duration::from_secs(10);
        guard.verify(&token, deadline).await.unwrap().status
    };
    assert!(matches!(status().await, TokenStatus::Active(_)));
    assert!(matches!(status().await, TokenStatus::Active(_)));
    secured.service.auth().logout(with_token(LogoutRequest {}, &account.token)).await.unwrap();
    assert!(matches!(status().await, TokenStatus::Inactive(InactiveReason::Revoked)));
    let counts = guard.metrics().read();
    assert_eq!((counts.hits, counts.misses), (2, 1), "the feed has sent the revocation");
}

#[tokio::test]
async fn service_by_certificate_is_not_a_user() {
    let secured = Secured::start().await;
    let channel = secured.client(BLOG_ID).channel(&secured.url()).unwrap();
    let mut users = UserServiceClient::new(channel);
    let status = users.get_me(GetMeRequest::default()).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_ALLOWED", "a service has no account");
    // A user's token counts, although the connection is a service's.
    let account = secured.service.account(EMAIL).await;
    let me = users.get_me(with_token(GetMeRequest::default(), &account.token)).await.unwrap().into_inner();
    assert_eq!(me.user.unwrap().id, account.id);
    assert_eq!(secured.service.state(&account.token).await, TokenState::Active);
}
