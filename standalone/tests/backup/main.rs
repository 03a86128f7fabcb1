//! Backups as an operator uses them: taken while the pair runs, restored, refused and interrupted.

#![cfg(test)]

mod calls;
mod command;
mod folders;
mod killed;
mod owners;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod refused;
mod restored;
mod server;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
