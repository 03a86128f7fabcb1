//! From the settings to all that the calls work with: database, log, keys, view, and the first admin.

use std::sync::Arc;

use gatepost::log::LogLimit;
use kit::db::patiently;
use kit::db::{clock, secrets};
use kit::ids::Ids;
use kit::page::PageTokens;
use kit::shutdown::Shutdown;
use kit::{Clock, Uptime};

use crate::config::{Admin, Config, Registration};
use crate::domain::{LogId, Name, NewUser, Role, Roles, UserState};
use crate::feed::Listeners;
use crate::keys::model::{CurrentKeys, KeySet, KeyType, Timetable};
use crate::keys::rotation::{self, Keyring};
use crate::keys::storage::{KeyFile, KeySource, SigningKeyError};
use crate::lost;
use crate::passwords::{Guesses, HashError, Hasher};
use crate::quotas::Quotas;
use crate::repair::Repair;
use crate::repaired::Repaired;
use crate::run::RunError;
use crate::stamp::stamp;
use crate::state::{Lifetimes, State};
use crate::store::{Created, Filter, Store, StoreError};
use crate::tokens::{Issuer, RememberingVerifier, Verifier};
use crate::view::{Follower, ReadKeys, View};

/// What is ready to serve.
pub(crate) struct Started {
    pub(crate) state: Arc<State>,
    /// Whoever moves the view, which is complete by now.
    pub(crate) follower: Follower,
    /// Who sees to the keys; a secret needs nobody.
    pub(crate) ring: Option<Arc<Keyring>>,
    /// Cuts the times that a wrong clock has written.
    pub(crate) repair: Repair,
}

/// Opens and prepares everything; `None` when it is told to stop while it waits for the database.
pub(crate) async fn start(config: Config, shutdown: &Shutdown) -> Result<Option<Started>, RunError> {
    let Config { flags, audiences, secret_key, master_key, service_key, admin, clock, .. } = config;
    let source = KeySource::choose(secret_key, master_key, flags.database_url.path().map(KeyFile::beside))?;
    flags.database_url.path().map_or(Ok(()), lost::check)?;
    let opened = shutdown.run_until_cancelled(Box::pin(Store::open(&flags.database_url))).await;
    let Some(store) = opened.transpose()? else { return Ok(None) };
    // Before any time is written.
    let clock = clock.apart();
    patiently(|| clock::measure(store.db(), &clock)).await?;
    let fresh = kit::random::bytes();
    let page_token_key = patiently(|| secrets::page_token_key(store.db(), fresh)).await?;
    begin_log(&store, &clock).await?;
    let hasher = Hasher::start().map_err(RunError::Threads)?;
    let (keys, ring) = Box::pin(keys(source, &store, &clock, (&flags.issuer, flags.keys.signing_algorithm))).await?;
    let view = Arc::new(View::new(Uptime::system()));
    let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), reads(ring.clone()));
    Box::pin(follower.load()).await?;
    check_alive(&keys, &view, &clock)?;
    let (issuer, leeway) = (flags.issuer.clone(), flags.clock.leeway());
    let verifier = Verifier::new(Arc::clone(&keys), issuer.clone(), audiences.clone(), rotation::MAX_LIFETIME);
    let attempts = flags.attempts.limits(leeway);
    let lifetimes = Lifetimes { access: flags.access_ttl, idle: flags.refresh_idle_ttl, session: flags.refresh_ttl };
    let repair = Repair {
        store: store.clone(),
        view: Arc::clone(&view),
        clock: clock.clone(),
        leeway,
        lifetimes,
        limits: attempts,
        count: Repaired::default(),
    };
    let state = Arc::new(State {
        hasher,
        guesses: Guesses::default(),
        callers: flags.proxies.callers(),
        quotas: Quotas::new(flags.quotas, attempts),
        passwords: flags.passwords(),
        attempts,
        leeway,
        issuer: Issuer::new(Arc::clone(&keys), issuer, flags.access_ttl),
        verifier: RememberingVerifier::new(verifier.with_leeway(leeway, clock.clone())),
        service_key: service_key.map(|key| key.digest()),
        ids: Ids::new(clock.clone()),
        page_tokens: PageTokens::new(&page_token_key),
        audiences,
        lifetimes,
        grace: flags.refresh.grace(),
        refused_refreshes: LogLimit::new(),
        registration: flags.registration,
        listeners: Listeners::default(),
        stop: shutdown.clone(),
        store,
        view,
        keys,
        clock,
    });
    // A horizon in the future would refuse every new token.
    if Box::pin(patiently(|| repair.horizon())).await? {
        Box::pin(follower.load()).await?;
    }
    if let Some(admin) = admin {
        first_admin(&state, admin).await?;
    }
    warn_if_closed_without_admin(&state).await?;
    Ok(Some(Started { state, follower, ring, repair }))
}

