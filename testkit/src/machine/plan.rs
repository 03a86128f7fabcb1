//! Random sequences of steps, and of one that fails the shortest that still does: what a machine test is driven by.
//!
//! A crate for state machines stands beside `proptest`, but it keeps a copy of the model for each step that it draws, plays
//! without a runtime, and takes out one step at a time: a sequence of a thousand would be played a thousand times before
//! the shortest one is known. Here steps are taken out by halves, then by quarters, and so on: some dozens of plays.

use std::fmt::Debug;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The same seed draws the same sequences.
    pub seed: u64,
    /// How many sequences.
    pub sequences: u32,
    /// How many steps each has.
    pub length: usize,
}

/// A sequence that fails, with no step in it that could be left out.
#[derive(Debug)]
pub struct Found<T> {
    /// The steps.
    pub steps: Vec<T>,
    /// How it fails.
    pub reason: String,
}

/// The seed in `GATEPOST_SEED`, or always the same one.
///
/// # Panics
/// When it is no number.
#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "whoever repeats a test says so in its environment")]
pub fn seed() -> u64 {
    std::env::var("GATEPOST_SEED").map_or(20_260_101, |seed| seed.parse().expect("GATEPOST_SEED is a number"))
}

impl Plan {
    /// Draws sequences of `step` and plays each.
    ///
    /// # Errors
    /// The shortest sequence that fails, as soon as one does.
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
            // What is found is printed, with the seed that finds it again; no file is left in the tree.
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

/// Sequences of so many steps.
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

/// A sequence from which steps are taken out, the last ones first: what comes after a failure goes at once.
struct Shorter<T> {
    steps: Vec<T>,
    /// How many are taken out at a time.
    chunk: usize,
    /// Before this one nothing has been tried yet with that many.
    end: usize,
    /// What has been taken out last, and from where.
    taken: Vec<T>,
    /// Whether a round over the whole sequence has made it shorter.
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

    const PLAN: Plan = Plan { seed: 1, sequences: 20, length: 1000 };

    #[test]
    fn of_a_sequence_that_fails_only_what_it_fails_by_is_left() {
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
    fn the_same_seed_draws_the_same_sequences() {
        let draw = |seed| {
            let drawn = std::cell::RefCell::new(Vec::new());
            let plan = Plan { seed, sequences: 3, length: 5 };
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
