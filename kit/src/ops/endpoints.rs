//! What the operations port shows at the moment.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, Method, StatusCode};

use super::readiness::Readiness;
use super::{EndpointRequest, EndpointResponse, OpsLimits};
use crate::Clock;
use crate::probe::Probe;
use crate::shutdown::Shutdown;

/// A document of the service's own.
pub struct Endpoint {
    /// Its path, such as `/.well-known/jwks.json`.
    pub path: &'static str,
    /// What it says; asked at each request, and never of what blocks.
    pub answer: Box<dyn Fn(&EndpointRequest<'_>) -> EndpointResponse + Send + Sync>,
}

/// The endpoints on which a service puts its pages once it has started.
#[derive(Clone)]
pub struct Endpoints(Arc<EndpointsState>);

struct EndpointsState {
    started: OnceLock<StartedService>,
    shutdown: Shutdown,
    limits: OpsLimits,
}

struct StartedService {
    pages: Vec<Endpoint>,
    readiness: Readiness,
    clock: OnceLock<Clock>,
}

impl Endpoints {
    pub(super) fn new(shutdown: Shutdown, limits: OpsLimits) -> Self {
        Self(Arc::new(EndpointsState { started: OnceLock::new(), shutdown, limits }))
    }

    /// Shows these pages from now on, and is ready while `write` succeeds. A service starts once: a second call does
    /// nothing.
    pub fn show(&self, pages: Vec<Endpoint>, write: Probe) {
        let readiness = Readiness::new(write, self.0.limits);
        self.0.started.get_or_init(|| StartedService { pages, readiness, clock: OnceLock::new() });
    }

    /// Names this clock where the service is ready and the clock is wrong. Not ready it is not: where the database server's
    /// clock is the wrong one, no replica would be.
    pub fn watch_clock(&self, clock: Clock) {
        if let Some(started) = self.0.started.get() {
            started.clock.get_or_init(|| clock);
        }
    }

    /// The answer to a request.
    pub(super) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> EndpointResponse {
        let started = self.0.started.get();
        let page = started.and_then(|started| started.pages.iter().find(|page| page.path == path));
        let known = matches!(path, "/livez" | "/readyz") || page.is_some();
        match (path, page) {
            // What is not here yet may come.
            _ if !known && started.is_none() => unavailable("starting: the database is not open yet"),
            _ if !known => {
                EndpointResponse::line(StatusCode::NOT_FOUND, "there is nothing here: /livez and /readyz are")
            }
            _ if method != Method::GET && method != Method::HEAD => {
                EndpointResponse::line(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served here")
            }
            (_, Some(page)) => (page.answer)(&EndpointRequest::new(headers)),
            ("/livez", None) => EndpointResponse::line(StatusCode::OK, "ok"),
            (_, None) => self.readiness(started).await,
        }
    }

    async fn readiness(&self, started: Option<&StartedService>) -> EndpointResponse {
        const STOPPING: &str = "stopping: send calls to another replica";
        let Some(started) = started else { return unavailable("starting: the database is not open yet") };
        let looked = self.0.shutdown.run_until_cancelled(started.readiness.look()).await;
        match looked {
            None => unavailable(STOPPING),
            Some(_) if self.0.shutdown.is_cancelled() => unavailable(STOPPING),
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
