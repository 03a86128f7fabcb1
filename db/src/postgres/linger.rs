//! Waits for the end of abandoned work: for the server's answer, or until the server reports that nothing runs.

use std::time::Duration;

use sqlx::{Connection as _, Error, PgConnection};
use tokio::sync::oneshot::Receiver;
use tokio::time::timeout;

use super::abandoned::AbandonedWork;
use super::dialer::DialedConnection;
use crate::error::is_answer;

/// Time limit for an answer that is still on its way when the server reports that nothing runs.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_millis(200);

/// Time limit for an answer if the server does not report what runs.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of pings that drain a connection. Each ping reads at most one refusal of an earlier statement.
const MAX_DRAIN_PINGS: usize = 4;

/// Waits for all answers of the server on the connection, and returns the connection. If they do not arrive, returns
/// `None` once the server runs nothing for the connection or the pools close.
pub(super) async fn linger(
    kept: Option<DialedConnection>,
    settled: Option<Receiver<()>>,
    abandoned: &AbandonedWork,
) -> Option<DialedConnection> {
    let mut drained = Box::pin(async move {
        let mut made = kept?;
        drain(&mut made.connection).await.is_ok().then_some(made)
    });
    let Some(mut settled) = settled else {
        return timeout(DRAIN_TIMEOUT, drained).await.unwrap_or(None);
    };
    tokio::select! {
        biased;
        made = &mut drained => {
            if made.is_none() {
                // The connection is lost, but its work may go on.
                tokio::select! {
                    _ = settled => {}
                    () = abandoned.closing() => {}
                }
            }
            made
        }
        _ = &mut settled => timeout(IN_FLIGHT_TIMEOUT, drained).await.unwrap_or(None),
        () = abandoned.closing() => None,
    }
}

/// Reads all answers that the server still sends.
async fn drain(connection: &mut PgConnection) -> Result<(), Error> {
    for _ in 1..MAX_DRAIN_PINGS {
        match connection.ping().await {
            Err(error) if is_answer(&error) => {}
            ended => return ended,
        }
    }
    connection.ping().await
}
