//! A log that cannot be written costs only log lines. The tests run real processes without a reader of their output, on
//! a full disk, or with a stalled reader.

#![cfg(test)]

mod audit;
mod broken;
mod calls;
mod events;
mod filter;
mod flood;
mod hangup;
mod json;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod process;
mod stalled;
mod start;
mod tasks;
