//! Probes of a service's database, which the kit runs repeatedly without knowing the database.

use std::error::Error;

use futures_util::future::BoxFuture;

/// Small piece of work on the service's database: a read, a write, or a request for its time.
pub type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<(), ProbeError>> + Send + Sync>;

/// Error of a probe. The text names the work that failed; the source is the driver's error.
pub type ProbeError = Box<dyn Error + Send + Sync>;

/// Returns the driver's text, or the error's own text if it has no source.
pub(crate) fn cause(error: &ProbeError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
