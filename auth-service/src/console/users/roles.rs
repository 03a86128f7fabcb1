//! `users roles`: shows or changes the roles of a user. A concurrent change is read again, never overwritten.

use clap::Args;
use gatepost::api::auth::v1::{ErrorReason, SetUserRolesRequest, User};
use kit::cli::{CommandFailure, OutputFormat};

use crate::console::account::{find_user, user_row};
use crate::console::client::Client;
use crate::console::record::print_record;
use crate::console::refusal::reason;

/// Largest number of attempts while other callers change the user.
const ATTEMPTS: u32 = 5;

/// Change of roles.
#[derive(Clone, Debug, Args)]
pub struct RoleChange {
    /// Role to add; may be repeated
    #[arg(long, value_name = "ROLE")]
    add: Vec<String>,
    /// Role to remove; may be repeated
    #[arg(long, value_name = "ROLE")]
    remove: Vec<String>,
}

impl RoleChange {
    /// Returns the user's roles after the change.
    fn apply(&self, user: &User) -> Vec<String> {
        let mut roles: Vec<String> = Vec::new();
        for role in user.roles.iter().chain(&self.add).filter(|role| !self.remove.contains(role)) {
            if !roles.contains(role) {
                roles.push(role.clone());
            }
        }
        roles
    }
}

/// Shows the user, with the roles after the change.
pub(super) async fn roles(
    client: &Client,
    named: &str,
    change: RoleChange,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let mut user = find_user(client, named).await?;
    let mut left = ATTEMPTS;
    while !(change.add.is_empty() && change.remove.is_empty()) {
        let roles = change.apply(&user);
        if roles == user.roles {
            break;
        }
        let request = SetUserRolesRequest { id: user.id.clone(), roles, etag: user.etag.clone() };
        let set = client.try_call(request, async |services, request| services.users().set_user_roles(request).await);
        match set.await? {
            Ok(_) => break,
            Err(status) if reason(&status) == Some(ErrorReason::EtagMismatch) && left > 1 => {
                left -= 1;
                user = find_user(client, &user.id).await?;
            }
            Err(status) => return Err(client.failure(&status)),
        }
    }
    print_record(&user_row(client, &user.id).await?, format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_added_once_and_removed() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (held, add, remove, expected) in [
            ("editor", "admin", "", "editor admin"),
            ("editor", "editor", "", "editor"),
            ("admin editor", "", "admin", "editor"),
            ("admin", "editor", "admin other", "editor"),
            ("", "a a", "", "a"),
        ] {
            let user = User { roles: words(held), ..User::default() };
            assert_eq!(RoleChange { add: words(add), remove: words(remove) }.apply(&user), words(expected));
        }
    }
}
