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

/// Number of callers. Each caller waits for its answer before its next call.
const LOAD_CALLERS: usize = 32;

/// Length of one measurement.
const MEASUREMENT_TIME: Duration = Duration::from_secs(3);

/// Length and number of the turns of two compared calls. Disturbances of the machine last longer than a turn, so they
/// affect both calls.
const TURN_TIME: Duration = Duration::from_millis(250);
const TURN_COUNT: usize = 80;

/// Figures of a loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadFigures {
    /// Number of answers.
    pub(crate) count: f64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Median time of an answer, in milliseconds.
    pub(crate) p50: f64,
    /// 99th percentile of the times, in milliseconds.
    pub(crate) p99: f64,
}

/// Figures of two calls that were measured by turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComparedFigures {
    /// Figures of the first call.
    pub(crate) one: LoadFigures,
    /// Figures of the second call.
    pub(crate) other: LoadFigures,
}

/// Measurements until now.
struct LoadSums {
    micros: Histogram<u64>,
    taken: Duration,
}

impl LoadSums {
    fn new() -> Result<Self, Failure> {
        Ok(Self { micros: Histogram::new_with_bounds(1, 10_000_000, 3)?, taken: Duration::ZERO })
    }

    /// Calls as fast as the answers come, for this long. A failed call ends the run.
    async fn add<F, T>(
        &mut self,
        length: Duration,
        call: impl Fn() -> F + Clone + Send + 'static,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<T, tonic::Status>> + Send,
        T: Send,
    {
        let began = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..LOAD_CALLERS {
            let call = call.clone();
            callers.spawn(async move {
                let mut micros = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3)?;
                while began.elapsed() < length {
                    let asked = Instant::now();
                    call().await?;
                    micros.saturating_record(u64::try_from(asked.elapsed().as_micros())?);
                }
                Ok::<_, Failure>(micros)
            });
        }
        while let Some(micros) = callers.join_next().await {
            self.micros.add(micros??)?;
        }
        self.taken += began.elapsed();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds of a few seconds are small")]
    fn figures(&self) -> LoadFigures {
        let (count, millis) = (self.micros.len() as f64, |part| self.micros.value_at_quantile(part) as f64 / 1000.0);
        LoadFigures { count, rate: count / self.taken.as_secs_f64(), p50: millis(0.5), p99: millis(0.99) }
    }
}

/// Calls as fast as the answers come. A failed call ends the run.
pub(crate) async fn measure<F, T>(call: impl Fn() -> F + Clone + Send + 'static) -> Result<LoadFigures, Failure>
where
    F: Future<Output = Result<T, tonic::Status>> + Send,
    T: Send,
{
    let mut sums = LoadSums::new()?;
    sums.add(MEASUREMENT_TIME, call).await?;
    Ok(sums.figures())
}

/// Measures both calls in turns. Each round starts with the call that was last in the round before. Returns the sum of
/// each call's turns.
pub(crate) async fn compare<A, B, FA, FB, TA, TB>(one: A, other: B) -> Result<ComparedFigures, Failure>
where
    A: Fn() -> FA + Clone + Send + 'static,
    B: Fn() -> FB + Clone + Send + 'static,
    FA: Future<Output = Result<TA, tonic::Status>> + Send,
    FB: Future<Output = Result<TB, tonic::Status>> + Send,
    TA: Send,
    TB: Send,
{
    let (mut ones, mut others) = (LoadSums::new()?, LoadSums::new()?);
    for turn in 0..TURN_COUNT {
        if turn % 2 == 0 {
            ones.add(TURN_TIME, one.clone()).await?;
            others.add(TURN_TIME, other.clone()).await?;
        } else {
            others.add(TURN_TIME, other.clone()).await?;
            ones.add(TURN_TIME, one.clone()).await?;
        }
    }
    Ok(ComparedFigures { one: ones.figures(), other: others.figures() })
}

/// Combines these calls into one, which makes the next of them each time. So a loop uses several connections.
pub(crate) fn in_turn<F, T>(calls: Vec<T>) -> impl Fn() -> F + Clone + Send + 'static
where
    T: Fn() -> F + Clone + Send + Sync + 'static,
{
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    move || calls[next.fetch_add(1, Relaxed) % calls.len()]()
}

/// A call that is under way.
pub(crate) type CallFuture<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, tonic::Status>> + Send>>;

/// Returns a call that checks health.
pub(crate) fn health(channel: &Channel) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
    let client = HealthClient::new(channel.clone());
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// Returns a call that checks health with this token.
pub(crate) fn health_as(
    channel: &Channel,
    token: &Token,
) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
    let client = HealthClient::with_interceptor(channel.clone(), WithToken::new(token));
    move || {
        let mut client = client.clone();
        Box::pin(async move { client.check(HealthCheckRequest::default()).await.map(drop) })
    }
}

/// Makes `count` calls at once, and takes each of these kinds in turn. Returns the number of failures.
pub(crate) async fn burst<F>(calls: Arc<[impl Fn() -> F]>, count: usize) -> usize
where
    F: Future<Output = Result<(), tonic::Status>> + Send + 'static,
{
    let begun: JoinSet<_> = (0..count).map(|number| calls[number % calls.len()]()).collect();
    begun.join_all().await.iter().filter(|answer| answer.is_err()).count()
}

/// Returns a call that verifies this token.
pub(crate) fn verify_token(
    channel: &Channel,
    token: &str,
) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
    let (client, token) = (TokenServiceClient::new(channel.clone()), token.to_owned());
    move || {
        let (mut client, token) = (client.clone(), token.clone());
        Box::pin(async move { client.verify_token(VerifyTokenRequest { token }).await.map(drop) })
    }
}

/// Returns a quantile in milliseconds. The histogram holds microseconds.
pub(crate) fn millis(took: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(took.value_at_quantile(quantile)).as_secs_f64() * 1000.0
}
