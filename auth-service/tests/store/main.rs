//! The store's methods on a real database, in levels: each alone, what fails leaves nothing, what happens at once; and how
//! the database finds the rows.

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
