//! Starts the parts that calls work with: database, log, keys and view.

use std::sync::Arc;

use db::patiently;
use db::{clock, secrets};
use gatepost::log::LogLimit;
use kit::ids::Ids;
use kit::page::PageTokens;
use kit::rate_limiter::RateLimiter;
use kit::{Clock, Uptime};
use tokio::sync::Semaphore;

use super::error::AuthRunError;
use super::first_admin::{find_admin, first_admin};
use super::{lost, lost_commits};
use crate::app::{
    ApiKeyUses, App, Attempts, Introspector, Issuing, KnownService, MAX_AUDIT_WATCHERS, Quotas, RefusalDelay, Revoker,
};
use crate::audit::AuditSource;
use crate::config::{AuthConfig, AuthFlags, QuotaFlags, Registration, ServiceKey};
use crate::domain::{AttemptLimits, Audiences, Lifetimes, LogId};
use crate::feed::Subscribers;
use crate::keys::model::{CurrentKeys, KeySet, KeyType, Timetable};
use crate::keys::rotation::{self, Keyring};
use crate::keys::storage::{KeyFile, KeySource, SigningKeyError};
use crate::passwords::{Guesses, Hasher};
use crate::repaired::Repaired;
use crate::stamp::stamp;
use crate::store::{AuthStore, StoreError};
use crate::sweep::{AuditSweep, Repair};
use crate::tokens::{Issuer, RememberingVerifier, Verifier};
use crate::view::{Follower, ReadKeys, View};

/// Service that is ready to serve.
pub(super) struct StartedService {
    pub(super) app: Arc<App>,
    /// Follower of the view, which is complete by now.
    pub(super) follower: Follower,
    /// Keyring that rotates the key pairs, unless a secret signs.
    pub(super) ring: Option<Arc<Keyring>>,
    /// Repair of times that a wrong clock has written.
    pub(super) repair: Repair,
    /// Retention of the audit log.
    pub(super) audit: AuditSweep,
    /// True if an active user is an admin.
    pub(super) has_admin: bool,
}

/// Starts all parts of the service.
pub(super) async fn start(config: AuthConfig) -> Result<StartedService, AuthRunError> {
    let AuthConfig { flags, audiences, secret_key, master_key, service_keys, admin, clock, .. } = config;
    let source = KeySource::choose(secret_key, master_key, flags.database_url.path().map(KeyFile::beside))?;
    flags.database_url.path().map_or(Ok(()), lost::check)?;
    let store = Box::pin(AuthStore::open(&flags.database_url)).await?;
    // Measure the clock before any time is written.
    let clock = clock.apart();
    patiently(|| clock::measure(store.db(), &clock)).await?;
    let fresh = kit::random::bytes();
    let page_token_key = patiently(|| secrets::page_token_key(store.db(), fresh)).await?;
    begin_log(&store, &clock).await?;
    lost_commits::revoke_all(&store, &clock).await?;
    let hasher = Hasher::start().map_err(AuthRunError::Threads)?;
    let (keys, ring) = Box::pin(keys(source, &store, &clock, &flags.issuer, flags.keys.signing_algorithm)).await?;
    let view = Arc::new(View::new(Uptime::system()));
    let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), read_keys(ring.clone()));
    Box::pin(follower.load()).await?;
    check_alive(&keys, &view, &clock)?;
    let opened = OpenedParts { store, clock, page_tokens: PageTokens::new(&page_token_key), hasher, keys, view };
    let app = Arc::new(app(&flags, audiences, service_keys, opened));
    let repair = Repair {
        store: app.store.clone(),
        view: Arc::clone(&app.revoker.view),
        clock: app.clock.clone(),
        leeway: app.issuing.leeway,
        lifetimes: app.issuing.lifetimes,
        limits: app.attempts.limits,
        count: Repaired::default(),
    };
    // A horizon in the future would refuse every new token.
    if Box::pin(patiently(|| repair.horizon())).await? {
        Box::pin(follower.load()).await?;
    }
    if let Some(admin) = admin {
        first_admin(&app, admin).await?;
    }
    let has_admin = find_admin(&app.store, flags.registration).await?;
    let audit = AuditSweep::new(flags.audit.retention());
    Ok(StartedService { app, follower, ring, repair, audit, has_admin })
}

/// Parts that the start has opened.
pub(super) struct OpenedParts {
    pub(super) store: AuthStore,
    pub(super) clock: Clock,
    pub(super) page_tokens: PageTokens,
    pub(super) hasher: Hasher,
    pub(super) keys: Arc<CurrentKeys>,
    pub(super) view: Arc<View>,
}

