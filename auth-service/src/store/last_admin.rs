//! Keeps one active admin: a single call must not be able to lock everybody out of the administration for good.

use db::{TransactionOutcome, Tx, within};
use uuid::Uuid;

use super::Unchanged;
use crate::domain::Role;

/// Locks every admin's role if the user is an admin, so that two changes of admins are decided one after the other. Returns
/// whether the user is an admin.
///
/// The lock comes before any lock of a user's row: all such changes then wait for each other in one order.
pub(super) async fn lock_admins(tx: &mut Tx<'_>, user_id: Uuid) -> Result<bool, sqlx::Error> {
    // Writes what is there already: both engines know no other lock of a row.
    const SQL: &str = "update user_roles set role = role where role = $1 \
         and exists (select 1 from user_roles m where m.role = $1 and m.user_id = $2)";
    Ok(within!(*tx, sqlx::query(SQL).bind(Role::ADMIN).bind(user_id))? > 0)
}

/// Returns why the transaction must be undone in which an admin who was active has been demoted, barred or deleted; `None` if
/// another active admin is left.
pub(super) async fn undo<T>(
    tx: &mut Tx<'_>,
    user_id: Uuid,
    is_locked: bool,
) -> Result<Option<TransactionOutcome<Result<Option<T>, Unchanged>>>, sqlx::Error> {
    const SQL: &str = "select exists (select 1 from user_roles r join users u on u.id = r.user_id \
         where r.role = $1 and u.state = 'active' and r.user_id <> $2)";
    // The user became an admin after the lock was asked for: the transaction runs again.
    if !is_locked {
        return Ok(Some(TransactionOutcome::Undo(Ok(None))));
    }
    let is_another: bool =
        within!(*tx, |connection| sqlx::query_scalar(SQL).bind(Role::ADMIN).bind(user_id).fetch_one(connection))?;
    Ok((!is_another).then_some(TransactionOutcome::Undo(Err(Unchanged::LastAdmin))))
}
