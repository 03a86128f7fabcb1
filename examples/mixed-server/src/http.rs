//! The HTTP routes beside the gRPC services: an open one, and one that verifies tokens itself.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use gatepost::{Identity, Token, TokenStatus, Verify};
use tokio::time::Instant;

use crate::server::AUDIENCE;
use crate::stock::Stock;

/// The state of the HTTP routes. The guard shares `auth`.
#[derive(Clone, Debug)]
pub struct HttpState<V> {
    /// The verifier of tokens.
    pub auth: V,
    /// The stock.
    pub stock: Stock,
}

/// The bearer of a valid token for this server.
#[derive(Debug)]
pub struct HttpCaller(Identity);

impl<V: Verify> FromRequestParts<HttpState<V>> for HttpCaller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &HttpState<V>) -> Result<Self, StatusCode> {
        let token = Token::from_request(parts).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let deadline = Instant::now() + Duration::from_millis(500);
        let introspection = app.auth.verify(&token, deadline).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match introspection.status {
            TokenStatus::Active(caller) if caller.has_audience(AUDIENCE) => Ok(Self(caller)),
            _ => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

/// Returns the stock of an item. Only keepers may ask.
async fn stock<V>(
    HttpCaller(caller): HttpCaller,
    State(app): State<HttpState<V>>,
    Path(item): Path<String>,
) -> Result<String, StatusCode> {
    if !caller.has_role("keeper") {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(app.stock.count(&item).to_string())
}

/// Returns the HTTP routes.
pub fn routes<V: Verify + Clone>(app: HttpState<V>) -> Router {
    Router::new().route("/about", get(async || "a depot")).route("/stock/{item}", get(stock::<V>)).with_state(app)
}
