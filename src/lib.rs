//! A guard for gRPC services: it asks the Gatepost auth service what a token is worth before any RPC is served.
//!
//! Put [`GuardLayer`] around the whole server. Every method is closed unless the [`Policy`] says otherwise, and the
//! handler finds out who calls from [`Identity`]:
//!
//! ```no_run
//! use gatepost::{GuardLayer, Identity, InvalidUrl, Policy, RemoteVerifier, Rule};
//! # use tonic::{Request, Response, Status};
//!
//! # fn layer() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::closed()
//!     .with_health()
//!     .with_reflection()
//!     .rule("/shop.v1.ShopService/ListGoods", Rule::Optional)
//!     .rule("/shop.v1.ShopService/SetPrice", Rule::role("seller"));
//! let auth = RemoteVerifier::lazy("http://127.0.0.1:50051")?;
//! let guard = GuardLayer::new(policy, auth).audience("gatepost");
//! // tonic::transport::Server::builder().layer(guard).add_service(…)
//! # Ok(())
//! # }
//!
//! async fn set_price(request: Request<()>) -> Result<Response<()>, Status> {
//!     let caller = Identity::of(&request)?;
//!     println!("{} sets a price", caller.subject);
//!     Ok(Response::new(()))
//! }
//! ```
//!
//! # What is promised
//!
//! - A method that the policy does not name needs a valid token.
//! - The auth service is asked on every call; calls that carry the same token at the same time share one question,
//!   which lasts 500 ms at the most: the longest for which a call can be let in after its token was revoked.
//! - When the auth service is down, slower than 500 ms or answers nonsense, guarded methods answer `UNAVAILABLE`, and
//!   never let anybody in.
//! - An identity header that a caller sends (`x-user-id` and its like) never reaches a handler.
//!
//! # What a refused caller sees
//!
//! Each status carries `google.rpc.ErrorInfo` with the domain [`AUTH_DOMAIN`] and a reason of
//! [`api::auth::v1::ErrorReason`].
//!
//! | case | code | reason |
//! | --- | --- | --- |
//! | no token | `UNAUTHENTICATED` | `TOKEN_MISSING` |
//! | two tokens, garbled, forged, for another audience | `UNAUTHENTICATED` | `TOKEN_INVALID` |
//! | its lifetime is over | `UNAUTHENTICATED` | `TOKEN_EXPIRED` |
//! | its session has ended | `UNAUTHENTICATED` | `TOKEN_REVOKED` |
//! | its user was deleted or disabled | `UNAUTHENTICATED` | `USER_DELETED`, `USER_DISABLED` |
//! | the role is missing | `PERMISSION_DENIED` | `NOT_ALLOWED` |
//! | the auth service cannot say | `UNAVAILABLE` | `AUTH_UNAVAILABLE` |
//! | the caller's own deadline passed meanwhile | `DEADLINE_EXCEEDED` | `DEADLINE` |

pub mod api;
pub mod deadline;
mod guard;
pub mod status;

pub use guard::{
    Denial, Digest, Guard, GuardLayer, Identity, InvalidUrl, Policy, PolicyError, Refusal, RemoteVerifier, Rule,
    SingleFlight, SubjectKind, Token, Unavailable, Verdict, Verify, WithToken,
};
pub use status::AUTH_DOMAIN;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
