//! The guard's decision about new and open calls.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use tokio::time::Instant;

use super::certificates::has_expired;
use super::limit::until;
use super::line_limits::LineLimits;
use super::{Identity, InactiveReason, Policy, Rejection, Rule, Token, TokenStatus, TrafficClass, Unavailable, Verify};
use crate::deadline;
use crate::log::shown_path;
use crate::metrics::GuardMetrics;
use crate::status::reason_name;
use crate::trace::{TraceParent, within};

/// Time limit of an introspection.
pub(crate) const GUARD_TIMEOUT: Duration = Duration::from_millis(500);

/// The access policy with verifier, counters and log limits.
pub(super) struct Authorizer<V> {
    pub(super) policy: Policy,
    pub(super) verifier: V,
    pub(super) metrics: GuardMetrics,
    /// Log limits for refused calls.
    refused_lines: LineLimits,
    /// Log limits for ended calls.
    pub(super) ended_lines: LineLimits,
    /// Set once a request that is not gRPC is logged.
    has_logged_not_grpc: AtomicBool,
}

/// An admitted caller and the caller's credential.
pub(super) struct AdmittedCaller {
    pub(super) identity: Identity,
    pub(super) credential: Credential,
}

/// The credential of a call, which is checked again while the call is open.
pub(super) enum Credential {
    /// A token of the call's headers.
    Token(Token),
    /// The service that the client certificate of the connection names.
    Certificate(Identity),
}

/// The caller of a method, `None` if anonymous, or the reason to refuse the call.
type AccessDecision = Result<Option<AdmittedCaller>, Rejection>;

impl<V> Authorizer<V> {
    /// Combines a policy and a verifier. `metrics` counts the decisions.
    pub(super) fn new(policy: Policy, verifier: V, metrics: GuardMetrics) -> Self {
        let (refused_lines, ended_lines, has_logged_not_grpc) = Default::default();
        Self { policy, verifier, metrics, refused_lines, ended_lines, has_logged_not_grpc }
    }

    /// Logs the first request that is not gRPC. Such a request usually shows a mistake in the setup.
    pub(super) fn log_not_grpc<B>(&self, request: &Request<B>, status: StatusCode) {
        if self.has_logged_not_grpc.swap(true, Ordering::Relaxed) {
            return;
        }
        let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()));
        let kind = kind.as_deref().map(shown_path);
        tracing::info!(
            method = request.method().as_str(),
            content_type = kind.as_deref(),
            status = status.as_u16(),
            "refused a request that is not gRPC: put gRPC-Web, CORS and other routes outside the guard (logged once)"
        );
    }
}

