//! The store's methods on a real database: each alone, failures, concurrent calls; and the plans of statements.

#![cfg(test)]

mod concurrent;
mod crud;
mod frozen;
mod open_sets;
mod opens;
mod plans;
mod steps;
mod support;
mod tables;
mod transaction;
