//! Protects the last active admin, so that no single call can leave the service without one.

use db::{TransactionOutcome, Tx, within};

use super::Unchanged;
use crate::domain::{Role, UserId};

/// Locks the role rows of all admins if the user is an admin, so that changes of admins run one after the other.
/// Returns true if the user is an admin.
///
/// Take this lock before any lock of a user's row, so that all such changes wait in one order.
pub(super) async fn lock_admins(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool, sqlx::Error> {
    // Writes the same value again: the two engines share no other way to lock a row.
    const SQL: &str = "update user_roles set role = role where role = $1 \
         and exists (select 1 from user_roles m where m.role = $1 and m.user_id = $2)";
    Ok(within!(*tx, sqlx::query(SQL).bind(Role::ADMIN).bind(user_id))? > 0)
}

/// Returns the reason to undo a transaction that has demoted, disabled or deleted an active admin, unless another
/// active admin is left.
pub(super) async fn undo<T>(
    tx: &mut Tx<'_>,
    user_id: UserId,
    is_locked: bool,
) -> Result<Option<TransactionOutcome<Result<Option<T>, Unchanged>>>, sqlx::Error> {
    const SQL: &str = "select exists (select 1 from user_roles r join users u on u.id = r.user_id \
         where r.role = $1 and u.state = 'active' and r.user_id <> $2)";
    // The user became an admin after the lock was requested: the transaction runs again.
    if !is_locked {
        return Ok(Some(TransactionOutcome::Undo(Ok(None))));
    }
    let is_another: bool =
        within!(*tx, |connection| sqlx::query_scalar(SQL).bind(Role::ADMIN).bind(user_id).fetch_one(connection))?;
    Ok((!is_another).then_some(TransactionOutcome::Undo(Err(Unchanged::LastAdmin))))
}
