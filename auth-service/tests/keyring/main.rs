//! The keys that sign, on a real database and beside a real file: where they come from, and how one follows another.

#![cfg(test)]

#[path = "../store/opens.rs"]
mod opens;
mod ring;
mod rotation;
mod sources;
