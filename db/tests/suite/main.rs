//! Tests of `db` without a service: groups, repeats, limits and refusals, on a table of the tests.

#![cfg(test)]

mod both;
mod metrics;
mod postgres;
mod settings;
mod sqlite;
mod support;
mod versions;
