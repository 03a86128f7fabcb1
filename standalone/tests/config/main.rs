//! Settings of a file, of the environment and of flags as operators see them: `config`, `doctor`, and the greeting.

#![cfg(test)]

mod checked;
mod doctor;
mod faults;
mod file;
mod greeting;
mod manual;
mod order;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/outsider.rs"]
mod outsider;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod reference;
mod remote;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../start/service.rs"]
mod service;
