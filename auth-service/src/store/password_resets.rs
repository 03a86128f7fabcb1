//! Codes for a new password: at most one for each user.

use db::{TransactionOutcome, read, settle, transaction, within, write};
use sqlx::FromRow;

use super::rows::UserRow;
use super::{AuthStore, PasswordChanged, StoreError, Time, audit, log, sessions};
use crate::domain::{Cause, Client, NewAuditEvent, PasswordReset, ResetDigest, Session, Stamp, User};

/// Code and its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundReset {
    /// User who gets the new password.
    pub user: User,
    /// The code.
    pub reset: PasswordReset,
    /// Generation of the user at the issue.
    pub generation: i32,
}

#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    user: UserRow,
    expire_time: Time,
    issue_generation: i32,
}

impl AuthStore {
    /// Stores the code, in place of an earlier one. Returns `false` and writes nothing if the user does not exist.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn add_password_reset(&self, reset: &PasswordReset, event: &NewAuditEvent) -> Result<bool, StoreError> {
        let find = || async { Ok::<_, StoreError>(self.password_reset(reset.digest).await?.map(|_| true)) };
        let is_added = settle(|| self.try_add_reset(reset, event), find).await?;
        self.show_if(is_added, event);
        Ok(is_added)
    }

    async fn try_add_reset(&self, reset: &PasswordReset, event: &NewAuditEvent) -> Result<bool, StoreError> {
        const SQL: &str = "insert into password_resets (user_id, digest, generation, expire_time) \
             select id, $2, generation, $3 from users where id = $1 on conflict (user_id) do update set \
             digest = excluded.digest, generation = excluded.generation, expire_time = excluded.expire_time";
        let PasswordReset { user_id, digest, expire_time } = reset.clone();
        let audit = audit::insert(event);
        transaction!(self.db, async move |mut tx| {
            let added = within!(tx, sqlx::query(SQL).bind(user_id).bind(digest.0.as_slice()).bind(expire_time))?;
            if added == 0 { Ok(TransactionOutcome::Undo(false)) } else { Ok(audit::commit(vec![audit.clone()], true)) }
        })
    }

    /// Returns the code with this digest, and its user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn password_reset(&self, digest: ResetDigest) -> Result<Option<FoundReset>, StoreError> {
        const SQL: &str = "select u.id, name, email, roles, state, u.generation, revision, create_time, \
             update_time, p.expire_time, p.generation as issue_generation from password_resets p join users u on u.id = p.user_id where p.digest = $1";
        let row: Option<FoundRow> =
            read!(self.db, |reader| sqlx::query_as(SQL).bind(digest.0.as_slice()).fetch_optional(reader))?;
        Ok(row.map(|FoundRow { user, expire_time, issue_generation: generation }| {
            let user = User::from(user);
            FoundReset { reset: PasswordReset { user_id: user.id, digest, expire_time }, user, generation }
        }))
    }

    /// Uses the code: sets the password, ends every session of the user, and starts this one. Returns `None` and writes
    /// nothing if the code was used, replaced or ended, or the user was disabled or deleted.
    ///
    /// The session gets the generation that the user has after the change.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn complete_password_reset(
        &self,
        digest: ResetDigest,
        password_hash: &str,
        session: &Session,
        client: &Client,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        const GENERATION: &str = "select generation from sessions where id = $1";
        let find = || async {
            let Some(logged) = self.logged(stamp.fingerprint).await? else { return Ok(None) };
            // A later change may have raised the user's generation: the tokens must have that of their session.
            let generation: Option<i32> =
                read!(self.db, |reader| sqlx::query_scalar(GENERATION).bind(session.id).fetch_optional(reader))?;
            let user = self.user(session.user_id).await?;
            let user = user.zip(generation).map(|(user, generation)| User { generation, ..user });
            Ok::<_, StoreError>(user.map(|user| Some(PasswordChanged { user, logged })))
        };
        let complete = || self.try_complete_reset(digest, password_hash, session, client, stamp, event);
        let changed = settle(complete, find).await?;
        self.show_if(changed.is_some(), event);
        Ok(changed)
    }

    async fn try_complete_reset(
        &self,
        digest: ResetDigest,
        password_hash: &str,
        session: &Session,
        client: &Client,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        const SQL: &str = "update users set password_hash = $2, generation = generation + 1, \
             sessions_since = generation + 1, last_login_time = $3 where id = $1 and state = 'active' \
             and generation = (select p.generation from password_resets p where p.digest = $4) \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        // The user's row is locked first, as by a change of the password, so that both wait in one order.
        const USE: &str = "delete from password_resets where digest = $1 and user_id = $2";
        let (password_hash, session, client) = (password_hash.to_owned(), session.clone(), client.clone());
        let audit = audit::insert(event);
        transaction!(self.db, async move |mut tx| {
            let user: Option<UserRow> = within!(tx, |connection| sqlx::query_as(SQL)
                .bind(session.user_id)
                .bind(&password_hash)
                .bind(session.create_time)
                .bind(digest.0.as_slice())
                .fetch_optional(connection))?;
            let Some(user) = user.map(User::from) else { return Ok(TransactionOutcome::Undo(None)) };
            if within!(tx, sqlx::query(USE).bind(digest.0.as_slice()).bind(user.id))? == 0 {
                return Ok(TransactionOutcome::Undo(None));
            }
            let session = Session { generation: user.generation, ..session.clone() };
            sessions::insert(&mut tx, &session, &client).await?;
            let older = user.older_tokens(Cause::Ended);
            let answer = |logged| Some(PasswordChanged { user, logged });
            Ok(log::commit(vec![audit.clone()], &older, stamp, answer))
        })
    }

    /// Deletes at most a hundred expired codes. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_password_resets(&self, now: Time) -> Result<u64, StoreError> {
        const SQL: &str = "delete from password_resets where user_id in \
             (select user_id from password_resets where expire_time <= $1 order by expire_time limit 100)";
        write!(self.db, sqlx::query(SQL).bind(now))
    }
}
