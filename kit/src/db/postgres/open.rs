//! Opens a server's database: migrated, with one pool that writes and one that reads.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::migrate::{PATIENCE, migrate};
use super::suspicion::Suspicion;
use super::tries::{Reads, Writes};
use crate::db::OpenError;
use crate::db::url::Server;

/// Connections that read and that write: a server takes a hundred by default, and replicas share them.
const READERS: u32 = 8;
const WRITERS: u32 = 8;

/// How long a call waits for a connection: below the deadline of every RPC that reads, and that writes.
const ACQUIRE_READER: Duration = Duration::from_millis(400);
const ACQUIRE_WRITER: Duration = Duration::from_millis(1500);

/// How long a connection may lie unused before it is tried out for a write, which nobody may repeat.
const TRUSTED: Duration = Duration::from_secs(1);

/// What the server ends by itself: a read and a write below their RPCs' deadlines, a wait for another's lock before that,
/// and a transaction that its client has left alone. An answer that nobody takes ends the connection.
const READER: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "400ms"),
    ("lock_timeout", "300ms"),
    ("idle_in_transaction_session_timeout", "500ms"),
    ("tcp_user_timeout", "2s"),
];
const WRITER: [(&str, &str); 4] = [
    ("statement_timeout", "2s"),
    ("lock_timeout", "1500ms"),
    ("idle_in_transaction_session_timeout", "500ms"),
    ("tcp_user_timeout", "2s"),
];

/// A server's database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) readers: PgPool,
    pub(super) writers: PgPool,
    pub(super) suspicion: Suspicion,
}

impl Postgres {
    /// Opens the database and applies the migrations that it lacks, one process at a time. Waits for half a minute for a
    /// server that starts, and as long for a process that migrates.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(server: &Server, migrations: &Migrator) -> Result<Self, OpenError> {
        let mut options = server.options();
        if options.get_application_name().is_none() {
            options = options.application_name("gatepost");
        }
        migrate(&server.to_string(), &options, migrations, PATIENCE).await?;
        let suspicion = Suspicion::default();
        let readers = pool(READERS, ACQUIRE_READER, &suspicion, Duration::MAX);
        let writers = pool(WRITERS, ACQUIRE_WRITER, &suspicion, TRUSTED);
        Ok(Self {
            readers: readers.connect_lazy_with(options.clone().options(READER)),
            writers: writers.connect_lazy_with(options.options(WRITER)),
            suspicion,
        })
    }

    /// The tries that a read has.
    pub fn reads(&self) -> Reads {
        Reads::new()
    }

    /// The tries that a write has.
    pub fn writes(&self) -> Writes {
        Writes::new()
    }

    /// Closes every connection once its statement has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

fn pool(connections: u32, acquire: Duration, suspicion: &Suspicion, trusted: Duration) -> PgPoolOptions {
    let suspicion = suspicion.clone();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire)
        // Each connection that comes back is tried out, and one that a fault has shown is not taken again.
        .test_before_acquire(false)
        .before_acquire(move |connection, known| {
            let is_suspect = suspicion.covers(known.age);
            Box::pin(async move {
                if is_suspect {
                    return Ok(false);
                }
                if known.idle_for > trusted {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// A connection of its own, outside the pools.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<sqlx::PgConnection, sqlx::Error> {
    use sqlx::ConnectOptions as _;
    options.connect().await
}
