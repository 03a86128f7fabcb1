//! Rows of the sessions table.

use db::{SqlStatement, TransactionOutcome, Tx, read, settle, transaction, within};
use sqlx::FromRow;

use super::audit::Recording;
use super::rows::digests;
use super::{AuthStore, StoreError, Time, audit, log};
use crate::domain::{
    Client, ListedSession, Logged, NewAuditEvent, Revocation, Session, SessionId, Stamp, UserId, network,
};

/// Largest number of a user's live sessions that a list sorts. The statement repeats the number as text. It is above
/// the default quota of sessions.
const MAX_SORTED: i64 = 2000;

impl AuthStore {
    /// Starts a session. Returns `false` and starts nothing if the user was deleted or disabled, or has ended all
    /// sessions of its generation, since the checked password was read.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn create_session(
        &self,
        session: &Session,
        client: &Client,
        event: &NewAuditEvent,
    ) -> Result<bool, StoreError> {
        // Until the commit, the lock of the user's row prevents a deletion and an end of all sessions.
        const LOG_IN: &str = "update users set \
             last_login_time = case when last_login_time > $3 then last_login_time else $3 end \
             where id = $1 and state = 'active' and sessions_since <= $2";
        const SQL: &str = "insert into sessions (id, user_id, generation, create_time, expire_time, peer, user_agent, \
             network, refresh_digests, idle_expire_time, over_time) \
             select $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 from users \
             where id = $2 and state = 'active' and sessions_since <= $3";
        const COUNT: &str = "select count(*) from sessions where id = $1";
        let begin = || async {
            let log_in =
                SqlStatement::new(LOG_IN).bind(session.user_id).bind(session.generation).bind(session.create_time);
            let event = audit::insert_with_session(event, session.id);
            let begun = SqlStatement::new(COUNT).bind(session.id);
            // A server gets everything in one message: the login's time, the session, its event, and the final count.
            Ok(self.db.at_once(vec![log_in, row(SQL, session, client), event, begun]).await? > 0)
        };
        let find = || async {
            let found: i64 = read!(self.db, |reader| sqlx::query_scalar(COUNT).bind(session.id).fetch_one(reader))?;
            Ok::<_, StoreError>((found > 0).then_some(true))
        };
        let is_begun = settle(begin, find).await?;
        self.show_if(is_begun, event);
        Ok(is_begun)
    }

    /// Returns at most `limit` sessions of the user that have a live token and are older than the session `after`,
    /// newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sessions(
        &self,
        user_id: UserId,
        after: Option<SessionId>,
        limit: u32,
        now: Time,
    ) -> Result<Vec<ListedSession>, StoreError> {
        // If there are few live sessions, their index finds them, and they are sorted. The `coalesce` around id and
        // time keeps the engines from using another index, which includes all ended sessions.
        const LIVE: &str = "select s.id, s.user_id, s.generation, s.create_time, s.expire_time, s.peer, s.user_agent, \
             s.last_refresh_time, substr(s.refresh_digests, 1, 32) as refresh_digest, s.idle_expire_time, s.over_time, \
             count(*) over () as found \
             from (select s.* from sessions s join users u on u.id = s.user_id \
             where s.user_id = $1 and coalesce(s.id, $2) < $2 and s.end_time is null \
             and coalesce(s.over_time, $3) > $3 and s.generation >= u.sessions_since limit 2000) s order by s.id desc limit $4";
        // With many live sessions, a scan by id soon finds the newest.
        const NEWEST: &str = "select s.id, s.user_id, s.generation, s.create_time, s.expire_time, s.peer, s.user_agent, \
             s.last_refresh_time, substr(s.refresh_digests, 1, 32) as refresh_digest, s.idle_expire_time, s.over_time, \
             cast(0 as bigint) as found from sessions s join users u on u.id = s.user_id \
             where s.user_id = $1 and s.id < $2 and s.end_time is null and s.over_time > $3 \
             and s.generation >= u.sessions_since order by s.id desc limit $4";
        let (after, limit) = (after.unwrap_or(SessionId::MAX), i64::from(limit));
        let read = async |sql: &'static str| -> Result<Vec<ListedRow>, StoreError> {
            read!(self.db, |reader| sqlx::query_as(sql)
                .bind(user_id)
                .bind(after)
                .bind(now)
                .bind(limit)
                .fetch_all(reader))
        };
        let mut sessions = read(LIVE).await?;
        if sessions.first().is_some_and(|first| first.found >= MAX_SORTED) {
            sessions = read(NEWEST).await?;
        }
        Ok(sessions.into_iter().map(ListedSession::from).collect())
    }

    /// Returns the least recently used live session of a user with more than `most` live sessions. A session was last
    /// used at its last refresh, or at its start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn surplus_session(
        &self,
        user_id: UserId,
        most: u32,
        now: Time,
    ) -> Result<Option<SessionId>, StoreError> {
        const SQL: &str = "select s.id from sessions s join users u on u.id = s.user_id \
             where s.user_id = $1 and s.end_time is null and coalesce(s.over_time, $2) > $2 \
             and s.generation >= u.sessions_since \
             order by coalesce(s.last_refresh_time, s.create_time) desc, s.id desc limit 1 offset $3";
        read!(self.db, |reader| sqlx::query_scalar(SQL)
            .bind(user_id)
            .bind(now)
            .bind(i64::from(most))
            .fetch_optional(reader))
    }

    /// Ends a live session and revokes its tokens. With a user id, the session must belong to that user. Returns the
    /// entry in the log, if there was such a session.
    ///
    /// # Errors
    /// [`StoreError`]; then the session still lives, except with [`StoreError::Unknown`].
    pub async fn revoke_session(
        &self,
        id: SessionId,
        user_id: Option<UserId>,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        let recording = Recording::default();
        let find = || async { Ok::<_, StoreError>(self.logged(stamp.fingerprint).await?.map(Some)) };
        let revoked = settle(|| self.try_revoke(id, user_id, stamp, event, &recording), find).await?;
        if revoked.is_some() {
            self.publish(&recording);
        }
        Ok(revoked)
    }

    async fn try_revoke(
        &self,
        id: SessionId,
        user_id: Option<UserId>,
        stamp: Stamp,
        event: &NewAuditEvent,
        recording: &Recording,
    ) -> Result<Option<Logged>, StoreError> {
        const SQL: &str = "update sessions set end_time = $3 where id = $1 and ($2 is null or user_id = $2) \
             and end_time is null and over_time > $3 \
             and generation >= (select sessions_since from users where users.id = sessions.user_id) returning user_id";
        let (event, recording) = (event.clone(), recording.clone());
        transaction!(self.db, async move |mut tx| {
            let owner: Option<UserId> = within!(tx, |connection| sqlx::query_scalar(SQL)
                .bind(id)
                .bind(user_id)
                .bind(stamp.time)
                .fetch_optional(connection))?;
            let Some(owner) = owner else { return Ok(TransactionOutcome::Undo(None)) };
            let audit = recording.statements(vec![event.clone().about_user(owner)]);
            Ok(log::commit(audit, &Revocation::Session(id), stamp, Some))
        })
    }

    /// Ends a session and revokes its tokens, even if its row is gone, in one message to the server.
    ///
    /// # Errors
    /// [`StoreError`]; then the session still lives, except with [`StoreError::Unknown`].
    pub async fn end_session(&self, id: SessionId, stamp: Stamp, event: &NewAuditEvent) -> Result<Logged, StoreError> {
        const SQL: &str = "update sessions set end_time = $2 where id = $1 and end_time is null";
        let end = || async {
            let row = SqlStatement::new(SQL).bind(id).bind(stamp.time);
            let statements = vec![row, audit::insert(event), log::entry(&Revocation::Session(id), stamp)];
            let revision = self.db.at_once(statements).await?;
            Ok::<_, StoreError>(Logged { revision, fingerprint: stamp.fingerprint })
        };
        let ended = settle(end, || self.logged(stamp.fingerprint)).await?;
        self.show(event);
        Ok(ended)
    }
}

