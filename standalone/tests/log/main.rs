//! A log that cannot be written costs only log lines: real processes whose output has no reader, a full disk, or a
//! stalled reader.

#![cfg(test)]

mod broken;
mod calls;
mod filter;
mod flood;
mod hangup;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod process;
mod stalled;
mod start;
mod tasks;
