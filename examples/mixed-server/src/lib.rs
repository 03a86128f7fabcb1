//! A server that existed before its guard: gRPC services, gRPC-Web and HTTP on one port.
//!
//! The manual of `gatepost` quotes this code in the chapter "In a server you already have".

pub mod api;
pub mod auth;
pub mod depot;
pub mod http;
pub mod server;
pub mod stock;
