//! Promises of `db` below both stores: groups, repeats, limits and refusals, with a table of its own.

#![cfg(test)]

mod both;
mod metrics;
mod postgres;
mod settings;
mod sqlite;
mod support;
