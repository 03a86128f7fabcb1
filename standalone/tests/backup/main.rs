//! Backups as their operator meets them: taken while the pair runs, restored, refused and cut off.

#![cfg(test)]

mod calls;
mod command;
mod folders;
mod killed;
mod owners;
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
mod refused;
mod restored;
mod server;
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/service.rs"]
mod service;
