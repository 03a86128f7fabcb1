//! The guard's requests are part of the trace of the call for which they are made.

use std::sync::Mutex;

use gatepost::trace::{RequestSpan, SpanReport, TraceParent};
use gatepost::{AuthService, GuardLayer, Policy};
use tokio::sync::mpsc;
use tonic::Code;

use crate::support::{Auth, Guarded, Outside, Port, Raw, Running, SHOW, known};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNRECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// A guarded server, and an auth service that records the requests of its guard.
struct Traced {
    auth: Auth,
    raw: Raw,
    _running: Running,
    _server: Guarded,
}

/// Starts a guard that reports its requests to this function.
async fn world(report: SpanReport) -> Traced {
    let (auth, port) = (Auth::new(known), Port::reserve());
    let running = auth.serve(port.listen());
    let verifier = AuthService::builder(port.url()).report_requests(report).build().unwrap();
    let guard = GuardLayer::new(Policy::closed(), verifier).unwrap();
    let server = Guarded::start_within(Outside::default(), guard).await;
    Traced { auth, raw: server.raw().await, _running: running, _server: server }
}

impl Traced {
    /// Calls with these values of `traceparent`; returns the value of the guard's request.
    async fn call(&self, token: &str, parents: &[&str]) -> Option<String> {
        let parents = parents.iter().map(|parent| ("traceparent", parent.as_bytes()));
        let headers: Vec<_> = [("api-token", token.as_bytes())].into_iter().chain(parents).collect();
        let before = self.auth.count();
        self.raw.call(SHOW, &headers).await;
        self.auth.asked(before + 1).await.swap_remove(before).traceparent
    }
}

/// Without a tracer the guard's request has no span, so the auth service's span is a child of the caller's.
#[tokio::test]
async fn traceparent_of_the_call_goes_to_the_auth_service() {
    let world = world(SpanReport::default()).await;
    assert_eq!(world.call("good", &[CALLER]).await.as_deref(), Some(CALLER));
    assert_eq!(world.call("good", &[UNRECORDED]).await.as_deref(), Some(UNRECORDED));
    assert_eq!(world.call("revoked", &[CALLER]).await.as_deref(), Some(CALLER), "a refused call, too");
}

#[tokio::test]
async fn absent_and_malformed_traceparents_are_not_sent() {
    let world = world(SpanReport::default()).await;
    assert_eq!(world.call("good", &[]).await, None);
    for malformed in ["", "00-0-0-01", "eyJhbGciOiJFZERTQSJ9.a.b", &CALLER.to_uppercase()] {
        assert_eq!(world.call("good", &[malformed]).await, None, "{malformed}");
    }
    assert_eq!(world.call("good", &[CALLER, CALLER]).await, None, "a repeated header is malformed");
}

#[tokio::test]
async fn reported_request_is_a_child_of_the_call() {
    let (reported, mut spans) = mpsc::unbounded_channel::<RequestSpan>();
    let world = world(SpanReport::new(move |span| reported.send(span).unwrap_or_default())).await;
    let caller = TraceParent::parse(CALLER).unwrap();
    for (token, code) in [("good", Code::Ok), ("unsayable", Code::Internal)] {
        let sent = world.call(token, &[CALLER]).await.unwrap();
        let span = spans.recv().await.unwrap();
        assert_eq!((span.span.to_string(), span.span.trace()), (sent, caller.trace()));
        assert_eq!((span.parent, span.method), (caller.span(), "gatepost.auth.v1.TokenService/VerifyToken"));
        assert!(span.span != caller && (span.code == code || token != "good"), "{span:?}");
    }
    assert_eq!(world.call("good", &[UNRECORDED]).await.as_deref(), Some(UNRECORDED));
    assert_eq!(world.call("good", &[]).await, None);
    assert!(spans.try_recv().is_err(), "a caller that records nothing has no spans");
}

#[tokio::test]
async fn request_without_an_answer_is_cancelled() {
    let (reported, mut spans) = mpsc::unbounded_channel::<RequestSpan>();
    let reported = Mutex::new(reported);
    let world = world(SpanReport::new(move |span| reported.lock().unwrap().send(span).unwrap_or_default())).await;
    world.auth.fall_silent();
    world.raw.call(SHOW, &[("api-token", b"good"), ("traceparent", CALLER.as_bytes())]).await;
    let span = spans.recv().await.unwrap();
    assert!(matches!(span.code, Code::Cancelled | Code::DeadlineExceeded), "{span:?}");
}
