//! Password hashing: Argon2id on a few threads of its own.

mod argon2id;
mod guesses;
mod hasher;
mod queue;

pub(crate) use guesses::{Guess, Guesses};
pub use hasher::{HashError, Hasher};
