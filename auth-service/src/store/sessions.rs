//! Rows of the sessions table.

use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, FromRow, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::users::state;
use super::{Store, StoreError, Time};
use crate::domain::{Client, ListedSession, Session, UserState, network};

/// What the database says of a token's user and session, read in one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user may act.
    pub state: UserState,
    /// Access tokens of an older generation are dead.
    pub generation: i32,
    /// Whether the session has a row, has not been ended and is not older than the user's sessions may be.
    pub session_lives: bool,
}

impl Store {
    /// Begins a session and takes out some of the user's that have expired, unless the user has been deleted or disabled, or has ended all sessions of its generation,
    /// since the password was read that the login was checked against; `false` when nothing was begun.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn create_session(&self, session: &Session, client: &Client) -> Result<bool, StoreError> {
        const SQL: &str = "insert into sessions \
             (id, user_id, generation, create_time, expire_time, peer, user_agent, network) \
             select $1, $2, $3, $4, $5, $6, $7, $8 from users \
             where id = $2 and state = 'active' and sessions_since <= $3";
        // The oldest are looked at, a few for each that comes, so that no login pays for a month's worth.
        const FORGET: &str = "delete from sessions where id in (select id from (select id, expire_time from sessions \
             where user_id = $1 order by id limit 16) oldest where expire_time <= $2)";
        let mut transaction = self.db.begin().await?;
        let begun = of_session(SQL, session, client).execute(&mut *transaction).await?.rows_affected() > 0;
        sqlx::query(FORGET).bind(session.user_id).bind(session.create_time).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(begun)
    }

    /// At most `limit` live sessions of the user, newest first, that are older than the session `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sessions(
        &self,
        user_id: Uuid,
        after: Option<Uuid>,
        limit: u32,
        now: Time,
    ) -> Result<Vec<ListedSession>, StoreError> {
        const SQL: &str = "select s.id, s.user_id, s.generation, s.create_time, s.expire_time, s.peer, s.user_agent, \
             s.last_refresh_time from sessions s join users u on u.id = s.user_id \
             where s.user_id = $1 and s.id < $2 and s.end_time is null and s.expire_time > $3 \
             and s.generation >= u.sessions_since order by s.id desc limit $4";
        Ok(sqlx::query_as(SQL)
            .bind(user_id)
            .bind(after.unwrap_or(Uuid::max()))
            .bind(now)
            .bind(i64::from(limit))
            .fetch_all(self.db.reader())
            .await?)
    }

    /// Ends a live session, if it is this user's (`None`: whosever it is); `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError`]; then the session still lives.
    pub async fn revoke_session(&self, id: Uuid, user_id: Option<Uuid>, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "update sessions set end_time = $3 where id = $1 and ($2 is null or user_id = $2) \
             and end_time is null and expire_time > $3 \
             and generation >= (select sessions_since from users where users.id = sessions.user_id)";
        let ended = sqlx::query(SQL).bind(id).bind(user_id).bind(now).execute(self.db.writer()).await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Ends a session; ending it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then the session still lives.
    pub async fn end_session(&self, id: Uuid, now: Time) -> Result<(), StoreError> {
        const SQL: &str = "update sessions set end_time = $2 where id = $1 and end_time is null";
        sqlx::query(SQL).bind(id).bind(now).execute(self.db.writer()).await?;
        Ok(())
    }

    /// How user and session stand, or `None` when the user no longer exists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(&self, user_id: Uuid, session_id: Uuid) -> Result<Option<Standing>, StoreError> {
        const SQL: &str = "select u.state, u.generation, \
             (s.id is not null and s.end_time is null and s.generation >= u.sessions_since) as session_lives \
             from users u left join sessions s on s.id = $2 and s.user_id = u.id where u.id = $1";
        let row = sqlx::query(SQL).bind(user_id).bind(session_id).fetch_optional(self.db.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Standing {
            state: state(row.try_get("state")?),
            generation: row.try_get("generation")?,
            session_lives: row.try_get("session_lives")?,
        }))
    }
}

/// The session of a user who has just been written in the same transaction.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    session: &Session,
    client: &Client,
) -> Result<(), StoreError> {
    const SQL: &str = "insert into sessions \
         (id, user_id, generation, create_time, expire_time, peer, user_agent, network) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)";
    of_session(SQL, session, client).execute(connection).await?;
    Ok(())
}

/// A statement that writes a session's row, with the row's columns in their order.
fn of_session<'q>(
    sql: &'static str,
    session: &'q Session,
    client: &'q Client,
) -> Query<'q, Sqlite, <Sqlite as Database>::Arguments> {
    sqlx::query(sql)
        .bind(session.id)
        .bind(session.user_id)
        .bind(session.generation)
        .bind(session.create_time)
        .bind(session.expire_time)
        .bind(&client.peer)
        .bind(&client.user_agent)
        .bind(network(&client.peer))
}

impl FromRow<'_, SqliteRow> for ListedSession {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let session = Session {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            generation: row.try_get("generation")?,
            create_time: row.try_get("create_time")?,
            expire_time: row.try_get("expire_time")?,
        };
        let client = Client { peer: row.try_get("peer")?, user_agent: row.try_get("user_agent")? };
        Ok(Self { session, client, last_refresh_time: row.try_get("last_refresh_time")? })
    }
}
