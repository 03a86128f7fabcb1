//! Commands for operators, one file each.

mod doctor;
mod greeting;

pub use doctor::{AuthPeer, check_blog};
pub use greeting::BlogGreeting;
