//! Calls for a loop.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::{Token, WithToken};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// A call of a measured kind. Returns `None` if nothing is left to call with.
pub type LoadCall = Arc<dyn Fn() -> Option<CallFuture<()>> + Send + Sync>;

/// Combines these calls into one, which makes the next of them each time. So a loop uses several connections.
pub fn in_turn<F, T>(calls: Vec<T>) -> impl Fn() -> F + Clone + Send + 'static
where
    T: Fn() -> F + Clone + Send + Sync + 'static,
{
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    move || calls[next.fetch_add(1, Relaxed) % calls.len()]()
}

/// A call that is under way.
pub type CallFuture<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, tonic::Status>> + Send>>;

/// Returns a call that never runs out.
pub(crate) fn always(call: impl Fn() -> CallFuture<()> + Send + Sync + 'static) -> LoadCall {
    Arc::new(move || Some(call()))
}

/// Returns a call that checks health.
pub fn health(channel: &Channel) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static + use<> {
    let client = HealthClient::new(channel.clone());
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// Returns a call that checks health with this token.
pub fn health_as(
    channel: &Channel,
    token: &Token,
) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static + use<> {
    let client = HealthClient::with_interceptor(channel.clone(), WithToken::new(token));
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// Makes `count` calls at once, and takes each of these kinds in turn. Returns the number of failures.
pub async fn burst<F>(calls: Arc<[impl Fn() -> F]>, count: usize) -> usize
where
    F: Future<Output = Result<(), tonic::Status>> + Send + 'static,
{
    let begun: JoinSet<_> = (0..count).map(|number| calls[number % calls.len()]()).collect();
    begun.join_all().await.iter().filter(|answer| answer.is_err()).count()
}

/// Returns a call that verifies this token.
pub fn verify_token(
    channel: &Channel,
    token: &str,
) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static + use<> {
    let (client, token) = (TokenServiceClient::new(channel.clone()), token.to_owned());
    move || {
        let (mut client, token) = (client.clone(), token.clone());
        Box::pin(async move { client.verify_token(VerifyTokenRequest { token }).await.map(drop) })
    }
}
