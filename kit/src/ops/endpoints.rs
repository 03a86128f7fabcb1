//! Endpoints of the operations port.

use std::sync::{Arc, OnceLock};

use http::{Method, StatusCode};

use super::readiness::Readiness;
use super::{EndpointRequest, EndpointResponse, OpsLimits};
use crate::Clock;
use crate::probe::Probe;
use crate::shutdown::Shutdown;
use crate::tls::Certificates;

/// Additional path of a service, with its handlers. The handlers must not block.
pub struct Endpoint {
    path: &'static str,
    get: Box<dyn Fn(&EndpointRequest<'_>) -> EndpointResponse + Send + Sync>,
    put: Option<PutHandler>,
}

/// Handler that gets the text of a request.
type PutHandler = Box<dyn Fn(&EndpointRequest<'_>, &str) -> EndpointResponse + Send + Sync>;

impl Endpoint {
    /// Creates an endpoint at this path, such as `/.well-known/jwks.json`, for GET and HEAD.
    pub fn new(
        path: &'static str,
        get: impl Fn(&EndpointRequest<'_>) -> EndpointResponse + Send + Sync + 'static,
    ) -> Self {
        Self { path, get: Box::new(get), put: None }
    }

    /// Serves PUT too. The handler gets the text of the request, at most 1 KiB.
    #[must_use]
    pub fn with_put(
        self,
        put: impl Fn(&EndpointRequest<'_>, &str) -> EndpointResponse + Send + Sync + 'static,
    ) -> Self {
        Self { put: Some(Box::new(put)), ..self }
    }

    /// Lists the methods.
    fn methods(&self) -> &'static str {
        if self.put.is_some() { "GET, HEAD, PUT" } else { READ_METHODS }
    }
}

/// Methods of a path that only answers.
const READ_METHODS: &str = "GET, HEAD";

/// Endpoints of a service, set once it has started.
#[derive(Clone)]
pub struct Endpoints(Arc<EndpointsState>);

struct EndpointsState {
    started: OnceLock<StartedEndpoints>,
    /// Cancelled when the service leaves.
    leaving: Shutdown,
    limits: OpsLimits,
}

struct StartedEndpoints {
    endpoints: Vec<Endpoint>,
    readiness: Readiness,
    clock: OnceLock<Clock>,
    certificates: OnceLock<Certificates>,
}

impl Endpoints {
    pub(super) fn new(leaving: Shutdown, limits: OpsLimits) -> Self {
        Self(Arc::new(EndpointsState { started: OnceLock::new(), leaving, limits }))
    }

    /// Serves these endpoints from now on. The service is ready while `write` succeeds. A second call does nothing.
    pub fn show(&self, endpoints: Vec<Endpoint>, write: Probe) {
        let readiness = Readiness::new(write, self.0.limits);
        let (clock, certificates) = Default::default();
        self.0.started.get_or_init(|| StartedEndpoints { endpoints, readiness, clock, certificates });
    }

    /// Adds a warning to `/readyz` while this clock is wrong. The service stays ready: a wrong clock of the database
    /// server would otherwise make all replicas unready.
    pub fn watch_clock(&self, clock: Clock) {
        if let Some(started) = self.0.started.get() {
            started.clock.get_or_init(|| clock);
        }
    }

    /// Adds the days until these certificates expire to `/readyz`. The service stays ready after that: all replicas may
    /// have the same certificate.
    pub fn watch_certificates(&self, certificates: Certificates) {
        if let Some(started) = self.0.started.get() {
            started.certificates.get_or_init(|| certificates);
        }
    }

    /// Returns true if the request's body is read: the path takes PUT.
    pub(super) fn reads_body(&self, method: &Method, path: &str) -> bool {
        method == Method::PUT && self.find(path).is_some_and(|endpoint| endpoint.put.is_some())
    }

    fn find(&self, path: &str) -> Option<&Endpoint> {
        self.0.started.get()?.endpoints.iter().find(|endpoint| endpoint.path == path)
    }

    /// Returns the response to a request. `text` is its body, if it was read.
    pub(super) async fn answer(
        &self,
        method: &Method,
        path: &str,
        request: EndpointRequest<'_>,
        text: Option<&str>,
    ) -> EndpointResponse {
        let (started, endpoint) = (self.0.started.get(), self.find(path));
        let known = matches!(path, "/livez" | "/readyz") || endpoint.is_some();
        match (path, endpoint) {
            // The started service may add this endpoint.
            _ if !known && started.is_none() => unavailable("starting: the database is not open yet"),
            _ if !known => {
                EndpointResponse::line(StatusCode::NOT_FOUND, "this path does not exist: try /livez or /readyz")
            }
            (_, Some(Endpoint { put: Some(put), .. })) if method == Method::PUT => match text {
                Some(text) => put(&request, text),
                None => EndpointResponse::line(StatusCode::BAD_REQUEST, "the text must be UTF-8, and at most 1 KiB"),
            },
            _ if method != Method::GET && method != Method::HEAD => {
                EndpointResponse::not_allowed(endpoint.map_or(READ_METHODS, Endpoint::methods))
            }
            (_, Some(endpoint)) => (endpoint.get)(&request),
            ("/livez", None) => EndpointResponse::line(StatusCode::OK, "ok"),
            (_, None) => self.readiness(started).await,
        }
    }

    async fn readiness(&self, started: Option<&StartedEndpoints>) -> EndpointResponse {
        const STOPPING: &str = "stopping: send calls to another replica";
        let Some(started) = started else { return unavailable("starting: the database is not open yet") };
        let probed = self.0.leaving.run_until_cancelled(started.readiness.check()).await;
        match probed {
            None => unavailable(STOPPING),
            Some(_) if self.0.leaving.is_cancelled() => unavailable(STOPPING),
            Some(None) => {
                let certificates = started.certificates.get().map(Certificates::lines).unwrap_or_default();
                let clock = started.clock.get().and_then(Clock::problem);
                let clock = clock.map_or_else(String::new, |problem| format!(", but {problem}: set it"));
                EndpointResponse::line(StatusCode::OK, &format!("ready{clock}{certificates}"))
            }
            Some(Some(problem)) => unavailable(&problem),
        }
    }
}

fn unavailable(line: &str) -> EndpointResponse {
    EndpointResponse::line(StatusCode::SERVICE_UNAVAILABLE, line)
}
