//! A verifier that asks the auth service over gRPC.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::api::auth::v1::token_service_client::TokenServiceClient;
use crate::api::auth::v1::{self, TokenState, VerifyTokenRequest, VerifyTokenResponse};
use crate::guard::IntrospectionFacts;
use crate::guard::endpoints::{
    AuthEndpoints, DialedEndpoint, Race, RunningRequest, causes, is_answered, is_endpoint_fault,
};
use crate::log::LogLimit;
use crate::revocation_state::{Evidence, LogEntry, LogPosition};
use crate::trace::SpanReport;
use crate::{Identity, InactiveReason, Introspection, Token, TrafficClass, Unavailable, Uptime, Verify};

// Limited: while the auth service fails, every caller with a token can cause a line.
static UNANSWERED_LINES: LogLimit = LogLimit::new();
static SENSELESS_LINES: LogLimit = LogLimit::new();

/// The full name of the method.
const METHOD: &str = "gatepost.auth.v1.TokenService/VerifyToken";

/// A verifier that calls `VerifyToken` for each verification and caches nothing.
#[derive(Clone)]
pub struct RemoteVerifier {
    endpoints: AuthEndpoints,
    uptime: Uptime,
    report: SpanReport,
}

impl fmt::Debug for RemoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVerifier").finish_non_exhaustive()
    }
}

impl RemoteVerifier {
    /// Sets the clock.
    pub(in crate::guard) fn with_uptime(self, uptime: Uptime) -> Self {
        Self { uptime, ..self }
    }

    /// Sets the function that gets the requests as spans.
    pub(in crate::guard) fn with_report(self, report: SpanReport) -> Self {
        Self { report, ..self }
    }

    /// Creates a verifier on a channel from the caller.
    pub fn from_channel(channel: Channel) -> Self {
        Self::with_endpoints(AuthEndpoints::from_channel(channel))
    }

    /// Creates a verifier that asks these endpoints.
    pub(in crate::guard) fn with_endpoints(endpoints: AuthEndpoints) -> Self {
        Self { endpoints, uptime: Uptime::system(), report: SpanReport::default() }
    }

    /// Asks an endpoint. Asks another one at once if the endpoint fails, and in addition if it stays silent.
    async fn ask(&self, token: &Token, class: TrafficClass, deadline: Instant) -> Result<Introspection, Unavailable> {
        let begun = Instant::now();
        let first = self.endpoints.first(deadline).await.ok_or(Unavailable::Away)?;
        let mut race = Race::new(self.ask_endpoint(Arc::clone(&first), token, class, deadline));
        if class == TrafficClass::Doubtful {
            // Requests about likely garbage prove nothing about an endpoint, and are not sent again.
            return race.next().await.into_introspection();
        }
        let mut tried = vec![first];
        loop {
            let failed = match timeout(self.endpoints.suspect_after(), race.next()).await {
                Ok(attempt) if attempt.is_endpoint_fault() => Some(attempt),
                Ok(attempt) => return attempt.into_introspection(),
                Err(_) => None,
            };
            let is_silent = |endpoint: &Arc<DialedEndpoint>| endpoint.channel().is_silent_since(begun);
            let next = match &failed {
                Some(attempt) => {
                    self.endpoints.record_failure(&attempt.endpoint, &attempt.cause());
                    self.endpoints.after_failure(&tried)
                }
                None if tried.iter().all(is_silent) => {
                    for silent in &tried {
                        self.endpoints.record_failure(silent, "silent");
                    }
                    self.endpoints.after_silence(&tried)
                }
                None => None,
            };
            if let Some(next) = next {
                race.add(self.ask_endpoint(Arc::clone(&next), token, class, deadline));
                tried.push(next);
            } else if race.is_over()
                && let Some(attempt) = failed
            {
                return attempt.into_introspection();
            }
        }
    }

    /// Sends the request to an endpoint. Sends it again when the endpoint's channel is replaced.
    async fn ask_endpoint(
        &self,
        endpoint: Arc<DialedEndpoint>,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Attempt {
        let running = RunningRequest::start(&endpoint);
        let mut channel = endpoint.channel().subscribe();
        loop {
            let mut client = TokenServiceClient::new(channel.borrow_and_update().clone());
            let mut request = Request::new(VerifyTokenRequest { token: token.expose().to_owned() });
            request.set_timeout(deadline.saturating_duration_since(Instant::now()));
            // Requests about likely garbage neither prove silence nor are sent again.
            let is_fair = class != TrafficClass::Doubtful;
            let pending = is_fair.then(|| endpoint.channel().start_request(deadline));
            let mut span = self.report.start(METHOD);
            if let Some(span) = &span {
                span.span().insert_into(request.metadata_mut().as_mut());
            }
            // Read before the request is sent: the answer is true at some later moment.
            let begun = self.uptime.now();
            let answer = tokio::select! {
                biased;
                answer = client.verify_token(request) => answer,
                Ok(()) = channel.changed(), if is_fair => continue,
            };
            if let Some(span) = &mut span {
                span.set_answer(&answer);
            }
            if is_answered(&answer) {
                endpoint.channel().record_answer();
            }
            if !is_endpoint_fault(&answer) {
                self.endpoints.record_answer(&endpoint);
            }
            drop((pending, running));
            return Attempt { endpoint, answer, begun };
        }
    }
}

/// The outcome of a request at one endpoint.
struct Attempt {
    endpoint: Arc<DialedEndpoint>,
    answer: Result<Response<VerifyTokenResponse>, Status>,
    /// Time at which the request was sent.
    begun: Duration,
}

impl Attempt {
    /// Returns true if another endpoint may do better.
    fn is_endpoint_fault(&self) -> bool {
        is_endpoint_fault(&self.answer)
    }

