//! Endpoints of the operations port.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, Method, StatusCode};

use super::readiness::Readiness;
use super::{EndpointRequest, EndpointResponse, OpsLimits};
use crate::Clock;
use crate::probe::Probe;
use crate::shutdown::Shutdown;

/// Path of the service's own, with its handler.
pub struct Endpoint {
    /// Path, such as `/.well-known/jwks.json`.
    pub path: &'static str,
    /// Handler for each request; it must not block.
    pub handler: Box<dyn Fn(&EndpointRequest<'_>) -> EndpointResponse + Send + Sync>,
}

/// Endpoints of a service, set once it has started.
#[derive(Clone)]
pub struct Endpoints(Arc<EndpointsState>);

struct EndpointsState {
    started: OnceLock<StartedService>,
    /// Cancelled when the service leaves.
    leaving: Shutdown,
    limits: OpsLimits,
}

struct StartedService {
    endpoints: Vec<Endpoint>,
    readiness: Readiness,
    clock: OnceLock<Clock>,
}

impl Endpoints {
    pub(super) fn new(leaving: Shutdown, limits: OpsLimits) -> Self {
        Self(Arc::new(EndpointsState { started: OnceLock::new(), leaving, limits }))
    }

    /// Serves these endpoints from now on. The service is ready while `write` succeeds. A second call does nothing.
    pub fn show(&self, endpoints: Vec<Endpoint>, write: Probe) {
        let readiness = Readiness::new(write, self.0.limits);
        self.0.started.get_or_init(|| StartedService { endpoints, readiness, clock: OnceLock::new() });
    }

    /// Adds a warning to `/readyz` while this clock is wrong. The service stays ready: a wrong clock of the database
    /// server would otherwise make all replicas unready.
    pub fn watch_clock(&self, clock: Clock) {
        if let Some(started) = self.0.started.get() {
            started.clock.get_or_init(|| clock);
        }
    }

    /// Returns the response to a request.
    pub(super) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> EndpointResponse {
        let started = self.0.started.get();
        let endpoint = started.and_then(|started| started.endpoints.iter().find(|endpoint| endpoint.path == path));
        let known = matches!(path, "/livez" | "/readyz") || endpoint.is_some();
        match (path, endpoint) {
            // The endpoint may be added when the service has started.
            _ if !known && started.is_none() => unavailable("starting: the database is not open yet"),
            _ if !known => {
                EndpointResponse::line(StatusCode::NOT_FOUND, "there is nothing here: /livez and /readyz are")
            }
            _ if method != Method::GET && method != Method::HEAD => {
                EndpointResponse::line(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served here")
            }
            (_, Some(endpoint)) => (endpoint.handler)(&EndpointRequest::new(headers)),
            ("/livez", None) => EndpointResponse::line(StatusCode::OK, "ok"),
            (_, None) => self.readiness(started).await,
        }
    }

    async fn readiness(&self, started: Option<&StartedService>) -> EndpointResponse {
        const STOPPING: &str = "stopping: send calls to another replica";
        let Some(started) = started else { return unavailable("starting: the database is not open yet") };
        let probed = self.0.leaving.run_until_cancelled(started.readiness.check()).await;
        match probed {
            None => unavailable(STOPPING),
            Some(_) if self.0.leaving.is_cancelled() => unavailable(STOPPING),
            Some(None) => match started.clock.get().and_then(Clock::problem) {
                None => EndpointResponse::line(StatusCode::OK, "ready"),
                Some(problem) => EndpointResponse::line(StatusCode::OK, &format!("ready, but {problem}: set it")),
            },
            Some(Some(problem)) => unavailable(&problem),
        }
    }
}

fn unavailable(line: &str) -> EndpointResponse {
    EndpointResponse::line(StatusCode::SERVICE_UNAVAILABLE, line)
}
