//! A service's start as its operator meets it: alone and together, on old and new databases, killed and refused.

#[cfg(test)]
mod health;
#[cfg(test)]
mod input;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod killed_file;
#[cfg(test)]
mod lock;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod names;
#[cfg(test)]
mod one_process;
#[cfg(test)]
mod outsider;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod service;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod together;
#[cfg(test)]
mod tokens;
