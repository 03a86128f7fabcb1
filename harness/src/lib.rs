//! What tests and drills share to provoke faults: a database, a network and a disk that fail when they are told to.
//!
//! It knows nothing of the services: what it gives is a URL, an address, or the environment of a process.

mod apart;
pub mod columns;
pub mod disk;
pub mod postgres;
pub mod proxy;
pub mod sqlite;
pub mod statements;
