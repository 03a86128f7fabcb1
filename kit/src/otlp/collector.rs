//! Client of the collector: one request at a time for each signal, with a time limit and a few attempts.

use std::error::Error;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::shutdown::Shutdown;

/// Attempts of a request, the first one included.
const ATTEMPTS: u32 = 3;

/// Client of the collector.
#[derive(Clone)]
pub(super) struct CollectorClient {
    channel: Channel,
    /// Time for the answer to an attempt.
    limit: Duration,
    /// Pause before the second attempt; the next one is twice as long.
    pause: Duration,
    /// Cancelled at the end of the service: a failed request is then not sent again.
    stop: Shutdown,
}

impl CollectorClient {
    pub(super) fn new(channel: Channel, limit: Duration, pause: Duration, stop: Shutdown) -> Self {
        Self { channel, limit, pause, stop }
    }

    /// Sends spans. Returns the number of spans that the collector has rejected.
    pub(super) async fn send_spans(&self, request: ExportTraceServiceRequest) -> Result<u64, Status> {
        let send = || {
            let (mut client, request) = (TraceServiceClient::new(self.channel.clone()), request.clone());
            async move { client.export(request).await }
        };
        let answer = self.attempt(send).await?.into_inner();
        let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(rejected.try_into().unwrap_or_default())
    }

    /// Sends metrics.
    pub(super) async fn send_metrics(&self, request: ExportMetricsServiceRequest) -> Result<(), Status> {
        let send = || {
            let (mut client, request) = (MetricsServiceClient::new(self.channel.clone()), request.clone());
            async move { client.export(request).await }
        };
        self.attempt(send).await.map(drop)
    }

    /// Sends a request, and repeats it after a transient failure.
    async fn attempt<T, F>(&self, send: impl Fn() -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut pause = self.pause;
        for _ in 1..ATTEMPTS {
            match self.once(send()).await {
                Err(status) if is_transient(&status) && !self.stop.is_cancelled() => {
                    let _: Option<()> = self.stop.run_until_cancelled(sleep(pause)).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        self.once(send()).await
    }

    async fn once<T>(&self, answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let late = || Status::deadline_exceeded("the collector has not answered in time");
        timeout(self.limit, answer).await.unwrap_or_else(|_elapsed| Err(late()))
    }
}

/// Returns true for a transient failure, after which a request may be repeated (OTLP 1.x, "Failures" of OTLP/gRPC).
fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => status.get_details_retry_info().is_some(),
        _ => false,
    }
}

/// Returns the transport's causes of a failure; empty for a status of the collector, whose text is not logged.
pub(super) fn causes(status: &Status) -> String {
    let causes = std::iter::successors(status.source(), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
