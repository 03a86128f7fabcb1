//! The contract as callers meet it: who may call what, and the faults that this project was written to be without.

#![cfg(test)]

mod cast;
mod matrix;
mod original;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod raw;
mod row;
mod support;
mod table;
