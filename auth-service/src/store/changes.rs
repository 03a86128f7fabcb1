//! Changes of users, and the tokens that they kill. Such a change raises the user's generation; sessions and tokens of
//! an older generation are refused.

use db::{TransactionOutcome, read, transaction, within, write, write_one};

use super::audit::Recording;
use super::rows::UserRow;
use super::{
    AuthStore, ChangedUser, Outcome, PasswordChanged, PasswordProof, StoreError, Unchanged, audit, erasures,
    last_admin, log, roles, sessions,
};
use crate::domain::{
    Cause, Client, Logged, NewAuditEvent, Revocation, Roles, Session, Stamp, User, UserChange, UserId, UserState,
};

/// Writes the statement that changes name and email.
macro_rules! write_row {
    ($sql:expr, $id:expr, $change:expr, $event:expr, $expected:expr, $proof:expr) => {
        sqlx::query_as($sql)
            .bind($id)
            .bind($change.name.as_ref().map(|name| name.as_str().to_owned()))
            .bind($change.email.as_ref().map(|email| email.as_str().to_owned()))
            .bind($change.email.as_ref().map(|email| email.key().to_owned()))
            .bind($event.time)
            .bind($expected)
            .bind($proof.map(|proof: PasswordProof| proof.user_id))
            .bind($proof.map(|proof: PasswordProof| proof.generation))
    };
}

