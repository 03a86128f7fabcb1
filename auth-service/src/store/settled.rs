//! Changes of users for calls: if a commit is not answered, its outcome is looked up.
//!
//! A committed change is recognized by the fingerprint of its entry in the log, or by its row.

use db::settle;

use super::audit::Recording;
use super::{AuthStore, ChangedUser, Outcome, PasswordChanged, PasswordProof, StoreError, Unchanged};
use crate::domain::{
    Client, EntryFingerprint, Logged, NewAuditEvent, Roles, Session, Stamp, User, UserChange, UserId, UserState,
};

impl AuthStore {
    /// Changes name or email at the time of the event, which records a change of the email.
    ///
    /// `expected` is the required revision; `None` accepts any. With an outdated `proof` nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn update_user(
        &self,
        id: UserId,
        change: &UserChange,
        proof: Option<PasswordProof>,
        expected: Option<i32>,
        event: &NewAuditEvent,
    ) -> Outcome<User> {
        let now = event.time;
        let is_ours = |user: &User| {
            user.update_time == now
                && change.name.as_ref().is_none_or(|name| *name.as_str() == user.name)
                && change.email.as_ref().is_none_or(|email| *email.as_str() == user.email)
        };
        let updated = settle(
            || self.try_update(id, change, proof, expected, event),
            || async { Ok(self.user(id).await?.filter(is_ours).map(Ok)) },
        )
        .await?;
        self.show_if(change.email.is_some() && updated.is_ok(), event);
        Ok(updated)
    }

    /// Replaces the roles. The loss of a role kills every access token of the user; the sessions live on, and their
    /// next tokens lack the role. The last active admin stays an admin.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn set_roles(
        &self,
        id: UserId,
        roles: &Roles,
        expected: Option<i32>,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Outcome<ChangedUser> {
        // A change that only adds roles has no entry in the log.
        let is_ours = |user: &User| user.update_time == stamp.time && user.roles == *roles;
        let recording = Recording::default();
        let set = || self.try_set_roles(id, roles, expected, stamp, event, &recording);
        let set = settle(set, || self.changed(id, stamp.fingerprint, is_ours)).await?;
        if set.is_ok() {
            self.publish(&recording);
        }
        Ok(set)
    }

    /// Disables the user and ends every session, or enables the user again. A user who is in that state already stays
    /// unchanged. The last active admin stays active.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn set_state(
        &self,
        id: UserId,
        state: UserState,
        expected: Option<i32>,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Outcome<ChangedUser> {
        let set = || self.try_set_state(id, state, expected, stamp, event);
        let set = settle(set, || self.changed(id, stamp.fingerprint, |_| false)).await?;
        self.show_if(set.as_ref().is_ok_and(|set| set.logged.is_some()), event);
        Ok(set)
    }

    /// Changes the password, ends every session and starts a new one with the generation `generation + 1`. `generation`
    /// is the one read with the old password's hash. Returns `None` if the user has another generation by now.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn change_password(
        &self,
        generation: i32,
        password_hash: &str,
        session: &Session,
        client: &Client,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        let find = || async {
            let changed = self.changed(session.user_id, stamp.fingerprint, |_| false).await?;
            let changed = changed.and_then(Result::ok);
            // A later change may have raised the user's generation: the tokens must have that of their session.
            let logged = |ChangedUser { user, logged }| {
                Some(PasswordChanged { user: User { generation: session.generation, ..user }, logged: logged? })
            };
            Ok::<_, StoreError>(changed.and_then(logged).map(Some))
        };
        let change = || self.try_change_password(generation, password_hash, session, client, stamp, event);
        let changed = settle(change, find).await?;
        self.show_if(changed.is_some(), event);
        Ok(changed)
    }

    /// Ends every session of the user, if the user exists.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn end_all_sessions(
        &self,
        user_id: UserId,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        let find = || async { Ok(self.logged(stamp.fingerprint).await?.map(Some)) };
        let ended = settle(|| self.try_end_all(user_id, stamp, event), find).await?;
        self.show_if(ended.is_some(), event);
        Ok(ended)
    }

    /// Deletes the user and the sessions; keeps the id and the time of the deletion. Plans to replace the user with
    /// this pseudonym in the audit log. The last active admin stays.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn delete_user(
        &self,
        id: UserId,
        expected: Option<i32>,
        stamp: Stamp,
        pseudonym: &str,
        event: &NewAuditEvent,
    ) -> Outcome<Logged> {
        let find = || async { Ok(self.logged(stamp.fingerprint).await?.map(Ok)) };
        let deleted = settle(|| self.try_delete(id, expected, stamp, pseudonym, event), find).await?;
        self.show_if(deleted.is_ok(), event);
        Ok(deleted)
    }

    /// Returns the outcome of a change whose commit was not answered. It was made if the log has the entry with this
    /// fingerprint, or if the user is as the change would leave it.
    async fn changed(
        &self,
        id: UserId,
        fingerprint: EntryFingerprint,
        is_ours: impl Fn(&User) -> bool + Sync,
    ) -> Result<Option<Result<ChangedUser, Unchanged>>, StoreError> {
        let logged = self.logged(fingerprint).await?;
        let user = self.user(id).await?;
        Ok(user.filter(|user| logged.is_some() || is_ours(user)).map(|user| Ok(ChangedUser { user, logged })))
    }
}
