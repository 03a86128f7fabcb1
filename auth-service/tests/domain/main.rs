//! The domain's rules against other people's vectors and at their limits, without a server.

#![cfg(test)]

mod email;
mod password;
mod random;
