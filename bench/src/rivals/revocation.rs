//! Time from the end of a session until its token is refused.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use super::work::OpenSession;
use crate::Failure;

/// Interval between the calls with the ended session's token.
const REFUSAL_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Ends the session, and calls with its token until it is refused. Returns the time from the acknowledgement of the end
/// to the refusal, or `None` if the token is still accepted at the end of the wait.
///
/// # Errors
/// Fails if the token is refused before the end, or a call fails otherwise than by a refusal.
pub(super) async fn time_until_refused(session: OpenSession, wait: Duration) -> Result<Option<Duration>, Failure> {
    let ask = || (session.ask)().ok_or("the session has no calls");
    ask()?.await.map_err(|status| format!("a new session's token is not accepted: {status}"))?;
    session.end.await.map_err(|status| format!("a session cannot be ended: {status}"))?;
    let ended = Instant::now();
    loop {
        if let Err(status) = ask()?.await {
            return if is_refusal(&status) { Ok(Some(ended.elapsed())) } else { Err(status.into()) };
        }
        if ended.elapsed() > wait {
            return Ok(None);
        }
        sleep(REFUSAL_POLL_INTERVAL).await;
    }
}

fn is_refusal(status: &Status) -> bool {
    status.code() == Code::Unauthenticated
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Returns a session whose token is accepted this many times; then the answer has this code.
    fn session(accepted: u32, code: Code) -> OpenSession {
        let asked = AtomicU32::new(0);
        let ask = Arc::new(move || {
            let answer = if asked.fetch_add(1, Ordering::Relaxed) < accepted { Ok(()) } else { Err(code) };
            Some(Box::pin(async move { answer.map_err(|code| Status::new(code, "")) }) as crate::load::CallFuture<()>)
        });
        OpenSession { end: Box::pin(async { Ok(()) }), ask }
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_is_timed_from_the_end() {
        let wait = Duration::from_secs(1);
        let polls = |count| Some(REFUSAL_POLL_INTERVAL * count);
        assert_eq!(time_until_refused(session(1, Code::Unauthenticated), wait).await.unwrap(), polls(0));
        assert_eq!(time_until_refused(session(4, Code::Unauthenticated), wait).await.unwrap(), polls(3));
        assert_eq!(time_until_refused(session(u32::MAX, Code::Unauthenticated), wait).await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn other_failures_are_no_refusals() {
        let wait = Duration::from_secs(1);
        assert!(time_until_refused(session(0, Code::Unauthenticated), wait).await.is_err());
        assert!(time_until_refused(session(3, Code::Unavailable), wait).await.is_err());
    }
}
