//! What the tests of a guarded service need in the auth service's place (feature `testing`).
//!
//! ```toml
//! [dev-dependencies]
//! gatepost = { version = "0.1", features = ["testing"] }
//! ```
//!
//! [`Auth`] issues tokens for whomever the test names, and a guard takes it as it takes an
//! [`AuthService`](crate::AuthService). The server, its policy and the guard are the real ones. A whole test, in which
//! tonic's health service stands for one's own:
//!
//! ```
//! use std::time::Duration;
//!
//! use gatepost::testing::Auth;
//! use gatepost::{GuardLayer, Identity, Policy, Rule, Token, WithToken};
//! use tokio::net::TcpListener;
//! use tokio_stream::wrappers::TcpListenerStream;
//! use tonic::Code;
//! use tonic::transport::{Channel, Server};
//! use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
//!
//! async fn check(channel: &Channel, token: &Token) -> Code {
//!     let mut client = HealthClient::with_interceptor(channel.clone(), WithToken::new(token));
//!     client.check(HealthCheckRequest::default()).await.err().map_or(Code::Ok, |status| status.code())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // The service under test, behind its guard.
//!     let auth = Auth::new();
//!     let policy = Policy::closed().rule("/grpc.health.v1.Health/Check", Rule::role("admin"));
//!     let guard = GuardLayer::new(policy, auth.clone())?.audience("gatepost");
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let channel = Channel::from_shared(format!("http://{}", listener.local_addr()?))?.connect_lazy();
//!     let server = Server::builder().layer(guard).add_service(tonic_health::server::health_reporter().1);
//!     tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
//!
//!     // Who may, who may not, and until when.
//!     let ada = auth.issue(Identity::user("ada").role("admin"));
//!     let bob = auth.issue(Identity::user("bob"));
//!     assert_eq!(check(&channel, &ada).await, Code::Ok);
//!     assert_eq!(check(&channel, &bob).await, Code::PermissionDenied);
//!
//!     auth.revoke(&ada);
//!     assert_eq!(check(&channel, &ada).await, Code::Unauthenticated);
//!
//!     auth.clock().advance(Duration::from_secs(24 * 60 * 60));
//!     assert_eq!(check(&channel, &bob).await, Code::Unauthenticated);
//!
//!     auth.away(true);
//!     assert_eq!(check(&channel, &bob).await, Code::Unavailable);
//!     Ok(())
//! }
//! ```
//!
//! # How like the real one it is
//!
//! - A verdict passes through what it passes through in service: it is kept, judged at each use by the
//!   revocation state, and dead as soon as a revocation names it.
//! - The tokens are no JWTs. Neither does a guard read a token: only the auth service knows what is in it, and whoever
//!   wants to test that needs the real one.
//! - A revocation is known to the guard when the call that injects it returns. In service that takes some milliseconds,
//!   and 1.5 s at the most.
//! - [`away`](Auth::away) is an outage that has lasted for more than a second: no evidence is left.

mod auth;
mod issuer;

pub use auth::Auth;
