//! Use cases: each RPC without tonic and the generated types.

pub(crate) mod create;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod render;
mod state;
pub(crate) mod write;

pub(crate) use render::Renderer;
pub(crate) use state::BlogState;
