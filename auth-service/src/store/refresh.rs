//! A session's refresh tokens: one row, rotated by one statement.

use db::{read, settle, write};
use sqlx::FromRow;
use uuid::Uuid;

use super::rows::{UserRow, digests};
use super::{Store, StoreError, Time};
use crate::domain::{Client, RefreshDigest, Rotation, User, network};

/// A session as a refresh needs it, with its user, all read in one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshable {
    /// The user, with the generation that an access token has to carry.
    pub user: User,
    /// When the session ends, whatever happens meanwhile.
    pub expire_time: Time,
    /// Until when the current refresh token can be used.
    pub idle_expire_time: Time,
    /// Whether the session has been ended, alone or with all of its user's.
    pub is_ended: bool,
    /// The refresh tokens.
    pub rotation: Rotation,
}

/// What a rotation writes.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The salt of the new token.
    pub salt: Vec<u8>,
    /// The digests, the new one first.
    pub digests: Vec<RefreshDigest>,
    /// Which of the last rotations needed the grace.
    pub graces: i32,
    /// When it takes place.
    pub time: Time,
    /// Until when the new token can be used.
    pub idle_expire_time: Time,
    /// When neither the new token nor the access token that goes with it is good any more.
    pub over_time: Time,
}

impl Store {
    /// The session and its user; `None` when there is no such session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refreshable(&self, id: Uuid) -> Result<Option<Refreshable>, StoreError> {
        const SQL: &str = "select u.id, u.name, u.email, u.roles, u.state, u.generation, u.revision, u.create_time, \
             u.update_time, s.expire_time, s.idle_expire_time, \
             (s.end_time is not null or s.generation < u.sessions_since or u.state <> 'active') as is_ended, \
             s.refresh_generation, s.refresh_salt, s.refresh_digests, s.graces, s.last_refresh_time \
             from sessions s join users u on u.id = s.user_id where s.id = $1";
        let row: Option<Row> = read!(self.db, |reader| sqlx::query_as(SQL).bind(id).fetch_optional(reader))?;
        Ok(row.map(Refreshable::from))
    }

    /// Puts a new token in the place of the one of this generation, unless another rotation has come first or the session
    /// has ended; `false` when nothing was written.
    ///
    /// # Errors
    /// [`StoreError`]; then the old token can still be used, and with [`StoreError::Unknown`], too: for as long as it is
    /// answered once more.
    pub async fn rotate(
        &self,
        id: Uuid,
        generation: i32,
        rotated: &Rotated,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let find = || async {
            let found = self.refreshable(id).await?;
            Ok::<_, StoreError>(
                found.filter(|found| found.rotation.digests.first() == rotated.digests.first()).map(|_| true),
            )
        };
        settle(|| self.try_rotate(id, generation, rotated, client), find).await
    }

    async fn try_rotate(
        &self,
        id: Uuid,
        generation: i32,
        rotated: &Rotated,
        client: &Client,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update sessions set refresh_generation = refresh_generation + 1, refresh_salt = $3, \
             refresh_digests = $4, graces = $5, last_refresh_time = $6, idle_expire_time = $7, over_time = $8, peer = $9, \
             user_agent = $10, network = $11 \
             where id = $1 and refresh_generation = $2 and end_time is null and exists (select 1 from users \
             where users.id = sessions.user_id and state = 'active' and sessions_since <= sessions.generation)";
        let digests: Vec<u8> = rotated.digests.iter().flat_map(|digest| digest.0).collect();
        let written = write!(
            self.db,
            sqlx::query(SQL)
                .bind(id)
                .bind(generation)
                .bind(rotated.salt.clone())
                .bind(digests.clone())
                .bind(rotated.graces)
                .bind(rotated.time)
                .bind(rotated.idle_expire_time)
                .bind(rotated.over_time)
                .bind(client.peer.clone())
                .bind(client.user_agent.clone())
                .bind(network(&client.peer))
        );
        Ok(written? > 0)
    }

    /// Notes that the rotation to this generation is answered once more, with an access token until `access_expire_time`, and
    /// adds these bits to the row's graces. Returns `false` when the session has gone on or ended meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate_again(
        &self,
        id: Uuid,
        generation: i32,
        graces: i32,
        access_expire_time: Time,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update sessions set graces = graces | $3, \
             over_time = case when over_time < $4 then $4 else over_time end \
             where id = $1 and refresh_generation = $2 and end_time is null";
        let write = || async {
            let written =
                write!(self.db, sqlx::query(SQL).bind(id).bind(generation).bind(graces).bind(access_expire_time));
            Ok::<_, StoreError>(written? > 0)
        };
        // To write it twice changes nothing.
        settle(write, || async { Ok(None) }).await
    }

    /// Takes out sessions none of whose tokens is good any more, the oldest first and at most a hundred: how many.
    ///
    /// # Errors
    /// [`StoreError`]; then all of them stay.
    pub async fn sweep_sessions(&self, now: Time) -> Result<u64, StoreError> {
        const SQL: &str = "delete from sessions where id in \
             (select id from sessions where over_time <= $1 order by over_time limit 100)";
        write!(self.db, sqlx::query(SQL).bind(now))
    }
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    user: UserRow,
    expire_time: Time,
    idle_expire_time: Time,
    is_ended: bool,
    refresh_generation: i32,
    refresh_salt: Vec<u8>,
    refresh_digests: Vec<u8>,
    graces: i32,
    last_refresh_time: Option<Time>,
}

impl From<Row> for Refreshable {
    fn from(row: Row) -> Self {
        let rotation = Rotation {
            generation: row.refresh_generation,
            salt: row.refresh_salt,
            digests: digests(&row.refresh_digests).collect(),
            graces: row.graces,
            time: row.last_refresh_time,
        };
        let Row { expire_time, idle_expire_time, is_ended, .. } = row;
        Self { user: row.user.into(), expire_time, idle_expire_time, is_ended, rotation }
    }
}
