//! Changes of accounts, by the same statements as the RPCs, so that each replica refuses the revoked tokens.

use db::patiently;
use kit::Clock;
use kit::ids::Ids;
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AdminError;
use crate::app::failure_accounts;
use crate::audit::AuditSource;
use crate::domain::{
    Actor, AuditKind, Email, Name, NewAuditEvent, NewUser, PasswordPolicy, Role, Roles, User, UserId, UserState,
};
use crate::passwords::Hasher;
use crate::stamp::stamp;
use crate::store::{AuthStore, Created, StoreError, Unchanged};

/// Change whose commit may remain unanswered.
#[derive(Clone, Copy)]
struct CommitDoubt {
    what: &'static str,
    /// Way to check if the change was made.
    find_out: &'static str,
}

const PASSWORD_SET: CommitDoubt = CommitDoubt {
    what: "the password was set",
    find_out: "try a login with the new password, or run this again, which does no harm",
};
const ADMIN_CREATED: CommitDoubt = CommitDoubt {
    what: "the admin was created",
    find_out: "run this again; if a user already has this email address, the admin was created with this password",
};
const ADMIN_GRANTED: CommitDoubt =
    CommitDoubt { what: "the user is an admin now", find_out: "run this again, which does no harm" };
const USER_ACTIVE: CommitDoubt = CommitDoubt {
    what: "a disabled user was enabled (the user is an admin now)",
    find_out: "run this again, which does no harm",
};

/// Accounts on one database, for the operator.
pub(super) struct OperatorAccounts<'a> {
    pub(super) store: &'a AuthStore,
    pub(super) clock: &'a Clock,
}

impl OperatorAccounts<'_> {
    /// Sets the user's password, ends all sessions of the user, and clears the count of wrong passwords.
    pub(super) async fn set_password(
        &self,
        email: &Email,
        password: &SecretString,
        policy: PasswordPolicy,
    ) -> Result<User, AdminError> {
        let user = self.find(email).await?;
        let hash = hashed(password, policy, &[user.name.as_str(), user.email.as_str()]).await?;
        let event = self.event(AuditKind::PasswordChanged, user.id);
        let set = self.store.set_password(user.id, &hash, stamp(self.clock.now()), &event).await;
        let user = set.map_err(|error| unknown(error, PASSWORD_SET))?.ok_or(AdminError::Conflict)?.user;
        self.clear_failures(email, &user).await.map_err(AdminError::Uncleared)?;
        Ok(user)
    }

    /// Creates a user with the role admin.
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
        let event = self.event(AuditKind::UserCreated, new.id).with("roles", Role::ADMIN);
        let created = self.store.create_user(&new, None, None, &event).await;
        let Created::User(user) = created.map_err(|error| unknown(error, ADMIN_CREATED))? else {
            return Err(AdminError::Taken);
        };
        Ok(*user)
    }

    /// Gives the user the role admin, and enables a disabled user.
    pub(super) async fn grant(&self, email: &Email) -> Result<User, AdminError> {
        let user = self.find(email).await?;
        let roles = with_admin(&user.roles).ok_or(AdminError::Roles)?;
        let event = self.event(AuditKind::RolesChanged, user.id);
        let set = self.store.set_roles(user.id, &roles, Some(user.revision), stamp(self.clock.now()), &event).await;
        let user = set.map_err(|error| unknown(error, ADMIN_GRANTED))?.map_err(changed)?.user;
        let event = self.event(AuditKind::UserEnabled, user.id);
        let set = self.store.set_state(user.id, UserState::Active, None, stamp(self.clock.now()), &event).await;
        let user = set.map_err(|error| unknown(error, USER_ACTIVE))?.map_err(changed)?.user;
        Ok(user)
    }

    /// Returns an event of the operator about this user.
    fn event(&self, kind: AuditKind, user: UserId) -> NewAuditEvent {
        AuditSource::new(self.clock.clone()).event(kind, Actor::Operator).about_user(user)
    }

    /// Clears the count of wrong passwords for the user.
    async fn clear_failures(&self, email: &Email, user: &User) -> Result<(), StoreError> {
        let networks = patiently(|| self.store.networks(user.id)).await?;
        let accounts = failure_accounts(email.key(), user.id, &networks);
        patiently(|| self.store.clear_all_failures(&accounts)).await
    }

    async fn find(&self, email: &Email) -> Result<User, AdminError> {
        let found = patiently(|| self.store.credentials(email.key())).await?;
        found.map(|found| found.user).ok_or(AdminError::Unknown)
    }
}

/// Checks the policy and returns the hash of the password.
async fn hashed(password: &SecretString, policy: PasswordPolicy, own_words: &[&str]) -> Result<String, AdminError> {
    let password = policy.accept(password.expose_secret().to_owned(), own_words)?;
    let hasher = Hasher::start().map_err(AdminError::Threads)?;
    Ok(hasher.hash(None, password.into_password()).await?)
}

/// Adds the role admin, if there is room for another role.
fn with_admin(roles: &Roles) -> Option<Roles> {
    let mut words: Vec<String> = roles.words().into_iter().map(str::to_owned).collect();
    if !words.iter().any(|word| word == Role::ADMIN) {
        words.push(Role::ADMIN.to_owned());
    }
    Roles::parse(&words)
}

/// Adds the change and the way to check it to an unknown outcome of a commit.
fn unknown(error: StoreError, CommitDoubt { what, find_out }: CommitDoubt) -> AdminError {
    match error {
        StoreError::Unknown(_) => AdminError::OutcomeUnknown { what, find_out },
        error => error.into(),
    }
}

fn changed(cause: Unchanged) -> AdminError {
    match cause {
        Unchanged::NotFound => AdminError::Unknown,
        _ => AdminError::Conflict,
    }
}
