//! The files of `deploy/`: their settings exist, their ports and times fit together, and real programs accept and run them.

#![cfg(test)]

mod kubernetes;
#[path = "../pair/support.rs"]
#[expect(dead_code, reason = "other tests use the rest of the module")]
mod pair;
#[path = "../log/process.rs"]
#[expect(dead_code, reason = "other tests use the rest of the module")]
mod process;
mod programs;
mod proxies;
mod settings;
mod systemd;
