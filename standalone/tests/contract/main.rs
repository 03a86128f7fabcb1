//! The contract as callers see it: the rights of each caller, and the faults that this project was written to avoid.

#![cfg(test)]

mod cast;
mod matrix;
mod original;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod raw;
mod row;
mod support;
mod table;
