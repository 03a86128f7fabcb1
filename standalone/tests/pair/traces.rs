//! One trace from a login to a guarded call, across both services, and their metrics, at one collector.

use std::collections::BTreeSet;

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::trace::TraceParent;
use testkit::collector::{CollectedSpan, Collector, SpanKind};
use tonic::Request;

use super::story::{EMAIL, channel, register};
use super::support::watch::shows;
use super::support::{Outcome, PASSWORD, Pair, folder};

const LOGIN: &str = "gatepost.auth.v1.AuthService/Login";
const LIST: &str = "gatepost.blog.v1.PostService/ListPosts";
const VERIFY: &str = "gatepost.auth.v1.TokenService/VerifyToken";

/// Returns a request of this trace.
fn traced<T>(message: T, trace: TraceParent, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    trace.insert_into(request.metadata_mut().as_mut());
    if let Some(token) = token {
        request.metadata_mut().insert("api-token", token.parse().unwrap());
    }
    request
}

fn find<'s>(spans: &'s [CollectedSpan], name: &str, kind: SpanKind) -> Option<&'s CollectedSpan> {
    spans.iter().find(|span| span.span.name == name && span.span.kind() == kind)
}

/// Returns the spans of a login, of a guarded call, and of the guard's request at both ends, once all have come.
fn find_all(spans: &[CollectedSpan]) -> Option<[&CollectedSpan; 4]> {
    let asked = find(spans, VERIFY, SpanKind::Client)?;
    let answered = spans.iter().find(|span| span.span.parent_span_id == asked.span.span_id)?;
    Some([find(spans, LOGIN, SpanKind::Server)?, find(spans, LIST, SpanKind::Server)?, asked, answered])
}

#[tokio::test(flavor = "multi_thread")]
async fn login_and_guarded_call_are_one_trace() -> Outcome {
    let (folder, collector) = (folder(), Collector::start().await);
    let url = collector.url();
    let pair = Pair::start(folder.path(), &[("AUTH_OTLP_ENDPOINT", &url), ("BLOG_OTLP_ENDPOINT", &url)]);
    register(&pair).await?;
    let client = TraceParent::root();
    let login = LoginRequest { email: EMAIL.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(channel(&pair.auth)).login(traced(login, client, None)).await?.into_inner();
    let (token, user) = (answer.tokens.unwrap().access_token, answer.user.unwrap());
    let list = traced(ListPostsRequest::default(), client, Some(&token));
    PostServiceClient::new(channel(&pair.blog)).list_posts(list).await?;
    // Each service sends its own batches, and other calls begin traces of their own.
    let ours = |spans: &[CollectedSpan]| {
        let is_ours = |span: &&CollectedSpan| span.span.trace_id == client.trace().to_bytes();
        spans.iter().filter(is_ours).cloned().collect::<Vec<_>>()
    };
    let spans = ours(&collector.spans(|spans| find_all(&ours(spans)).is_some()).await);
    let [login, list, asked, answered] = find_all(&spans).unwrap();
    assert_eq!((answered.span.name.as_str(), answered.span.kind()), (VERIFY, SpanKind::Server));
    for (span, service, parent) in [
        (login, "auth-service", &client.span().to_bytes()[..]),
        (list, "blog-service", &client.span().to_bytes()),
        (asked, "blog-service", &list.span.span_id),
        (answered, "auth-service", &asked.span.span_id),
    ] {
        assert_eq!((span.service.as_str(), &span.span.parent_span_id[..]), (service, parent), "{}", span.span.name);
        assert_eq!(span.attribute("rpc.grpc.status_code").as_deref(), Some("0"), "{span:?}");
    }
    assert_eq!(list.attribute("enduser.id"), Some(user.id));
    let ids: BTreeSet<_> = spans.iter().map(|span| &span.span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "each span has its own id");

    pair.stop();
    let all = collector.spans(|_| true).await;
    let text = format!("{all:?}");
    let secrets: Vec<_> = token.split('.').map(str::to_owned).chain([PASSWORD.to_owned(), EMAIL.to_owned()]).collect();
    assert!(!shows(&text, &secrets), "{text}");
    for (service, name) in [("auth-service", "gatepost_view_entries"), ("blog-service", "gatepost_guard_verdicts")] {
        collector.metrics(service, |_| true).await.metric(name);
    }
    Ok(())
}
