//! Code that the `gatepost` command and its tests share.

pub mod dynamic;
