//! Two replicas of each service on one server: whatever is done at one is so at the other.

#![cfg(test)]

mod keys;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod races;
mod revocations;
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/service.rs"]
mod service;
mod story;
mod world;
