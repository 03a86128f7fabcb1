//! Use cases: each RPC without tonic and the generated types.

pub(crate) mod create;
mod freshness;
pub(crate) mod list;
mod merge;
pub(crate) mod publish;
pub(crate) mod read;
mod render;
mod state;
pub(crate) mod tags;
pub(crate) mod write;

pub(crate) use render::Renderer;
pub(crate) use state::BlogState;
