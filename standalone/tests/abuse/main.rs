//! What nobody sends in good faith: no answer is a fault of ours, and nothing that is secret is said aloud.

#![cfg(test)]

mod cast;
mod fuzz;
mod generate;
mod mutate;
mod naughty;
mod outcome;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod random;
mod requests;
mod secrets;
