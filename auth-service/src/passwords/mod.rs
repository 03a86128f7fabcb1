//! Password hashing: Argon2id on a few threads of its own.

mod argon2id;
mod hasher;

pub use hasher::{HashError, Hasher};
