//! TLS to the auth service.

use std::time::Duration;

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, TokenState, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{InactiveReason, Token, TokenStatus, Verify as _};
use mixed_server::auth;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// An auth service that reports every token as expired. A guard never reaches this result by itself.
struct Expired;

#[tonic::async_trait]
impl TokenService for Expired {
    async fn verify_token(&self, _: Request<VerifyTokenRequest>) -> Result<Response<VerifyTokenResponse>, Status> {
        let state = TokenState::Expired.into();
        Ok(Response::new(VerifyTokenResponse { state, ..VerifyTokenResponse::default() }))
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    type WatchRevocationsStream = tokio_stream::Empty<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        _: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

#[tokio::test]
async fn token_is_verified_over_tls_of_the_given_authority() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let identity = Identity::from_pem(own.cert.pem(), own.signing_key.serialize_pem());
    let mut server = Server::builder().tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let server = server.add_service(TokenServiceServer::new(Expired));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let (key, token) = (Token::parse("service-key").unwrap(), Token::parse("token").unwrap());
    let deadline = || Instant::now() + Duration::from_secs(5);
    let trusted = auth::with_tls(url.clone(), &key, own.cert.pem().as_bytes()).unwrap();
    let introspection = trusted.verify(&token, deadline()).await.unwrap();
    assert!(matches!(introspection.status, TokenStatus::Inactive(InactiveReason::Expired)), "{introspection:?}");
    let foreign = auth::with_tls(url, &key, other.cert.pem().as_bytes()).unwrap();
    assert!(foreign.verify(&token, deadline()).await.is_err());
}
