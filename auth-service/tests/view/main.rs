//! The view on a real log: its updates, and its answers once the log cannot be trusted.

#![cfg(test)]

mod api_keys;
mod follows;
mod forks;
#[path = "../store/opens.rs"]
mod opens;
mod replica;
