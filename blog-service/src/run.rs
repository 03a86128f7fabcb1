//! Start and end of the service, for `main`, tests and the pair.

mod program;

use std::sync::Arc;

use chrono::TimeDelta;
use db::clock::{clock_probe, measure};
use db::{DatabaseUrl, OpenError, health, patiently, requests, secrets};
use gatepost::guard::AuthServiceBuilder;
use gatepost::{AuthService, BuildError, GuardLayer, Identity, PolicyError, Token};
use kit::clock::keep;
use kit::ids::Ids;
use kit::lifecycle::Lifecycle;
use kit::ops::{self, Endpoints, Metrics, OpsListener, log_level};
use kit::otlp::ServiceTelemetry;
use kit::page::PageTokens;
use kit::rate_limiter::RateLimiter;
use kit::serve::{Parts, ServeError, ServerMetrics, serve};
use kit::tasks::{TaskDied, Tasks};
use kit::tls::{Certificates, TlsParts, services};
use kit::trace::CallTracer;
use kit::{Clock, ServiceAddress};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::api::DESCRIPTOR_SET;
use crate::api::v1::ErrorReason;
use crate::app::{BlogState, Renderer};
use crate::commands::BlogGreeting;
use crate::config::{BlogConfig, BlogFlags};
use crate::policy;
use crate::rpc;
use crate::scheduler::publish_scheduled;
use crate::store::{BlogStore, StoreError};

pub use program::run_command_line;

/// Name of the service, on standard output and in its telemetry.
const NAME: &str = "blog-service";

