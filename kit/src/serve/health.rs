//! What health says: whether the service's own database answers, and, once the service is to stop, that it does not serve.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::probe::{self, Failed, Probe};
use crate::shutdown::Shutdown;

/// How often the database is looked at while it answers.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

/// How long it may take to answer. Two looks in a row that fail, and what lies between and before them, are less than two
/// seconds.
const PROBE_TIMEOUT: Duration = Duration::from_millis(600);

/// The pause before the next look when one has failed.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Failures in a row after which health says so: one alone may be a slow machine, or a restart that callers do not notice.
const FAILURES_TO_REPORT: u32 = 2;

/// The health of a server and of each of its gRPC services: one answer for all.
pub(super) struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
    is_serving: bool,
}

impl Health {
    /// Says that all of them are served.
    pub(super) async fn start(reporter: HealthReporter, services: &'static [&'static str]) -> Self {
        let mut health = Self { reporter, services, is_serving: false };
        health.say(true).await;
        health
    }

    /// Follows the database until the signal. Then health says so, and its watchers' streams, which would hold the server
    /// open, end.
    pub(super) async fn follow(mut self, look: Probe, shutdown: Shutdown) {
        if let Some(never) = shutdown.run_until_cancelled(self.look_on(&look)).await {
            match never {}
        }
        self.say(false).await;
        for service in self.services.iter().copied().chain([""]) {
            self.reporter.clear_service_status(service).await;
        }
    }

    /// Looks at the database again and again.
    async fn look_on(&mut self, look: &Probe) -> std::convert::Infallible {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            match timeout_at(begun + PROBE_TIMEOUT, look()).await {
                Ok(Ok(())) => {
                    failures = 0;
                    if !self.is_serving {
                        tracing::info!("the database answers again: health says SERVING");
                        self.say(true).await;
                    }
                    sleep_until(begun + PROBE_INTERVAL).await;
                }
                failed => {
                    failures += 1;
                    if failures == FAILURES_TO_REPORT {
                        let cause = failed.map_or_else(|_| "no answer in time".to_owned(), why);
                        tracing::warn!(cause, "the database does not answer: health says NOT_SERVING");
                        self.say(false).await;
                    }
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    async fn say(&mut self, is_serving: bool) {
        let status = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in self.services.iter().copied().chain([""]) {
            self.reporter.set_service_status(service, status).await;
        }
        self.is_serving = is_serving;
    }
}

/// Returns the cause of a probe that failed.
fn why(looked: Result<(), Failed>) -> String {
    looked.err().as_ref().map(probe::cause).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use futures_util::{Stream, StreamExt as _};
    use tokio::time::timeout;
    use tonic::{Request, Status};
    use tonic_health::pb::health_server::Health as _;
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
    use tonic_health::server::HealthService;

    use super::*;

    const SERVICES: [&str; 1] = ["test.v1.Service"];

    /// A database that answers, refuses or is silent.
    const ANSWERS: u32 = 0;
    const REFUSES: u32 = 1;
    const SILENT: u32 = 2;

    type Watch = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// What watchers of this name are told of a database that this look looks at.
    async fn watch(name: &str, look: Probe) -> Watch {
        let reporter = HealthReporter::new();
        let health = Health::start(reporter.clone(), &SERVICES).await;
        tokio::spawn(health.follow(look, Shutdown::new()));
        let request = Request::new(HealthCheckRequest { service: name.to_owned() });
        let mut watch = HealthService::from_health_reporter(reporter).watch(request).await.unwrap().into_inner();
        assert_eq!(watch.next().await.unwrap().unwrap().status, ServingStatus::Serving as i32, "a start has looked");
        Box::pin(watch)
    }

    fn look_at(state: Arc<AtomicU32>) -> Probe {
        Box::new(move || match state.load(Relaxed) {
            ANSWERS => Box::pin(async { Ok(()) }),
            REFUSES => Box::pin(async { Err("the disk is full".into()) }),
            _ => Box::pin(std::future::pending()),
        })
    }

    /// How long it takes until watchers are told this.
    async fn told(watch: &mut Watch, status: ServingStatus) -> Duration {
        let begun = Instant::now();
        assert_eq!(watch.next().await.unwrap().unwrap().status, status as i32);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_gone_is_told_within_two_seconds_and_its_return_within_one() {
        for name in ["", SERVICES[0]] {
            for fault in [REFUSES, SILENT] {
                for after in (0..=700).step_by(50).map(Duration::from_millis) {
                    let state = Arc::new(AtomicU32::new(ANSWERS));
                    let mut watch = watch(name, look_at(Arc::clone(&state))).await;
                    sleep(after).await;
                    state.store(fault, Relaxed);
                    let gone = told(&mut watch, ServingStatus::NotServing).await;
                    assert!(gone <= Duration::from_secs(2), "{fault} after {after:?}: {gone:?}");
                    sleep(after).await;
                    state.store(ANSWERS, Relaxed);
                    let back = told(&mut watch, ServingStatus::Serving).await;
                    assert!(back <= Duration::from_secs(1), "{fault} after {after:?}: {back:?}");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_look_that_fails_alone_is_not_told() {
        let looks = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&looks);
        let every_other: Probe = Box::new(move || match count.fetch_add(1, Relaxed) % 4 {
            1 => Box::pin(std::future::pending()),
            3 => Box::pin(async { Err("the disk is full".into()) }),
            _ => Box::pin(async { Ok(()) }),
        });
        let mut watch = watch("", every_other).await;
        assert!(timeout(Duration::from_mins(1), watch.next()).await.is_err(), "nothing is told");
        assert!(looks.load(Relaxed) > 60, "it was looked at");
    }
}
