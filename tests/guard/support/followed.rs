//! A guard with a feed that the test controls, and a caller.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::{Greeting, TokenClaims, VerifyTokenResponse};
use gatepost::metrics::GuardMetrics;
use gatepost::{AuthService, GuardLayer, Policy, Token, Uptime, WithToken};
use tonic::transport::server::TcpConnectInfo;
use tonic::{Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{Answer, Auth, CallView, Fed, Guarded, Port, Raw, Refused, Running, SHOW, known, position};

const KEY: &str = "the-service-key-of-these-tests-0000";

/// A guard with a feed, its auth service, and a caller.
pub(crate) struct Followed {
    pub(crate) auth: Auth,
    uptime: Uptime,
    raw: Raw,
    server: Guarded,
    /// The guard's counters.
    pub(crate) decided: GuardMetrics,
    pub(crate) verifier: Arc<AuthService>,
    _running: Running,
    _port: Port,
}

/// Returns the answer of `known` with evidence. The answer about the token `late` has a position ahead of the feed.
pub(crate) fn grounded(token: &str) -> Answer {
    let revision = if token == "late" { 99 } else { 3 };
    let answer = known(if token == "late" { "good" } else { token })?;
    let claims = answer.claims.map(|claims| TokenClaims { generation: 1, key_id: "kid".into(), ..claims });
    let ttl = claims.as_ref().map(|_| prost_types::Duration { seconds: 3600, nanos: 0 });
    Ok(VerifyTokenResponse { claims, ttl, position: Some(position(revision)), ..answer })
}

/// Starts a guard and returns its feed, on which no greeting has been sent yet.
pub(crate) async fn start() -> (Followed, Fed) {
    start_with(Auth::new(grounded)).await
}

pub(crate) async fn start_with(auth: Auth) -> (Followed, Fed) {
    let (uptime, port) = (Uptime::manual(), Port::reserve());
    uptime.advance(Duration::from_mins(1));
    let running = auth.serve(port.listen());
    let verifier = AuthService::builder(port.url())
        .uptime(uptime.clone())
        .service_key(&Token::parse(KEY).unwrap())
        .build()
        .unwrap();
    let verifier = Arc::new(verifier);
    let guard = GuardLayer::new(Policy::closed(), Arc::clone(&verifier))
        .unwrap()
        .peers(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
    let decided = guard.metrics();
    let server = Guarded::start(guard).await;
    let fed = auth.stream().await;
    assert_eq!(fed.key.as_deref(), Some(KEY));
    let raw = server.raw().await;
    (Followed { auth, uptime, raw, server, decided, verifier, _running: running, _port: port }, fed)
}

/// Starts a guard whose feed began at revision 3, a millisecond ago.
pub(crate) async fn fed() -> (Followed, Fed) {
    fed_by(Auth::new(grounded)).await
}

pub(crate) async fn fed_by(auth: Auth) -> (Followed, Fed) {
    let (world, mut fed) = start_with(auth).await;
    let resume = fed.greet(Greeting { digest: vec![7], ..Greeting::default() }).await;
    assert_eq!((resume.position, resume.digest), (None, Vec::new()));
    fed.reset(3).await;
    world.pass(1);
    (world, fed)
}

impl Followed {
    pub(crate) fn pass(&self, millis: u64) {
        self.uptime.advance(Duration::from_millis(millis));
    }

    /// Makes a call that must be admitted.
    pub(crate) async fn good(&self, token: &str) {
        let reply = self.raw.call(SHOW, &[("api-token", token.as_bytes())]).await;
        assert_eq!(reply.message::<CallView>().subject.as_deref(), Some("ada"), "{reply:?}");
    }

    /// Opens a health stream with the token `good` and reads its first message.
    pub(crate) async fn watch(&self) -> Streaming<HealthCheckResponse> {
        let token = WithToken::new(&Token::parse("good").unwrap());
        let mut client = HealthClient::with_interceptor(self.server.channel().await, token);
        let mut watched = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
        assert_eq!(next_status(&mut watched).await.unwrap(), SERVING);
        watched
    }

    /// Sets the state of the health service.
    pub(crate) async fn set_serving(&self, is_serving: bool) {
        let status = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.server.health.set_service_status("", status).await;
    }

    /// Connects another caller.
    pub(crate) async fn connect(&self) -> Raw {
        self.server.raw().await
    }

    /// Makes a call that must be refused without details about the token.
    pub(crate) async fn refused_bare(&self, token: &str, refusal: Refused) {
        refusal.is_bare(&self.raw.call(SHOW, &[("api-token", token.as_bytes())]).await.status());
    }

    pub(crate) async fn refused(&self, token: &str, refusal: Refused) {
        refusal.is(&self.raw.call(SHOW, &[("api-token", token.as_bytes())]).await.status());
    }
}

/// Result of [`next_status`] while the health service reports that it is serving.
pub(crate) const SERVING: bool = true;

/// Reads the next message of a health stream. Returns `true` if the service is serving.
pub(crate) async fn next_status(watched: &mut Streaming<HealthCheckResponse>) -> Result<bool, Status> {
    watched.message().await.map(|message| message.unwrap().status == ServingStatus::Serving as i32)
}
