//! The only way into the service, for `main`, for tests and for the pair.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::DESCRIPTOR_SET;
use gatepost::api::auth::v1::ErrorReason;
use gatepost::{GuardLayer, PolicyError};
use kit::clock::keep;
use kit::db::clock::measures;
use kit::db::{OpenError, health};
use kit::ops::{self, Board, Metrics};
use kit::serve::{Limits, MethodDeadlines, Parts, ServeError, serve};
use kit::shutdown::Shutdown;
use tokio::net::TcpListener;

use super::lost::DatabaseLost;
use super::start::{Started, start};
use crate::app::State;
use crate::config::Config;
use crate::discovery;
use crate::keyring::{KeyringError, Trust, tend};
use crate::policy;
use crate::rpc::{self, LocalVerifier};
use crate::store::StoreError;
use crate::sweep::sweep;
use crate::tokens::SigningKeyError;
use crate::view::Finder;

const DEADLINES: MethodDeadlines = &[("/gatepost.auth.v1.TokenService/VerifyToken", Duration::from_millis(500))];

/// Why the service could not start, or ended by itself: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is gone, and its keys are there.
    #[error(transparent)]
    Lost(#[from] DatabaseLost),
    /// The database does not answer.
    #[error("{0}: see to the database, then start again")]
    Store(#[from] StoreError),
    /// There is no signing key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The set of keys cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The hashing threads do not start.
    #[error("the hashing threads do not start ({0}): allow this process more threads or memory")]
    Threads(std::io::Error),
    /// The first admin could not be made.
    #[error("AUTH_ADMIN_EMAIL: the first admin could not be made ({0}): start again once that is mended")]
    Admin(String),
    /// The access table is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Serving ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves on `listener` until `shutdown`, and on the operations port, if there is one.
///
/// # Errors
/// [`RunError`], whose text says what to do.
pub async fn run(mut config: Config, listener: TcpListener, shutdown: Shutdown) -> Result<(), RunError> {
    let (ops, limits) = (config.ops.take(), ops::Limits::default());
    let service = async |board| serve_on(config, listener, shutdown.clone(), board).await;
    Box::pin(ops::beside("auth-service", ops, limits, &shutdown, service)).await
}

async fn serve_on(config: Config, listener: TcpListener, shutdown: Shutdown, board: Board) -> Result<(), RunError> {
    let (issuer, registration, rotation) =
        (config.flags.issuer.clone(), config.flags.registration, config.flags.keys.rotation());
    let proxy_protocol = config.flags.proxies.proxy_protocol();
    let Some(Started { state, follower, ring, repair }) = Box::pin(start(config, &shutdown)).await? else {
        return Ok(());
    };
    let guard = GuardLayer::new(policy::policy(registration), LocalVerifier(Arc::clone(&state)))?
        .audience(state.audiences.own());
    let mut metrics = Metrics::default();
    metrics.count_decisions(guard.metrics());
    let counted = Arc::clone(&state);
    let refused = move || counted.refused_refreshes.count();
    metrics.count("gatepost_refresh_refused", "Refresh tokens that were none, or were over", refused);
    count_forks(&mut metrics, &state);
    metrics.show_clock(state.clock.clone());
    let repaired = repair.count.clone();
    let help = "Rows whose times have not come, written under a wrong clock, that were cut to the present";
    metrics.count("gatepost_times_repaired", help, move || repaired.count());
    let parts = Parts {
        name: "auth-service",
        services: &policy::SERVICES,
        descriptors: DESCRIPTOR_SET,
        elsewhere: &policy::ELSEWHERE,
        routes: rpc::routes(&state),
        guard,
        limits: Limits::default(),
        deadlines: DEADLINES,
        look: health::looks(state.store.db()),
        proxy_protocol,
    };
    let mut pages = discovery::pages(&state.keys, &issuer, &state.clock);
    pages.push(metrics.page());
    board.show(pages, health::touches(state.store.db()));
    board.watch_clock(state.clock.clone());
    let served = Shutdown::new();
    let serving = async {
        let _served = served.clone().drop_guard();
        serve::<ErrorReason, _>(parts, listener, shutdown).await
    };
    let State { store, clock, .. } = &*state;
    let trust = Trust { leeway: state.leeway, repaired: repair.count.clone() };
    let (ended, (), (), (), ()) = tokio::join!(
        serving,
        Box::pin(follower.follow(served.clone())),
        Box::pin(sweep(repair, served.clone())),
        Box::pin(keep(clock.clone(), measures(store.db(), clock), served.clone())),
        Box::pin(tend(ring, rotation, trust, served.clone()))
    );
    store.close().await;
    Ok(ended?)
}

/// Counts how often this replica has begun the log of revocations anew.
fn count_forks(metrics: &mut Metrics, state: &Arc<State>) {
    for (finder, name, help) in [
        (Finder::Replica, "gatepost_log_forks_by_replica", "Losses of log entries that this replica knew"),
        (Finder::Guard, "gatepost_log_forks_by_guard", "Losses of log entries that only a guard knew"),
    ] {
        let counted = Arc::clone(state);
        metrics.count(name, help, move || counted.view.forks(finder));
    }
}
