//! A collector of OTLP over gRPC for tests. It takes, refuses or ignores what services export.

use std::net::SocketAddr;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub use opentelemetry_proto::tonic::metrics::v1::metric::Data;
pub use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
pub use opentelemetry_proto::tonic::trace::v1::Span;
pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

/// A collector that listens until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: Arc<Received>,
    server: AbortHandle,
}

#[derive(Debug, Default)]
struct Received {
    spans: watch::Sender<Vec<CollectedSpan>>,
    metrics: watch::Sender<Vec<CollectedMetrics>>,
    /// Number of requests, including those without an answer.
    asked: watch::Sender<usize>,
    state: watch::Sender<CollectorState>,
}

/// Answer of a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CollectorState {
    /// Takes everything.
    #[default]
    Takes,
    /// Takes all but this number of spans of a request.
    Rejects(i64),
    /// Refuses with this code.
    Refuses(Code),
    /// Does not answer.
    Silent,
}

/// A received span.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    /// Name of the service that exported the span.
    pub service: String,
    /// Span.
    pub span: Span,
}

/// Metrics of one export.
#[derive(Clone, Debug)]
pub struct CollectedMetrics {
    /// Name of the service that exported the metrics.
    pub service: String,
    /// Metrics.
    pub metrics: Vec<Metric>,
}

impl CollectedSpan {
    /// Returns an attribute as text; `None` if the span does not have it.
    pub fn attribute(&self, key: &str) -> Option<String> {
        find(&self.span.attributes, key)
    }
}

impl CollectedMetrics {
    /// Returns the metric of this name.
    ///
    /// # Panics
    /// Panics if there is no such metric.
    #[track_caller]
    pub fn metric(&self, name: &str) -> &Metric {
        let found = self.metrics.iter().find(|metric| metric.name == name);
        found.unwrap_or_else(|| panic!("{name} is missing: {:?}", self.metrics))
    }
}

/// Returns an attribute as text.
fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

impl Collector {
    /// Starts a collector on a port of the loopback.
    ///
    /// # Panics
    /// Panics if the machine has no port.
    pub async fn start() -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into()).await
    }

    /// Starts a collector at this address.
    ///
    /// # Panics
    /// Panics if the address is taken.
    #[expect(clippy::expect_used, reason = "a test without its collector has failed")]
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let received = Arc::new(Received::default());
        let service = CollectorService(Arc::clone(&received));
        let server = Server::builder()
            .add_service(TraceServiceServer::new(service.clone()))
            .add_service(MetricsServiceServer::new(service))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        Self { address, received, server: tokio::spawn(server).abort_handle() }
    }

    /// Returns the collector's services for another server, for example with TLS.
    pub fn routes(&self) -> Routes {
        let service = CollectorService(Arc::clone(&self.received));
        Routes::new(TraceServiceServer::new(service.clone())).add_service(MetricsServiceServer::new(service))
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the answers, also to requests that already wait.
    pub fn set(&self, state: CollectorState) {
        self.received.state.send_replace(state);
    }

    /// Waits for this number of requests, including those without an answer.
    ///
    /// # Panics
    /// Never: the sender lives as long as the collector.
    #[expect(clippy::unwrap_used, reason = "the sender lives as long as the collector")]
    pub async fn asked(&self, count: usize) {
        self.received.asked.subscribe().wait_for(|asked| *asked >= count).await.unwrap();
    }

    /// Returns the number of requests so far.
    pub fn count(&self) -> usize {
        *self.received.asked.borrow()
    }

    /// Waits until the received spans fulfill a condition, and returns them.
    ///
    /// # Panics
    /// Never: the sender lives as long as the collector.
    #[expect(clippy::unwrap_used, reason = "the sender lives as long as the collector")]
    pub async fn spans(&self, are_wanted: impl Fn(&[CollectedSpan]) -> bool) -> Vec<CollectedSpan> {
        self.received.spans.subscribe().wait_for(|spans| are_wanted(spans)).await.unwrap().clone()
    }

    /// Waits for metrics of a service that fulfill a condition, and returns them.
    ///
    /// # Panics
    /// Never: the sender lives as long as the collector.
    #[expect(clippy::unwrap_used, reason = "the sender lives as long as the collector")]
    pub async fn metrics(&self, service: &str, are_wanted: impl Fn(&CollectedMetrics) -> bool) -> CollectedMetrics {
        let is_wanted = |one: &&CollectedMetrics| one.service == service && are_wanted(one);
        let mut received = self.received.metrics.subscribe();
        let found = received.wait_for(|all| all.iter().any(|one| is_wanted(&one))).await.unwrap();
        found.iter().find(is_wanted).unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The services of a collector.
#[derive(Clone)]
struct CollectorService(Arc<Received>);

impl CollectorService {
    /// Waits while the collector is silent. Returns the number of spans to reject.
    async fn admit(&self) -> Result<i64, Status> {
        self.0.asked.send_modify(|asked| *asked += 1);
        let mut state = self.0.state.subscribe();
        let state = state.wait_for(|state| *state != CollectorState::Silent).await;
        match *state.map_err(|_| Status::unavailable("the collector ends"))? {
            CollectorState::Refuses(code) => Err(Status::new(code, "refused for the test")),
            CollectorState::Rejects(spans) => Ok(spans),
            CollectorState::Takes | CollectorState::Silent => Ok(0),
        }
    }
}

fn service_name(resource: Option<&Resource>) -> String {
    resource.and_then(|resource| find(&resource.attributes, "service.name")).unwrap_or_default()
}

#[tonic::async_trait]
impl TraceService for CollectorService {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let rejected_spans = self.admit().await?;
        self.0.spans.send_modify(|all| {
            for of_service in request.into_inner().resource_spans {
                let service = service_name(of_service.resource.as_ref());
                let spans = of_service.scope_spans.into_iter().flat_map(|scope| scope.spans);
                all.extend(spans.map(|span| CollectedSpan { service: service.clone(), span }));
            }
        });
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: String::new() };
        let partial_success = (rejected_spans > 0).then_some(partial);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl MetricsService for CollectorService {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.admit().await?;
        self.0.metrics.send_modify(|all| {
            for of_service in request.into_inner().resource_metrics {
                let service = service_name(of_service.resource.as_ref());
                let metrics = of_service.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect();
                all.push(CollectedMetrics { service, metrics });
            }
        });
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
