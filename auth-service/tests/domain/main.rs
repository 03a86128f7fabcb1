//! Tests of the domain's rules with published vectors and at their limits, without a server.

#![cfg(test)]

mod email;
mod password;
mod random;
