//! What a guard counts, for whoever watches it.
//!
//! [`GuardLayer::metrics`](crate::GuardLayer::metrics) and [`AuthService::metrics`](crate::AuthService::metrics) give out
//! handles, and reading one gives the numbers since the start. They are plain numbers, so that this crate brings no
//! library of metrics along: read them into yours when it is asked for its own. With the feature `metrics` each event goes to
//! the recorder of the crate [`metrics`](https://docs.rs/metrics), too.
//!
//! ```no_run
//! # use gatepost::{AuthService, GuardLayer, Policy, Token};
//! # fn guard(policy: Policy, key: &Token) -> Result<(), Box<dyn std::error::Error>> {
//! let auth = AuthService::builder("http://127.0.0.1:50051").service_key(key).build()?;
//! let asked = auth.metrics();
//! let guard = GuardLayer::new(policy, auth)?;
//! let decided = guard.metrics();
//! // At each scrape:
//! let (hits, allowed) = (asked.read().hits, decided.read().allowed);
//! # let _ = (hits, allowed);
//! # Ok(())
//! # }
//! ```
//!
//! To count takes neither a lock nor memory. Numbers that are read together may be of slightly different moments.

mod auth;
mod counter;
mod distribution;
#[cfg_attr(not(feature = "metrics"), path = "no_facade.rs")]
mod facade;
mod guard;

pub(crate) use auth::Counters;
pub use auth::{AuthCounts, AuthMetrics};
pub use distribution::Distribution;
pub use guard::{GuardCounts, GuardMetrics};

/// The labels of a counter. None of their values is one that a caller can choose.
type Labels = [(&'static str, &'static str)];
