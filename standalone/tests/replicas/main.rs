//! Two replicas of each service on one server: a change at one takes effect at the other.

#![cfg(test)]

mod api_keys;
mod failover;
mod keys;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod races;
mod revocations;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
mod story;
mod world;
