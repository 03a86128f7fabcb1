//! The store on both engines, emptied for each sequence: to make databases anew would take most of the time.

use super::Machine;
use crate::{OpenStore, StoreCase};

/// What a sequence is played on.
pub(super) struct Engines<M: Machine> {
    sqlite: StoreCase<M::Opening>,
    postgres: Option<StoreCase<M::Opening>>,
}

impl<M: Machine> Engines<M> {
    /// SQLite alone.
    pub(super) async fn sqlite() -> Self {
        Self { sqlite: StoreCase::in_memory().await, postgres: None }
    }

    /// Both, or SQLite alone where PostgreSQL is skipped.
    pub(super) async fn both() -> Self {
        Self { postgres: StoreCase::postgres().await, ..Self::sqlite().await }
    }

    /// Takes everything out that an earlier sequence has written.
    pub(super) async fn empty(&self) {
        for case in [Some(&self.sqlite), self.postgres.as_ref()].into_iter().flatten() {
            case.database.run(M::EMPTY).await;
        }
    }

    /// Asks both engines at once.
    ///
    /// # Errors
    /// When one of them does not answer so.
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
