//! Time limit for the answers of a server.

use std::time::Duration;

use tokio::time::timeout;

/// Returns the future's answer, or `TimedOut` if it does not arrive within the limit.
pub(super) async fn limited<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
