//! A log that cannot be written costs log lines, and nothing else: real processes whose output has no reader, a full disk,
//! or a reader that stalls.

#![cfg(test)]

mod broken;
mod calls;
mod filter;
mod flood;
mod hangup;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod process;
mod stalled;
mod start;
mod tasks;
