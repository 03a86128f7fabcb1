//! A limit in time for the answers of a server.

use std::time::Duration;

use tokio::time::timeout;

/// Returns the future's answer, or `TimedOut` if it has not come within the limit.
pub(super) async fn limited<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
