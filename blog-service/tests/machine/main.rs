//! Random calls of the store's methods: SQLite, PostgreSQL and a model in memory must give the same answers.

#![cfg(test)]

mod calls;
mod cast;
mod game;
mod model;
#[path = "../store/opens.rs"]
mod opens;
mod pools;
mod steps;

mod tests {
    use testkit::machine::{MachinePlan, lane, lanes};

    use super::calls::Call;
    use super::game::Game;
    use super::steps::step;

    /// R11: both engines and the model answer 30,000 random calls alike.
    #[test]
    fn engines_and_model_agree_on_30_000_random_calls() {
        // The number is for each of two threads.
        lanes::<Game, _>(15, 1000, step);
    }

    #[test]
    fn wrong_model_is_found_in_few_steps() {
        // A model that ignores revisions.
        fn without_revision(call: Call) -> Call {
            match call {
                Call::Update { id, change, expected: _, now } => Call::Update { id, change, expected: None, now },
                other => other,
            }
        }
        let plan = MachinePlan { seed: 1, sequences: 10, length: 300 };
        let found = lane::<Game, _>(plan, step(), false, without_revision).unwrap_err();
        assert_eq!(found.steps.len(), 2, "one creates a post, one changes it: {found:?}");
    }
}
