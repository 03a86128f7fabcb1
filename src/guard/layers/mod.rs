//! Decorators around a [`Verify`](crate::Verify). [`AuthService`](crate::AuthService) uses all of them. A verifier of
//! your own may use some.

mod breaker;
mod circuit;
mod flight;
mod remote;
mod retry;
mod retry_budget;

pub use breaker::Breaker;
pub use flight::SingleFlight;
pub use remote::RemoteVerifier;
pub use retry::Retry;

pub(crate) use remote::{position, read_time};
