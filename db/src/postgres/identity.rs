//! Identity of the server behind a connection, and the process that serves the connection.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, Row as _};

use super::limit::limited;
use crate::error::is_answer;

/// Time limit for the queries on a new connection.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(3);

/// Query of the identity, in one round trip. A server in recovery has no timeline of its own yet.
const IDENTIFY_SQL: &str = "select pg_backend_pid() as process, \
    (select backend_start::text from pg_stat_get_activity(pg_backend_pid())) as since, \
    pg_is_in_recovery() as in_recovery, \
    current_setting('transaction_read_only') = 'on' as reads_only, \
    (select system_identifier::text from pg_control_system()) as system, \
    case when pg_is_in_recovery() then null \
    else substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) end as timeline";

/// Query for a server that denies the rights for the full query.
const LIMITED_IDENTIFY_SQL: &str = "select null::int as process, null::text as since, pg_is_in_recovery() as in_recovery, \
    current_setting('transaction_read_only') = 'on' as reads_only, null::text as system, null::text as timeline";

/// Identity of a server, as a connection shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerIdentity {
    /// Identifier of the cluster, which a standby shares with its primary.
    pub(super) system: Option<String>,
    /// Eight hexadecimal digits that grow with each promotion. Absent for a standby.
    pub(super) timeline: Option<String>,
    /// Set for a standby.
    pub(super) in_recovery: bool,
    /// Set if transactions cannot write.
    pub(super) reads_only: bool,
}

/// A process of the server, identified for the server's lifetime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) process: i32,
    pub(super) since: String,
}

/// Returns the identity of the server behind a new connection, and the process that serves the connection.
pub(super) async fn identify(connection: &mut PgConnection) -> Result<(ServerIdentity, Option<Backend>), Error> {
    let row = limited(IDENTIFY_TIMEOUT, async {
        match sqlx::raw_sql(IDENTIFY_SQL).fetch_one(&mut *connection).await {
            Err(error) if is_answer(&error) => sqlx::raw_sql(LIMITED_IDENTIFY_SQL).fetch_one(connection).await,
            row => row,
        }
    });
    read(&row.await?)
}

fn read(row: &PgRow) -> Result<(ServerIdentity, Option<Backend>), Error> {
    let origin = ServerIdentity {
        system: row.try_get("system")?,
        timeline: row.try_get("timeline")?,
        in_recovery: row.try_get("in_recovery")?,
        reads_only: row.try_get("reads_only")?,
    };
    let (process, since): (Option<i32>, Option<String>) = (row.try_get("process")?, row.try_get("since")?);
    Ok((origin, process.zip(since).map(|(process, since)| Backend { process, since })))
}

/// Returns the error of a connection that cannot serve its purpose, with a sentence for the log.
pub(super) fn unfit(sentence: &'static str) -> Error {
    Error::Io(io::Error::other(sentence))
}
