//! `gatepost copy` as an operator uses it: between engines in both directions, refused, damaged and killed.

#![cfg(test)]

mod copying;
mod damaged;
mod docs;
mod killed;
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
mod told;
