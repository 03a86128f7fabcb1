//! Random calls of the store's methods, answered alike by SQLite, by PostgreSQL and by a model in memory.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod cast;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod model;
#[cfg(test)]
mod play;
#[cfg(test)]
mod pools;
#[cfg(test)]
mod steps;

#[cfg(test)]
mod tests {
    use std::thread;

    use kit::testing::machine::{Found, Plan, seed};
    use tokio::runtime::Builder;

    use super::calls::{Call, ChangeCall};
    use super::engines::Engines;
    use super::play::{play, told};
    use super::steps::{Step, step};

    /// Sequences that are played at the same time, each on databases of its own.
    const LANES: u64 = 2;
    /// With their lengths: 70,000 steps.
    const SEQUENCES: u32 = 35;
    const LENGTH: usize = 1000;

    /// Plays sequences on databases of their own.
    fn lane(plan: Plan, with_postgres: bool, told: fn(Call) -> Call) -> Result<(), Found<Step>> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let engines =
            runtime.block_on(async { if with_postgres { Engines::both().await } else { Engines::sqlite().await } });
        let engines = std::cell::RefCell::new(engines);
        let played = plan.play(step(), |steps| runtime.block_on(play(&mut engines.borrow_mut(), steps, told)));
        runtime.block_on(engines.into_inner().close());
        played
    }

    #[test]
    fn r11_both_engines_and_the_model_answer_seventy_thousand_random_calls_alike() {
        let seed = seed();
        println!("GATEPOST_SEED={seed}");
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..LANES)
                .map(|number| {
                    let plan = Plan { seed: seed.wrapping_add(number), sequences: SEQUENCES, length: LENGTH };
                    scope.spawn(move || lane(plan, true, |call| call))
                })
                .collect();
            if let Some(found) = lanes.into_iter().find_map(|lane| lane.join().unwrap().err()) {
                panic!("GATEPOST_SEED={seed}: {}", told(&found));
            }
        });
    }

    #[test]
    fn a_model_that_is_wrong_is_found_by_few_steps() {
        // This one hears nothing of revisions.
        fn without_revision(call: Call) -> Call {
            match call {
                Call::Changes(ChangeCall::Update { id, change, proof, expected: _, now }) => {
                    Call::Changes(ChangeCall::Update { id, change, proof, expected: None, now })
                }
                other => other,
            }
        }
        let found = lane(Plan { seed: 1, sequences: 10, length: 300 }, false, without_revision).unwrap_err();
        assert_eq!(found.steps.len(), 2, "to create a user and to change it: {}", told(&found));
    }
}
