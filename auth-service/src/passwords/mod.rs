//! Password hashing: Argon2id on a few threads of its own.

mod argon2id;
mod hasher;
mod share;

pub use hasher::{HashError, Hasher};
pub(crate) use share::{Share, Shares};