/// Begins the log of revocations where there is none.
async fn begin_log(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    let (id, stamp) = (LogId(kit::random::bytes()), stamp(clock.now()));
    patiently(|| store.begin_log(id, stamp)).await
}

/// The keys from where they are kept, and who sees to them; a first one, of this type, is made and kept before. What the
/// settings have replaced is revoked.
async fn keys(
    source: KeySource,
    store: &Store,
    clock: &Clock,
    (issuer, of): (&str, KeyType),
) -> Result<(Arc<CurrentKeys>, Option<Arc<Keyring>>), RunError> {
    match source {
        KeySource::Secret(key) => {
            rotation::remember(store, Some(&key), issuer, clock).await?;
            Ok((Arc::new(CurrentKeys::new(Timetable::always(KeySet::new(key)))), None))
        }
        KeySource::Pairs(storage) => {
            let ring = Arc::new(Keyring::new(store.clone(), clock.clone(), storage));
            ring.begin(of).await?;
            rotation::remember(store, None, issuer, clock).await?;
            Ok((ring.keys(), Some(ring)))
        }
    }
}

/// Reads the keys again whenever the log says that they have become others.
fn reads(ring: Option<Arc<Keyring>>) -> ReadKeys {
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

/// Refuses to sign with a key whose tokens are dead.
fn check_alive(keys: &CurrentKeys, view: &View, clock: &Clock) -> Result<(), SigningKeyError> {
    let set = keys.at(clock.now());
    let dead = set.signing().filter(|key| view.has_killed(key.id()));
    dead.map_or(Ok(()), |key| Err(SigningKeyError::Killed(key.id().to_owned())))
}

/// Makes an admin where there is none, so that whoever runs the service can never be locked out of it. Somebody else's
/// account is never raised for it, and what users have made of the address never keeps the service from starting.
async fn first_admin(state: &State, admin: Admin) -> Result<(), RunError> {
    if has_admin(&state.store).await? {
        return Ok(());
    }
    let name = Name::parse("Admin").map_err(|error| RunError::Admin(error.to_string()))?;
    let new = NewUser {
        id: state.ids.next(),
        name,
        email: admin.email,
        password_hash: state.hasher.hash(None, admin.password.into_password()).await.map_err(unhashed)?,
        roles: Roles::admin(),
        create_time: state.clock.now(),
    };
    match state.store.create_user(&new, None, None).await? {
        Created::User(_) => tracing::info!("the first admin has been made"),
        Created::EmailTaken | Created::Repeated => {
            tracing::warn!("there is no admin, and AUTH_ADMIN_EMAIL belongs to another user: choose another address");
        }
    }
    Ok(())
}

/// Returns true if an active user is an admin.
async fn has_admin(store: &Store) -> Result<bool, StoreError> {
    let admins = Filter { role: Role::parse(Role::ADMIN), state: Some(UserState::Active), ..Filter::default() };
    Ok(!patiently(|| store.list_users(&admins, None, 1)).await?.is_empty())
}

/// Logs a warning if registration is closed and there is no admin to add users.
async fn warn_if_closed_without_admin(state: &State) -> Result<(), StoreError> {
    if state.registration == Registration::Closed && !has_admin(&state.store).await? {
        tracing::warn!(
            "AUTH_REGISTRATION=closed, and no active user is an admin, so that no user can be added: run \
             `auth-service admin create EMAIL`, or set AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD"
        );
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unhashed(error: HashError) -> RunError {
    RunError::Admin(error.to_string())
}
