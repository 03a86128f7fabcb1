//! Allowances of an address, for wrong passwords and registrations. They survive a restart and hold for all replicas.

use chrono::TimeDelta;
use db::{TransactionOutcome, Tx, read, transaction, within};

use super::expiry::forget_expired;
use super::{AuthStore, StoreError, Time};
use crate::domain::Allowance;

/// Subject of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowanceKind {
    /// Wrong passwords.
    Failure,
    /// Registrations.
    SignUp,
}

impl AuthStore {
    /// Returns the time at which the address has its whole allowance back, if it has used any of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn allowance(&self, kind: AllowanceKind, network: &str) -> Result<Option<Time>, StoreError> {
        read!(self.db, |reader| sqlx::query_scalar(FULL_TIME).bind(kind.text()).bind(network).fetch_optional(reader))
    }

    /// Takes one use of the address's allowance, or returns the time to wait for one.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is used.
    pub async fn use_allowance(
        &self,
        kind: AllowanceKind,
        network: &str,
        allowance: Allowance,
        now: Time,
    ) -> Result<Result<(), TimeDelta>, StoreError> {
        // A caller who must wait costs one read: a flood of such calls writes nothing.
        if let Some(full) = self.allowance(kind, network).await?
            && let Some(wait) = allowance.wait(full, now)
        {
            return Ok(Err(wait));
        }
        let network = network.to_owned();
        transaction!(self.db, async move |mut tx| {
            let used = use_one(&mut tx, kind, &network, allowance, UseCondition::IfLeft, now).await?;
            forget_expired(&mut tx, now).await?;
            Ok(TransactionOutcome::Commit(used))
        })
        .map_err(StoreError::or_unavailable)
    }
}

const FULL_TIME: &str = "select full_time from allowances where kind = $1 and network = $2";

impl AllowanceKind {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::SignUp => "sign-up",
        }
    }
}

/// Condition for a use of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UseCondition {
    /// Only if a use is left.
    IfLeft,
    /// Even if no use is left: the event has already happened.
    Always,
}

/// Takes one use of the allowance, or returns the time to wait for one. Retries after a concurrent use.
pub(super) async fn use_one(
    tx: &mut Tx<'_>,
    kind: AllowanceKind,
    network: &str,
    allowance: Allowance,
    how: UseCondition,
    now: Time,
) -> Result<Result<(), TimeDelta>, sqlx::Error> {
    const FIRST: &str = "insert into allowances (kind, network, full_time) values ($1, $2, $3) \
         on conflict (kind, network) do nothing";
    const NEXT: &str = "update allowances set full_time = $3 where kind = $1 and network = $2 and full_time = $4";
    loop {
        let seen: Option<Time> = within!(*tx, |connection| sqlx::query_scalar(FULL_TIME)
            .bind(kind.text())
            .bind(network)
            .fetch_optional(connection))?;
        let full = seen.unwrap_or(now);
        if how == UseCondition::IfLeft
            && let Some(wait) = allowance.wait(full, now)
        {
            return Ok(Err(wait));
        }
        let used = allowance.use_one(full, now);
        let written = match seen {
            None => within!(*tx, sqlx::query(FIRST).bind(kind.text()).bind(network).bind(used))?,
            Some(seen) => within!(*tx, sqlx::query(NEXT).bind(kind.text()).bind(network).bind(used).bind(seen))?,
        };
        if written > 0 {
            return Ok(Ok(()));
        }
    }
}
