//! `gatepost keys` and `gatepost admin`: an operator's commands next to a running service.

#![cfg(test)]

mod admin;
mod clock;
mod command;
mod output;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod place;
mod refused;
mod retired;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
#[path = "../start/tokens.rs"]
mod tokens;
mod unknown;
