//! Deletion of wrong passwords and allowances that no longer count.

use chrono::TimeDelta;
use db::{Tx, within};

use super::Time;

/// Time for which a wrong password counts.
const ATTEMPT_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Deletes a few expired rows with each new row, so that no single call deletes a whole day's rows.
pub(super) async fn forget_expired(tx: &mut Tx<'_>, now: Time) -> Result<(), sqlx::Error> {
    const ACCOUNTS: &str = "delete from failed_attempts where account in \
         (select account from failed_attempts where last_time <= $1 order by last_time limit 16)";
    const ALLOWANCES: &str = "delete from allowances where (kind, network) in \
         (select kind, network from allowances where full_time <= $1 order by full_time limit 16)";
    within!(*tx, sqlx::query(ACCOUNTS).bind(now - ATTEMPT_LIFETIME))?;
    within!(*tx, sqlx::query(ALLOWANCES).bind(now)).map(drop)
}
