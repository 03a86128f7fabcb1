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
use kit::ops::{self, Endpoint, Endpoints, Metrics, OpsListener, log_level};
use kit::otlp::ServiceTelemetry;
use kit::serve::{MethodDeadlines, Parts, ServeError, ServerMetrics, serve};
use kit::tasks::Tasks;
use kit::tls::{Certificates, TlsParts, services};
use tokio::net::TcpListener;

use super::app_metrics::AppMetrics;
use super::error::AuthRunError;
use super::start::{StartedService, start};
use crate::app::{App, Denials};
use crate::config::{AuthConfig, StartFacts};
use crate::convert;
use crate::discovery;
use crate::keys::rotation::{ClockTrust, run_rotation};
use crate::policy;
use crate::repaired::Repaired;
use crate::rpc::{self, LocalVerifier};
use crate::sweep::{AuditSweep, sweep};
use crate::view::Finder;

/// Name of the service, on standard output and in its telemetry.
const NAME: &str = "auth-service";

const DEADLINES: MethodDeadlines = &[("/gatepost.auth.v1.TokenService/VerifyToken", Duration::from_millis(500))];

/// Serves on `listener`, and on the operations port, if there is one, until the service drains.
///
/// # Errors
/// [`AuthRunError`] with what to do.
pub async fn run(
    mut config: AuthConfig,
    listener: TcpListener,
    life: impl Into<Lifecycle>,
) -> Result<(), AuthRunError> {
    let tls = config.tls.server.clone();
    let (ops, limits, life) =
        (config.ops.take().map(|socket| OpsListener { socket, tls }), ops::OpsLimits::default(), life.into());
    let service = async |endpoints| Box::pin(serve_on(config, listener, life.clone(), endpoints)).await;
    Box::pin(ops::run_with_port(NAME, ops, limits, &life, service)).await?
}

async fn serve_on(
    mut config: AuthConfig,
    listener: TcpListener,
    life: Lifecycle,
    endpoints: Endpoints,
) -> Result<(), AuthRunError> {
    let (issuer, registration, rotation) =
        (config.flags.issuer.clone(), config.flags.registration, config.flags.keys.rotation());
    let (limits, operators) = (config.flags.limits.settings(), config.flags.limits.operator_networks.clone());
    let (proxy_protocol, callers) = (config.flags.proxies.proxy_protocol(), config.flags.proxies.callers());
    let (tls, reload, names) = (config.tls.clone(), config.reload.clone(), config.flags.tls.tls_services.clone());
    let (log_level, greeting) = (log_level(config.log.clone(), operators.clone()), config.greeting.take());
    let telemetry = ServiceTelemetry::new(NAME, config.collector.clone(), config.clock.clone());
    let database = config.flags.database_url.clone();
    // A start may wait for the database; a stop ends the wait.
    let started = life.leaving().run_until_cancelled(Box::pin(start(config))).await;
    let Some(started) = started.transpose().map_err(|error| error.at(&database))? else { return Ok(()) };
    let StartedService { app, follower, ring, repair, audit, has_admin } = started;
    let services = services(&names, |name| convert::service_identity(name, &app.audiences));
    let guard = GuardLayer::new(policy::policy(registration), LocalVerifier(Arc::clone(&app)))?;
    let guard = guard.audience(app.audiences.own()).certificates(services);
    let server_metrics = ServerMetrics::from_descriptors(DESCRIPTOR_SET).map_err(ServeError::from)?;
    let (denials, denied) = Denials::new();
    let observer = rpc::observe(Arc::clone(&denials), callers.clone(), server_metrics.clone(), app.clock.clone());
    let guard = guard.on_rejection(observer);
    let mut metrics = Metrics::default();
    metrics.count_decisions(guard.metrics());
    count(&mut metrics, &app, repair.count.clone());
    count_audit(&mut metrics, &denials, &audit);
    metrics.add(server_metrics.clone());
    metrics.add(app.store.db().clone());
    metrics.add(AppMetrics::new(&app, rotation.max_age));
    metrics.add(telemetry.metrics());
    metrics.add_process();
    let parts = Parts {
        name: NAME,
        services: &policy::SERVICES,
        descriptors: DESCRIPTOR_SET,
        elsewhere: &policy::ELSEWHERE,
        routes: rpc::routes(&app, &callers, life.draining()),
        guard,
        limits: limits.limits(rpc::MAX_REQUEST),
        deadlines: DEADLINES,
        health_probe: health::read_probe(app.store.db()),
        proxy_protocol,
        metrics: server_metrics,
        tracer: telemetry.tracer(),
        operators,
        essential: &policy::ESSENTIAL,
        secret_answers: &policy::SECRET_ANSWERS,
        tls: tls.server.clone(),
    };
    let metrics = show(&endpoints, &app, &issuer, metrics, &tls, log_level);
    let tasks = Tasks::new(&life);
    let end = tasks.end();
    let serving = async {
        let _end = end.clone().drop_guard();
        // The receiver may be gone.
        let _ = greeting.map(|greeting| greeting.send(StartFacts { has_admin }));
        serve::<ErrorReason, _>(parts, listener, life.clone()).await
    };
    let App { store, clock, .. } = &*app;
    let trust = ClockTrust { leeway: app.issuing.leeway, repaired: repair.count.clone() };
    let (ended, (), ..) = tokio::join!(
        serving,
        tasks.run("follower of the log", Box::pin(follower.follow(end.clone()))),
        tasks.run("sweep", Box::pin(sweep(repair, audit, &app.introspector.uses, end.clone()))),
        tasks.run("audit of refused calls", denials.record(&app, denied, end.clone())),
        tasks.run("clock", Box::pin(keep(clock.clone(), clock_probe(store.db(), clock), end.clone()))),
        tasks.run("key rotation", Box::pin(run_rotation(ring, rotation, trust, end.clone()))),
        tasks.run("TLS files", Box::pin(tls.follow(reload, clock.clone(), end.clone()))),
        tasks.run("database writer", store.db().run_until(&end)),
        Box::pin(telemetry.export(metrics, end.clone()))
    );
    store.close().await;
    tasks.result()?;
    Ok(ended?)
}

/// Serves the pages of the operations port. Returns the metrics with all their sources.
fn show(
    endpoints: &Endpoints,
    app: &App,
    issuer: &str,
    mut metrics: Metrics,
    tls: &TlsParts,
    log_level: Endpoint,
) -> Arc<Metrics> {
    let certificates = Certificates::new(tls.clone(), app.clock.clone());
    metrics.show_certificates(certificates.clone());
    let metrics = Arc::new(metrics);
    let scheme = if tls.server.is_some() { "https" } else { "http" };
    let mut pages = discovery::pages(&app.issuing.keys, issuer, scheme, &app.clock);
    pages.extend([metrics.endpoint(), log_level]);
    endpoints.show(pages, health::write_probe(app.store.db()));
    endpoints.watch_clock(app.clock.clone());
    endpoints.watch_certificates(certificates);
    metrics
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

/// Adds the counters of the audit log.
fn count_audit(metrics: &mut Metrics, denials: &Arc<Denials>, audit: &AuditSweep) {
    let (denials, evicted) = (Arc::clone(denials), audit.evicted.clone());
    let help = "Refused calls without a row in the audit log, which has a sample of them";
    metrics.count("gatepost_audit_denials_unrecorded", help, move || denials.unrecorded());
    let help = "Audit events deleted before their retention ended, because the audit log was full";
    metrics.count("gatepost_audit_evicted", help, move || evicted.count());
}
