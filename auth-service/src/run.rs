//! The only way into the service, for `main`, for tests and for the pair.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::ErrorReason;
use gatepost::{GuardLayer, Token};
use kit::db::{OpenError, patiently};
use kit::ids::Ids;
use kit::ops::{self, Board, Write};
use kit::page::PageTokens;
use kit::serve::{Limits, Look, MethodDeadlines, Parts, ServeError, serve};
use kit::shutdown::Shutdown;
use kit::{Clock, Uptime};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::config::{Admin, Config, Flags};
use crate::discovery;
use crate::domain::{LogId, Name, NewUser, Role, Roles, UserState};
use crate::keyring::{self, Keyring, KeyringError, tend};
use crate::passwords::{HashError, Hasher, Shares};
use crate::policy;
use crate::rpc::{self, LocalVerifier};
use crate::stamp::stamp;
use crate::state::{Lifetimes, State};
use crate::store::{Created, Filter, Store, StoreError};
use crate::sweep::sweep;
use crate::tokens::{
    CurrentKeys, Issuer, KeyFile, KeySet, KeySource, RememberingVerifier, SigningKeyError, Timetable, Verifier,
};
use crate::view::{Follower, ReadKeys, View};

const DEADLINES: MethodDeadlines = &[("/gatepost.auth.v1.TokenService/VerifyToken", Duration::from_millis(500))];

/// Why the service could not start, or ended by itself: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
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
    let service = async |board| start(config, listener, shutdown.clone(), board).await;
    Box::pin(ops::beside("auth-service", ops, limits, &shutdown, service)).await
}

async fn start(config: Config, listener: TcpListener, shutdown: Shutdown, board: Board) -> Result<(), RunError> {
    let Config { flags, secret_key, master_key, service_key, admin, clock, .. } = config;
    let source = KeySource::choose(secret_key, master_key, flags.database_url.path().map(KeyFile::beside))?;
    // It may have to wait for the database, and can be told to stop meanwhile.
    let opened = shutdown.run_until_cancelled(Box::pin(Store::open(&flags.database_url))).await;
    let Some(store) = opened.transpose()? else { return Ok(()) };
    let fresh = kit::random::bytes();
    let page_token_key = patiently(|| store.page_token_key(fresh)).await?;
    begin_log(&store, &clock).await?;
    let rotation = flags.keys.rotation();
    let Keys { current: keys, ring } = Box::pin(keys(source, &store, &clock, &flags)).await?;
    let view = Arc::new(View::new(Uptime::system()));
    let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), reads(ring.clone()));
    Box::pin(follower.load()).await?;
    check_alive(&keys, &view, &clock)?;
    let issuer = flags.issuer.clone();
    let state = Arc::new(State {
        hasher: Hasher::start().map_err(RunError::Threads)?,
        shares: Shares::default(),
        passwords: flags.passwords(),
        attempts: flags.attempts.limits(),
        issuer: Issuer::new(Arc::clone(&keys), flags.issuer.clone(), flags.audience.clone(), flags.access_ttl),
        verifier: RememberingVerifier::new(Verifier::new(
            Arc::clone(&keys),
            flags.issuer,
            flags.audience.clone(),
            keyring::MAX_LIFETIME,
        )),
        service_key: service_key.and_then(|key| Token::parse(key.expose_secret())).map(|key| key.digest()),
        ids: Ids::new(clock.clone()),
        page_tokens: PageTokens::new(&page_token_key),
        audience: flags.audience.clone(),
        lifetimes: Lifetimes { access: flags.access_ttl, idle: flags.refresh_idle_ttl, session: flags.refresh_ttl },
        grace: flags.refresh.grace(),
        registration: flags.registration,
        store,
        view,
        keys,
        clock,
    });
    if let Some(admin) = admin {
        first_admin(&state, admin).await?;
    }
    let parts = Parts {
        name: "auth-service",
        services: &policy::SERVICES,
        routes: rpc::routes(&state),
        guard: GuardLayer::new(policy::policy(flags.registration), LocalVerifier(Arc::clone(&state)))
            .audience(flags.audience),
        limits: Limits::default(),
        deadlines: DEADLINES,
        look: looks_at(state.store.clone()),
    };
    board.show(discovery::pages(&state.keys, &issuer, &state.clock), touches(state.store.clone()));
    let served = Shutdown::new();
    let serving = async {
        let _served = served.clone().drop_guard();
        serve::<ErrorReason, _>(parts, listener, shutdown).await
    };
    let (ended, (), (), ()) = tokio::join!(
        serving,
        Box::pin(follower.follow(served.clone())),
        Box::pin(sweep(state.store.clone(), state.clock.clone(), served.clone())),
        Box::pin(tend(ring, rotation, served.clone()))
    );
    state.store.close().await;
    Ok(ended?)
}

/// Begins the log of revocations where there is none.
async fn begin_log(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    let (id, stamp) = (LogId(kit::random::bytes()), stamp(clock.now()));
    patiently(|| store.begin_log(id, stamp)).await
}

/// The key sets in force.
struct Keys {
    current: Arc<CurrentKeys>,
    /// Who sees to them; a secret needs nobody.
    ring: Option<Arc<Keyring>>,
}

/// The keys from where they are kept; a first one is made and kept before. What the settings have replaced is revoked.
async fn keys(source: KeySource, store: &Store, clock: &Clock, flags: &Flags) -> Result<Keys, RunError> {
    let secret = match &source {
        KeySource::Secret(key) => Some(key),
        KeySource::Pairs(_) => None,
    };
    keyring::remember(store, secret, &flags.issuer, clock).await?;
    match source {
        KeySource::Secret(key) => {
            let current = Arc::new(CurrentKeys::new(Timetable::always(KeySet::new(key))));
            Ok(Keys { current, ring: None })
        }
        KeySource::Pairs(custody) => {
            let ring = Arc::new(Keyring::new(store.clone(), clock.clone(), custody));
            ring.begin(flags.keys.signing_algorithm).await?;
            Ok(Keys { current: ring.keys(), ring: Some(ring) })
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
    let is_dead = keys.at(clock.now()).signing().is_some_and(|key| view.has_killed(key.id()));
    if is_dead { Err(SigningKeyError::Replaced) } else { Ok(()) }
}

/// Writes to the database of this store.
fn touches(store: Store) -> Write {
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move { store.touch(kit::random::bytes()).await })
    })
}

/// Looks at the database of this store.
fn looks_at(store: Store) -> Look {
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move { store.look().await })
    })
}

/// Makes an admin where there is none, so that whoever runs the service can never be locked out of it. Somebody else's
/// account is never raised for it, and what users have made of the address never keeps the service from starting.
async fn first_admin(state: &State, admin: Admin) -> Result<(), RunError> {
    let admins = Filter { role: Role::parse(Role::ADMIN), state: Some(UserState::Active), ..Filter::default() };
    if !patiently(|| state.store.list_users(&admins, None, 1)).await?.is_empty() {
        return Ok(());
    }
    let name = Name::parse("Admin").map_err(|error| RunError::Admin(error.to_string()))?;
    let new = NewUser {
        id: state.ids.next(),
        name,
        email: admin.email,
        password_hash: state.hasher.hash(admin.password.into_password()).await.map_err(unhashed)?,
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

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unhashed(error: HashError) -> RunError {
    RunError::Admin(error.to_string())
}
