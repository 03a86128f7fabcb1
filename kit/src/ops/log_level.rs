//! Endpoint that shows and changes the filter of the log.

use http::StatusCode;

use super::{Endpoint, EndpointResponse};
use crate::peer::Networks;
use crate::telemetry::LogControl;

/// Path of the endpoint.
const PATH: &str = "/log-level";

/// Returns the endpoint `/log-level` of this log. Only peers in `operators` may change the filter.
pub fn log_level(log: LogControl, operators: Networks) -> Endpoint {
    let shown = log.clone();
    Endpoint::new(PATH, move |_| show(&shown)).with_put(move |request, text| {
        if !operators.contain(request.peer().ip()) {
            const REFUSED: &str = "only operators change the log: call from a network of --operator-networks, such as this \
                                   machine";
            return EndpointResponse::line(StatusCode::FORBIDDEN, REFUSED);
        }
        if let Err(problem) = log.set_filter(text) {
            return EndpointResponse::line(StatusCode::BAD_REQUEST, &problem);
        }
        tracing::info!(filter = log.filter(), peer = %request.peer(), "log filter changed");
        show(&log)
    })
}

fn show(log: &LogControl) -> EndpointResponse {
    match log.filter() {
        Some(filter) => EndpointResponse::line(StatusCode::OK, &filter),
        None => EndpointResponse::line(StatusCode::NOT_FOUND, "this process has no log to change"),
    }
}
