//! `gatepost keys`: what an operator does with the keys that sign, beside a service that runs.

#![cfg(test)]

mod admin;
mod clock;
mod command;
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod place;
mod refused;
mod retired;
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/service.rs"]
mod service;
#[path = "../start/tokens.rs"]
mod tokens;
mod told;
mod unknown;
