//! The only entry point of the service, for `main`, for tests and for the pair.

use std::sync::Arc;
use std::time::Duration;

use db::clock::clock_probe;
use db::health;
use gatepost::GuardLayer;
use gatepost::api::DESCRIPTOR_SET;
use gatepost::api::auth::v1::ErrorReason;
use kit::clock::keep;
use kit::lifecycle::Lifecycle;
use kit::ops::{self, Endpoints, Metrics};
use kit::serve::{MethodDeadlines, Parts, ServerLimits, serve};
use kit::tasks::Tasks;
use tokio::net::TcpListener;

use super::error::RunError;
use super::start::{StartedService, start};
use crate::app::App;
use crate::config::Config;
use crate::discovery;
use crate::keys::rotation::{ClockTrust, run_rotation};
use crate::policy;
use crate::repaired::Repaired;
use crate::rpc::{self, LocalVerifier};
use crate::sweep::sweep;
use crate::view::Finder;

const DEADLINES: MethodDeadlines = &[("/gatepost.auth.v1.TokenService/VerifyToken", Duration::from_millis(500))];

/// Serves on `listener`, and on the operations port, if there is one, until the service drains.
///
/// # Errors
/// [`RunError`] with what to do.
pub async fn run(mut config: Config, listener: TcpListener, life: impl Into<Lifecycle>) -> Result<(), RunError> {
    let (ops, limits, life) = (config.ops.take(), ops::OpsLimits::default(), life.into());
    let service = async |endpoints| serve_on(config, listener, life.clone(), endpoints).await;
    Box::pin(ops::run_with_port("auth-service", ops, limits, &life, service)).await?
}

async fn serve_on(
    config: Config,
    listener: TcpListener,
    life: Lifecycle,
    endpoints: Endpoints,
) -> Result<(), RunError> {
    let (issuer, registration, rotation) =
        (config.flags.issuer.clone(), config.flags.registration, config.flags.keys.rotation());
    let (proxy_protocol, callers) = (config.flags.proxies.proxy_protocol(), config.flags.proxies.callers());
    // A start may wait for the database; a stop ends the wait.
    let started = life.leaving().run_until_cancelled(Box::pin(start(config))).await;
    let Some(StartedService { app, follower, ring, repair }) = started.transpose()? else { return Ok(()) };
    let guard =
        GuardLayer::new(policy::policy(registration), LocalVerifier(Arc::clone(&app)))?.audience(app.audiences.own());
    let mut metrics = Metrics::default();
    metrics.count_decisions(guard.metrics());
    count(&mut metrics, &app, repair.count.clone());
    let parts = Parts {
        name: "auth-service",
        services: &policy::SERVICES,
        descriptors: DESCRIPTOR_SET,
        elsewhere: &policy::ELSEWHERE,
        routes: rpc::routes(&app, &callers, life.draining()),
        guard,
        limits: ServerLimits::default(),
        deadlines: DEADLINES,
        health_probe: health::read_probe(app.store.db()),
        proxy_protocol,
    };
    let mut pages = discovery::pages(&app.issuing.keys, &issuer, &app.clock);
    pages.push(metrics.endpoint());
    endpoints.show(pages, health::write_probe(app.store.db()));
    endpoints.watch_clock(app.clock.clone());
    let tasks = Tasks::new(&life);
    let end = tasks.end();
    let serving = async {
        let _end = end.clone().drop_guard();
        serve::<ErrorReason, _>(parts, listener, life.clone()).await
    };
    let App { store, clock, .. } = &*app;
    let trust = ClockTrust { leeway: app.issuing.leeway, repaired: repair.count.clone() };
    let (ended, ..) = tokio::join!(
        serving,
        tasks.run("follower of the log", Box::pin(follower.follow(end.clone()))),
        tasks.run("sweep", Box::pin(sweep(repair, end.clone()))),
        tasks.run("clock", Box::pin(keep(clock.clone(), clock_probe(store.db(), clock), end.clone()))),
        tasks.run("key rotation", Box::pin(run_rotation(ring, rotation, trust, end.clone()))),
        tasks.run("database writer", store.db().run_until(&end))
    );
    store.close().await;
    tasks.result()?;
    Ok(ended?)
}

/// Adds the counters of the auth service.
fn count(metrics: &mut Metrics, app: &Arc<App>, repaired: Repaired) {
    let counted = Arc::clone(app);
    let refused = move || counted.refused_refreshes.count();
    metrics.count("gatepost_refresh_refused", "Refused refresh tokens: unknown or expired", refused);
    for (finder, name, help) in [
        (Finder::Replica, "gatepost_log_forks_by_replica", "Losses of log entries that this replica had read"),
        (Finder::Guard, "gatepost_log_forks_by_guard", "Losses of log entries that only a guard knew"),
    ] {
        let counted = Arc::clone(app);
        metrics.count(name, help, move || counted.revoker.view.forks(finder));
    }
    metrics.show_clock(app.clock.clone());
    let help = "Rows with times in the future, written under a wrong clock, that were set to the present";
    metrics.count("gatepost_times_repaired", help, move || repaired.count());
}
