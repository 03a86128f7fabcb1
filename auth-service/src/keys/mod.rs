//! Keys that sign access tokens: `rotation → storage → model`.

pub mod model;
pub mod rotation;
pub mod storage;