impl AuthStore {
    pub(super) async fn try_update(
        &self,
        id: UserId,
        change: &UserChange,
        proof: Option<PasswordProof>,
        expected: Option<i32>,
        event: &NewAuditEvent,
    ) -> Outcome<User> {
        const SQL: &str = "update users set name = coalesce($2, name), email = coalesce($3, email), \
             email_key = coalesce($4, email_key), revision = revision + 1, update_time = $5 \
             where id = $1 and ($6 is null or revision = $6) \
             and ($7 is null or exists (select 1 from users p where p.id = $7 and p.generation = $8)) \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let (change, event) = (change.clone(), event.clone());
        let is_audited = change.email.is_some();
        let user: Result<Option<UserRow>, StoreError> = if is_audited {
            let audit = Recording::default();
            transaction!(self.db, async move |mut tx| {
                let user: Option<UserRow> =
                    within!(tx, |connection| write_row!(SQL, id, change, event, expected, proof)
                        .fetch_optional(connection))?;
                Ok(match user {
                    Some(user) => audit.commit(vec![event.clone()], Some(user)),
                    None => TransactionOutcome::Undo(None),
                })
            })
        } else {
            write_one!(self.db, write_row!(SQL, id, change, event, expected, proof))
        };
        match user {
            Ok(Some(user)) => Ok(Ok(user.into())),
            Ok(None) if self.is_outdated(proof).await? => Ok(Err(Unchanged::Outdated)),
            Ok(None) => Ok(Err(self.unchanged(id).await?)),
            Err(StoreError::Taken(_)) => Ok(Err(Unchanged::EmailTaken)),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn try_set_roles(
        &self,
        id: UserId,
        roles: &Roles,
        expected: Option<i32>,
        stamp: Stamp,
        event: &NewAuditEvent,
        recording: &Recording,
    ) -> Outcome<ChangedUser> {
        const SQL: &str = "update users set roles = $2, generation = generation + $3, revision = revision + 1, \
             update_time = $4 where id = $1 and revision = $5 \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        // The row that was read shows if a role is lost, so the write requires the same revision. After a concurrent
        // write the row is read again.
        loop {
            let Some(user) = self.user(id).await? else { return Ok(Err(Unchanged::NotFound)) };
            if expected.is_some_and(|expected| expected != user.revision) {
                return Ok(Err(Unchanged::Stale));
            }
            if user.roles == *roles {
                return Ok(Ok(ChangedUser { user, logged: None }));
            }
            let fewer = user.roles.lose_any(roles);
            let was_admin = user.roles.is_admin();
            let event = event.clone().with("before", &user.roles.to_text()).with("after", &roles.to_text());
            let (roles, recording) = (roles.clone(), recording.clone());
            let set = transaction!(self.db, async move |mut tx| {
                let is_locked = was_admin && last_admin::lock_admins(&mut tx, id).await?;
                let written: Option<UserRow> = within!(tx, |connection| sqlx::query_as(SQL)
                    .bind(id)
                    .bind(roles.to_text())
                    .bind(i32::from(fewer))
                    .bind(stamp.time)
                    .bind(user.revision)
                    .fetch_optional(connection))?;
                let Some(written) = written else { return Ok(TransactionOutcome::Undo(Ok(None))) };
                let written = User::from(written);
                let is_demoted = was_admin && !roles.is_admin() && written.state == UserState::Active;
                if is_demoted && let Some(undo) = last_admin::undo(&mut tx, id, is_locked).await? {
                    return Ok(undo);
                }
                roles::replace(&mut tx, id, &roles).await?;
                let audit = vec![event.clone()];
                if !fewer {
                    return Ok(recording.commit(audit, Ok(Some(ChangedUser { user: written, logged: None }))));
                }
                let older = written.older_tokens(Cause::Ended);
                let answer = |logged| Ok(Some(ChangedUser { user: written, logged: Some(logged) }));
                Ok(log::commit(recording.statements(audit), &older, stamp, answer))
            })?;
            if let Some(set) = set.transpose() {
                return Ok(set);
            }
        }
    }

    pub(super) async fn try_set_state(
        &self,
        id: UserId,
        state: UserState,
        expected: Option<i32>,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Outcome<ChangedUser> {
        const DISABLE: &str = "update users set state = 'disabled', generation = generation + 1, \
             sessions_since = generation + 1, revision = revision + 1, update_time = $2 \
             where id = $1 and state <> 'disabled' and ($3 is null or revision = $3) \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        const ENABLE: &str = "update users set state = 'active', revision = revision + 1, update_time = $2 \
             where id = $1 and state <> 'active' and ($3 is null or revision = $3) \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        // Older tokens stay dead after the user is enabled again; only their reason changes.
        let (sql, cause) = match state {
            UserState::Active => (ENABLE, Cause::Ended),
            UserState::Disabled => (DISABLE, Cause::Disabled),
        };
        loop {
            let audit = audit::insert(event);
            let set = transaction!(self.db, async move |mut tx| {
                let is_barred = state == UserState::Disabled;
                let is_locked = is_barred && last_admin::lock_admins(&mut tx, id).await?;
                let written: Option<UserRow> = within!(tx, |connection| sqlx::query_as(sql)
                    .bind(id)
                    .bind(stamp.time)
                    .bind(expected)
                    .fetch_optional(connection))?;
                let Some(written) = written.map(User::from) else { return Ok(TransactionOutcome::Undo(Ok(None))) };
                let was_admin = is_barred && written.roles.is_admin();
                if was_admin && let Some(undo) = last_admin::undo(&mut tx, id, is_locked).await? {
                    return Ok(undo);
                }
                let older = written.older_tokens(cause);
                let answer = |logged| Ok(Some(ChangedUser { user: written, logged: Some(logged) }));
                Ok(log::commit(vec![audit.clone()], &older, stamp, answer))
            })?;
            if let Some(set) = set.transpose() {
                return Ok(set);
            }
            match self.user(id).await? {
                None => return Ok(Err(Unchanged::NotFound)),
                Some(user) if expected.is_some_and(|expected| expected != user.revision) => {
                    return Ok(Err(Unchanged::Stale));
                }
                Some(user) if user.state == state => return Ok(Ok(ChangedUser { user, logged: None })),
                // Between the two statements, another call has reverted the state or made the user an admin.
                Some(_) => {}
            }
        }
    }

    pub(super) async fn try_change_password(
        &self,
        generation: i32,
        password_hash: &str,
        session: &Session,
        client: &Client,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        const SQL: &str = "update users set password_hash = $2, generation = generation + 1, \
             sessions_since = generation + 1, last_login_time = $4 \
             where id = $1 and generation = $3 and state = 'active' \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let (password_hash, session, client) = (password_hash.to_owned(), session.clone(), client.clone());
        let audit = audit::insert(event);
        transaction!(self.db, async move |mut tx| {
            let user: Option<UserRow> = within!(tx, |connection| sqlx::query_as(SQL)
                .bind(session.user_id)
                .bind(&password_hash)
                .bind(generation)
                .bind(session.create_time)
                .fetch_optional(connection))?;
            let Some(user) = user.map(User::from) else { return Ok(TransactionOutcome::Undo(None)) };
            sessions::insert(&mut tx, &session, &client).await?;
            let older = user.older_tokens(Cause::Ended);
            let answer = |logged| Some(PasswordChanged { user, logged });
            Ok(log::commit(vec![audit.clone()], &older, stamp, answer))
        })
    }

    pub(super) async fn try_end_all(
        &self,
        user_id: UserId,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        const SQL: &str = "update users set generation = generation + 1, sessions_since = generation + 1 where id = $1 \
             returning generation";
        let audit = audit::insert(event);
        transaction!(self.db, async move |mut tx| {
            let generation: Option<i32> =
                within!(tx, |connection| sqlx::query_scalar(SQL).bind(user_id).fetch_optional(connection))?;
            let Some(generation) = generation else { return Ok(TransactionOutcome::Undo(None)) };
            let revocation = Revocation::User { id: user_id, generation, cause: Cause::Ended };
            Ok(log::commit(vec![audit.clone()], &revocation, stamp, Some))
        })
    }

    /// Ends every session of every user, a thousand users at a time: after a restore it is unknown which sessions were
    /// ended since the backup. Needs only the first migration.
    ///
    /// # Errors
    /// [`StoreError`]; then only some have been ended.
    pub async fn end_every_session(&self) -> Result<(), StoreError> {
        const NEXT: &str = "select id from users where id > $1 order by id limit 1000";
        const SQL: &str = "update users set generation = generation + 1, sessions_since = generation + 1 \
             where id > $1 and id <= $2";
        let mut after = UserId::NIL;
        loop {
            let ids: Vec<UserId> = read!(self.db, |reader| sqlx::query_scalar(NEXT).bind(after).fetch_all(reader))?;
            let Some(&last) = ids.last() else { return Ok(()) };
            write!(self.db, sqlx::query(SQL).bind(after).bind(last))?;
            after = last;
        }
    }

    pub(super) async fn try_delete(
        &self,
        id: UserId,
        expected: Option<i32>,
        stamp: Stamp,
        pseudonym: &str,
        event: &NewAuditEvent,
    ) -> Outcome<Logged> {
        const SQL: &str = "delete from users where id = $1 and ($2 is null or revision = $2) \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        const REMEMBER: &str = "insert into deleted_users (id, delete_time) values ($1, $2)";
        loop {
            let (audit, pseudonym) = (audit::insert(event), pseudonym.to_owned());
            let deleted = transaction!(self.db, async move |mut tx| {
                let is_locked = last_admin::lock_admins(&mut tx, id).await?;
                let deleted: Option<UserRow> =
                    within!(tx, |connection| sqlx::query_as(SQL).bind(id).bind(expected).fetch_optional(connection))?;
                let Some(deleted) = deleted.map(User::from) else { return Ok(TransactionOutcome::Undo(Ok(None))) };
                let was_admin = deleted.roles.is_admin() && deleted.state == UserState::Active;
                if was_admin && let Some(undo) = last_admin::undo(&mut tx, id, is_locked).await? {
                    return Ok(undo);
                }
                within!(tx, sqlx::query(REMEMBER).bind(id).bind(stamp.time))?;
                erasures::plan(&mut tx, id, &pseudonym, stamp.time).await?;
                let every = Revocation::User { id, generation: i32::MAX, cause: Cause::Deleted };
                Ok(log::commit(vec![audit.clone()], &every, stamp, |logged| Ok(Some(logged))))
            })?;
            if let Some(deleted) = deleted.transpose() {
                return Ok(deleted);
            }
            match self.user(id).await? {
                None => return Ok(Err(Unchanged::NotFound)),
                Some(user) if expected.is_some_and(|expected| expected != user.revision) => {
                    return Ok(Err(Unchanged::Stale));
                }
                // Between the two statements, another call has made the user an admin.
                Some(_) => {}
            }
        }
    }

    async fn is_outdated(&self, proof: Option<PasswordProof>) -> Result<bool, StoreError> {
        let Some(proof) = proof else { return Ok(false) };
        let user = self.user(proof.user_id).await?;
        Ok(user.is_none_or(|user| user.generation != proof.generation))
    }

    /// Returns the reason why a statement found no row to change.
    async fn unchanged(&self, id: UserId) -> Result<Unchanged, StoreError> {
        Ok(if self.user(id).await?.is_some() { Unchanged::Stale } else { Unchanged::NotFound })
    }
}
