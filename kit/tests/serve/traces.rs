//! Spans and metrics of a server, as a collector receives them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{ListSigningKeysRequest, VerifyTokenRequest};
use kit::ops::Metrics;
use kit::otlp::{CollectorAddress, ExportTimes, ServiceTelemetry};
use kit::shutdown::Shutdown;
use kit::{Clock, ServiceAddress};
use testkit::collector::{CollectedMetrics, Collector, CollectorState, Data, SpanKind, number_data_point};
use testkit::proxy::Proxy;
use testkit::{MetricsText, Raw, framed};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::support::{TestServer, keys_guard, start_with};

const VERIFY: &str = "gatepost.auth.v1.TokenService/VerifyToken";
const KEYS: &str = "gatepost.auth.v1.TokenService/ListSigningKeys";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Longer than a test may take.
const LONG: Duration = Duration::from_hours(1);

/// Times for a test that waits for events.
pub(crate) const QUICK: ExportTimes = ExportTimes {
    spans: Duration::from_millis(5),
    metrics: LONG,
    answer: LONG,
    pause: Duration::from_millis(1),
    flush: LONG,
};

/// A server whose spans and metrics are exported.
pub(crate) struct Exported {
    server: TestServer,
    channel: Channel,
    metrics: Arc<Metrics>,
    stop: Shutdown,
    export: JoinHandle<()>,
}

impl Exported {
    async fn start(collector: &Collector, times: ExportTimes) -> Self {
        Self::start_at(plaintext(collector.address()), times).await
    }

    pub(crate) async fn start_at(address: CollectorAddress, times: ExportTimes) -> Self {
        let telemetry = ServiceTelemetry::new("test-service", Some(address), Clock::system()).with_times(times);
        let tracer = telemetry.tracer();
        let server = start_with(|parts| (parts.tracer, parts.guard) = (tracer, keys_guard())).await;
        let channel = Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
        let mut metrics = Metrics::default();
        metrics.add(server.metrics.clone());
        metrics.add(telemetry.metrics());
        let (metrics, stop) = (Arc::new(metrics), Shutdown::new());
        let export = tokio::spawn(telemetry.export(Arc::clone(&metrics), stop.clone()));
        Self { server, channel, metrics, stop, export }
    }

