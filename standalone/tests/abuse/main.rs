//! Hostile requests: no answer is an internal error, and no secret appears in an answer or a log.

#![cfg(test)]

mod cast;
mod fuzz;
mod generate;
mod mutate;
mod naughty;
mod outcome;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod random;
mod requests;
mod secrets;
