//! Backups as their operator meets them: taken while the pair runs, restored, refused and cut off.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod command;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod owners;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod server;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/service.rs"]
mod service;
