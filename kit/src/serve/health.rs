//! Health of a service: SERVING while its database answers and the service does not stop.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::lifecycle::Lifecycle;
use crate::probe::{self, Probe, ProbeError};
use crate::shutdown::Shutdown;

/// Pause between two probes while the database answers.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

/// Time for an answer. Two failed probes in a row, with the pauses before and between them, take less than two seconds.
const PROBE_TIMEOUT: Duration = Duration::from_millis(600);

/// Pause after a failed probe.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Failures in a row after which health is `NOT_SERVING`. One failure may be a slow machine, or a restart that callers
/// do not notice.
const FAILURES_TO_REPORT: u32 = 2;

/// Health of a server and its gRPC services: one status for all.
pub(super) struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
    is_serving: bool,
}

impl Health {
    /// Starts with all services SERVING.
    pub(super) async fn start(reporter: HealthReporter, services: &'static [&'static str]) -> Self {
        let mut health = Self { reporter, services, is_serving: false };
        health.set_serving(true).await;
        health
    }

    /// Follows the database until the service leaves. Then says `NOT_SERVING` until it drains, and cancels `stop`. Ends
    /// the streams of watchers, which would keep the server open.
    pub(super) async fn follow(mut self, probe: Probe, life: &Lifecycle, stop: &Shutdown) {
        if let Some(never) = life.leaving().run_until_cancelled(self.probe_forever(&probe)).await {
            match never {}
        }
        self.set_serving(false).await;
        if let Some(delay) = life.delay() {
            tracing::info!("health says NOT_SERVING: calls are accepted for another {delay:?}");
        }
        life.until_drain().await;
        stop.cancel();
        for service in self.services.iter().copied().chain([""]) {
            self.reporter.clear_service_status(service).await;
        }
    }

    /// Probes the database forever.
    async fn probe_forever(&mut self, probe: &Probe) -> std::convert::Infallible {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            match timeout_at(begun + PROBE_TIMEOUT, probe()).await {
                Ok(Ok(())) => {
                    failures = 0;
                    if !self.is_serving {
                        tracing::info!("the database answers again: health says SERVING");
                        self.set_serving(true).await;
                    }
                    sleep_until(begun + PROBE_INTERVAL).await;
                }
                failed => {
                    failures += 1;
                    if failures == FAILURES_TO_REPORT {
                        let cause = failed.map_or_else(|_| "no answer in time".to_owned(), probe_error_cause);
                        tracing::warn!(cause, "the database does not answer: health says NOT_SERVING");
                        self.set_serving(false).await;
                    }
                    sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    async fn set_serving(&mut self, is_serving: bool) {
        let status = if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in self.services.iter().copied().chain([""]) {
            self.reporter.set_service_status(service, status).await;
        }
        self.is_serving = is_serving;
    }
}

/// Returns the cause of a failed probe.
fn probe_error_cause(probed: Result<(), ProbeError>) -> String {
    probed.err().as_ref().map(probe::cause).unwrap_or_default()
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

    /// States of a database: it answers, refuses or is silent.
    const ANSWERS: u32 = 0;
    const REFUSES: u32 = 1;
    const SILENT: u32 = 2;

    type HealthWatch = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// Follows a database with this probe, and returns the watch of the service `name`.
    async fn watch(name: &str, probe: Probe) -> HealthWatch {
        let reporter = HealthReporter::new();
        let health = Health::start(reporter.clone(), &SERVICES).await;
        tokio::spawn(async move { health.follow(probe, &Shutdown::new().into(), &Shutdown::new()).await });
        let request = Request::new(HealthCheckRequest { service: name.to_owned() });
        let mut watch = HealthService::from_health_reporter(reporter).watch(request).await.unwrap().into_inner();
        assert_eq!(
            watch.next().await.unwrap().unwrap().status,
            ServingStatus::Serving as i32,
            "health starts as SERVING"
        );
        Box::pin(watch)
    }

    fn probe_of(state: Arc<AtomicU32>) -> Probe {
        Box::new(move || match state.load(Relaxed) {
            ANSWERS => Box::pin(async { Ok(()) }),
            REFUSES => Box::pin(async { Err("the disk is full".into()) }),
            _ => Box::pin(std::future::pending()),
        })
    }

    /// Returns the time until the watch shows this status.
    async fn time_until(watch: &mut HealthWatch, status: ServingStatus) -> Duration {
        let begun = Instant::now();
        assert_eq!(watch.next().await.unwrap().unwrap().status, status as i32);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn outage_is_shown_in_two_seconds_and_its_end_in_one() {
        for name in ["", SERVICES[0]] {
            for fault in [REFUSES, SILENT] {
                for after in (0..=700).step_by(50).map(Duration::from_millis) {
                    let state = Arc::new(AtomicU32::new(ANSWERS));
                    let mut watch = watch(name, probe_of(Arc::clone(&state))).await;
                    sleep(after).await;
                    state.store(fault, Relaxed);
                    let gone = time_until(&mut watch, ServingStatus::NotServing).await;
                    assert!(gone <= Duration::from_secs(2), "{fault} after {after:?}: {gone:?}");
                    sleep(after).await;
                    state.store(ANSWERS, Relaxed);
                    let back = time_until(&mut watch, ServingStatus::Serving).await;
                    assert!(back <= Duration::from_secs(1), "{fault} after {after:?}: {back:?}");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn single_failed_probe_is_not_shown() {
        let probes = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&probes);
        let every_other: Probe = Box::new(move || match count.fetch_add(1, Relaxed) % 4 {
            1 => Box::pin(std::future::pending()),
            3 => Box::pin(async { Err("the disk is full".into()) }),
            _ => Box::pin(async { Ok(()) }),
        });
        let mut watch = watch("", every_other).await;
        assert!(timeout(Duration::from_mins(1), watch.next()).await.is_err(), "the status does not change");
        assert!(probes.load(Relaxed) > 60, "the database was probed");
    }
}
