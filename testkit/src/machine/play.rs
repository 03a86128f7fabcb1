//! Runs sequences on the model and on both engines, and compares their answers.

use std::thread;

use proptest::strategy::Strategy;
use tokio::runtime::Builder;

use super::engines::Engines;
use super::{Found, Machine, MachinePlan, seed};

/// Number of sequences that run at the same time, each on its own databases.
const LANES: u64 = 2;

/// Number of steps between two reads of all data.
const READ_ALL: usize = 500;

/// Runs this number of sequences, each with this number of steps, in two threads at once and on both engines.
///
/// # Panics
/// Panics if the answers of engines and model differ, with the calls and the seed.
#[expect(clippy::print_stdout, reason = "a repeated run needs the seed")]
pub fn lanes<M, S>(sequences: u32, length: usize, step: impl Fn() -> S + Sync)
where
    M: Machine,
    S: Strategy<Value = M::Step>,
{
    let seed = seed();
    println!("GATEPOST_SEED={seed}");
    let play = |number| {
        let plan = MachinePlan { seed: seed.wrapping_add(number), sequences, length };
        lane::<M, S>(plan, step(), true, |call| call).err().map(|found| describe::<M>(&found))
    };
    let play = &play;
    let found = thread::scope(|scope| {
        let all: Vec<_> = (0..LANES).map(|number| scope.spawn(move || play(number))).collect();
        all.into_iter().find_map(|lane| lane.join().unwrap_or_else(|_| Some("a lane has panicked".into())))
    });
    if let Some(found) = found {
        panic!("GATEPOST_SEED={seed}: {found}");
    }
}

/// Runs sequences on new databases. `for_model` converts each call for the model.
///
/// # Errors
/// Returns the first sequence with different answers, shortened.
///
/// # Panics
/// Panics if there is no runtime or no database.
#[expect(clippy::expect_used, reason = "no test can run without a runtime")]
pub fn lane<M, S>(
    plan: MachinePlan,
    step: S,
    with_postgres: bool,
    for_model: fn(M::Call) -> M::Call,
) -> Result<(), Found<M::Step>>
where
    M: Machine,
    S: Strategy<Value = M::Step>,
{
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engines: Engines<M> =
        runtime.block_on(async { if with_postgres { Engines::both().await } else { Engines::sqlite().await } });
    let played = plan.play(step, |steps| runtime.block_on(play(&engines, steps, for_model)));
    runtime.block_on(engines.close());
    played
}

async fn play<M: Machine>(
    engines: &Engines<M>,
    steps: &[M::Step],
    for_model: fn(M::Call) -> M::Call,
) -> Result<(), String> {
    engines.empty().await;
    let mut machine = M::default();
    for (number, step) in (1..).zip(steps) {
        let call = machine.call(*step);
        let expected = machine.answer(&for_model(call.clone()));
        engines.must_answer(&call, &expected).await?;
        if number % READ_ALL == 0 || number == steps.len() {
            for call in machine.everything() {
                let expected = machine.answer(&call);
                engines.must_answer(&call, &expected).await?;
            }
        }
    }
    Ok(())
}

/// Returns the calls of a failing sequence as text.
fn describe<M: Machine>(found: &Found<M::Step>) -> String {
    let mut machine = M::default();
    let mut text = format!("{} steps find a difference:\n", found.steps.len());
    for step in &found.steps {
        let call = machine.call(*step);
        machine.answer(&call);
        text = text + "  " + &format!("{call:?}") + "\n";
    }
    text + "the last of these, or what is read after it: " + &found.reason
}
