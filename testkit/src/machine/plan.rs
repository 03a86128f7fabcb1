//! Random sequences of steps for a machine test. A failing sequence is shortened while it still fails.
//!
//! The state-machine crate of `proptest` copies the model for each step, runs without a runtime, and removes one step
//! at a time. A sequence of 1,000 steps would run 1,000 times. Here steps are removed by halves, then by quarters, and
//! so on, which needs a few dozen runs.

use std::fmt::Debug;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// Number and length of the sequences, and their seed.
#[derive(Clone, Copy, Debug)]
pub struct MachinePlan {
    /// Seed; the same seed draws the same sequences.
    pub seed: u64,
    /// Number of sequences.
    pub sequences: u32,
    /// Number of steps of a sequence.
    pub length: usize,
}

/// A failing sequence, from which no step can be removed.
#[derive(Debug)]
pub struct Found<T> {
    /// Steps of the sequence.
    pub steps: Vec<T>,
    /// Reason of the failure.
    pub reason: String,
}

/// Returns the seed in `GATEPOST_SEED`, or a fixed one.
///
/// # Panics
/// Panics if the variable is not a number.
#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "the environment sets the seed of a repeated test")]
pub fn seed() -> u64 {
    std::env::var("GATEPOST_SEED").map_or(20_260_101, |seed| seed.parse().expect("GATEPOST_SEED is a number"))
}

impl MachinePlan {
    /// Draws sequences of `step` and runs each.
    ///
    /// # Errors
    /// Returns the first failing sequence, shortened.
    pub fn play<S: Strategy>(
        self,
        step: S,
        play: impl Fn(&[S::Value]) -> Result<(), String>,
    ) -> Result<(), Found<S::Value>>
    where
        S::Value: Clone,
    {
        let config = Config {
            cases: self.sequences,
            rng_seed: RngSeed::Fixed(self.seed),
            // The failure is printed with its seed, so no file is written.
            failure_persistence: None,
            max_shrink_iters: 10_000,
            ..Config::default()
        };
        let steps = Steps { step, length: self.length };
        match TestRunner::new(config).run(&steps, |steps| play(&steps).map_err(TestCaseError::fail)) {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, steps)) => Err(Found { steps, reason: reason.to_string() }),
            Err(TestError::Abort(reason)) => Err(Found { steps: Vec::new(), reason: reason.to_string() }),
        }
    }
}

/// Sequences of a number of steps.
#[derive(Debug)]
struct Steps<S> {
    step: S,
    length: usize,
}

impl<S: Strategy> Strategy for Steps<S>
where
    S::Value: Clone,
{
    type Tree = Shorter<S::Value>;
    type Value = Vec<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let steps: Result<Vec<_>, _> =
            (0..self.length).map(|_| self.step.new_tree(runner).map(|tree| tree.current())).collect();
        Ok(Shorter::new(steps?))
    }
}

/// A sequence that is shortened from its end, so that the steps after a failure are removed first.
struct Shorter<T> {
    steps: Vec<T>,
    /// Number of steps that are removed at a time.
    chunk: usize,
    /// Index up to which no steps have been removed yet in this round.
    end: usize,
    /// Steps that were removed last.
    taken: Vec<T>,
    /// Set if this round has shortened the sequence.
    helped: bool,
}

impl<T> Shorter<T> {
    fn new(steps: Vec<T>) -> Self {
        let (chunk, end) = (steps.len().div_ceil(2), steps.len());
        Self { steps, chunk, end, taken: Vec::new(), helped: false }
    }

    fn take_more(&mut self) -> bool {
        if self.end == 0 {
            if self.chunk <= 1 && !self.helped {
                return false;
            }
            self.chunk = self.chunk.div_ceil(2);
            (self.end, self.helped) = (self.steps.len(), false);
        }
        let start = self.end.saturating_sub(self.chunk);
        self.taken = self.steps.drain(start..self.end).collect();
        self.end = start;
        !self.taken.is_empty()
    }
}

impl<T: Clone + Debug> ValueTree for Shorter<T> {
    type Value = Vec<T>;

    fn current(&self) -> Vec<T> {
        self.steps.clone()
    }

    fn simplify(&mut self) -> bool {
        self.helped |= !self.taken.is_empty();
        self.take_more()
    }

    fn complicate(&mut self) -> bool {
        let taken = std::mem::take(&mut self.taken);
        self.steps.splice(self.end..self.end, taken);
        self.take_more()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: MachinePlan = MachinePlan { seed: 1, sequences: 20, length: 1000 };

    #[test]
    fn failing_sequence_is_cut_to_its_cause() {
        let played = std::cell::Cell::new(0);
        let found = PLAN.play(0_u8..=255, |steps| {
            played.set(played.get() + 1);
            let first = steps.iter().position(|step| *step == 7);
            match first.and_then(|first| steps[first..].iter().position(|step| *step == 200)) {
                Some(_) => Err("a 200 after a 7".into()),
                None => Ok(()),
            }
        });
        let Found { steps, reason } = found.unwrap_err();
        assert_eq!((steps, reason.as_str()), (vec![7, 200], "a 200 after a 7"));
        assert!(played.get() < 100, "{} plays", played.get());
    }

    #[test]
    fn same_seed_draws_same_sequences() {
        let draw = |seed| {
            let drawn = std::cell::RefCell::new(Vec::new());
            let plan = MachinePlan { seed, sequences: 3, length: 5 };
            plan.play(0_u64..=u64::MAX, |steps| {
                drawn.borrow_mut().push(steps.to_vec());
                Ok(())
            })
            .unwrap();
            drawn.into_inner()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1).len(), 3);
    }
}
