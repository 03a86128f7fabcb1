//! A service's start as an operator sees it: alone and together, on old and new databases, killed and refused.

#![cfg(test)]

mod collector;
mod encrypted;
mod health;
mod input;
mod keys;
mod killed;
mod killed_file;
mod lock;
mod lost;
mod names;
mod one_process;
mod outsider;
#[expect(dead_code, reason = "other tests use the rest of the module")]
#[path = "../pair/support.rs"]
mod pair;
mod readers;
mod refused;
mod service;
mod settings;
mod steps;
mod tls;
mod together;
mod tokens;
