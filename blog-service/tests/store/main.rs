//! The store's methods on a real database: each by itself, failures, and concurrent calls. Also the plans of
//! statements.

#![cfg(test)]

mod cached;
mod concurrent;
mod crud;
mod grouped;
mod opens;
mod plans;
mod steps;
mod support;
mod tables;
mod transaction;
mod upgraded;
