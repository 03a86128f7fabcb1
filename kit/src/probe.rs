//! Work on a service's database that the kit does again and again, without knowing the database.

use std::error::Error;

use futures_util::future::BoxFuture;

/// Does a trifle at the service's database: a read, a write, or a question for the time.
pub type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<(), Failed>> + Send + Sync>;

/// The error of a probe; its text tells what the database did not do, its source is the driver's.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Returns the driver's words, or the error's own where it has no source.
pub(crate) fn cause(error: &Failed) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
