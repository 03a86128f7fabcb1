//! The service without a network: its methods in this process, for an operator who can open the database. No background
//! work runs, except the reader of the log, because changes wait for it.

use std::error::Error;
use std::sync::Arc;

use db::{FileLock, patiently, secrets};
use kit::config::{Environment, parse};
use kit::output;
use kit::page::PageTokens;
use kit::peer::CallerResolver;
use kit::shutdown::Shutdown;
use kit::{Clock, Uptime};
use tokio::task::JoinHandle;

use super::start::{OpenedParts, app, begin_log};
use crate::app::App;
use crate::commands::{check_clock, measured_clock};
use crate::config::{AuthFlags, Registration};
use crate::console::{Client, DatabasePlace};
use crate::keys::model::{CurrentKeys, KeySet, Timetable};
use crate::passwords::Hasher;
use crate::rpc;
use crate::store::AuthStore;
use crate::view::{Follower, View};

/// Setting that the flags of the command replace.
const DATABASE_URL: &str = "AUTH_DATABASE_URL";

/// Methods of the service on an open database.
pub(super) struct OfflineService {
    app: Arc<App>,
    end: Shutdown,
    follower: JoinHandle<()>,
    /// URL of the database, without secrets.
    database: String,
}

/// Error of a database file that a running service uses.
#[derive(Debug, thiserror::Error)]
#[error(
    "a service is running on {0}: call it with --auth-url URL, or stop it first; to set a password or create an admin \
     beside it, use `admin`"
)]
struct ServiceRuns(String);

impl OfflineService {
    /// Opens the database.
    ///
    /// # Errors
    /// Fails if a service uses the database file, or if the clock is wrong. The error says what to do.
    pub(super) async fn start(
        place: DatabasePlace,
        environment: Environment,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let flags: AuthFlags = parse(["auth-service".into()], environment, &[DATABASE_URL])?;
        flags.attempts.check()?;
        // Nobody logs in here, and no session begins with a registration.
        let flags = AuthFlags { database_url: place.url.clone(), registration: Registration::Closed, ..flags };
        let audiences = flags.audiences()?;
        if let Some(path) = place.url.path().filter(|path| FileLock::is_held(path)) {
            return Err(ServiceRuns(path.display().to_string()).into());
        }
        let store = Box::pin(AuthStore::open_beside(&place.url)).await?;
        let clock = measured_clock(&store, &Clock::system()).await?;
        check_clock(&clock, (!place.trusts_clock).then(|| place.clock.leeway()))?;
        let fresh = kit::random::bytes();
        let page_token_key = patiently(|| secrets::page_token_key(store.db(), fresh)).await?;
        begin_log(&store, &clock).await?;
        let view = Arc::new(View::new(Uptime::system()));
        // No token is issued or verified here, so no key is read.
        let read_keys = Box::new(|| Box::pin(async { Ok(()) }) as _);
        let mut follower = Follower::new(Arc::clone(&view), store.clone(), clock.clone(), read_keys);
        Box::pin(follower.load()).await?;
        let keys = Arc::new(CurrentKeys::new(Timetable::always(KeySet::default())));
        let (hasher, page_tokens) = (Hasher::start()?, PageTokens::new(&page_token_key));
        let opened = OpenedParts { store, clock, page_tokens, hasher, keys, view };
        let app = Arc::new(app(&flags, audiences, Vec::new(), opened));
        let end = Shutdown::new();
        let follower = tokio::spawn(follower.follow(end.clone()));
        Ok(Self { app, end, follower, database: place.url.to_string() })
    }

    /// Returns a client whose calls are the operator's.
    pub(super) fn client(&self) -> Client {
        let routes = rpc::routes(&self.app, &CallerResolver::default(), &self.end);
        Client::operator(routes.prepare(), self.database.clone())
    }

    /// Ends the streams, and closes the database.
    pub(super) async fn stop(self) {
        self.end.cancel();
        if self.follower.await.is_err() {
            output::err("The reader of the log has died; the changes are committed.");
        }
        self.app.store.close().await;
    }
}
