//! The rules of the domain against published vectors and at their limits, without a server.

#![cfg(test)]

mod email;
mod password;
mod random;
