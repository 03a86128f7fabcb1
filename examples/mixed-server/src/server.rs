//! All routes of the port, with the guard and the other layers in their order.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Method, header};
use gatepost::{GuardLayer, Policy, PolicyError, Verify};
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;
use tower::Layer as _;
use tower_http::cors::CorsLayer;

use crate::api::DESCRIPTORS;
use crate::api::depot_service_server::DepotServiceServer;
use crate::depot::Depot;
use crate::http::{self, HttpState};
use crate::stock::Stock;

/// The audience of tokens for this server.
pub const AUDIENCE: &str = "gatepost";

/// Returns all routes of the server. The guard and the HTTP handlers share `auth`.
///
/// # Errors
/// Fails if a method of the contract has no rule, or a malformed one.
pub fn routes<V: Verify + Clone>(stock: Stock, auth: V) -> Result<Router, PolicyError> {
    let policy = Policy::from_descriptors(DESCRIPTORS, &["depot.v1.DepotService"])?;
    let guard = GuardLayer::new(policy, auth.clone())?.audience(AUDIENCE).peers(|extensions| {
        let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(*address)
    });

    let depot = guard.layer(DepotServiceServer::new(Depot(stock.clone())));
    let (_, health) = tonic_health::server::health_reporter();
    let grpc = Routes::new(depot).add_service(health);

    let grpc = grpc.into_axum_router().reset_fallback();
    let grpc = grpc.route_layer(GrpcWebLayer::new()).route_layer(cors());
    Ok(http::routes(HttpState { auth, stock }).merge(grpc))
}

/// Allows web pages of `https://depot.example.com` to call the gRPC services.
fn cors() -> CorsLayer {
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://depot.example.com"))
        .allow_methods([Method::POST])
        .allow_headers([header::CONTENT_TYPE, name("api-token"), name("grpc-timeout"), name("x-grpc-web")])
        .expose_headers([name("grpc-status"), name("grpc-message"), name("grpc-status-details-bin")])
}
