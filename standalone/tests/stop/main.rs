//! The stop of a process: what each signal does in each phase, what callers and the service manager see, and what is kept.

#![cfg(test)]

mod balancer;
mod manager;
#[path = "../pair/support.rs"]
#[expect(dead_code, reason = "other tests use the rest of the module")]
mod pair;
mod phases;
#[path = "../log/process.rs"]
#[expect(dead_code, reason = "other tests use the rest of the module")]
mod process;
mod rolling;
mod writes;