    fn client(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    /// Calls with this token in the request, and with this header `traceparent`, if any.
    pub(crate) async fn verify(&self, token: &str, traceparent: Option<&str>) -> Result<(), Status> {
        let mut request = Request::new(VerifyTokenRequest { token: token.into() });
        if let Some(parent) = traceparent {
            request.metadata_mut().insert("traceparent", parent.parse().unwrap());
        }
        self.client().verify_token(request).await.map(drop)
    }

    fn spans(&self, result: &str) -> u64 {
        MetricsText(self.metrics.text()).count(&format!(r#"gatepost_otlp_spans_total{{result="{result}"}}"#))
    }

    /// Waits until this number of spans has this result.
    pub(crate) async fn until(&self, result: &str, count: u64) {
        while self.spans(result) < count {
            tokio::task::yield_now().await;
        }
    }
}

fn plaintext(address: SocketAddr) -> CollectorAddress {
    CollectorAddress::plaintext(&ServiceAddress::from_socket(address))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn span_of_a_call_follows_the_conventions() {
    let collector = Collector::start().await;
    let world = Exported::start(&collector, QUICK).await;
    world.verify("", Some(&format!("00-{TRACE}-{SPAN}-01"))).await.unwrap();
    let spans = collector.spans(|spans| spans.len() == 1).await;
    let (collected, span) = (&spans[0], &spans[0].span);
    assert_eq!((collected.service.as_str(), span.name.as_str()), ("test-service", VERIFY));
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), SPAN.to_owned()));
    assert!(span.span_id.len() == 8 && hex(&span.span_id) != SPAN, "{span:?}");
    assert!(span.kind() == SpanKind::Server && span.flags == 1 && span.status.is_none(), "{span:?}");
    assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano > span.start_time_unix_nano, "{span:?}");
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "gatepost.auth.v1.TokenService"),
        ("rpc.method", "VerifyToken"),
        ("rpc.grpc.status_code", "0"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(collected.attribute(key).as_deref(), Some(value), "{key}");
    }
    for absent in ["error.type", "gatepost.reason", "gatepost.request_id", "enduser.id"] {
        assert_eq!(collected.attribute(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn failure_has_its_reason_and_the_id_in_the_log() {
    let collector = Collector::start().await;
    let world = Exported::start(&collector, QUICK).await;
    assert_eq!(world.verify("panic", None).await.unwrap_err().code(), Code::Internal);
    let keys = |token: &'static str| {
        let mut request = Request::new(ListSigningKeysRequest {});
        request.metadata_mut().insert("api-token", token.parse().unwrap());
        let mut client = world.client();
        async move { client.list_signing_keys(request).await }
    };
    keys("bad").await.unwrap_err();
    keys("good").await.unwrap();
    Raw::connect(world.server.address).await.call("/a.B/C", &[], framed(b"")).await;
    let spans = collector.spans(|spans| spans.len() == 4).await;
    let find = |name: &str, code: Code| {
        let code = (code as i32).to_string();
        let mut found = spans.iter().filter(|span| span.span.name == name);
        found.find(|span| span.attribute("rpc.grpc.status_code").as_ref() == Some(&code)).unwrap()
    };
    let panicked = find(VERIFY, Code::Internal);
    assert_eq!(panicked.attribute("gatepost.reason").as_deref(), Some("INTERNAL"));
    assert_eq!(panicked.attribute("error.type").as_deref(), Some("INTERNAL"));
    assert_eq!(panicked.attribute("gatepost.request_id").unwrap().len(), 36);
    assert_eq!(panicked.span.status.as_ref().unwrap().code, 2, "an error of the server");
    assert!(panicked.span.parent_span_id.is_empty(), "the call begins a trace");
    let refused = find(KEYS, Code::Unauthenticated);
    assert_eq!(refused.attribute("gatepost.reason").as_deref(), Some("TOKEN_INVALID"));
    assert!(refused.span.status.is_none() && refused.attribute("enduser.id").is_none(), "{refused:?}");
    assert_eq!(find(KEYS, Code::Ok).attribute("enduser.id").as_deref(), Some("ada"));
    let other = find("other", Code::Unauthenticated);
    assert_eq!((other.attribute("rpc.method").as_deref(), other.attribute("rpc.service")), (Some("_OTHER"), None));
    let traces: BTreeSet<_> = spans.iter().map(|span| span.span.trace_id.clone()).collect();
    assert_eq!(traces.len(), 4, "each call begins a trace");
    let text = format!("{spans:?}");
    assert!(!text.contains("good") && !text.contains("bad") && !text.contains("a.B"), "{text}");
}

#[tokio::test]
async fn caller_that_records_nothing_is_not_recorded() {
    let collector = Collector::start().await;
    let world = Exported::start(&collector, QUICK).await;
    world.verify("", Some(&format!("00-{TRACE}-{SPAN}-00"))).await.unwrap();
    world.verify("", Some("not a traceparent")).await.unwrap();
    let spans = collector.spans(|spans| !spans.is_empty()).await;
    assert_ne!(hex(&spans[0].span.trace_id), TRACE);
    world.stop.cancel();
    world.export.await.unwrap();
    assert_eq!(collector.spans(|_| true).await.len(), 1);
}

#[tokio::test]
async fn stop_sends_the_last_spans_and_metrics() {
    let collector = Collector::start().await;
    let world = Exported::start(&collector, ExportTimes { spans: LONG, ..QUICK }).await;
    for _ in 0..3 {
        world.verify("", None).await.unwrap();
    }
    world.server.shutdown.cancel();
    world.server.task.await.unwrap();
    world.stop.cancel();
    world.export.await.unwrap();
    assert_eq!(collector.spans(|_| true).await.len(), 3);
    let metrics = collector.metrics("test-service", |_| true).await;
    let Some(Data::Sum(calls)) = &metrics.metric("gatepost_calls").data else { panic!("{metrics:?}") };
    assert!(calls.is_monotonic && calls.data_points.len() > 17, "{calls:?}");
    let page = MetricsText(world.metrics.text()).names();
    let sent: BTreeSet<_> = metrics.metrics.iter().map(|metric| metric.name.clone()).collect();
    assert_eq!(sent.len(), page.len(), "{sent:?} {page:?}");
    for name in sent {
        assert!(page.iter().any(|on_page| on_page.starts_with(&name)), "{name}");
    }
}

#[tokio::test]
async fn metrics_are_sent_at_each_interval() {
    let collector = Collector::start().await;
    let world = Exported::start(&collector, ExportTimes { metrics: Duration::from_millis(5), ..QUICK }).await;
    let calls = |collected: &CollectedMetrics| {
        let Some(Data::Sum(calls)) = &collected.metric("gatepost_calls").data else { panic!("{collected:?}") };
        let whole = calls.data_points.iter().map(|point| match point.value {
            Some(number_data_point::Value::AsInt(count)) => count,
            other => panic!("{other:?}"),
        });
        whole.sum::<i64>()
    };
    for count in 1..=3 {
        world.verify("", None).await.unwrap();
        collector.metrics("test-service", |collected| calls(collected) == count).await;
    }
}

/// More spans than the queue holds: the rest is dropped, and no call fails or waits.
#[tokio::test]
async fn silent_collector_costs_spans_and_no_call() {
    const CALLS: u64 = 6000;
    let collector = Collector::start().await;
    collector.set(CollectorState::Silent);
    let world = Exported::start(&collector, QUICK).await;
    for _ in 0..CALLS {
        world.verify("", None).await.unwrap();
    }
    collector.asked(1).await;
    collector.set(CollectorState::Takes);
    while world.spans("sent") + world.spans("dropped") < CALLS {
        tokio::task::yield_now().await;
    }
    // One batch waited for its answer, and 4096 spans waited for their batch. An answer may arrive before its span
    // ends.
    let dropped = world.spans("dropped");
    assert!((CALLS - 4096 - 520..CALLS - 4096).contains(&dropped), "{dropped} dropped");
    world.verify("", None).await.unwrap();
    world.until("sent", CALLS - dropped + 1).await;
}

#[tokio::test]
async fn request_without_answer_is_repeated_then_given_up() {
    let collector = Collector::start().await;
    collector.set(CollectorState::Silent);
    let world = Exported::start(&collector, ExportTimes { answer: Duration::from_millis(20), ..QUICK }).await;
    world.verify("", None).await.unwrap();
    collector.asked(3).await;
    world.until("dropped", 1).await;
    collector.set(CollectorState::Takes);
    // A busy machine may answer late, too.
    while world.spans("sent") == 0 {
        world.verify("", None).await.unwrap();
    }
}

#[tokio::test]
async fn refused_spans_are_repeated_only_when_unavailable() {
    for (code, attempts) in [(Code::InvalidArgument, 1), (Code::Unavailable, 3), (Code::ResourceExhausted, 1)] {
        let collector = Collector::start().await;
        collector.set(CollectorState::Refuses(code));
        let world = Exported::start(&collector, QUICK).await;
        world.verify("", None).await.unwrap();
        world.until("dropped", 1).await;
        assert_eq!((collector.count(), world.spans("sent")), (attempts, 0), "{code:?}");
    }
    let collector = Collector::start().await;
    collector.set(CollectorState::Rejects(1));
    let world = Exported::start(&collector, QUICK).await;
    world.verify("", None).await.unwrap();
    world.until("dropped", 1).await;
    assert_eq!(world.spans("sent"), 0, "the collector has rejected a part");
}

#[tokio::test]
async fn collector_that_is_down_gets_later_spans() {
    let collector = Collector::start().await;
    let way = Proxy::to_address(collector.address());
    let world = Exported::start_at(plaintext(way.address()), QUICK).await;
    world.verify("", None).await.unwrap();
    world.until("sent", 1).await;
    way.cut();
    world.verify("", None).await.unwrap();
    world.until("dropped", 1).await;
    way.pass();
    // The first attempts may meet the broken connection.
    while world.spans("sent") < 2 {
        world.verify("", None).await.unwrap();
    }
    assert!(collector.spans(|_| true).await.len() >= 2);
}

#[tokio::test]
async fn stop_gives_up_a_silent_collector() {
    let collector = Collector::start().await;
    collector.set(CollectorState::Silent);
    let world = Exported::start(&collector, ExportTimes { flush: Duration::from_millis(50), ..QUICK }).await;
    world.verify("", None).await.unwrap();
    collector.asked(1).await;
    world.stop.cancel();
    timeout(Duration::from_secs(30), world.export).await.unwrap().unwrap();
    assert_eq!(world.metrics.text().matches(r#"gatepost_otlp_spans_total{result="dropped"} 1"#).count(), 1);
}