impl<V: Verify> Authorizer<V> {
    /// Decides about a new call, counts and logs the decision. The log of rejections is limited, because anyone can
    /// cause them. `service` finds the service that the connection's client certificate names.
    pub(super) async fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        audience: Option<&str>,
        peer: Option<SocketAddr>,
        service: impl FnOnce() -> Option<Identity> + Send,
    ) -> AccessDecision {
        let decision = self.decide(path, headers, audience, peer, service).await;
        self.metrics.decided(&decision);
        let method = &*shown_path(path);
        match &decision {
            Ok(caller) => {
                let subject = caller.as_ref().map(|caller| &*caller.identity.subject);
                tracing::debug!(method, subject, "admitted");
            }
            Err(rejection) => {
                if let Some(line) = self.refused_lines.allow(*rejection) {
                    tracing::info!(
                        method,
                        reason = reason_name(rejection.reason()),
                        left_out = line.left_out(),
                        "refused"
                    );
                }
            }
        }
        decision
    }

    async fn decide(
        &self,
        path: &str,
        headers: &HeaderMap,
        audience: Option<&str>,
        peer: Option<SocketAddr>,
        service: impl FnOnce() -> Option<Identity> + Send,
    ) -> AccessDecision {
        let rule = self.policy.find_rule(path);
        if *rule == Rule::Public {
            return Ok(None);
        }
        // A token takes precedence over a certificate: a service may call on behalf of a user.
        let credential = match Token::from_headers(headers) {
            Ok(token) => Credential::Token(token),
            Err(Rejection::Header(fault)) if fault.is_missing() => match service() {
                Some(service) => Credential::Certificate(service),
                None if *rule == Rule::Optional => return Ok(None),
                None => return Err(Rejection::Header(fault)),
            },
            Err(rejection) => return Err(rejection),
        };
        let class = TrafficClass::NewCall(peer);
        let authorizing = self.authorize(path, &credential, audience, class, deadline::requested(headers));
        // A request to the auth service is part of the caller's trace.
        let identity = within(TraceParent::from_headers(headers), authorizing).await?;
        Ok(Some(AdmittedCaller { identity, credential }))
    }

    /// Returns the caller if the credential is valid for the method at `path` now. `requested` is the caller's time
    /// limit. The audience is a property of tokens alone.
    pub(super) async fn authorize(
        &self,
        path: &str,
        credential: &Credential,
        audience: Option<&str>,
        class: TrafficClass,
        requested: Option<Duration>,
    ) -> Result<Identity, Rejection> {
        let identity = match credential {
            Credential::Token(token) => {
                let identity = self.identify(token, class, requested).await?;
                if audience.is_some_and(|audience| !identity.has_audience(audience)) {
                    return Err(Rejection::Token(InactiveReason::Invalid));
                }
                identity
            }
            Credential::Certificate(service) if has_expired(service) => {
                return Err(Rejection::Token(InactiveReason::Expired));
            }
            Credential::Certificate(service) => service.clone(),
        };
        if self.policy.find_rule(path).admits(&identity) { Ok(identity) } else { Err(Rejection::NotAllowed) }
    }

    /// Verifies the token within the guard's limit and the caller's.
    async fn identify(
        &self,
        token: &Token,
        class: TrafficClass,
        requested: Option<Duration>,
    ) -> Result<Identity, Rejection> {
        let caller_is_shorter = requested.is_some_and(|requested| requested < GUARD_TIMEOUT);
        let deadline = Instant::now() + requested.map_or(GUARD_TIMEOUT, |requested| requested.min(GUARD_TIMEOUT));
        let introspection = until(deadline, pin!(self.verifier.verify_for(token, class, deadline))).await;
        match introspection.unwrap_or(Err(Unavailable::Away)).map(|introspection| introspection.status) {
            Ok(TokenStatus::Active(identity)) => Ok(identity),
            Ok(TokenStatus::Inactive(reason)) => Err(Rejection::Token(reason)),
            // The timer ended the request, or the verifier did so because it keeps the deadline itself.
            Err(_) if caller_is_shorter && Instant::now() >= deadline => Err(Rejection::Deadline),
            Err(_) => Err(Rejection::AuthUnavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tracing::subscriber::set_default;

    use super::super::Introspection;
    use super::super::log_lines::LogLines;
    use super::super::scripted::ada;
    use super::*;
    use crate::Uptime;
    use crate::metrics::RejectionCount;

    const SECRET: &str = "the-token-itself";
    const METHOD: &str = "/a.B/C";

    /// A verifier that attributes every token to ada.
    struct Good;

    impl Verify for Good {
        async fn verify(&self, _: &Token, _: Instant) -> Result<Introspection, Unavailable> {
            Ok(Introspection::active(ada()))
        }
    }

    fn authorizer() -> Authorizer<Good> {
        let policy = Policy::closed().rule("/a.B/Open", Rule::Public).rule("/a.B/Sell", Rule::role("seller"));
        Authorizer::new(policy, Good, GuardMetrics::default())
    }

    /// Runs the closure twice and returns the lines of the second run.
    async fn logged(run: impl AsyncFn()) -> Vec<String> {
        let log = LogLines::from_module("gatepost::guard::authorizer");
        run().await;
        let listening = set_default(log.clone());
        run().await;
        drop(listening);
        log.lines()
    }

    #[tokio::test]
    async fn certificate_counts_only_without_a_token() {
        let (authorizer, service) = (authorizer(), Identity::service("blog").role("seller"));
        let (none, mut good, mut binary) = (HeaderMap::new(), HeaderMap::new(), HeaderMap::new());
        good.insert("api-token", HeaderValue::from_static(SECRET));
        binary.insert("api-token-bin", HeaderValue::from_static(SECRET));
        let caller = async |path: &str, headers: &HeaderMap, service: &Identity| {
            let admitted = authorizer.admit(path, headers, Some("another"), None, || Some(service.clone())).await;
            admitted.map(|caller| caller.map(|caller| caller.identity.subject.clone()))
        };
        assert_eq!(caller(METHOD, &none, &service).await, Ok(Some("blog".into())));
        assert_eq!(caller("/a.B/Sell", &none, &service).await, Ok(Some("blog".into())), "its roles count");
        assert_eq!(caller("/a.B/Open", &none, &service).await, Ok(None), "a public method has no caller");
        let refused = Err(Rejection::Token(InactiveReason::Invalid));
        assert_eq!(caller(METHOD, &good, &service).await, refused, "the token decides, and has another audience");
        assert!(matches!(caller(METHOD, &binary, &service).await, Err(Rejection::Header(_))));
        let expired = service.expire_time(Some(std::time::SystemTime::UNIX_EPOCH));
        let refused = Err(Rejection::Token(InactiveReason::Expired));
        assert_eq!(caller(METHOD, &none, &expired).await, refused);
    }

    #[tokio::test]
    async fn flood_of_rejections_logs_ten_lines_a_second() {
        let lines = logged(async || {
            let uptime = Uptime::manual();
            let authorizer = Authorizer { refused_lines: LineLimits::with_uptime(&uptime), ..authorizer() };
            let (none, mut bad) = (HeaderMap::new(), HeaderMap::new());
            bad.insert("api-token", HeaderValue::from_static(SECRET));
            for _ in 0..2 {
                for _ in 0..500 {
                    let _ = authorizer.admit(METHOD, &none, Some("gatepost"), None, || None).await;
                }
                let _ = authorizer.admit("/a.B/Sell", &bad, Some("gatepost"), None, || None).await;
                uptime.advance(Duration::from_secs(1));
            }
            let denied = authorizer.metrics.read().denied;
            let missing = RejectionCount { rejection: Rejection::TokenMissing, count: 1000 };
            assert!(denied.contains(&missing), "all are counted: {denied:?}");
        });
        let lines = lines.await;
        let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!((lines.len(), count("TOKEN_MISSING"), count("NOT_ALLOWED")), (22, 20, 2), "{lines:?}");
        assert_eq!(lines[11], r#"INFO refused method="/a.B/C" reason="TOKEN_MISSING" left_out=490"#);
        assert_eq!(count("left_out"), 1, "{lines:?}");
    }

    #[tokio::test]
    async fn requests_that_are_not_grpc_log_one_line() {
        let lines = logged(async || {
            let authorizer = authorizer();
            for _ in 0..3 {
                let request = Request::get("/").header("content-type", "text/html").body(()).unwrap();
                authorizer.log_not_grpc(&request, StatusCode::METHOD_NOT_ALLOWED);
            }
        });
        let lines = lines.await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let shown = r#"method="GET" content_type="text/html" status=405"#;
        assert!(lines[0].contains("not gRPC") && lines[0].contains(shown), "{lines:?}");
    }

    #[tokio::test]
    async fn long_method_is_cut_in_the_log() {
        let path = format!("/{}", "a".repeat(8000));
        let lines =
            logged(async || drop(authorizer().admit(&path, &HeaderMap::new(), None, None, || None).await)).await;
        let shown = format!("/{}…", "a".repeat(124));
        assert_eq!(lines, [format!("INFO refused method={shown:?} reason=\"TOKEN_MISSING\"")]);
    }

    #[tokio::test]
    async fn decision_is_logged_without_the_token() {
        async fn decide() {
            let (authorizer, none) = (authorizer(), HeaderMap::new());
            let mut headers = HeaderMap::new();
            headers.insert("api-token", HeaderValue::from_static(SECRET));
            for (path, headers, audience) in [
                (METHOD, &headers, "gatepost"),
                ("/a.B/Open", &none, "gatepost"),
                (METHOD, &none, "gatepost"),
                ("/a.B/Sell", &headers, "gatepost"),
                (METHOD, &headers, "another"),
            ] {
                let _ = authorizer.admit(path, headers, Some(audience), None, || None).await;
            }
        }
        assert_eq!(
            logged(decide).await,
            [
                r#"DEBUG admitted method="/a.B/C" subject="ada""#,
                r#"DEBUG admitted method="/a.B/Open""#,
                r#"INFO refused method="/a.B/C" reason="TOKEN_MISSING""#,
                r#"INFO refused method="/a.B/Sell" reason="NOT_ALLOWED""#,
                r#"INFO refused method="/a.B/C" reason="TOKEN_INVALID""#,
            ]
        );
    }
}
