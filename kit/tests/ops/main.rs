//! Tests of the operations port.

#![cfg(test)]

mod endpoints;
mod limits;
mod log_level;
mod metrics;
mod process;
mod readiness;
mod support;
mod tls;
