//! The operations port, with a service that does what a test says.

#![cfg(test)]

mod limits;
mod metrics;
mod pages;
mod readiness;
mod support;
