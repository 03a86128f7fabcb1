//! Changes by an operator, who needs no password of the user.

use db::{TransactionOutcome, read, settle, transaction, within};

use super::rows::UserRow;
use super::{AuthStore, PasswordChanged, StoreError, log, password_resets};
use crate::domain::{Cause, Stamp, User, UserId, UserState};

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
    ) -> Result<Option<PasswordChanged>, StoreError> {
        let find = || async {
            let Some(logged) = self.logged(stamp.fingerprint).await? else { return Ok(None) };
            Ok::<_, StoreError>(self.user(id).await?.map(|user| Some(PasswordChanged { user, logged })))
        };
        settle(|| self.try_set_password(id, password_hash, stamp), find).await
    }

    async fn try_set_password(
        &self,
        id: UserId,
        password_hash: &str,
        stamp: Stamp,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        const SQL: &str = "update users set password_hash = $2, generation = generation + 1, \
             sessions_since = generation + 1 where id = $1 \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let password_hash = password_hash.to_owned();
        transaction!(self.db, async move |mut tx| {
            let user: Option<UserRow> =
                within!(tx, |connection| sqlx::query_as(SQL).bind(id).bind(&password_hash).fetch_optional(connection))?;
            let Some(user) = user.map(User::from) else { return Ok(TransactionOutcome::Undo(None)) };
            password_resets::forget(&mut tx, user.id).await?;
            let cause = match user.state {
                UserState::Active => Cause::Ended,
                UserState::Disabled => Cause::Disabled,
            };
            Ok(log::commit(&user.older_tokens(cause), stamp, |logged| Some(PasswordChanged { user, logged })))
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
