//! The view on a real log: what it learns, and when, and what it says once the log cannot be trusted.

#![cfg(test)]

mod follows;
mod forks;
#[path = "../store/opens.rs"]
mod opens;
mod replica;
