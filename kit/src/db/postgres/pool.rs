//! The connections to a server: so many at once, and no fault keeps one for longer than a call waits.
//!
//! The driver's own pool asks the server before it takes a connection back, and waits for the answer without end. On a way
//! that loses answers each such question holds a place for good, until there is none left. Here a connection comes back
//! as it is; whether it still works is found out by its next user, who has a limit of time.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Error, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, sleep, timeout_at};

use super::lease::limited;
use super::session::Opening;
use super::suspicion::Suspicion;
use super::times::Times;

/// The pause before the next try to connect.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a connection may lie unused, and how old it may become: a server keeps memory for each.
const UNUSED: Duration = Duration::from_mins(10);
const OLD: Duration = Duration::from_mins(30);

/// How a pool differs from others.
#[derive(Debug)]
pub(super) struct Limits {
    /// The most connections.
    pub(super) connections: u32,
    /// How long a call waits for one.
    pub(super) acquire: Duration,
    /// How long a connection may lie unused before it is tried out.
    pub(super) trusted: Duration,
    /// Limits of its connections, by the distance.
    pub(super) times: Times,
}

/// Connections that are alike.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    opening: Opening,
    limits: Limits,
    suspicion: Suspicion,
    places: Arc<Semaphore>,
    unused: Mutex<Vec<Unused>>,
}

#[derive(Debug)]
struct Unused {
    connection: PgConnection,
    made: Instant,
    since: Instant,
}

/// A connection that is in use.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) connection: PgConnection,
    made: Instant,
    pool: Pool,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool without connections.
    pub(super) fn new(opening: Opening, limits: Limits, suspicion: &Suspicion) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Inner { opening, limits, suspicion: suspicion.clone(), places, unused: Mutex::default() }))
    }

    /// How its connections are made.
    pub(super) fn opening(&self) -> Opening {
        self.0.opening.clone()
    }

    /// A connection, an old one or a new one.
    pub(super) async fn acquire(&self) -> Result<Used, Error> {
        let give_up = time::Instant::now() + self.0.limits.acquire;
        let place = timeout_at(give_up, Arc::clone(&self.0.places).acquire_owned()).await;
        let place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let (connection, made) = timeout_at(give_up, self.find()).await.map_err(|_| Error::PoolTimedOut)??;
        Ok(Used { connection, made, pool: self.clone(), _place: place })
    }

    async fn find(&self) -> Result<(PgConnection, Instant), Error> {
        while let Some(Unused { mut connection, made, since }) = self.pop() {
            if self.0.suspicion.covers(made.elapsed()) {
                continue;
            }
            if since.elapsed() > self.0.limits.trusted
                && let Err(_broken) = limited(self.0.limits.times.ping(), connection.ping()).await
            {
                self.0.suspicion.raise();
                continue;
            }
            return Ok((connection, made));
        }
        loop {
            let made = Instant::now();
            match limited(self.0.limits.times.connect(), self.0.opening.connect()).await {
                Ok(connection) => return Ok((connection, made)),
                // Whoever waits for the connection ends this.
                Err(error) if may_pass(&error) => sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until every connection has come back, and closes them.
    pub(super) async fn close(&self) {
        let all = Arc::clone(&self.0.places).acquire_many_owned(self.0.limits.connections).await;
        self.0.places.close();
        drop(all);
        while let Some(Unused { connection, .. }) = self.pop() {
            let _ = limited(self.0.limits.times.ping(), connection.close()).await;
        }
    }

    /// The connection that was used last: it is the likeliest to work.
    fn pop(&self) -> Option<Unused> {
        self.unused().pop()
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Unused>> {
        self.0.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// Lets others have the connection.
    pub(super) fn give_back(self) {
        let Self { connection, made, pool, _place } = self;
        let mut unused = pool.unused();
        unused.retain(|other| other.since.elapsed() < UNUSED);
        if made.elapsed() < OLD {
            unused.push(Unused { connection, made, since: Instant::now() });
        }
    }
}

/// Whether the next try to connect may do better: the server starts, is full, or the answer to this try was lost.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io(cause) => matches!(cause.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut),
        Error::Database(cause) => cause.is_transient_in_connect_phase(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use harness::postgres::server;
    use harness::proxy::Proxy;
    use sqlx::postgres::PgConnectOptions;

    use super::*;

    fn limits(acquire: Duration) -> Limits {
        Limits { connections: 4, acquire, trusted: Duration::from_hours(1), times: Times::default() }
    }

    async fn all(pool: &Pool) -> Vec<Used> {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(pool.acquire().await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn connections_that_come_back_while_answers_are_lost_hold_no_place() {
        let Some(server) = server().await else { return };
        let proxy = Proxy::to_socket(server.socket());
        let options = PgConnectOptions::from_str(&server.url_at(proxy.address(), "postgres")).unwrap();
        let suspicion = Suspicion::default();
        let pool = Pool::new(options.into(), limits(Duration::from_secs(10)), &suspicion);
        let used = all(&pool).await;
        proxy.half_open();
        used.into_iter().for_each(Used::give_back);
        let mut one = pool.acquire().await.unwrap();
        assert!(limited(Duration::from_millis(200), one.connection.ping()).await.is_err(), "its answer is lost");
        drop(one);
        suspicion.raise();
        proxy.pass();
        for mut used in all(&pool).await {
            used.connection.ping().await.unwrap();
        }
        pool.close().await;
        assert!(matches!(pool.acquire().await, Err(Error::PoolClosed)));
    }

    #[tokio::test]
    async fn there_are_no_more_connections_than_the_pool_may_have() {
        let Some(database) = harness::postgres::database().await else { return };
        let options = PgConnectOptions::from_str(&database.url).unwrap();
        let pool = Pool::new(options.into(), limits(Duration::from_millis(200)), &Suspicion::default());
        let mut used = all(&pool).await;
        assert!(matches!(pool.acquire().await, Err(Error::PoolTimedOut)), "a fifth is waited for in vain");
        used.pop().unwrap().give_back();
        pool.acquire().await.unwrap();
    }
}
