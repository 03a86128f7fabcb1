//! The model that a machine test plays, and the calls that its steps mean.

use std::fmt::Debug;

use db::StoreError;

use crate::OpenStore;

/// What a sequence is about: the model as it stands, and what its steps mean there.
pub trait Machine: Default {
    /// How the store is opened.
    type Opening: OpenStore;
    /// What is drawn.
    type Step: Copy + Debug;
    /// A call of one of the store's methods.
    type Call: Clone + Debug;
    /// What a call comes to.
    type Answer: PartialEq + Debug;

    /// The statements that take every row out.
    const EMPTY: &'static str;

    /// The call that a step means now.
    fn call(&mut self, step: Self::Step) -> Self::Call;

    /// What the model answers, which does the call's work.
    fn answer(&mut self, call: &Self::Call) -> Self::Answer;

    /// Calls that read all that there is, and all that there was.
    fn everything(&self) -> Vec<Self::Call>;

    /// What the store answers.
    fn ask(
        call: &Self::Call,
        store: &<Self::Opening as OpenStore>::Store,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>>;
}
