//! The store's methods on a real database: each alone, failures, concurrent calls; and the plans of statements.

#![cfg(test)]

mod concurrent;
mod crud;
mod opens;
mod plans;
mod support;
mod tables;
mod transaction;
