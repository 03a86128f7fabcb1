//! Changes by an operator, who needs no password of the user.

use db::{TransactionOutcome, read, settle, transaction, within};

use super::rows::UserRow;
use super::{AuthStore, PasswordChanged, StoreError, audit, log};
use crate::domain::{Cause, NewAuditEvent, Stamp, User, UserId, UserState};

impl AuthStore {
    /// Sets the password and ends every session, as a change by the user does, but starts no new one. Returns the user
    /// and the entry in the log, if the user exists.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        let find = || async {
            let Some(logged) = self.logged(stamp.fingerprint).await? else { return Ok(None) };
            Ok::<_, StoreError>(self.user(id).await?.map(|user| Some(PasswordChanged { user, logged })))
        };
        let set = settle(|| self.try_set_password(id, password_hash, stamp, event), find).await?;
        self.show_if(set.is_some(), event);
        Ok(set)
    }

    async fn try_set_password(
        &self,
        id: UserId,
        password_hash: &str,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        const SQL: &str = "update users set password_hash = $2, generation = generation + 1, \
             sessions_since = generation + 1 where id = $1 \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let (password_hash, audit) = (password_hash.to_owned(), audit::insert(event));
        transaction!(self.db, async move |mut tx| {
            let user: Option<UserRow> =
                within!(tx, |connection| sqlx::query_as(SQL).bind(id).bind(&password_hash).fetch_optional(connection))?;
            let Some(user) = user.map(User::from) else { return Ok(TransactionOutcome::Undo(None)) };
            let cause = match user.state {
                UserState::Active => Cause::Ended,
                UserState::Disabled => Cause::Disabled,
            };
            let older = user.older_tokens(cause);
            let answer = |logged| Some(PasswordChanged { user, logged });
            Ok(log::commit(vec![audit.clone()], &older, stamp, answer))
        })
    }

    /// Returns the networks in which the user's sessions were started, at most a thousand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn networks(&self, user_id: UserId) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "select distinct network from sessions where user_id = $1 limit 1000";
        read!(self.db, |reader| sqlx::query_scalar(SQL).bind(user_id).fetch_all(reader))
    }
}
