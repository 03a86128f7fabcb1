//! A store on both engines. Each sequence starts with empty tables of the same databases, because creating databases
//! would take most of the time.

use super::Machine;
use crate::{OpenStore, StoreCase};

/// Stores that run a sequence.
pub(super) struct Engines<M: Machine> {
    sqlite: StoreCase<M::Opening>,
    postgres: Option<StoreCase<M::Opening>>,
}

impl<M: Machine> Engines<M> {
    /// Opens only SQLite.
    pub(super) async fn sqlite() -> Self {
        Self { sqlite: StoreCase::in_memory().await, postgres: None }
    }

    /// Opens both engines, or only SQLite if PostgreSQL is skipped.
    pub(super) async fn both() -> Self {
        Self { postgres: StoreCase::postgres().await, ..Self::sqlite().await }
    }

    /// Deletes all rows of an earlier sequence.
    pub(super) async fn empty(&self) {
        for case in [Some(&self.sqlite), self.postgres.as_ref()].into_iter().flatten() {
            M::delete_cached(case).await;
            case.database.run(M::EMPTY).await;
        }
    }

    /// Runs a call on both engines at once.
    ///
    /// # Errors
    /// Fails if an engine's answer differs from the expected one.
    pub(super) async fn must_answer(&self, call: &M::Call, expected: &M::Answer) -> Result<(), String> {
        let postgres = async {
            match &self.postgres {
                Some(case) => Some(M::ask(call, case).await),
                None => None,
            }
        };
        let (sqlite, postgres) = tokio::join!(M::ask(call, &self.sqlite), postgres);
        let is_right = |answer: &Result<_, _>| answer.as_ref().is_ok_and(|answer| answer == expected);
        if is_right(&sqlite) && postgres.as_ref().is_none_or(is_right) {
            return Ok(());
        }
        Err(format!("{call:?}\n  the model:  {expected:?}\n  SQLite:     {sqlite:?}\n  PostgreSQL: {postgres:?}"))
    }

    pub(super) async fn close(self) {
        for case in [Some(self.sqlite), self.postgres].into_iter().flatten() {
            M::Opening::close(&case).await;
        }
    }
}