/// Inserts the session of a user that the same transaction has just written, with the time of the login.
pub(super) async fn insert(tx: &mut Tx<'_>, session: &Session, client: &Client) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert into sessions (id, user_id, generation, create_time, expire_time, peer, user_agent, network, \
         refresh_digests, idle_expire_time, over_time) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    within!(
        *tx,
        sqlx::query(SQL)
            .bind(session.id)
            .bind(session.user_id)
            .bind(session.generation)
            .bind(session.create_time)
            .bind(session.expire_time)
            .bind(&client.peer)
            .bind(&client.user_agent)
            .bind(network(&client.peer))
            .bind(digest(session))
            .bind(session.idle_expire_time)
            .bind(session.over_time)
    )
    .map(drop)
}

/// Returns the statement that inserts a session's row, with the values in the order of its columns.
fn row(sql: &'static str, session: &Session, client: &Client) -> SqlStatement {
    SqlStatement::new(sql)
        .bind(session.id)
        .bind(session.user_id)
        .bind(session.generation)
        .bind(session.create_time)
        .bind(session.expire_time)
        .bind(client.peer.as_str())
        .bind(client.user_agent.as_str())
        .bind(network(&client.peer).as_str())
        .bind(digest(session).as_slice())
        .bind(session.idle_expire_time)
        .bind(session.over_time)
}

fn digest(session: &Session) -> Vec<u8> {
    session.refresh_digest.iter().flat_map(|digest| digest.0).collect()
}

/// Row of a listed session.
#[derive(FromRow)]
struct ListedRow {
    id: SessionId,
    user_id: UserId,
    generation: i32,
    create_time: Time,
    expire_time: Time,
    peer: String,
    user_agent: String,
    last_refresh_time: Option<Time>,
    refresh_digest: Vec<u8>,
    idle_expire_time: Time,
    over_time: Time,
    /// Number of live sessions found, if the statement counts them.
    found: i64,
}

impl From<ListedRow> for ListedSession {
    fn from(row: ListedRow) -> Self {
        let session = Session {
            id: row.id,
            user_id: row.user_id,
            generation: row.generation,
            create_time: row.create_time,
            expire_time: row.expire_time,
            refresh_digest: digests(&row.refresh_digest).next(),
            idle_expire_time: row.idle_expire_time,
            over_time: row.over_time,
        };
        let client = Client { peer: row.peer, user_agent: row.user_agent };
        Self { session, client, last_refresh_time: row.last_refresh_time }
    }
}
