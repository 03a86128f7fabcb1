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
    let owners: HashMap<_, _> = users.iter().flat_map(|user| accounts(user, &[])).collect();
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
    let accounts = all_accounts(app, user).await?;
    let event = app.audit.event(AuditKind::UserUnlocked, context).about_user(user.id);
    Ok(app.store.unlock(&accounts, &event).await?)
}

/// Clears the wrong passwords of a user in all networks, after a new password. Records nothing, because the new
/// password has an event.
pub(crate) async fn clear_failures(app: &App, user: &User) -> Result<(), AuthError> {
    let accounts = all_accounts(app, user).await?;
    Ok(app.store.clear_all_failures(&accounts).await?)
}

/// Returns the accounts that count a user's wrong passwords, in all networks.
async fn all_accounts(app: &App, user: &User) -> Result<Vec<AccountDigest>, AuthError> {
    let networks = app.store.networks(user.id).await?;
    Ok(accounts(user, &networks).map(|(account, _)| account).collect())
}

/// Returns the accounts that count a user's wrong passwords, for logins from all unknown networks and from these ones. A
/// failure in a known network counts for the unknown ones, too.
fn accounts(user: &User, networks: &[String]) -> impl Iterator<Item = (AccountDigest, UserId)> {
    let id = user.id;
    // A stored email was valid when it was stored.
    let email = Email::parse(&user.email).ok();
    let digests = email.map(|email| failure_accounts(email.key(), id, networks));
    digests.unwrap_or_default().into_iter().map(move |digest| (digest, id))
}
