//! Logins and locks of users, for admins.

use std::collections::HashMap;

use super::{App, failure_accounts};
use crate::domain::{AuditContext, AuditKind, Email, LoginActivity, User, UserId};
use crate::error::AuthError;
use crate::store::AccountDigest;

/// Logins of users, by the user's id.
pub(crate) type Logins = HashMap<UserId, LoginActivity>;

/// Returns the logins of these users.
pub(crate) async fn of_users(app: &App, users: &[&User]) -> Result<Logins, AuthError> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let logins = app.store.last_logins(&ids).await?.into_iter();
    let login = |(id, time)| (id, LoginActivity { last_login_time: Some(time), ..LoginActivity::default() });
    let mut found: Logins = logins.map(login).collect();
    let owners = accounts(app, users).await?;
    let digests: Vec<AccountDigest> = owners.keys().copied().collect();
    let now = app.clock.earliest();
    for (account, failures) in app.store.all_failures(&digests).await? {
        let Some(owner) = owners.get(&account) else { continue };
        let activity: &mut LoginActivity = found.entry(*owner).or_default();
        activity.failed_attempts = activity.failed_attempts.max(failures.count);
        let lock = app.attempts.limits.wait(failures, now).map(|left| now + left);
        activity.lock_expire_time = activity.lock_expire_time.max(lock);
    }
    Ok(found)
}

/// Clears the wrong passwords of a user in all networks, and records the event.
pub(crate) async fn unlock(app: &App, context: &AuditContext, user: &User) -> Result<(), AuthError> {
    let accounts: Vec<AccountDigest> = accounts(app, &[user]).await?.into_keys().collect();
    let event = app.audit.event(AuditKind::UserUnlocked, context).about_user(user.id);
    Ok(app.store.unlock(&accounts, &event).await?)
}

/// Clears the wrong passwords of a user in all networks, after a new password. The event of the password tells of it.
pub(crate) async fn clear_failures(app: &App, user: &User) -> Result<(), AuthError> {
    let accounts: Vec<AccountDigest> = accounts(app, &[user]).await?.into_keys().collect();
    Ok(app.store.clear_all_failures(&accounts).await?)
}

/// Returns the accounts that count the wrong passwords of these users, each with its user.
async fn accounts(app: &App, users: &[&User]) -> Result<HashMap<AccountDigest, UserId>, AuthError> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let mut networks: HashMap<UserId, Vec<String>> = HashMap::new();
    for found in app.store.networks_of(&ids).await? {
        networks.entry(found.user_id).or_default().push(found.network);
    }
    let accounts = users.iter().flat_map(|user| {
        // A stored email was valid when it was stored.
        let email = Email::parse(&user.email).ok();
        let networks = networks.get(&user.id).map_or(&[][..], Vec::as_slice);
        let digests = email.map(|email| failure_accounts(email.key(), user.id, networks));
        digests.unwrap_or_default().into_iter().map(|digest| (digest, user.id))
    });
    Ok(accounts.collect())
}
