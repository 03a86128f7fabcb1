//! Tests of `gatepost copy` as a command: both directions between engines, refusals, damaged data and kills.

#![cfg(test)]

mod copying;
mod damaged;
mod docs;
mod killed;
mod known_data;
mod meanwhile;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod refused;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
mod story;
