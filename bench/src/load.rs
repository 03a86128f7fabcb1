//! A closed loop of callers on one connection, and calls for it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::{Token, WithToken};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use bench::Failure;

/// Callers that each wait for their answer before they ask again.
const CALLERS: usize = 32;

/// How long one measurement lasts.
const LENGTH: Duration = Duration::from_secs(3);

/// How often two calls are compared.
const ROUNDS: usize = 3;

/// What a loop came out at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Answers.
    pub(crate) count: f64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

/// Calls as fast as the answers come; a failed call ends the run.
pub(crate) async fn measure<F, T>(call: impl Fn() -> F + Clone + Send + 'static) -> Result<Figures, Failure>
where
    F: Future<Output = Result<T, tonic::Status>> + Send,
    T: Send,
{
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let call = call.clone();
        callers.spawn(async move {
            let mut micros = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3)?;
            while began.elapsed() < LENGTH {
                let asked = Instant::now();
                call().await?;
                micros.saturating_record(u64::try_from(asked.elapsed().as_micros())?);
            }
            Ok::<_, Failure>(micros)
        });
    }
    let mut all = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3)?;
    while let Some(micros) = callers.join_next().await {
        all.add(micros??)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds of a few seconds are small")]
    let (count, millis) = (all.len() as f64, |quantile| all.value_at_quantile(quantile) as f64 / 1000.0);
    Ok(Figures { count, rate: count / seconds, p50: millis(0.5), p99: millis(0.99) })
}

/// Both calls in turn, several times; of each the round with the median rate.
pub(crate) async fn compare<A, B, FA, FB, TA, TB>(one: A, other: B) -> Result<(Figures, Figures), Failure>
where
    A: Fn() -> FA + Clone + Send + 'static,
    B: Fn() -> FB + Clone + Send + 'static,
    FA: Future<Output = Result<TA, tonic::Status>> + Send,
    FB: Future<Output = Result<TB, tonic::Status>> + Send,
    TA: Send,
    TB: Send,
{
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ones.push(measure(one.clone()).await?);
        others.push(measure(other.clone()).await?);
    }
    Ok((median(ones), median(others)))
}

fn median(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    rounds[rounds.len() / 2]
}

/// One of these calls after the other: a closed loop over several connections.
pub(crate) fn in_turn<F, T>(calls: Vec<T>) -> impl Fn() -> F + Clone + Send + 'static
where
    T: Fn() -> F + Clone + Send + Sync + 'static,
{
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    move || calls[next.fetch_add(1, Relaxed) % calls.len()]()
}

/// A call that is under way.
pub(crate) type Called<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, tonic::Status>> + Send>>;

/// Health checks.
pub(crate) fn health(channel: &Channel) -> impl Fn() -> Called<()> + Clone + Send + Sync + 'static {
    let client = HealthClient::new(channel.clone());
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// The same by whoever has this token.
pub(crate) fn health_as(channel: &Channel, token: &Token) -> impl Fn() -> Called<()> + Clone + Send + Sync + 'static {
    let client = HealthClient::with_interceptor(channel.clone(), WithToken::new(token));
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// So many calls at once, of these by turns: how many failed.
pub(crate) async fn burst<F>(calls: Arc<[impl Fn() -> F]>, count: usize) -> usize
where
    F: Future<Output = Result<(), tonic::Status>> + Send + 'static,
{
    let begun: JoinSet<_> = (0..count).map(|number| calls[number % calls.len()]()).collect();
    begun.join_all().await.iter().filter(|answer| answer.is_err()).count()
}

/// Questions about one token.
pub(crate) fn verify_token(channel: &Channel, token: &str) -> impl Fn() -> Called<()> + Clone + Send + Sync + 'static {
    let (client, token) = (TokenServiceClient::new(channel.clone()), token.to_owned());
    move || {
        let (mut client, token) = (client.clone(), token.clone());
        Box::pin(async move { client.verify_token(VerifyTokenRequest { token }).await.map(drop) })
    }
}

/// A quantile in milliseconds of what was recorded in microseconds.
pub(crate) fn millis(took: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(took.value_at_quantile(quantile)).as_secs_f64() * 1000.0
}