/// Assembles the parts by the settings.
pub(super) fn app(flags: &AuthFlags, audiences: Audiences, service_keys: Vec<ServiceKey>, opened: OpenedParts) -> App {
    let OpenedParts { store, clock, page_tokens, hasher, keys, view } = opened;
    let leeway = flags.clock.leeway();
    let limits = flags.attempts.limits(leeway);
    let audit = AuditSource::new(clock.clone());
    let verifier = Verifier::new(Arc::clone(&keys), flags.issuer.clone(), audiences.clone(), rotation::MAX_LIFETIME);
    App {
        attempts: Attempts {
            store: store.clone(),
            hasher,
            guesses: Guesses::default(),
            refusals: RefusalDelay::new(flags.limits.max_calls),
            limits,
            clock: clock.clone(),
            audit: audit.clone(),
        },
        audit,
        audit_watchers: Arc::new(Semaphore::new(MAX_AUDIT_WATCHERS)),
        quotas: quotas(flags.quotas, limits),
        issuing: Issuing {
            issuer: Issuer::new(Arc::clone(&keys), flags.issuer.clone(), flags.access_ttl),
            keys,
            view: Arc::clone(&view),
            lifetimes: Lifetimes { access: flags.access_ttl, idle: flags.refresh_idle_ttl, session: flags.refresh_ttl },
            leeway,
            clock: clock.clone(),
            ids: Ids::new(clock.clone()),
        },
        introspector: Introspector {
            verifier: RememberingVerifier::new(verifier.with_leeway(leeway, clock.clone())),
            service_keys: service_keys.into_iter().map(known).collect(),
            view: Arc::clone(&view),
            uses: ApiKeyUses::default(),
            clock: clock.clone(),
        },
        revoker: Revoker { view, subscribers: Subscribers::default(), clock: clock.clone() },
        passwords: flags.passwords(),
        registration_logs_in: flags.registration == Registration::Open,
        grace: flags.refresh.grace(),
        refused_refreshes: LogLimit::new(),
        store,
        clock,
        page_tokens,
        audiences,
    }
}

/// Returns the quotas of these flags. Addresses without limits, for example behind an untrusted proxy, have no quotas.
fn quotas(flags: QuotaFlags, limits: AttemptLimits) -> Quotas {
    let of_address = |quota: u32| RateLimiter::new(if limits.failures.burst == 0 { 0 } else { quota.into() });
    Quotas {
        logins: of_address(flags.address_logins_per_minute),
        bad_refreshes: of_address(flags.address_bad_refreshes_per_minute),
        user_sessions: Some(flags.user_sessions).filter(|most| *most > 0),
    }
}

/// Begins the log of revocations if the database has no log.
pub(super) async fn begin_log(store: &AuthStore, clock: &Clock) -> Result<(), StoreError> {
    let (id, stamp) = (LogId(kit::random::bytes()), stamp(clock.now()));
    patiently(|| store.begin_log(id, stamp)).await
}

/// Loads the keys from their source, with the keyring that rotates them. Creates the first key, of this type, if necessary.
/// Revokes the tokens of a replaced secret or issuer.
async fn keys(
    source: KeySource,
    store: &AuthStore,
    clock: &Clock,
    issuer: &str,
    key_type: KeyType,
) -> Result<(Arc<CurrentKeys>, Option<Arc<Keyring>>), AuthRunError> {
    match source {
        KeySource::Secret(key) => {
            rotation::remember(store, Some(&key), issuer, clock).await?;
            Ok((Arc::new(CurrentKeys::new(Timetable::always(KeySet::new(key)))), None))
        }
        KeySource::Pairs(storage) => {
            let ring = Arc::new(Keyring::new(store.clone(), clock.clone(), storage));
            ring.begin(key_type).await?;
            rotation::remember(store, None, issuer, clock).await?;
            Ok((ring.keys(), Some(ring)))
        }
    }
}

/// Returns the callback that reads the keys again after a change in the log.
fn read_keys(ring: Option<Arc<Keyring>>) -> ReadKeys {
    Box::new(move || {
        let ring = ring.clone();
        Box::pin(async move {
            match ring {
                Some(ring) => ring.read().await,
                None => Ok(()),
            }
        })
    })
}

/// Fails if the signing key has been killed.
fn check_alive(keys: &CurrentKeys, view: &View, clock: &Clock) -> Result<(), SigningKeyError> {
    let set = keys.at(clock.now());
    let dead = set.signing().filter(|key| view.has_killed(key.id()));
    dead.map_or(Ok(()), |key| Err(SigningKeyError::Killed(key.id().to_owned())))
}

fn known(ServiceKey { name, key }: ServiceKey) -> KnownService {
    KnownService { name: name.into(), digest: key.digest() }
}