    /// Returns the cause of a failure, for the log.
    fn cause(&self) -> String {
        let status = self.answer.as_ref().err();
        status.map(|status| format!("{:?} {}", status.code(), causes(status))).unwrap_or_default()
    }

    fn into_introspection(self) -> Result<Introspection, Unavailable> {
        let Self { answer, begun, .. } = self;
        answer.map_err(|status| unanswered(&status)).and_then(|answer| read(answer.into_inner(), begun))
    }
}

impl Verify for RemoteVerifier {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.ask(token, TrafficClass::NewCall(None), deadline).await
    }

    async fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> Result<Introspection, Unavailable> {
        self.ask(token, class, deadline).await
    }
}

/// Logs a failed request. The line has only the code and the local cause: a remote message or its metadata may contain
/// secrets.
fn unanswered(status: &Status) -> Unavailable {
    if let Some(line) = UNANSWERED_LINES.allow() {
        let (code, cause, left_out) = (status.code(), causes(status), line.left_out());
        tracing::warn!(?code, cause, left_out, "the auth service did not answer VerifyToken");
    }
    if status.code() == Code::Unavailable { Unavailable::Away } else { Unavailable::Unclear }
}

/// Converts the answer to an introspection. Fails for an answer that it does not understand.
fn read(answer: VerifyTokenResponse, asked: Duration) -> Result<Introspection, Unavailable> {
    let facts = facts(&answer, asked);
    let introspection = match TokenState::try_from(answer.state).unwrap_or_default() {
        TokenState::Active => identity(answer.claims).map(Introspection::active),
        TokenState::Invalid => Some(Introspection::inactive(InactiveReason::Invalid)),
        TokenState::Expired => Some(Introspection::inactive(InactiveReason::Expired)),
        TokenState::Revoked => Some(Introspection::inactive(InactiveReason::Revoked)),
        TokenState::UserDeleted => Some(Introspection::inactive(InactiveReason::UserDeleted)),
        TokenState::UserDisabled => Some(Introspection::inactive(InactiveReason::UserDisabled)),
        TokenState::Unspecified => None,
    };
    let Some(introspection) = introspection else {
        if let Some(line) = SENSELESS_LINES.allow() {
            tracing::warn!(left_out = line.left_out(), "malformed answer of the auth service to VerifyToken");
        }
        return Err(Unavailable::Unclear);
    };
    Ok(match facts {
        Some(facts) => introspection.with_facts(facts),
        None => introspection,
    })
}

/// Returns the facts behind the answer, if it contains them.
fn facts(answer: &VerifyTokenResponse, asked: Duration) -> Option<IntrospectionFacts> {
    let position = answer.position.as_ref().and_then(position)?;
    let ttl = answer.ttl.map_or(Ok(Duration::ZERO), Duration::try_from).ok()?;
    let (generation, key) = answer.claims.as_ref().map_or((0, ""), |claims| (claims.generation, &claims.key_id));
    Some(IntrospectionFacts { evidence: Evidence { position, asked, ttl }, generation, key: key.into() })
}

/// Converts a log position; `None` if it is malformed.
pub(crate) fn position(position: &v1::Position) -> Option<LogPosition> {
    let (log, fingerprint) = (position.log_id.as_slice().try_into().ok()?, position.mark.as_slice().try_into().ok()?);
    Some(LogPosition { log, last: LogEntry { revision: position.revision, fingerprint } })
}

fn identity(claims: Option<v1::TokenClaims>) -> Option<Identity> {
    let claims = claims.filter(|claims| !claims.subject.is_empty())?;
    let (identity, is_service) = match v1::SubjectKind::try_from(claims.subject_kind).ok()? {
        v1::SubjectKind::User => (Identity::user(claims.subject), false),
        v1::SubjectKind::Service => (Identity::service(claims.subject), true),
        v1::SubjectKind::Unspecified => return None,
    };
    let expire_time = match claims.expire_time {
        Some(time) => Some(read_time(time)?),
        None if is_service => None,
        None => return None,
    };
    // Earlier versions of the auth service send a single audience.
    let audiences = if claims.audiences.is_empty() { vec![claims.audience] } else { claims.audiences };
    let identity = identity.roles(claims.roles).audiences(audiences).expire_time(expire_time);
    Some(if claims.session_id.is_empty() { identity } else { identity.session(claims.session_id) })
}

/// Converts a time of the years 1970 to 9999; `None` for others. Protobuf allows no later year, but the system does.
pub(crate) fn read_time(time: Timestamp) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800;
    let seconds = u64::try_from(time.seconds).ok().filter(|seconds| *seconds < YEAR_10000)?;
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::dial::ServerUrl;
    use crate::guard::endpoints::EndpointTarget;
    use crate::guard::scripted::token;
    use crate::metrics::AuthMetrics;

    #[tokio::test]
    async fn running_request_is_sent_again_on_the_next_channel() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = ServerUrl::plain(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let targets = [EndpointTarget::Url(url)];
        let endpoints = AuthEndpoints::new(&targets, Duration::from_millis(500), AuthMetrics::default());
        let (verifier, token) = (RemoteVerifier::with_endpoints(endpoints.clone()), token());
        let later = Instant::now() + Duration::from_mins(1);
        let asked_twice = async {
            let first = silent.accept().await.unwrap();
            endpoints.replace_if_silent_since(later);
            (first, silent.accept().await.unwrap())
        };
        tokio::select! {
            answer = verifier.verify(&token, later) => panic!("nothing answers: {answer:?}"),
            _connections = asked_twice => {}
        }
    }
}
