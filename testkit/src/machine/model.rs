//! Model of a store in a machine test, and the calls of its steps.

use std::fmt::Debug;

use db::StoreError;

use crate::OpenStore;

/// A model of a store, which converts steps to calls and answers calls.
pub trait Machine: Default {
    /// Opens and closes the store.
    type Opening: OpenStore;
    /// Random step.
    type Step: Copy + Debug;
    /// Call of a method of the store.
    type Call: Clone + Debug;
    /// Result of a call.
    type Answer: PartialEq + Debug;

    /// Statements that delete all rows.
    const EMPTY: &'static str;

    /// Deletes the rows that the store caches. The store would not notice that [`Machine::EMPTY`] deletes them.
    fn delete_cached(_: &<Self::Opening as OpenStore>::Store) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// Returns the call of a step in the current state.
    fn call(&mut self, step: Self::Step) -> Self::Call;

    /// Applies a call to the model, and returns its answer.
    fn answer(&mut self, call: &Self::Call) -> Self::Answer;

    /// Returns calls that read all existing and deleted data.
    fn everything(&self) -> Vec<Self::Call>;

    /// Runs a call on the store.
    fn ask(
        call: &Self::Call,
        store: &<Self::Opening as OpenStore>::Store,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>>;
}
