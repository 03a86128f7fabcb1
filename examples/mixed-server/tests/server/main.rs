//! Tests of the server over the network.

#![cfg(test)]

mod grpc;
mod http;
mod metrics;
mod support;
mod tls;
mod web;
