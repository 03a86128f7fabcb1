//! Refuses a pooler that gives one connection's statements to several sessions of the server.
//!
//! In PgBouncer's transaction mode a setting, a lock of the session and a prepared statement belong to the connection of
//! somebody else after the next commit. So the limits of one service would bind another, and the lock of the migrations
//! would stay behind in the pool. The services need one session a connection.

use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _, PgConnection, Row as _};

use super::session::SessionOptions;

/// The number of times that a connection is asked for its own mark while another one is in a transaction.
const MARK_CHECKS: u32 = 3;

/// Returns true if this connection's statements do not stay in one session of the server.
///
/// The connection marks its session. Then another connection begins a transaction, for which the pooler takes a session
/// that is free: if that has the mark, or if the first connection no longer finds its mark, the sessions are shared. Nothing
/// else may have been set before: it would stay in a session of the pool.
pub(super) async fn shares_sessions(opening: &SessionOptions, connection: &mut PgConnection) -> Result<bool, Error> {
    let mark = kit::random::bytes::<16>().map(|byte| format!("{byte:02x}")).concat();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("set gatepost.session = '{mark}'")))).await?;
    let mut other = opening.connect_bare().await?;
    match other.execute("begin").await {
        Ok(_) => {}
        // Only a pooler in statement mode refuses a transaction.
        Err(Error::Database(_)) => return Ok(true),
        Err(error) => return Err(error),
    }
    let mut shares = found(&mut other).await? == mark;
    for _ in 0..MARK_CHECKS {
        // With one session in the pool, the other transaction has it, and there is none for this question.
        shares = shares || found(connection).await? != mark;
    }
    // The end of the connection ends its transaction; how the connection ends is of no interest.
    let _ = other.close().await;
    connection.execute(sqlx::raw_sql("reset gatepost.session")).await?;
    Ok(shares)
}

/// Returns the mark of the session that this statement meets.
async fn found(connection: &mut PgConnection) -> Result<String, Error> {
    const SQL: &str = "select coalesce(current_setting('gatepost.session', true), '')";
    connection.fetch_one(sqlx::raw_sql(SQL)).await?.try_get(0)
}
