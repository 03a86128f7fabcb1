//! Time limits of calls: no command hangs at a silent service.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

/// Time limit of a call. The service's own is shorter.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends a request, and waits for its answer within the time limit.
pub(super) async fn bounded<Q, A, F>(message: Q, send: impl FnOnce(Request<Q>) -> F) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    bounded_request(request, send).await
}

/// Sends a complete request within the time limit.
pub(super) async fn bounded_request<Q, A, F>(
    request: Request<Q>,
    send: impl FnOnce(Request<Q>) -> F,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    match timeout(CALL_TIMEOUT, Box::pin(send(request))).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(late()),
    }
}

/// Returns the status of a call without an answer. Like a status of the transport, it has no details.
fn late() -> Status {
    Status::deadline_exceeded(format!("{:?}: no answer within {} s", Code::DeadlineExceeded, CALL_TIMEOUT.as_secs()))
}
