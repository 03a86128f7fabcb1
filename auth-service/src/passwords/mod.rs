//! Password hashing: Argon2id on a few dedicated threads.

mod argon2id;
mod guesses;
mod hash_metrics;
mod hasher;
mod queue;

pub(crate) use guesses::{Guess, Guesses};
pub use hasher::{HashError, Hasher};
