//! Rows of the `user_roles` table: the words of `users.roles`, one a row, to be searched by.

use db::{Tx, within};
use uuid::Uuid;

use crate::domain::Roles;

/// The roles of a user who has just been written in the same transaction.
pub(super) async fn insert(tx: &mut Tx<'_>, user_id: Uuid, roles: &Roles) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert into user_roles (role, user_id) values ($1, $2)";
    for role in roles.words() {
        within!(*tx, sqlx::query(SQL).bind(role).bind(user_id))?;
    }
    Ok(())
}

/// The same, in place of those that the user had.
pub(super) async fn replace(tx: &mut Tx<'_>, user_id: Uuid, roles: &Roles) -> Result<(), sqlx::Error> {
    const SQL: &str = "delete from user_roles where user_id = $1";
    within!(*tx, sqlx::query(SQL).bind(user_id))?;
    insert(tx, user_id, roles).await
}
