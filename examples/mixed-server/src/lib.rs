//! A server that was there before its guard: gRPC services, gRPC-Web and HTTP on one port.
//!
//! The chapter "In a server you already have" of the manual of `gatepost` quotes it.

pub mod api;
pub mod auth;
pub mod depot;
pub mod http;
pub mod server;
pub mod stock;
