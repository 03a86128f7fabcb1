//! Waits for the end of what a call has given up: for the server's answer, or its word that nothing runs any more.

use std::time::Duration;

use sqlx::{Connection as _, Error, PgConnection};
use tokio::sync::oneshot::Receiver;
use tokio::time::timeout;

use super::abandoned::AbandonedWork;
use super::dialer::DialedConnection;
use crate::error::is_answer;

/// The time for an answer that is on its way while the server already says that nothing runs.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_millis(200);

/// The time for an answer where the server cannot be asked.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers to one statement that was given up: its refusal, and the one to the question whether it has ended.
const MAX_DRAINED_ANSWERS: usize = 4;

/// Waits until the server has answered on the connection, and returns it; or until the server runs nothing for it.
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
                // The connection is lost: what it has begun may go on.
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

/// ReadRetries all that the server still answers.
async fn drain(connection: &mut PgConnection) -> Result<(), Error> {
    for _ in 1..MAX_DRAINED_ANSWERS {
        match connection.ping().await {
            Err(error) if is_answer(&error) => {}
            ended => return ended,
        }
    }
    connection.ping().await
}
