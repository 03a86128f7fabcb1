//! Use cases: each RPC without its wire.

pub(crate) mod create;
pub(crate) mod read;
mod state;
pub(crate) mod write;

pub(crate) use state::State;
