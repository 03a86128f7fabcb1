//! Refresh tokens of a session: one row, rotated with one statement.

use db::{read, settle, write};
use sqlx::FromRow;

use super::rows::{UserRow, digests};
use super::{AuthStore, StoreError, Time};
use crate::domain::{Client, RefreshDigest, Rotation, SessionId, User, network};

/// Session and user as a refresh needs them, read in one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshable {
    /// User, with the generation for the access token.
    pub user: User,
    /// End time of the session.
    pub expire_time: Time,
    /// Expiry time of the current refresh token.
    pub idle_expire_time: Time,
    /// Set if the session was ended, alone or with all sessions of the user.
    pub is_ended: bool,
    /// Refresh tokens of the session.
    pub rotation: Rotation,
}

/// Values that a rotation writes.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Salt of the new token.
    pub salt: Vec<u8>,
    /// Digests, the new one first.
    pub digests: Vec<RefreshDigest>,
    /// Bits of the recent rotations that needed the grace.
    pub graces: i32,
    /// Time of the rotation.
    pub time: Time,
    /// Expiry time of the new token.
    pub idle_expire_time: Time,
    /// Time at which both the new token and its access token have expired.
    pub over_time: Time,
}

impl AuthStore {
    /// Returns the session and its user, if the session exists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refreshable(&self, id: SessionId) -> Result<Option<Refreshable>, StoreError> {
        const SQL: &str = "select u.id, u.name, u.email, u.roles, u.state, u.generation, u.revision, u.create_time, \
             u.update_time, s.expire_time, s.idle_expire_time, \
             (s.end_time is not null or s.generation < u.sessions_since or u.state <> 'active') as is_ended, \
             s.refresh_generation, s.refresh_salt, s.refresh_digests, s.graces, s.last_refresh_time \
             from sessions s join users u on u.id = s.user_id where s.id = $1";
        let row: Option<RefreshableRow> = read!(self.db, |reader| sqlx::query_as(SQL).bind(id).fetch_optional(reader))?;
        Ok(row.map(Refreshable::from))
    }

    /// Replaces the token of this generation with a new one. Returns `false` and writes nothing if another rotation
    /// came first or the session has ended.
    ///
    /// # Errors
    /// [`StoreError`]; then the old token can still be used. With [`StoreError::Unknown`] it can be used within its
    /// grace.
    pub async fn rotate(
        &self,
        id: SessionId,
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
        id: SessionId,
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

    /// Records that the rotation to this generation is answered again, with an access token until `access_expire_time`,
    /// and adds these bits to the row's graces. Returns `false` if the session has rotated again or ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate_again(
        &self,
        id: SessionId,
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
        // A repeated write has no further effect.
        settle(write, || async { Ok(None) }).await
    }

    /// Deletes sessions without live tokens, oldest first, at most a hundred. Returns their number.
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
struct RefreshableRow {
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

impl From<RefreshableRow> for Refreshable {
    fn from(row: RefreshableRow) -> Self {
        let rotation = Rotation {
            generation: row.refresh_generation,
            salt: row.refresh_salt,
            digests: digests(&row.refresh_digests).collect(),
            graces: row.graces,
            time: row.last_refresh_time,
        };
        let RefreshableRow { expire_time, idle_expire_time, is_ended, .. } = row;
        Self { user: row.user.into(), expire_time, idle_expire_time, is_ended, rotation }
    }
}
