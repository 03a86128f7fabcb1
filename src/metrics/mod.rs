//! Counters of a guard.
//!
//! [`GuardLayer::metrics`](crate::GuardLayer::metrics) and [`AuthService::metrics`](crate::AuthService::metrics) return
//! handles. Reading a handle returns the counts since the start, as plain numbers, so this crate depends on no metrics
//! library. With the feature `metrics`, each event also goes to the recorder of the crate
//! [`metrics`](https://docs.rs/metrics).
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
//! Counting takes no lock and allocates no memory. Numbers of one read may come from slightly different moments.

mod auth;
mod counter;
mod distribution;
#[cfg_attr(not(feature = "metrics"), path = "no_facade.rs")]
mod facade;
mod guard;

pub(crate) use auth::AuthCounters;
pub use auth::{AuthCounts, AuthMetrics};
pub use distribution::{Bucket, Distribution};
pub use guard::{GuardCounts, GuardMetrics, RejectionCount};

/// The labels of a counter. A caller can choose none of their values.
type Labels = [(&'static str, &'static str)];
