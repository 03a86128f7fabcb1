//! `gatepost copy` as its operator meets it: from engine to engine and back, refused, altered and killed.

#![cfg(test)]

mod copying;
mod damaged;
mod docs;
mod killed;
mod meanwhile;
#[expect(dead_code, reason = "the tests of the start look at more of a database than these")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod refused;
#[expect(dead_code, reason = "the tests of the start meet a service in more ways than these")]
#[path = "../start/service.rs"]
mod service;
mod story;
mod told;
