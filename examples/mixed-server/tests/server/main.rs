//! The server as its callers see it.

#![cfg(test)]

mod grpc;
mod http;
mod metrics;
mod support;
mod tls;
mod web;
