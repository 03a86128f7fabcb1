//! Probes of an endpoint that is down, until it answers.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tonic::Request;

use super::endpoint::DialedEndpoint;
use super::outcome::is_endpoint_fault;
use crate::api::auth::v1::VerifyTokenRequest;
use crate::api::auth::v1::token_service_client::TokenServiceClient;
use crate::guard::jitter;

/// First pause before a probe.
const FIRST_PROBE_PAUSE: Duration = Duration::from_millis(100);

/// Maximum pause between two probes.
const MAX_PROBE_PAUSE: Duration = Duration::from_secs(1);

/// The token of a probe. The auth service calls it invalid, and so shows that it can verify tokens now.
const PROBE_TOKEN: &str = "probe";

/// Starts to probe an endpoint that has gone down, and hands it to `record_answer` when it answers. The task ends with
/// the first answer, or with the endpoint. A probe lasts at most `limit`.
pub(super) fn start(
    endpoint: &Arc<DialedEndpoint>,
    limit: Duration,
    record_answer: impl Fn(&DialedEndpoint) + Send + Sync + 'static,
) {
    // No task can start here: the request was dropped with its runtime.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(probe(Arc::downgrade(endpoint), limit, record_answer));
    }
}

async fn probe(endpoint: Weak<DialedEndpoint>, limit: Duration, record_answer: impl Fn(&DialedEndpoint) + Send + Sync) {
    let mut pause = FIRST_PROBE_PAUSE;
    loop {
        sleep(pause / 2 + jitter::full(pause / 2)).await;
        pause = (pause * 2).min(MAX_PROBE_PAUSE);
        let Some(endpoint) = endpoint.upgrade() else { return };
        if endpoint.is_up() {
            return;
        }
        if answers(&endpoint, limit).await {
            record_answer(&endpoint);
            return;
        }
    }
}

/// Returns true if the endpoint can verify tokens now. Replaces its channel if nothing answers.
async fn answers(endpoint: &DialedEndpoint, limit: Duration) -> bool {
    let begun = Instant::now();
    let channel = endpoint.channel().subscribe().borrow().clone();
    let mut request = Request::new(VerifyTokenRequest { token: PROBE_TOKEN.to_owned() });
    request.set_timeout(limit);
    let answer = timeout(limit, TokenServiceClient::new(channel).verify_token(request)).await;
    let Ok(answer) = answer else {
        endpoint.channel().replace_if_silent_since(begun);
        return false;
    };
    !is_endpoint_fault(&answer)
}
