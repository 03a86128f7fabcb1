//! Worlds that are too large to try all orders of events. The tests try many orders, chosen by a seed.

use model::{Clocks, ModelLimits, ModelWorld, PROMISE};
use stateright::{Checker, Model, UniformChooser};

#[test]
fn two_guards_two_replicas_three_tokens() {
    let limits = ModelLimits {
        guards: 2,
        replicas: 2,
        tokens: 3,
        watched: 3,
        revocations: 3,
        forks: 1,
        restarts: 1,
        renewals: 2,
        rows: 2,
        clocks: Clocks::Unused,
        recovery: false,
    };
    for seed in 1..=4 {
        let world = ModelWorld { limits, mutation: None };
        let steps = world.checker().target_state_count(1_000_000).target_max_depth(120);
        let checker = steps.spawn_simulation(seed, UniformChooser).join();
        println!("seed {seed}: {} states, depth {}", checker.state_count(), checker.max_depth());
        let broken = checker.discovery(PROMISE).map(stateright::Path::into_actions);
        assert!(broken.is_none(), "seed {seed}: {broken:?}");
    }
}
