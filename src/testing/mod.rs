//! A replacement of the auth service for tests of guarded services (feature `testing`).
//!
//! ```toml
//! [dev-dependencies]
//! gatepost = { version = "0.1", features = ["testing"] }
//! ```
//!
//! [`Auth`] issues tokens for any identity. A guard uses it in place of [`AuthService`](crate::AuthService). The
//! server, its policy and the guard are the real ones. A complete test, with tonic's health service as the service
//! under test:
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
//!     // The service under test behind its guard.
//!     let auth = Auth::new();
//!     let policy = Policy::closed().rule("/grpc.health.v1.Health/Check", Rule::role("admin"));
//!     let guard = GuardLayer::new(policy, auth.clone())?.audience("gatepost");
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let channel = Channel::from_shared(format!("http://{}", listener.local_addr()?))?.connect_lazy();
//!     let server = Server::builder().layer(guard).add_service(tonic_health::server::health_reporter().1);
//!     tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
//!
//!     // An admin, and a user without the role.
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
//! # Differences from the real service
//!
//! The guard handles introspections as in production: they are cached, checked at each use by the revocation state, and
//! dropped as soon as a revocation names them. These parts differ:
//!
//! - The tokens are not JWTs. A guard relies on the auth service to read tokens, so tests of their contents need the
//!   real service.
//! - The guard knows a revocation when the call that injects it returns. In production this takes some milliseconds,
//!   and at most 1.5 s.
//! - [`away`](Auth::away) simulates an outage of more than one second: no evidence is left.

mod auth;
#[doc(hidden)]
pub mod fuzzing;
mod issuer;

pub use auth::Auth;
