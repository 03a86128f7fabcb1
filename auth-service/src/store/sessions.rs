//! Rows of the sessions table.

use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::users::state;
use super::{Store, StoreError, Time};
use crate::domain::{Session, UserState};

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
    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn create_session(&self, session: &Session) -> Result<(), StoreError> {
        let mut connection = self.db.writer().acquire().await?;
        insert(&mut connection, session).await
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

pub(super) async fn insert(connection: &mut SqliteConnection, session: &Session) -> Result<(), StoreError> {
    const SQL: &str = "insert into sessions (id, user_id, generation, create_time, expire_time) \
         values ($1, $2, $3, $4, $5)";
    sqlx::query(SQL)
        .bind(session.id)
        .bind(session.user_id)
        .bind(session.generation)
        .bind(session.create_time)
        .bind(session.expire_time)
        .execute(connection)
        .await?;
    Ok(())
}
