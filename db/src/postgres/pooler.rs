//! Refuses a pooler that spreads one connection's statements over several sessions of the server.
//!
//! In PgBouncer's transaction mode, settings, session locks and prepared statements belong to another client's
//! connection after the next commit. So the limits of one service would bind another, and the lock of the migrations
//! would stay behind in the pool. The services need one session per connection.

use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _, PgConnection, Row as _};

use super::session::SessionOptions;

/// Number of times that a connection reads its own mark while another connection is in a transaction.
const MARK_CHECKS: u32 = 3;

/// Returns true if this connection's statements do not stay in one session of the server.
///
/// The connection marks its session. Then another connection begins a transaction, for which the pooler takes a free
/// session. The sessions are shared if that session has the mark, or if the first connection no longer finds its mark.
/// Nothing else may be set before this check, since it would stay in a session of the pool.
pub(super) async fn shares_sessions(session: &SessionOptions, connection: &mut PgConnection) -> Result<bool, Error> {
    let mark = kit::random::bytes::<16>().map(|byte| format!("{byte:02x}")).concat();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(format!("set gatepost.session = '{mark}'")))).await?;
    let mut other = session.connect_bare().await?;
    match other.execute("begin").await {
        Ok(_) => {}
        // Only a pooler in statement mode refuses a transaction.
        Err(Error::Database(_)) => return Ok(true),
        Err(error) => return Err(error),
    }
    let mut shares = session_mark(&mut other).await? == mark;
    for _ in 0..MARK_CHECKS {
        // If the pool has one session, the other transaction holds it, and this query gets no session.
        shares = shares || session_mark(connection).await? != mark;
    }
    // Closing the connection ends its transaction; the result of closing does not matter.
    let _ = other.close().await;
    connection.execute(sqlx::raw_sql("reset gatepost.session")).await?;
    Ok(shares)
}

/// Returns the mark of the session that runs this statement.
async fn session_mark(connection: &mut PgConnection) -> Result<String, Error> {
    const SQL: &str = "select coalesce(current_setting('gatepost.session', true), '')";
    connection.fetch_one(sqlx::raw_sql(SQL)).await?.try_get(0)
}
