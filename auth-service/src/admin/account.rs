//! The changes themselves, by the same statements as those of the RPCs, so that each replica refuses what has died.

use kit::Clock;
use kit::db::patiently;
use kit::ids::Ids;
use secrecy::{ExposeSecret as _, SecretString};

use super::AdminError;
use crate::domain::{Email, Name, NewUser, PasswordPolicy, Role, Roles, User, UserState};
use crate::passwords::Hasher;
use crate::rpc::accounts_of;
use crate::stamp::stamp;
use crate::store::{Created, Store, Unchanged};

/// Log target of the events that an operator looks for.
const AUDIT: &str = "gatepost::audit";

/// One database, and the time.
pub(super) struct Accounts<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
}

impl Accounts<'_> {
    /// Sets the user's password, ends all sessions of the user, and forgets the wrong passwords that were tried.
    pub(super) async fn set_password(
        &self,
        email: &Email,
        password: &SecretString,
        policy: PasswordPolicy,
    ) -> Result<User, AdminError> {
        let user = self.find(email).await?;
        let hash = hashed(password, policy, &[user.name.as_str(), user.email.as_str()]).await?;
        let set = self.store.set_password(user.id, &hash, stamp(self.clock.now())).await?;
        let (user, _) = set.ok_or(AdminError::Outrun)?;
        let networks = patiently(|| self.store.networks(user.id)).await?;
        for account in accounts_of(email.key(), user.id, &networks) {
            patiently(|| self.store.clear_failures(&account)).await?;
        }
        tracing::warn!(target: AUDIT, event = "password_set", user = %user.id, by = "operator",
            "the operator has set a password on the database: the user's sessions are ended");
        Ok(user)
    }

    /// Adds a user who is an admin.
    pub(super) async fn create(
        &self,
        email: Email,
        name: &str,
        password: &SecretString,
        policy: PasswordPolicy,
    ) -> Result<User, AdminError> {
        let name = Name::parse(name)?;
        let password_hash = hashed(password, policy, &[name.as_str(), email.as_str()]).await?;
        let id = Ids::new(self.clock.clone()).next();
        let create_time = self.clock.now();
        let new = NewUser { id, name, email, password_hash, roles: Roles::admin(), create_time };
        let Created::User(user) = self.store.create_user(&new, None, None).await? else {
            return Err(AdminError::Taken);
        };
        tracing::warn!(target: AUDIT, event = "admin_created", user = %user.id, by = "operator",
            "the operator has made an admin on the database");
        Ok(*user)
    }

    /// Makes the user an admin, and lets a disabled one in again.
    pub(super) async fn grant(&self, email: &Email) -> Result<User, AdminError> {
        let user = self.find(email).await?;
        let roles = with_admin(&user.roles).ok_or(AdminError::Roles)?;
        let set = self.store.set_roles(user.id, &roles, Some(user.revision), stamp(self.clock.now())).await?;
        let (user, _) = set.map_err(changed)?;
        let set = self.store.set_state(user.id, UserState::Active, None, stamp(self.clock.now())).await?;
        let (user, _) = set.map_err(changed)?;
        tracing::warn!(target: AUDIT, event = "admin_granted", user = %user.id, by = "operator",
            "the operator has made a user an admin on the database");
        Ok(user)
    }

    async fn find(&self, email: &Email) -> Result<User, AdminError> {
        let found = patiently(|| self.store.credentials(email.key())).await?;
        found.map(|found| found.user).ok_or(AdminError::Unknown)
    }
}

/// The hash of a password that keeps the policy.
async fn hashed(password: &SecretString, policy: PasswordPolicy, own_words: &[&str]) -> Result<String, AdminError> {
    let password = policy.accept(password.expose_secret().to_owned(), own_words)?;
    let hasher = Hasher::start().map_err(AdminError::Threads)?;
    Ok(hasher.hash(None, password.into_password()).await?)
}

/// These roles with the admin's; `None` when there is no room for it.
fn with_admin(roles: &Roles) -> Option<Roles> {
    let mut words: Vec<String> = roles.words().into_iter().map(str::to_owned).collect();
    if !words.iter().any(|word| word == Role::ADMIN) {
        words.push(Role::ADMIN.to_owned());
    }
    Roles::parse(&words)
}

fn changed(why: Unchanged) -> AdminError {
    match why {
        Unchanged::NotFound => AdminError::Unknown,
        _ => AdminError::Outrun,
    }
}
