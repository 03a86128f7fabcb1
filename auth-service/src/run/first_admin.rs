//! Creates the first admin from the settings.

use db::patiently;

use super::error::AuthRunError;
use crate::app::App;
use crate::commands::has_admin;
use crate::config::{Admin, Registration};
use crate::domain::{Actor, AuditKind, Name, NewUser, Role, Roles};
use crate::passwords::HashError;
use crate::store::{AuthStore, Created, StoreError};

/// Creates an admin if there is no active one, so that the operator is never locked out. Never promotes another user's
/// account. A taken address does not stop the start.
pub(super) async fn first_admin(app: &App, admin: Admin) -> Result<(), AuthRunError> {
    if patiently(|| has_admin(&app.store)).await? {
        return Ok(());
    }
    let name = Name::parse("Admin").map_err(|error| AuthRunError::Admin(error.to_string()))?;
    let new = NewUser {
        id: app.issuing.ids.next(),
        name,
        email: admin.email,
        password_hash: app.attempts.hasher.hash(None, admin.password.into_password()).await.map_err(unhashed)?,
        roles: Roles::admin(),
        create_time: app.clock.now(),
    };
    let event = app.audit.event(AuditKind::UserCreated, Actor::System).with("roles", Role::ADMIN);
    match app.store.create_user(&new, None, None, &event).await? {
        Created::User(_) => tracing::info!("first admin created"),
        Created::EmailTaken | Created::Repeated => {
            tracing::warn!("no admin, and AUTH_ADMIN_EMAIL belongs to another user: choose another address");
        }
    }
    Ok(())
}

/// Returns true if there is an active admin. Logs a warning if there is none to create users, since registration is
/// closed.
pub(super) async fn find_admin(store: &AuthStore, registration: Registration) -> Result<bool, StoreError> {
    let has_admin = patiently(|| has_admin(store)).await?;
    if registration == Registration::Closed && !has_admin {
        tracing::warn!(
            "AUTH_REGISTRATION=closed without an active admin, so that no user can be created: run \
             `auth-service admin create EMAIL`, or set AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD"
        );
    }
    Ok(has_admin)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unhashed(error: HashError) -> AuthRunError {
    AuthRunError::Admin(error.to_string())
}
