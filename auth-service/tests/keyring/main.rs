//! Signing keys on a real database with a real key file: their sources, and their rotation.

#![cfg(test)]

#[path = "../store/opens.rs"]
mod opens;
mod ring;
mod rotation;
mod sources;