/// Reason for a failed start or an early end; its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BlogRunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not answer.
    #[error("{0}: check the database, then start again")]
    Store(#[from] StoreError),
    /// The start cannot use the database.
    #[error("{place}: {source}: check the database or restore a backup, then start again")]
    Database {
        /// File or server of the database, without a password.
        place: String,
        /// Failure of a statement.
        source: StoreError,
    },
    /// The client of the auth service cannot be built.
    #[error("--auth-url (BLOG_AUTH_URL): {0}")]
    Auth(#[from] BuildError),
    /// The access table is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A background task has died.
    #[error(transparent)]
    Task(#[from] TaskDied),
}

impl BlogRunError {
    /// Returns the error of a start with the place of its database.
    fn at(self, database: &DatabaseUrl) -> Self {
        match self {
            Self::Store(source) => Self::Database { place: database.to_string(), source },
            other => other,
        }
    }
}

/// Runs the service as [`run`] does, and prints a greeting once it has started.
///
/// # Errors
/// [`BlogRunError`] says what to do.
async fn run_alone(config: BlogConfig, listener: TcpListener, life: Lifecycle) -> Result<(), BlogRunError> {
    let (greeting, address) = (BlogGreeting::new(&config), listener.local_addr().map_err(ServeError::from)?);
    let (sender, receiver) = oneshot::channel();
    let greet = async {
        // A start that fails sends nothing.
        if receiver.await.is_ok() {
            greeting.alone(address).print();
        }
    };
    let (ended, ()) = tokio::join!(Box::pin(run(config.greeted_by(sender), listener, life)), greet);
    ended
}

/// Serves on `listener` and on the operations port, if set, until the service drains.
///
/// # Errors
/// [`BlogRunError`]; its text says what to do.
pub async fn run(
    mut config: BlogConfig,
    listener: TcpListener,
    life: impl Into<Lifecycle>,
) -> Result<(), BlogRunError> {
    let tls = config.tls.server.clone();
    let (ops, limits, life) =
        (config.ops.take().map(|socket| OpsListener { socket, tls }), ops::OpsLimits::default(), life.into());
    let service = async |endpoints| Box::pin(serve_on(config, listener, life.clone(), endpoints)).await;
    Box::pin(ops::run_with_port(NAME, ops, limits, &life, service)).await?
}

async fn serve_on(
    config: BlogConfig,
    listener: TcpListener,
    life: Lifecycle,
    endpoints: Endpoints,
) -> Result<(), BlogRunError> {
    let BlogConfig { flags, service_key, proxy_protocol, clock, tls, reload, log, collector, greeting, .. } = config;
    let clock = clock.apart();
    let telemetry = ServiceTelemetry::new(NAME, collector, clock.clone());
    let tracer = telemetry.tracer();
    // A start may wait for the database; a stop ends the wait.
    let started = life.leaving().run_until_cancelled(Box::pin(start(&flags, clock.clone()))).await;
    let Some(state) = started.transpose().map_err(|error| error.at(&flags.database_url))? else { return Ok(()) };
    let store = &state.store;
    let auth = auth(&flags, service_key.as_ref(), &tls, &tracer)?;
    let feed = auth.clone();
    let mut metrics = Metrics::default();
    metrics.count_verifications(auth.metrics());
    let services = services(&flags.tls.tls_services, |name| Identity::service(name).audience(&flags.audience));
    let guard = GuardLayer::new(policy::policy(flags.public_reads), auth)?.audience(&flags.audience);
    let guard = guard.certificates(services);
    metrics.count_decisions(guard.metrics());
    metrics.show_clock(clock.clone());
    let server_metrics = ServerMetrics::from_descriptors(DESCRIPTOR_SET).map_err(ServeError::from)?;
    metrics.add(server_metrics.clone());
    metrics.add(store.clone());
    metrics.add(telemetry.metrics());
    metrics.add_process();
    let certificates = Certificates::new(tls.clone(), clock.clone());
    metrics.show_certificates(certificates.clone());
    let metrics = Arc::new(metrics);
    let operators = flags.limits.operator_networks.clone();
    let parts = Parts {
        name: NAME,
        services: &policy::SERVICES,
        descriptors: DESCRIPTOR_SET,
        elsewhere: &policy::ELSEWHERE,
        routes: rpc::routes(&state),
        guard,
        limits: flags.limits.settings().limits(rpc::MAX_REQUEST_BYTES),
        deadlines: &[],
        health_probe: health::read_probe(store.db()),
        proxy_protocol,
        metrics: server_metrics,
        tracer,
        operators: operators.clone(),
        essential: &[],
        secret_answers: &[],
        tls: tls.server.clone(),
    };
    endpoints.show(vec![metrics.endpoint(), log_level(log, operators)], health::write_probe(store.db()));
    endpoints.watch_clock(clock.clone());
    endpoints.watch_certificates(certificates);
    let tasks = Tasks::new(&life);
    let end = tasks.end();
    let serving = async {
        let _end = end.clone().drop_guard();
        // The reader may not care.
        let _ = greeting.map(|greeting| greeting.send(()));
        serve::<ErrorReason, _>(parts, listener, life.clone()).await
    };
    let measuring = clock_probe(store.db(), &clock);
    let following = tls.follow(reload, clock.clone(), end.clone());
    let (ended, (), ..) = tokio::join!(
        serving,
        tasks.run("clock", keep(clock.clone(), measuring, end.clone())),
        tasks.run("TLS files", Box::pin(following)),
        tasks.run("revocation feed", async {
            let _: Option<()> = end.run_until_cancelled(feed.feed_died()).await;
        }),
        tasks.run("database writer", store.db().run_until(&end)),
        tasks.run("publication of posts", Box::pin(publish_scheduled(store.clone(), clock.clone(), end.clone()))),
        Box::pin(telemetry.export(metrics, end.clone()))
    );
    store.close().await;
    tasks.result()?;
    Ok(ended?)
}

/// Opens the database, and assembles the state that calls work with.
async fn start(flags: &BlogFlags, clock: Clock) -> Result<Arc<BlogState>, BlogRunError> {
    let store = BlogStore::open(&flags.database_url, u64::from(flags.post_cache_mib) * 1024 * 1024).await?;
    patiently(|| measure(store.db(), &clock)).await?;
    repair(&store, &clock).await?;
    let fresh = kit::random::bytes();
    let key = patiently(|| secrets::page_token_key(store.db(), fresh)).await?;
    Ok(Arc::new(BlogState {
        page_tokens: PageTokens::new(&key),
        ids: Ids::new(clock.clone()),
        renderer: Renderer::default(),
        store,
        posts: RateLimiter::new(flags.user_posts_per_minute.into()),
        bytes: RateLimiter::new(u64::from(flags.user_kib_per_minute) * 1024),
        clock,
    }))
}

/// Builds the client of the auth service.
fn auth(
    flags: &BlogFlags,
    service_key: Option<&Token>,
    tls: &TlsParts,
    tracer: &CallTracer,
) -> Result<AuthService, BuildError> {
    let mut urls = flags.auth_url.iter().map(ServiceAddress::url);
    let first = urls.next().unwrap_or_default();
    let mut auth = urls.fold(AuthService::builder(first), AuthServiceBuilder::endpoint);
    if let Some(report) = tracer.request_report() {
        auth = auth.report_requests(report);
    }
    if let Some(tls) = &tls.client {
        auth = auth.tls(tls.clone());
    }
    match service_key {
        Some(key) => auth = auth.service_key(key),
        None if flags.auth_tls.auth_client_cert.is_some() => {}
        None => tracing::warn!("BLOG_SERVICE_KEY unset: no revocation feed, each call asks the auth service"),
    }
    auth.build()
}

/// Tolerated lead of a stored time: the largest difference of clocks that any setting allows.
const MAX_TIME_LEAD: TimeDelta = TimeDelta::seconds(62);

/// Sets request times in the future, written by a wrong clock, to the present. Otherwise the requests would stay known
/// for more than a day.
async fn repair(store: &BlogStore, clock: &Clock) -> Result<(), StoreError> {
    let now = clock.now();
    if !clock.may_repair(MAX_TIME_LEAD) {
        return Ok(());
    }
    let repaired = patiently(|| requests::repair_times(store.db(), now, now + MAX_TIME_LEAD)).await?;
    if repaired > 0 {
        tracing::warn!(requests = repaired, "future times of a wrong clock cut to the present");
    }
    Ok(())
}
