//! TLS on the wire: handshakes, client certificates as services, reloads, and refused files.

mod collector;
mod files;
mod handshakes;
mod identities;
mod openssl;
mod reloads;
mod revocations;
mod world;
