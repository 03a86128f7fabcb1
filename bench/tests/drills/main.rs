//! The drills in short: each fault once, and what a caller is told when a commit's answer is lost.

#![cfg(test)]

mod backups;
mod field;
mod guesses;
mod kills;
mod lost;
mod outages;
mod refreshes;
mod revocations;
mod turn;
