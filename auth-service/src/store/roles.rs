//! Rows of the `user_roles` table: the roles in `users.roles`, one per row, for searches. Triggers copy the
//! user's state to each row.

use db::{Tx, within};

use crate::domain::{Roles, UserId};

/// Inserts the roles of a user whose row the same transaction has just written.
pub(super) async fn insert(tx: &mut Tx<'_>, user_id: UserId, roles: &Roles) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert into user_roles (role, user_id) values ($1, $2)";
    for role in roles.words() {
        within!(*tx, sqlx::query(SQL).bind(role).bind(user_id))?;
    }
    Ok(())
}

/// Replaces the roles of a user whose row the same transaction has just written.
pub(super) async fn replace(tx: &mut Tx<'_>, user_id: UserId, roles: &Roles) -> Result<(), sqlx::Error> {
    const SQL: &str = "delete from user_roles where user_id = $1";
    within!(*tx, sqlx::query(SQL).bind(user_id))?;
    insert(tx, user_id, roles).await
}
